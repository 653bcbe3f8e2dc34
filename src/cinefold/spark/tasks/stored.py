"""Factors that are stored on the cluster: made, turned, added up and sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import FixedSide, gram_matrix, is_summed_in_double, rotate
from cinefold.als.basis import Basis
from cinefold.als.iterations import fill_randomly
from cinefold.als.row_sums import chunk_sums, nodes_of
from cinefold.spark.tasks.records import MESSAGE, RESULT, RecordMapper, array_of, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from cinefold.als.objective import Objective

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


def sample_of(rows: Floats, first: int, sampled: NDArray[np.int64] | None) -> Floats | None:
    if sampled is None:
        return None
    begin, end = np.searchsorted(sampled, [first, first + len(rows)])
    return rows[sampled[begin:end] - first]


@dataclass(frozen=True)
class RandomFactors(RecordMapper):
    """The first users, of blocks (key, first, end)."""

    seed: int
    length: float
    n_factors: int
    n_rows: int
    n_threads: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        key, first, end = (record.column(name)[0].as_py() for name in ("key", "first", "end"))
        rows = np.empty((end - first, self.n_factors), np.float32)
        fill_randomly(rows, self.seed, self.length, first)
        found = summary(rows, first, self.n_rows, None, self.n_threads)
        yield record_of(RESULT, key=key, first=first, factors=rows, **found)


@dataclass(frozen=True)
class BasisChanger(RecordMapper):
    """Stored rows in the basis where their Gram matrix is diagonal, and what they add up to."""

    objective: Objective
    basis: Basis
    n_rows: int
    n_columns: int
    n_threads: int
    sampled: NDArray[np.int64]

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        key, first = (record.column(name)[0].as_py() for name in ("key", "first"))
        rows = array_of(record, "factors", np.float32).reshape(-1, len(self.basis.spectrum))
        in_double = is_summed_in_double(self.n_rows)
        rows = rotate(rows, self.basis.fixed, self.n_threads, None, in_double)
        found: dict[str, Any] = {"sample": sample_of(rows, first, self.sampled)}
        counts = array_of(record, "counts", np.int64)
        if counts is not None:
            ridge = self.objective.row_regularization(counts, self.n_columns)
            norms = FixedSide.in_eigenbasis(rows, self.basis.spectrum, 1).norms
            found |= summary(rows, first, self.n_rows, ridge, self.n_threads)
            found |= {"counts": counts, "norms": chunk_sums(ridge * norms)}
        yield record_of(RESULT, key=key, first=first, factors=rows, **found)


@dataclass(frozen=True)
class RowSender(RecordMapper):
    """To each block the rows that it needs, from records with factors and routes."""

    n_factors: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        keys, ends = (array_of(record, name, np.int64) for name in ("keys", "ends"))
        places = array_of(record, "places", np.int32)
        rows = array_of(record, "factors", np.float32).reshape(-1, self.n_factors)
        source = record.column("first")[0].as_py()
        for key, part in zip(keys, np.split(places, ends[:-1]), strict=True):
            yield record_of(MESSAGE, key=int(key), source=source, rows=rows[part])
