"""Blocks are solved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pyspark import SparkFiles

from cinefold.als.backend import (
    FixedSide,
    SingularRowError,
    empty_factors,
    mapped_factors,
    solve_rows,
)
from cinefold.als.factors import Biases, Factors
from cinefold.als.objective import PairWeights
from cinefold.als.observations import Observations
from cinefold.als.row_sums import chunk_sums
from cinefold.interactions import Interactions
from cinefold.models.callbacks import Validation
from cinefold.spark.tasks.packing import rows_of
from cinefold.spark.tasks.records import RESULT, array_of, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from cinefold.als.backend import ExpectedSteps
    from cinefold.als.method import Method
    from cinefold.als.objective import Objective
    from cinefold.spark.shared_files import SharedArrays
    from cinefold.spark.tasks.stored import RowSums, Turn

    Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class HalfStep:
    """How blocks are solved.

    Attributes
    ----------
    shared : SharedArrays or None
        The fixed side as "rows", if it is not stored; "previous" rows of the side that is solved,
        if that is not; the "baseline" of each column, with biases; and where pairs have weights
        "row_roots" and "column_roots", their square roots.
    n_columns : int
        Of all blocks.
    biases : Biases or None
        Of items, without their baseline.
    change : ndarray of float64, shape (n_factors, n_factors), or None
        As :func:`cinefold.als.backend.solve_rows` takes it.
    turn : Turn or None
        Of stored previous rows, which come as "previous" with each block.
    sums : RowSums or None
        Of rows that are to be stored.
    """

    objective: Objective
    method: Method
    steps: ExpectedSteps
    spectrum: Doubles
    n_threads: int
    shared: SharedArrays | None
    n_columns: int
    measures: bool
    biases: Biases | None = None
    change: Doubles | None = None
    turn: Turn | None = None
    sums: RowSums | None = None

    def over_blocks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Where the fixed side is shared."""
        arrays, fixed = mapped_items(self.shared, self.n_threads, tuple(self.spectrum))
        for batch in batches:
            for at in range(batch.num_rows):
                yield self._solved(batch.slice(at, 1), fixed, arrays)

    def over_messages(self, blocks: pa.Table, messages: pa.Table) -> pa.Table:
        """One block, with the rows of the fixed side that have been sent to it."""
        arrays, _ = mapped_items(self.shared, self.n_threads, tuple(self.spectrum))
        needed = array_of(blocks, "needed", np.int64)
        rows = empty_factors(len(needed), len(self.spectrum))
        order = np.argsort(messages.column("first").to_numpy()).tolist()
        sent = (array_of(messages, "rows", np.float32, at) for at in order)
        parts = [rows[:0], *(part.reshape(-1, rows.shape[1]) for part in sent)]
        np.concatenate(parts, out=rows)  # of all that are needed, or it fails
        fixed = FixedSide.in_eigenbasis(rows, self.spectrum, self.n_threads)
        if "column_roots" in arrays:
            arrays = arrays | {"column_roots": arrays["column_roots"][needed]}
        if not messages.column("baseline").null_count:
            baseline = [array_of(messages, "baseline", np.float32, at) for at in order]
            arrays = arrays | {"baseline": np.concatenate([rows[:0, 0], *baseline])}
        block = blocks.combine_chunks().to_batches()[0]
        return pa.Table.from_batches([self._solved(block, fixed, arrays)])

    def _solved(
        self, block: pa.RecordBatch, fixed: FixedSide, arrays: dict[str, Any]
    ) -> pa.RecordBatch:
        key, first, n_rows = (block.column(name)[0].as_py() for name in ("key", "first", "n_rows"))
        own = slice(first, first + n_rows)
        if self.turn is None:
            previous = arrays["previous"][own]
        elif (stored := array_of(block, "previous", np.float32)) is not None:
            previous = self.turn(stored.reshape(n_rows, -1), self.n_threads)
        else:
            previous = np.zeros((n_rows, fixed.n_factors), np.float32)
        roots = both = None
        if "row_roots" in arrays:
            both = arrays["row_roots"][own], arrays["column_roots"]
            roots = PairWeights(*both)
        ratings, weights = rows_of(block, len(fixed.rows))
        rows = Observations(self.objective, ratings, weights, both, n_columns=self.n_columns)
        out, losses = np.empty(previous.shape, np.float32), np.empty((n_rows, 2))
        try:
            solve_rows(
                rows.with_baseline(arrays.get("baseline")),
                fixed,
                out,
                self.n_threads,
                self.method,
                expected_steps=self.steps,
                losses=losses if self.measures else None,
                previous=previous,
                change=self.change,
            )
        except SingularRowError as error:
            n_pairs = int(np.diff(ratings.indptr)[error.row])
            return record_of(RESULT, key=key, singular_row=first + error.row, n_pairs=n_pairs)
        found: dict[str, Any] = {}
        if self.sums is not None:
            counts = np.diff(ratings.indptr).astype(np.int64)
            found = {"counts": counts, "roots": both and both[0]}
            found |= self.sums.over(out, first, counts)
        if self.measures:
            found["losses"] = losses if self.turn is None else chunk_sums(losses)
            biases = self.biases and replace(self.biases, baseline=arrays["baseline"])
            found |= self._metrics(block, ratings, Factors(out, fixed, biases, roots))
        return record_of(RESULT, key=key, first=first, factors=out, **found)

    def _metrics(
        self, block: pa.RecordBatch, train: sp.csr_array, factors: Factors
    ) -> dict[str, Any]:
        held_out, _ = rows_of(block, train.shape[1], "held_")
        counts = np.diff(held_out.indptr)
        if not held_out.nnz:
            return {}
        ids = np.arange(train.shape[0]), np.arange(train.shape[1])
        known, measured = (Interactions(*ids, matrix) for matrix in (train, held_out))
        validation = Validation(measured, known, self.objective, self.n_threads)
        weight = float(held_out.nnz)
        if factors.pair_weights is not None:
            rows = np.repeat(ids[0], counts)
            weight = float(factors.pair_weights.total(rows, held_out.indices).sum())
        found = {"held_weight": weight, "squared_error": validation.rmse(factors) ** 2 * weight}
        if block.column("needed")[0].as_buffer() is None:  # all items are here
            n_measured = int((counts > 0).sum())
            found |= {"n_measured": n_measured, "ndcg": validation.ndcg(factors) * n_measured}
        return found


@lru_cache(maxsize=1)
def mapped_items(
    shared: SharedArrays | None, n_threads: int, spectrum: tuple[float, ...]
) -> tuple[dict[str, Any], Any]:
    """The shared arrays and the fixed side among them; kept for the next task of this worker."""
    if shared is None:
        return {}, None
    arrays, fixed = shared.open(), None
    _remove_earlier(shared.name)
    if "rows" in arrays:
        rows = mapped_factors(arrays["rows"], len(spectrum))
        fixed = FixedSide.in_eigenbasis(rows, np.array(spectrum), n_threads)
    return arrays, fixed


def _remove_earlier(name: str) -> None:
    """Free the disk of this executor: no task reads the files that came before."""
    fit, _, number = name.rpartition("-")
    for path in Path(SparkFiles.getRootDirectory()).glob(f"{fit}-*"):
        if int(path.name.rpartition("-")[2]) < int(number):
            path.unlink(missing_ok=True)
