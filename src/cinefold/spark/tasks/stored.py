"""Factors that are stored on the cluster: made, added up and sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import FixedSide, gram_matrix, is_summed_in_double, rotate
from cinefold.als.iterations import fill_randomly
from cinefold.als.row_sums import chunk_sums, nodes_of
from cinefold.spark.tasks.records import (
    FOUND,
    MESSAGE,
    RESULT,
    SUMS,
    RecordMapper,
    array_of,
    record_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from cinefold.als.objective import Objective
    from cinefold.spark.shared_files import SharedArrays

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """The change of basis by which stored rows are read."""

    change: Doubles | None
    in_double: bool

    def __call__(self, rows: Floats, n_threads: int = 1) -> Floats:
        if self.change is None:
            return rows
        return rotate(rows, self.change, n_threads, None, self.in_double)


@dataclass(frozen=True)
class FirstRows(RecordMapper):
    """The rows that a fit starts from, of blocks.

    Attributes
    ----------
    given : SharedArrays, or (int, float)
        All "rows", or the seed and the length of random ones.
    """

    given: SharedArrays | tuple[int, float]
    n_factors: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        key, first = (record.column(name)[0].as_py() for name in ("key", "first"))
        counts = np.diff(array_of(record, "offsets", np.int64))
        if isinstance(self.given, tuple):
            rows = np.empty((len(counts), self.n_factors), np.float32)
            fill_randomly(rows, *self.given, first)
        else:
            rows = self.given.open()["rows"][first : first + len(counts)]
        yield record_of(RESULT, key=key, first=first, factors=rows, counts=counts)


@dataclass(frozen=True)
class RowSums(RecordMapper):
    """What the driver wants to know of stored rows, and what their half-step has found.

    That is Gram matrices, plain and weighted by lambda, of nodes of rows; sums of lambda times the
    rows' squared lengths; and the rows `sampled`.
    """

    objective: Objective
    turn: Turn
    n_factors: int
    n_rows: int
    n_columns: int
    sampled: NDArray[np.int64]
    n_threads: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        names = [column.split()[0] for column in FOUND.split(", ")]
        found = {name: record.column(name)[0].as_py() for name in names}
        rows = array_of(record, "factors", np.float32)
        if rows is not None:
            rows = self.turn(rows.reshape(-1, self.n_factors), self.n_threads)
            counts = array_of(record, "counts", np.int64)
            found |= self._sums(rows, found["first"], counts)
        yield record_of(SUMS, **found)

    def _sums(self, rows: Floats, first: int, counts: NDArray[np.int64]) -> dict[str, Any]:
        ridge, end = self.objective.row_regularization(counts, self.n_columns), first + len(rows)
        in_double = is_summed_in_double(self.n_rows)
        nodes = [*nodes_of(first, end, self.n_rows)]
        parts = [slice(part.start - first, part.stop - first) for _, part in nodes]

        def grams(weights: Doubles | None) -> Doubles:
            own = (None if weights is None else weights[part] for part in parts)
            pairs = zip(parts, own, strict=True)
            return np.array([gram_matrix(rows[p], self.n_threads, w, in_double) for p, w in pairs])

        norms = FixedSide.in_eigenbasis(rows, np.ones(self.n_factors), self.n_threads).norms
        begin, stop = np.searchsorted(self.sampled, [first, end])
        return {
            "nodes": np.array([node for node, _ in nodes], np.int64),
            "grams": grams(None),
            "weighted_grams": grams(ridge),
            "norms": chunk_sums(ridge * norms),
            "sample": rows[self.sampled[begin:stop] - first],
        }


@dataclass(frozen=True)
class RowSender(RecordMapper):
    """To each block the rows that it needs, from records with factors and routes.

    In messages so small that Spark can sort them in the memory that tasks share.
    """

    n_factors: int
    turn: Turn
    bytes_per_message: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        rows = self.turn(array_of(record, "factors", np.float32).reshape(-1, self.n_factors))
        first = record.column("first")[0].as_py()
        most = max(self.bytes_per_message // (4 * self.n_factors), 1)
        for route in record.column("routes")[0]:
            places = np.frombuffer(route["places"].as_buffer(), np.int32)
            for begin in range(0, len(places), most):
                own = places[begin : begin + most]
                at = int(first + own[0])
                yield record_of(MESSAGE, key=route["to"].as_py(), first=at, rows=rows[own])
