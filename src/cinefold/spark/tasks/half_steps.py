"""Blocks are solved."""

from __future__ import annotations

from dataclasses import dataclass
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
    rotate,
    solve_rows,
)
from cinefold.als.factors import Biases, Factors
from cinefold.als.observations import Observations
from cinefold.als.row_sums import chunk_sums
from cinefold.interactions import Interactions
from cinefold.models.callbacks import Validation
from cinefold.spark.tasks.packing import rows_of
from cinefold.spark.tasks.records import RESULT, array_of, record_of
from cinefold.spark.tasks.stored import sample_of, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from cinefold.als.backend import ExpectedSteps
    from cinefold.als.method import Method
    from cinefold.als.objective import Objective
    from cinefold.spark.shared_files import SharedArrays

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class HalfStep:
    """How blocks are solved.

    Attributes
    ----------
    shared : SharedArrays
        The fixed side as "rows", if it is not stored; "previous" rows of the side that is solved,
        if that is not; and the "baseline" of each column, with biases.
    n_rows, n_columns : int
        Of all blocks.
    before : ndarray of float64, shape (n_factors, n_factors), or None
        What stored previous rows are multiplied by first.
    sampled : ndarray of int64
        Rows whose vectors the driver wants to see of a stored side.
    """

    objective: Objective
    method: Method
    steps: ExpectedSteps
    spectrum: Doubles
    n_threads: int
    shared: SharedArrays
    n_rows: int
    n_columns: int
    measures: bool
    biases: Biases | None = None
    is_stored: bool = False
    before: Doubles | None = None
    sampled: NDArray[np.int64] | None = None

    def over_blocks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Where both sides are shared."""
        arrays, fixed = mapped_items(self.shared, self.n_threads, tuple(self.spectrum))
        assert fixed is not None  # noqa: S101 - for the type checker
        for batch in batches:
            for row in range(batch.num_rows):
                block = batch.slice(row, 1)
                first, n_rows = (block.column(name)[0].as_py() for name in ("first", "n_rows"))
                previous = arrays["previous"][first : first + n_rows]
                yield self._solved(block, fixed, previous, arrays.get("baseline"))

    def over_messages(self, blocks: pa.Table, messages: pa.Table) -> pa.Table:
        """One block, with the rows that have been sent to it."""
        arrays, fixed = mapped_items(self.shared, self.n_threads, tuple(self.spectrum))
        first, n_rows = (blocks.column(name)[0].as_py() for name in ("first", "n_rows"))
        d = len(self.spectrum)
        sent = {
            messages.column("source")[i].as_py(): array_of(messages, "rows", np.float32, i)
            for i in range(messages.num_rows)
        }
        previous = sent.pop(-1, None)
        if "previous" in arrays:
            previous = arrays["previous"][first : first + n_rows]
        elif previous is None:
            previous = np.zeros((n_rows, d), np.float32)
        else:
            previous = previous.reshape(-1, d)
            if self.before is not None:
                previous = rotate(previous, self.before, self.n_threads, None, in_double=False)
        baseline = arrays.get("baseline")
        if fixed is None:
            needed = array_of(blocks, "needed", np.int64)
            rows = empty_factors(len(needed), d)
            begin = 0
            for source in sorted(sent):
                part = sent[source].reshape(-1, d)
                rows[begin : begin + len(part)] = part
                begin += len(part)
            if begin != len(needed):
                raise RuntimeError(f"{len(needed)} rows were needed, {begin} came")
            fixed = FixedSide.in_eigenbasis(rows, self.spectrum, self.n_threads)
            baseline = None if baseline is None else baseline[needed]
        block = blocks.combine_chunks().to_batches()[0]
        return pa.Table.from_batches([self._solved(block, fixed, previous, baseline)])

    def _solved(
        self, block: pa.RecordBatch, fixed: FixedSide, previous: Floats, baseline: Floats | None
    ) -> pa.RecordBatch:
        first, n_rows = (block.column(name)[0].as_py() for name in ("first", "n_rows"))
        ratings, weights = rows_of(block, len(fixed.rows))
        rows = Observations(self.objective, ratings, weights, n_columns=self.n_columns)
        out, losses = previous.copy(), np.empty((n_rows, 2))
        try:
            solve_rows(
                rows.with_baseline(baseline),
                fixed,
                out,
                self.n_threads,
                self.method,
                expected_steps=self.steps,
                losses=losses if self.measures else None,
            )
        except SingularRowError as error:
            return record_of(
                RESULT,
                key=block.column("key")[0].as_py(),
                singular_row=first + error.row,
                n_pairs=int(np.diff(ratings.indptr)[error.row]),
            )
        found: dict[str, Any] = {}
        if self.is_stored:
            found = summary(out, first, self.n_rows, rows.regularization, self.n_threads)
            found["sample"] = sample_of(out, first, self.sampled)
            found["counts"] = np.diff(ratings.indptr).astype(np.int64)
        if self.measures:
            found["losses"] = losses if not self.is_stored else chunk_sums(losses)
            found.update(self._metrics(block, ratings, out, fixed))
        key = block.column("key")[0].as_py()
        return record_of(RESULT, key=key, first=first, factors=out, **found)

    def _metrics(
        self, block: pa.RecordBatch, train: sp.csr_array, users: Floats, fixed: FixedSide
    ) -> dict[str, Any]:
        held_out, _ = rows_of(block, len(fixed.rows), "held_")
        n_pairs, n_measured = held_out.nnz, int((np.diff(held_out.indptr) > 0).sum())
        if n_pairs == 0:
            return {}
        ids = np.arange(train.shape[0]), np.arange(train.shape[1])
        validation = Validation(
            Interactions(*ids, held_out),
            Interactions(*ids, train),
            self.objective,
            self.n_threads,
        )
        factors = Factors(users, fixed, self.biases)
        found = {"n_pairs": n_pairs, "squared_error": validation.rmse(factors) ** 2 * n_pairs}
        if block.column("needed")[0].as_buffer() is None:  # all items are here
            found |= {"n_measured": n_measured, "ndcg": validation.ndcg(factors) * n_measured}
        return found


@lru_cache(maxsize=1)
def _mapped(
    name: str, layout: tuple[Any, ...], n_threads: int, spectrum: tuple[float, ...]
) -> tuple[dict[str, Any], FixedSide | None]:
    from cinefold.spark.shared_files import SharedArrays

    arrays = SharedArrays(name, dict(layout)).open()
    _remove_earlier(name)
    fixed = None
    if "rows" in arrays:
        rows = mapped_factors(arrays["rows"], len(spectrum))
        fixed = FixedSide.in_eigenbasis(rows, np.array(spectrum), n_threads)
    return arrays, fixed


def mapped_items(
    shared: SharedArrays, n_threads: int, spectrum: tuple[float, ...]
) -> tuple[dict[str, Any], FixedSide | None]:
    """The shared arrays and the fixed side among them; kept for the next task of this worker."""
    return _mapped(shared.name, tuple(shared.layout.items()), n_threads, spectrum)


def _remove_earlier(name: str) -> None:
    """Free the disk of this executor: no task reads the files that came before."""
    fit, _, number = name.rpartition("-")
    for path in Path(SparkFiles.getRootDirectory()).glob(f"{fit}-*"):
        if int(path.name.rpartition("-")[2]) < int(number):
            path.unlink(missing_ok=True)
