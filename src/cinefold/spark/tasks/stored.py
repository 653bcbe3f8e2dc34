"""Factors that are stored on the cluster: made, added up and sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import FixedSide, gram_matrix, is_summed_in_double, rotate
from cinefold.als.biased import Constant
from cinefold.als.factors import Factors
from cinefold.als.row_sums import chunk_sums, nodes_of
from cinefold.spark.tasks.records import (
    FOUND,
    MESSAGE,
    RESULT,
    RecordMapper,
    array_of,
    record_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from cinefold.als.factors import Biases
    from cinefold.als.objective import Objective

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """How stored rows are read, step by step.

    They are multiplied by a matrix (in double precision or not), or the constant takes the place of
    their biases.
    """

    steps: tuple[tuple[Doubles, bool] | Constant, ...] = ()

    def __call__(self, rows: Floats, n_threads: int = 1) -> Floats:
        return self.with_baseline(rows, n_threads)[0]

    def with_baseline(self, rows: Floats, n_threads: int = 1) -> tuple[Floats, Any]:
        """The baseline too, if the constant is put."""
        baseline = None
        for step in self.steps:
            if isinstance(step, Constant):
                rows, baseline = step.in_place_of_biases(rows)
            else:
                change, in_double = step
                rows = rotate(rows, change, n_threads, None, in_double)
        return rows, baseline


@dataclass(frozen=True)
class FirstRows(RecordMapper):
    """The rows that a fit starts from, of blocks.

    Attributes
    ----------
    made : callable
        Makes so many rows, from the first of them on.
    """

    made: Callable[[int, int], Floats]
    sums: RowSums

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        key, first = (record.column(name)[0].as_py() for name in ("key", "first"))
        counts = np.diff(array_of(record, "offsets", np.int64))
        rows = self.made(len(counts), first)
        found = self.sums.over(rows, first, counts)
        yield record_of(RESULT, key=key, first=first, factors=rows, counts=counts, **found)


@dataclass(frozen=True)
class RowSums(RecordMapper):
    """What the driver wants to know of stored rows.

    That is, of rows by `turn`, Gram matrices, plain and weighted by lambda, of nodes of rows and
    sums of lambda times the rows' squared lengths; and the rows `sampled`, as they are stored.
    """

    objective: Objective
    turn: Turn
    n_factors: int
    n_rows: int
    n_columns: int
    sampled: NDArray[np.int64]
    n_threads: int
    biases: Biases | None = None  # of items

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        rows = array_of(record, "factors", np.float32).reshape(-1, self.n_factors)
        first, counts = record.column("first")[0].as_py(), array_of(record, "counts", np.int64)
        yield record_of(FOUND, first=first, **self.over(rows, first, counts))

    def over(self, stored: Floats, first: int, counts: NDArray[np.int64]) -> dict[str, Any]:
        rows, baseline = self.turn.with_baseline(stored, self.n_threads)
        ridge, end = self.objective.row_regularization(counts, self.n_columns), first + len(rows)
        in_double = is_summed_in_double(self.n_rows)
        nodes = [*nodes_of(first, end, self.n_rows)]
        parts = [slice(part.start - first, part.stop - first) for _, part in nodes]

        def grams(weights: Doubles | None) -> Doubles:
            own = (None if weights is None else weights[part] for part in parts)
            pairs = zip(parts, own, strict=True)
            return np.array([gram_matrix(rows[p], self.n_threads, w, in_double) for p, w in pairs])

        fixed = FixedSide.in_eigenbasis(rows, np.ones(self.n_factors), self.n_threads)
        biases = self.biases and replace(self.biases, baseline=baseline)
        begin, stop = np.searchsorted(self.sampled, [first, end])
        return {
            "nodes": np.array([node for node, _ in nodes], np.int64),
            "grams": grams(None),
            "weighted_grams": grams(ridge),
            "norms": chunk_sums(ridge * Factors(rows, fixed, biases).item_norms),
            "sample": stored[self.sampled[begin:stop] - first],
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
        rows = array_of(record, "factors", np.float32).reshape(-1, self.n_factors)
        rows, baseline = self.turn.with_baseline(rows)
        first = record.column("first")[0].as_py()
        most = max(self.bytes_per_message // (4 * self.n_factors), 1)
        for route in record.column("routes")[0]:
            places = np.frombuffer(route["places"].as_buffer(), np.int32)
            for begin in range(0, len(places), most):
                own = places[begin : begin + most]
                at = int(first + own[0])
                sent = {"rows": rows[own], "baseline": None if baseline is None else baseline[own]}
                yield record_of(MESSAGE, key=route["to"].as_py(), first=at, **sent)
