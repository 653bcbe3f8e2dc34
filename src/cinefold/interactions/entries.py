"""Ratings as entries (row, column, value): sorted, each pair once, then as a matrix."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse as sp

from cinefold.interactions.columns import as_floats, finite
from cinefold.interactions.ids import LONGEST_SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Duplicates = Literal["last", "mean", "sum", "max", "error"]
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "mean": np.add.reduceat,
    "sum": np.add.reduceat,
    "max": np.maximum.reduceat,
}


@dataclass(frozen=True)
class Entries:
    """Columns of equal length, one entry per rating."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    ratings: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    timestamps: NDArray[np.int64] | None

    def take(self, order: NDArray[Any]) -> Entries:
        return Entries(
            self.rows[order],
            self.columns[order],
            self.ratings[order],
            None if self.weights is None else self.weights[order],
            None if self.timestamps is None else self.timestamps[order],
        )

    def _copied(self) -> Entries:
        """With values of its own, as `take` gives them: the caller's arrays may change."""
        return replace(
            self,
            ratings=self.ratings.copy(),
            weights=None if self.weights is None else self.weights.copy(),
            timestamps=None if self.timestamps is None else self.timestamps.copy(),
        )

    def sorted(self) -> Entries:
        """By row, then column, then time; equals stay in the order they came in."""
        same_row = self.rows[1:] == self.rows[:-1]
        rising = self.rows[1:] > self.rows[:-1]
        rising |= same_row & (self.columns[1:] > self.columns[:-1])
        if rising.all():
            return self._copied()
        pairs = self.rows.astype(np.int64)
        pairs *= int(self.columns.max()) + 1
        pairs += self.columns
        order = np.argsort(pairs, kind="stable")
        if self.timestamps is not None and (np.diff(pairs[order]) == 0).any():
            order = np.lexsort((self.timestamps, pairs))
        return self.take(order)

    def without_duplicates(self, policy: Duplicates, stacklevel: int) -> Entries:
        """Sorted entries with each pair once."""
        if policy not in ("last", "error", *_REDUCTIONS):
            raise ValueError(
                f"duplicates must be 'last', 'mean', 'sum', 'max' or 'error', not {policy!r}"
            )
        first = np.ones(len(self.rows), bool)
        first[1:] = self.rows[1:] != self.rows[:-1]
        first[1:] |= self.columns[1:] != self.columns[:-1]
        starts = np.flatnonzero(first)
        n_extra = len(first) - len(starts)
        if n_extra == 0:
            return self
        if policy == "error":
            raise ValueError(f"{n_extra} ratings repeat a pair of user and item")
        last = self.take(np.append(starts[1:], len(first)) - 1)
        if policy == "last":
            warnings.warn(
                f"{n_extra} ratings repeat a pair of user and item; the last one of each is kept "
                "(see the duplicates option)",
                stacklevel=stacklevel + 1,
            )
            return last
        ratings = _REDUCTIONS[policy](self.ratings, starts, dtype=np.float64)
        if policy == "mean":
            ratings /= np.diff(np.append(starts, len(first)))
        return replace(last, ratings=finite(ratings, f"ratings by {policy}"))

    def matrix(self, n_rows: int, n_columns: int) -> sp.csr_array:
        """Of sorted entries without duplicates."""
        offsets = np.searchsorted(self.rows, np.arange(n_rows + 1))
        return csr(self.ratings, self.columns, offsets, n_columns)


def csr(data: Any, indices: Any, offsets: Any, n_columns: int) -> sp.csr_array:
    """CSR of float32 with 32-bit indices; 64-bit ones past 2^31 ratings, where scipy needs them."""
    index_type = np.int32 if len(data) <= LONGEST_SIDE else np.int64
    matrix = sp.csr_array((len(offsets) - 1, n_columns), dtype=np.float32)
    matrix.data = np.ascontiguousarray(data, np.float32)
    matrix.indices = np.ascontiguousarray(indices, index_type)
    matrix.indptr = np.ascontiguousarray(offsets, index_type)
    matrix.has_canonical_format = True
    return matrix


def canonical(matrix: Any, name: str) -> sp.csr_array:
    """CSR in order, each pair once, of finite float32; what need not change is shared."""
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, not {matrix.ndim}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, not {matrix.dtype}")
    if max(matrix.shape) > LONGEST_SIDE:
        raise ValueError(f"a side of {matrix.shape} is longer than {LONGEST_SIDE}")
    if matrix.dtype.kind != "f":  # small integers would overflow where entries are added up
        matrix = matrix.astype(np.result_type(matrix.dtype, np.float32))
    rows = matrix.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return csr(finite(rows.data, name), rows.indices, rows.indptr, rows.shape[1])


def weights_of_pattern(weights: Any, by_user: sp.csr_array) -> NDArray[np.float32]:
    """Weights from a matrix of the same pattern, or an array in the order of the entries."""
    if sp.issparse(weights):
        pattern = canonical(weights, "weights")
        if pattern.shape != by_user.shape or not (
            np.array_equal(pattern.indptr, by_user.indptr)
            and np.array_equal(pattern.indices, by_user.indices)
        ):
            raise ValueError("weights must store the same entries as the matrix")
        values: NDArray[np.float32] = pattern.data
        return values
    values = as_floats(weights, "weights")
    if len(values) != by_user.nnz:
        raise ValueError(f"weights has {len(values)} entries, the matrix {by_user.nnz}")
    return values
