"""Factors that are stored on the cluster: made, added up and sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import FixedSide, gram_matrix, is_summed_in_double, rotate
from cinefold.als.iterations import fill_randomly
from cinefold.als.row_sums import chunk_sums, nodes_of
from cinefold.spark.tasks.records import MESSAGE, RESULT, RecordMapper, array_of, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from cinefold.als.objective import Objective
    from cinefold.spark.shared_files import SharedArrays

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


def summary(
    rows: Floats, first: int, n_rows: int, regularization: Doubles | None, n_threads: int
) -> dict[str, Any]:
    """What the driver adds up: Gram matrices, plain and weighted by lambda, of nodes of rows."""
    in_double = is_summed_in_double(n_rows)
    nodes = list(nodes_of(first, first + len(rows), n_rows))
    parts = [slice(part.start - first, part.stop - first) for _, part in nodes]

    def grams(weights: Doubles | None) -> Doubles:
        return np.array(
            [
                gram_matrix(rows[p], n_threads, None if weights is None else weights[p], in_double)
                for p in parts
            ]
        )

    found = {"nodes": np.array([node for node, _ in nodes], np.int64), "grams": grams(None)}
    if regularization is not None:
        found["weighted_grams"] = grams(regularization)
    return found


@dataclass(frozen=True)
class Turn:
    """The change of basis by which stored rows are read."""

    change: Doubles | None
    in_double: bool

    def __call__(self, rows: Floats, n_threads: int = 1) -> Floats:
        if self.change is None:
            return rows
        return rotate(rows, self.change, n_threads, None, self.in_double)


def sample_of(rows: Floats, first: int, sampled: NDArray[np.int64] | None) -> Floats | None:
    if sampled is None:
        return None
    begin, end = np.searchsorted(sampled, [first, first + len(rows)])
    return rows[sampled[begin:end] - first]


@dataclass(frozen=True)
class FirstRows(RecordMapper):
    """The rows that a fit starts from, of blocks.

    Attributes
    ----------
    given : SharedArrays, or (int, float)
        All "rows", or the seed and the length of random ones.
    """

    given: SharedArrays | tuple[int, float]
    objective: Objective
    n_factors: int
    n_rows: int
    n_columns: int
    n_threads: int
    sampled: NDArray[np.int64]

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        key, first = (record.column(name)[0].as_py() for name in ("key", "first"))
        counts = np.diff(array_of(record, "offsets", np.int64))
        if isinstance(self.given, tuple):
            rows = np.empty((len(counts), self.n_factors), np.float32)
            fill_randomly(rows, *self.given, first)
        else:
            rows = self.given.open()["rows"][first : first + len(counts)]
        ridge = self.objective.row_regularization(counts, self.n_columns)
        found = summary(rows, first, self.n_rows, ridge, self.n_threads)
        found |= {"counts": counts, "sample": sample_of(rows, first, self.sampled)}
        yield record_of(RESULT, key=key, first=first, factors=rows, **found)


@dataclass(frozen=True)
class RegularizationSums(RecordMapper):
    """What stored rows, in their basis, add up to with the lambda of each."""

    objective: Objective
    turn: Turn
    spectrum: Doubles
    n_rows: int
    n_columns: int
    n_threads: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        first, counts = record.column("first")[0].as_py(), array_of(record, "counts", np.int64)
        rows = array_of(record, "factors", np.float32).reshape(-1, len(self.spectrum))
        rows = self.turn(rows, self.n_threads)
        ridge = self.objective.row_regularization(counts, self.n_columns)
        norms = FixedSide.in_eigenbasis(rows, self.spectrum, 1).norms
        found = summary(rows, first, self.n_rows, ridge, self.n_threads)
        yield record_of(RESULT, first=first, norms=chunk_sums(ridge * norms), **found)


@dataclass(frozen=True)
class RowSender(RecordMapper):
    """To each block the rows that it needs, from records with factors and routes.

    In messages so small that Spark can sort them in the memory that tasks share.
    """

    n_factors: int
    turn: Turn
    bytes_per_message: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        keys, ends = (array_of(record, name, np.int64) for name in ("keys", "ends"))
        places = array_of(record, "places", np.int32)
        rows = self.turn(array_of(record, "factors", np.float32).reshape(-1, self.n_factors))
        first, most = (
            record.column("first")[0].as_py(),
            max(self.bytes_per_message // (4 * self.n_factors), 1),
        )
        for key, part in zip(keys, np.split(places, ends[:-1]), strict=True):
            for begin in range(0, len(part), most):
                own, at = part[begin : begin + most], int(first + part[begin])
                yield record_of(MESSAGE, key=int(key), first=at, rows=rows[own])
