"""Ratings as entries (row, column, value): sorted, each pair once, then as a matrix."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse as sp

from cinefold.interactions.blocks import BLOCK, copied, in_blocks, kept, taken
from cinefold.interactions.column_values import as_array, as_weights, finite
from cinefold.interactions.ids import LONGEST_SIDE
from cinefold.interactions.sorting import sorted_by_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Longer sides need so many entries: empty rows take memory, too.
_LONGEST_SPARSE_SIDE, _SIDE_PER_ENTRY = 1 << 24, 64

Duplicates = Literal["last", "mean", "sum", "max", "error"]
"""What becomes of several ratings of one pair, as :meth:`Interactions.from_dataframe` says."""

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "mean": np.add.reduceat,
    "sum": np.add.reduceat,
    "max": np.maximum.reduceat,
}


@dataclass(frozen=True)
class Entries:
    """Columns of equal length, one entry per rating; borrowed ones the caller may change."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    ratings: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None
    timestamps: NDArray[np.int64] | None = None
    is_borrowed: bool = False

    def take(self, order: NDArray[Any]) -> Entries:
        rows, columns = taken(self.rows, order), taken(self.columns, order)
        return Entries(rows, columns, **_changed(self, lambda values: taken(values, order)))

    def sorted(self, n_rows: int) -> SortedEntries:
        """By row, then column, then time; equals stay in the order they came in."""
        if self._rises(slice(0, BLOCK)) and all(in_blocks(len(self.rows), self._rises)):
            offsets = np.searchsorted(self.rows, np.arange(n_rows + 1, dtype=self.rows.dtype))
            rest = _changed(self, copied if self.is_borrowed else np.asarray)
            return SortedEntries(offsets, self.columns, **rest)
        rest = _changed(self, np.asarray)
        offsets, columns, *others = sorted_by_row(
            [self.rows, self.columns, *rest.values()],
            n_rows,
            is_timed=self.timestamps is not None,
        )
        return SortedEntries(offsets, columns, **dict(zip(rest, others, strict=True)))

    def _rises(self, block: slice) -> bool:
        """Whether each pair in a block is above the one before it."""
        own = slice(max(block.start - 1, 0), block.stop)
        rows, columns = self.rows[own], self.columns[own]
        rising = columns[1:] > columns[:-1]
        rising &= rows[1:] == rows[:-1]
        rising |= rows[1:] > rows[:-1]
        return bool(rising.all())


@dataclass(frozen=True)
class SortedEntries:
    """Entries by row, then column: those of row i are ``offsets[i]`` to ``offsets[i + 1]``."""

    offsets: NDArray[Any]
    columns: NDArray[Any]
    ratings: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None
    timestamps: NDArray[np.int64] | None = None

    def without_duplicates(self, policy: Duplicates, stacklevel: int) -> SortedEntries:
        """With each pair once."""
        if policy not in ("last", "error", *_REDUCTIONS):
            raise ValueError(
                f"duplicates must be 'last', 'mean', 'sum', 'max' or 'error', not {policy!r}"
            )
        is_first = np.ones(len(self.columns), bool)
        np.not_equal(self.columns[1:], self.columns[:-1], out=is_first[1:])
        is_first[self.offsets[self.offsets < len(is_first)]] = True
        n_extra = len(is_first) - np.count_nonzero(is_first)
        if n_extra == 0:
            return self
        if policy == "error":
            raise ValueError(f"{n_extra} ratings repeat a pair of user and item")
        is_last = np.append(is_first[1:], True)
        rest = self.ratings, self.weights, self.timestamps
        last = SortedEntries(*kept(is_last, self.offsets, self.columns, *rest))
        if policy == "last":
            warnings.warn(
                f"{n_extra} ratings repeat a pair of user and item; the last one of each is kept "
                "(see the duplicates option)",
                stacklevel=stacklevel + 1,
            )
            return last
        starts = np.flatnonzero(is_first)
        ratings = _REDUCTIONS[policy](self.ratings, starts, dtype=np.float64)
        if policy == "mean":
            ratings /= np.diff(np.append(starts, len(is_first)))
        return replace(last, ratings=finite(ratings, f"ratings by {policy}"))

    def matrix(self, n_columns: int) -> sp.csr_array:
        """Of entries without duplicates."""
        return csr(self.ratings, self.columns, self.offsets, n_columns)


def _changed(entries: Entries, change: Callable[[NDArray[Any]], NDArray[Any]]) -> dict[str, Any]:
    """Other ratings, weights and timestamps, by name; those that are there."""
    own = {name: getattr(entries, name) for name in ("ratings", "weights", "timestamps")}
    return {name: change(values) for name, values in own.items() if values is not None}


def csr(
    data: Any, indices: Any, offsets: Any, n_columns: int, *, copy: bool = False
) -> sp.csr_array:
    """CSR of float32 with 32-bit indices; 64-bit ones past 2^31 ratings, where scipy needs them.

    Of entries in order, each pair once; arrays of these types are shared unless `copy`.
    """
    index_type = np.int32 if len(data) <= LONGEST_SIDE else np.int64

    def own(values: Any, dtype: Any) -> NDArray[Any]:
        return np.ascontiguousarray(np.asarray(values).astype(dtype, copy=copy))

    matrix = sp.csr_array((len(offsets) - 1, n_columns), dtype=np.float32)
    matrix.data = own(data, np.float32)
    matrix.indices = own(indices, index_type)
    matrix.indptr = own(offsets, index_type)
    matrix.has_canonical_format = True
    matrix.__dict__[_OF_CSR] = True
    return matrix


def read_only(array: Any) -> Any:
    """A view that nothing can be written through."""
    if array is None or not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def digest(*arrays: NDArray[Any] | None) -> str:
    """SHA-256 of arrays, their types and shapes, in hexadecimal."""
    found = hashlib.sha256()
    for array in arrays:
        if array is not None:
            found.update(f"{array.dtype} {array.shape}".encode())
            text = array.dtype.kind == "O" and repr(array.tolist()).encode()
            found.update(text or np.ascontiguousarray(array).view(np.uint8).data)
    return found.hexdigest()


_OF_CSR = "_of_csr"  # marks what is in order and known to be


class SharedMatrix:
    """A field for a CSR matrix: checked on its way in, and out of reach of who gets it.

    It gives a new matrix of the same arrays, which are read-only, each time: to write into one is
    an error, and what else is done to it changes no other.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> sp.csr_array:
        if instance is None:
            raise AttributeError("the field has no default")
        return _view(instance.__dict__[f"_{self._name}"])

    def __set__(self, instance: Any, matrix: sp.csr_array) -> None:
        if not matrix.__dict__.pop(_OF_CSR, False):
            matrix = canonical(matrix, self._name, copy=False)
        own = instance.__dict__[f"_{self._name}"] = _view(matrix)
        own.__dict__.pop(_OF_CSR, None)
        for part in ("data", "indices", "indptr"):
            setattr(own, part, read_only(getattr(own, part)))


def _view(matrix: sp.csr_array) -> sp.csr_array:
    view = sp.csr_array.__new__(sp.csr_array)
    view.__dict__.update(matrix.__dict__)
    return view


def canonical(matrix: Any, name: str, *, copy: bool) -> sp.csr_array:
    """CSR in order, each pair once, of finite float32, from any scipy matrix.

    Everything is checked that compiled code relies on, whatever the matrix says of itself:
    dimensions, types, offsets, indices and their order.

    Parameters
    ----------
    matrix : sparse matrix
    name : str
        For messages.
    copy : bool
        Whether to share nothing with `matrix`.

    Raises
    ------
    ValueError, TypeError
        Saying what is wrong with the matrix.
    """
    try:
        return _canonical(matrix, name, copy)
    except (AttributeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"{name} is damaged: {error}") from error


def _canonical(matrix: Any, name: str, copy: bool) -> sp.csr_array:
    shape = matrix.shape
    if len(shape) != 2 or not all(isinstance(side, int | np.integer) for side in shape):
        raise ValueError(f"{name} must have two dimensions, not shape {shape}")
    if min(shape) < 0:
        raise ValueError(f"{name} cannot have the shape {shape}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, not {matrix.dtype}")
    data = getattr(matrix, "data", None)
    n = matrix.nnz if data is None else np.size(as_array(data, f"data of {name}"))
    if max(shape) > min(LONGEST_SIDE, max(_LONGEST_SPARSE_SIDE, _SIDE_PER_ENTRY * n)):
        raise ValueError(
            f"{name} of shape {shape} is too large for its {n} entries: ids and factors would need "
            "memory for all of it; Interactions.from_arrays numbers the ids that occur"
        )
    if matrix.format == "bsr":
        _check_compressed(matrix, name, matrix.blocksize)
    elif matrix.format in ("csr", "csc"):
        _check_compressed(matrix, name)
    else:
        if matrix.format == "dia":
            offsets = np.asarray(matrix.offsets)
            far = offsets.dtype.kind != "i" or (np.abs(offsets.astype(float)) > max(shape)).any()
            if far or matrix.data.ndim != 2 or offsets.shape != matrix.data.shape[:1]:
                raise ValueError(f"{name} must have an offset within its shape for each diagonal")
        if matrix.format == "lil":
            lengths = [[*map(len, lists)] for lists in (matrix.rows, matrix.data)]
            if lengths[0] != lengths[1] or len(lengths[0]) != shape[0]:
                raise ValueError(f"{name} must have as many columns as data in each of its rows")
        try:
            matrix = matrix.tocoo()
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} is damaged: {error}") from None
        for side, indices, n in zip(
            ("row", "column"), (matrix.row, matrix.col), shape, strict=True
        ):
            _check_range(indices, n, f"{side} indices of {name}")
        if not matrix.row.shape == matrix.col.shape == matrix.data.shape:
            raise ValueError(f"{name} must have as many row and column indices as data")
        copy = False
    if matrix.dtype.kind != "f":  # small integers would overflow where entries are added up
        matrix = matrix.astype(np.result_type(matrix.dtype, np.float32))
    rows = matrix.tocsr()
    n = int(rows.indptr[-1])
    data, indices, offsets = rows.data[:n], rows.indices[:n], rows.indptr
    if not _in_order(indices, offsets):
        rows = sp.csr_array((data.copy(), indices.copy(), offsets.copy()), shape=shape)
        rows.sum_duplicates()
        data, indices, offsets = rows.data, rows.indices, rows.indptr
    return csr(finite(data, name), indices, offsets, shape[1], copy=copy and rows is matrix)


def _check_compressed(matrix: Any, name: str, block: tuple[int, int] = (1, 1)) -> None:
    """That offsets and indices of a CSR, CSC or BSR matrix lie within its arrays and shape."""
    n_rows, n_columns = (side // size for side, size in zip(matrix.shape, block, strict=True))
    n_major, n_minor = (n_columns, n_rows) if matrix.format == "csc" else (n_rows, n_columns)
    offsets, indices = np.asarray(matrix.indptr), np.asarray(matrix.indices)
    n_dimensions = 3 if matrix.format == "bsr" else 1
    if matrix.data.ndim != n_dimensions:
        raise ValueError(f"data of {name} must have {n_dimensions} dimension(s)")
    n = min(len(indices), len(matrix.data))
    if offsets.dtype.kind not in "iu" or offsets.shape != (n_major + 1,):
        raise ValueError(
            f"offsets (indptr) of {name} must be {n_major + 1} integers for its shape "
            f"{matrix.shape}, not {offsets.dtype} of shape {offsets.shape}"
        )
    if offsets[0] != 0 or offsets[-1] > n or (offsets[1:] < offsets[:-1]).any():
        raise ValueError(f"offsets (indptr) of {name} must rise from 0 to at most its {n} entries")
    side = "row" if matrix.format == "csc" else "column"
    _check_range(indices[: int(offsets[-1])], n_minor, f"{side} indices of {name}")


def _check_range(indices: Any, n: int, what: str) -> None:
    if indices.dtype.kind not in "iu" or indices.ndim != 1:
        raise ValueError(f"{what} must be integers, not {indices.dtype}")
    if len(indices) and not 0 <= indices.min() <= indices.max() < n:
        wrong = indices[(indices < 0) | (indices >= n)]
        raise ValueError(f"{what} must be from 0 to {n - 1}; found {wrong[0]}")


def _in_order(indices: NDArray[Any], offsets: NDArray[Any]) -> bool:
    """Whether the indices of each row rise, so that none is there twice."""
    falls = indices[1:] <= indices[:-1]
    starts = offsets[(offsets > 0) & (offsets < len(indices))]
    falls[starts - 1] = False
    return not falls.any()


def weights_of_pattern(weights: Any, by_user: sp.csr_array) -> NDArray[np.float32]:
    """Weights from a matrix of the same pattern, or an array in the order of the entries."""
    if sp.issparse(weights) and weights.shape == by_user.shape:
        pattern = canonical(weights, "weights", copy=False)
        same = np.array_equal(pattern.indptr, by_user.indptr)
        if not (same and np.array_equal(pattern.indices, by_user.indices)):
            raise ValueError("weights must store the same entries as the matrix")
        weights = pattern.data
    elif sp.issparse(weights):
        raise ValueError(
            f"weights must be of the shape of the matrix, {by_user.shape}, not {weights.shape}"
        )
    values = as_weights(weights, "weights").copy()
    if len(values) != by_user.nnz:
        raise ValueError(f"weights has {len(values)} entries, the matrix {by_user.nnz}")
    return values
