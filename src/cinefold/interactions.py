"""Who rated what: original ids on the outside, compressed sparse rows on the inside."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from cinefold import splits

if TYPE_CHECKING:
    from collections.abc import Callable

    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike, NDArray

Duplicates = Literal["last", "mean", "sum", "max", "error"]
SplitMethod = Literal["per-user", "random", "leave-last-out"]

_MAX_SIDE = 2**31 - 1


class UnknownIdError(ValueError):
    """An id that the data does not have; the message names it and its side (user or item)."""


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """Ratings of items by users, indexed from both sides.

    Build it with :meth:`from_dataframe`, :meth:`from_arrays` or :meth:`from_sparse`.

    Attributes
    ----------
    user_ids, item_ids : ndarray of int64 or str, shape (n_users,), (n_items,)
        Original ids, sorted; row i of the matrices belongs to ``user_ids[i]``.
    by_user : csr_array of float32, shape (n_users, n_items)
        The ratings; stored entries are observations, whatever their value.
    weights : ndarray of float32, shape (n_ratings,), or None
        Confidence of each rating, in the order of ``by_user``.
    timestamps : ndarray of int64, shape (n_ratings,), or None
        In the order of ``by_user``.
    """

    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    by_user: sp.csr_array
    weights: NDArray[np.float32] | None = None
    timestamps: NDArray[np.int64] | None = None

    # -- building -----------------------------------------------------------------------------

    @classmethod
    def from_dataframe(
        cls,
        frame: IntoDataFrame,
        *,
        user: str = "user_id",
        item: str = "item_id",
        rating: str | None = "rating",
        timestamp: str | None = None,
        weight: str | None = None,
        duplicates: Duplicates = "last",
    ) -> Self:
        """From a table with one row per rating: pandas, Polars, Arrow or any other narwhals takes.

        Parameters
        ----------
        frame : dataframe
        user, item : str
            Columns of ids: integers or strings.
        rating : str, optional
            Column of ratings; None counts every row as 1.
        timestamp, weight : str, optional
            Columns of times (integers or datetimes) and of confidence weights (above 0).
        duplicates : {"last", "mean", "sum", "max", "error"}
            What becomes of several rows for one user and item. "last" keeps the latest by
            timestamp, without timestamps the last row, and warns with their number.

        Raises
        ------
        TypeError, ValueError
            Naming the column, what was found and what is allowed.
        """
        try:
            table = nw.from_native(frame, eager_only=True)
        except TypeError:
            raise TypeError(
                "frame must be a pandas, Polars or Arrow table, not "
                f"{type(frame).__name__}; from_arrays and from_sparse take other forms"
            ) from None
        return cls.from_arrays(
            _id_column(table, user),
            _id_column(table, item),
            None if rating is None else _column(table, rating),
            timestamps=None if timestamp is None else _time_column(table, timestamp),
            weights=None if weight is None else _column(table, weight),
            duplicates=duplicates,
        )

    @classmethod
    def from_arrays(
        cls,
        users: ArrayLike,
        items: ArrayLike,
        ratings: ArrayLike | None = None,
        *,
        timestamps: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        duplicates: Duplicates = "last",
    ) -> Self:
        """From arrays of equal length, one entry per rating.

        Parameters
        ----------
        users, items : array of int or str, shape (n_ratings,)
        ratings : array of float, optional
            All 1 when left out.
        timestamps, weights : array, optional
        user_ids, item_ids : array, optional
            All ids there are, also those without ratings; by default those that occur.
        duplicates
            As in :meth:`from_dataframe`.
        """
        user_values, item_values = _ids(users, "users"), _ids(items, "items")
        if len(user_values) == 0:
            raise ValueError("there are no ratings: users is empty")
        n = len(user_values)
        given = (
            np.ones(n, np.float32) if ratings is None else _floats(ratings, "ratings"),
            None if weights is None else _positive(_floats(weights, "weights")),
            None if timestamps is None else _integers(timestamps, "timestamps"),
        )
        named = zip(
            ("items", "ratings", "weights", "timestamps"), (item_values, *given), strict=True
        )
        for name, column in named:
            if column is not None and len(column) != n:
                raise ValueError(f"{name} has {len(column)} entries, users has {n}")
        all_users, rows = _index(user_values, user_ids, "user")
        all_items, indices = _index(item_values, item_ids, "item")
        entries = _Entries(rows, indices, *given).sorted()
        entries = entries.without_duplicates(duplicates)
        offsets = np.searchsorted(entries.rows, np.arange(len(all_users) + 1))
        matrix = _csr(entries.ratings, entries.columns, offsets, len(all_items))
        return cls(all_users, all_items, matrix, entries.weights, entries.timestamps)

    @classmethod
    def from_sparse(
        cls,
        matrix: sp.sparray | sp.spmatrix,
        *,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        weights: sp.sparray | sp.spmatrix | ArrayLike | None = None,
    ) -> Self:
        """From a scipy sparse matrix: rows are users, columns are items.

        Stored zeros are observations. Entries stored twice are added up, as scipy does.

        Parameters
        ----------
        matrix : sparse matrix, shape (n_users, n_items)
        user_ids, item_ids : array, optional
            Ids of the rows and columns, unique; 0, 1, 2 ... by default.
        weights : sparse matrix of the same pattern, or array in the order of its CSR form, optional
            Confidence of each observation, above 0.
        """
        if not sp.issparse(matrix):
            raise TypeError(
                "matrix must be scipy sparse (rows users, columns items), not "
                f"{type(matrix).__name__}; scipy.sparse.csr_array(matrix) makes one, with the "
                "zeros as unobserved"
            )
        by_user = _canonical(matrix)
        if by_user.nnz == 0:
            raise ValueError(f"there are no ratings: the matrix of shape {matrix.shape} is empty")
        _finite(by_user.data, "matrix")
        confidence = None
        if weights is not None:
            confidence = _positive(_pattern_weights(weights, by_user))
        n_users, n_items = by_user.shape
        users = _axis_ids(user_ids, n_users, "user")
        items = _axis_ids(item_ids, n_items, "item")
        if _rising(users) and _rising(items):
            return cls(users, items, by_user, confidence)
        rows = np.repeat(np.arange(n_users), np.diff(by_user.indptr))
        return cls.from_arrays(
            users[rows],
            items[by_user.indices],
            by_user.data,
            weights=confidence,
            user_ids=users,
            item_ids=items,
        )

    # -- size ---------------------------------------------------------------------------------

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def n_ratings(self) -> int:
        return int(self.by_user.nnz)

    @property
    def density(self) -> float:
        """Share of all pairs that are observed."""
        return self.n_ratings / (self.n_users * self.n_items)

    def __len__(self) -> int:
        return self.n_ratings

    def __repr__(self) -> str:
        return (
            f"Interactions({self.n_ratings:,} ratings of {self.n_items:,} items "
            f"by {self.n_users:,} users)"
        )

    # -- looking in ---------------------------------------------------------------------------

    @cached_property
    def _by_item(self) -> tuple[sp.csr_array, NDArray[np.float32] | None]:
        # Transposing positions instead of values carries the weights along in one pass.
        positions = sp.csr_array(
            (np.arange(self.n_ratings), self.by_user.indices, self.by_user.indptr),
            shape=self.by_user.shape,
        ).T.tocsr()
        order = positions.data
        matrix = _csr(self.by_user.data[order], positions.indices, positions.indptr, self.n_users)
        return matrix, None if self.weights is None else self.weights[order]

    @property
    def by_item(self) -> sp.csr_array:
        """The ratings from the items' side, (n_items, n_users)."""
        return self._by_item[0]

    @property
    def weights_by_item(self) -> NDArray[np.float32] | None:
        """``weights`` in the order of ``by_item``."""
        return self._by_item[1]

    def user_index(self, ids: Any) -> Any:
        """Row of a user id, or rows (int64) of an array of ids; UnknownIdError for others."""
        return _lookup(self.user_ids, ids, "user")

    def item_index(self, ids: Any) -> Any:
        """Column of an item id, or columns (int64) of an array; UnknownIdError for others."""
        return _lookup(self.item_ids, ids, "item")

    def user_ratings(self, user_id: Any) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """What a user rated: item ids and ratings."""
        row = self.user_index(user_id)
        begin, end = self.by_user.indptr[row : row + 2]
        return self.item_ids[self.by_user.indices[begin:end]], self.by_user.data[begin:end]

    def user_counts(self) -> NDArray[np.int64]:
        """Number of ratings of each user, (n_users,)."""
        counts: NDArray[np.int64] = np.diff(self.by_user.indptr).astype(np.int64)
        return counts

    def item_counts(self) -> NDArray[np.int64]:
        """Number of ratings of each item, (n_items,)."""
        return np.bincount(self.by_user.indices, minlength=self.n_items)

    # -- dividing -----------------------------------------------------------------------------

    def select(self, mask: ArrayLike) -> Interactions:
        """The ratings where `mask` (n_ratings,), in the order of ``by_user``, with the same ids."""
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != (self.n_ratings,):
            raise ValueError(
                f"mask must be boolean with {self.n_ratings} entries, not {chosen.dtype} of "
                f"shape {chosen.shape}"
            )
        offsets = np.concatenate([[0], np.cumsum(chosen)])[self.by_user.indptr]
        matrix = _csr(
            self.by_user.data[chosen], self.by_user.indices[chosen], offsets, self.n_items
        )
        return replace(
            self,
            by_user=matrix,
            weights=None if self.weights is None else self.weights[chosen],
            timestamps=None if self.timestamps is None else self.timestamps[chosen],
        )

    def split(
        self,
        method: SplitMethod = "per-user",
        *,
        fraction: float = 0.1,
        random_state: int | None = 0,
    ) -> tuple[Interactions, Interactions]:
        """Part of the ratings to learn from, and the rest to measure on; both with all ids.

        Parameters
        ----------
        method : {"per-user", "random", "leave-last-out"}
            A random `fraction` of each user's ratings (rounded; a user keeps at least one), of
            all ratings, or each user's latest rating (needs timestamps).
        fraction : float
            Between 0 and 1; not used by "leave-last-out".
        random_state : int, optional
            The same seed gives the same split everywhere.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must be between 0 and 1, not {fraction}")
        offsets = self.by_user.indptr
        if method == "per-user":
            mask = splits.per_user_holdout(offsets, fraction, random_state)
        elif method == "random":
            mask = splits.random_holdout(self.n_ratings, fraction, random_state)
        elif method == "leave-last-out":
            if self.timestamps is None:
                raise ValueError("leave-last-out needs timestamps, which these interactions lack")
            mask = splits.leave_last_out(offsets, self.timestamps)
        else:
            raise ValueError(
                f"method must be 'per-user', 'random' or 'leave-last-out', not {method!r}"
            )
        return self.select(~mask), self.select(mask)


# -- ratings on their way in --------------------------------------------------------------------


@dataclass(frozen=True)
class _Entries:
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    ratings: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    timestamps: NDArray[np.int64] | None

    def take(self, order: NDArray[Any]) -> _Entries:
        return _Entries(
            self.rows[order],
            self.columns[order],
            self.ratings[order],
            None if self.weights is None else self.weights[order],
            None if self.timestamps is None else self.timestamps[order],
        )

    def sorted(self) -> _Entries:
        """By row, then column, then time; equals stay in the order they came in."""
        keys = (self.columns, self.rows)
        return self.take(np.lexsort(keys if self.timestamps is None else (self.timestamps, *keys)))

    def without_duplicates(self, policy: Duplicates) -> _Entries:
        reductions: dict[str, Callable[..., Any]] = {
            "mean": np.add.reduceat,
            "sum": np.add.reduceat,
            "max": np.maximum.reduceat,
        }
        if policy not in ("last", "error", *reductions):
            raise ValueError(
                f"duplicates must be 'last', 'mean', 'sum', 'max' or 'error', not {policy!r}"
            )
        first = np.ones(len(self.rows), bool)
        first[1:] = (np.diff(self.rows) != 0) | (np.diff(self.columns) != 0)
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
                stacklevel=4,
            )
            return last
        ratings = reductions[policy](self.ratings.astype(np.float64), starts)
        if policy == "mean":
            ratings /= np.diff(np.append(starts, len(first)))
        return replace(last, ratings=ratings.astype(np.float32))


def _csr(data: Any, indices: Any, offsets: Any, n_columns: int) -> sp.csr_array:
    """CSR of float32 with 32-bit indices; 64-bit ones past 2^31 ratings, where scipy needs them."""
    index_type = np.int32 if len(data) <= _MAX_SIDE else np.int64
    matrix = sp.csr_array((len(offsets) - 1, n_columns), dtype=np.float32)
    matrix.data = np.ascontiguousarray(data, np.float32)
    matrix.indices = np.ascontiguousarray(indices, index_type)
    matrix.indptr = np.ascontiguousarray(offsets, index_type)
    matrix.has_canonical_format = True
    return matrix


def _canonical(matrix: Any) -> sp.csr_array:
    if matrix.ndim != 2:
        raise ValueError(f"matrix must have two dimensions, not {matrix.ndim}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"matrix must hold real numbers, not {matrix.dtype}")
    if max(matrix.shape) > _MAX_SIDE:
        raise ValueError(f"a side of {matrix.shape} is longer than {_MAX_SIDE}")
    # Only a matrix that must be put in order is copied.
    csr = matrix.tocsr()
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    return _csr(csr.data, csr.indices, csr.indptr, csr.shape[1])


def _pattern_weights(weights: Any, by_user: sp.csr_array) -> NDArray[np.float32]:
    if sp.issparse(weights):
        pattern = _canonical(weights)
        if pattern.shape != by_user.shape or not (
            np.array_equal(pattern.indptr, by_user.indptr)
            and np.array_equal(pattern.indices, by_user.indices)
        ):
            raise ValueError("weights must store the same entries as the matrix")
        return _finite(pattern.data, "weights")
    values = _floats(weights, "weights")
    if len(values) != by_user.nnz:
        raise ValueError(f"weights has {len(values)} entries, the matrix {by_user.nnz}")
    return values


# -- columns ------------------------------------------------------------------------------------


def _column(table: nw.DataFrame[Any], name: str) -> NDArray[Any]:
    if name not in table.columns:
        raise ValueError(f"there is no column {name!r}; the table has {', '.join(table.columns)}")
    column = table[name]
    if column.null_count():
        row = int(column.is_null().arg_true()[0])
        raise ValueError(
            f"column {name!r} is empty in {column.null_count()} rows (first: row {row})"
        )
    try:
        return np.asarray(column.to_numpy())
    except (TypeError, ValueError) as error:
        raise TypeError(f"column {name!r} of type {column.dtype} cannot be read: {error}") from None


def _id_column(table: nw.DataFrame[Any], name: str) -> NDArray[Any]:
    return _ids(_column(table, name), f"column {name!r}")


def _time_column(table: nw.DataFrame[Any], name: str) -> NDArray[np.int64]:
    return _integers(_column(table, name), f"column {name!r}")


def _ids(values: ArrayLike, name: str) -> NDArray[Any]:
    """Ids as int64 or str, from integers, whole floats, strings or objects of one such kind."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    if array.dtype.kind == "U" and not isinstance(values, np.ndarray):
        array = np.asarray(values, object)  # NumPy turns [1, "a"] into strings
    if array.dtype.kind == "O":
        kinds = {_kind(value) for value in array.tolist()}
        if kinds == {"str"}:
            return array.astype(str)
        if kinds != {"int"} and kinds:
            found = " and ".join(sorted(kinds))
            raise TypeError(f"{name} must be all integers or all strings, not {found}")
        array = array.astype(np.int64)
    if array.dtype.kind == "T":
        return array.astype(str)
    if array.dtype.kind == "f":
        _finite(array, name)
        whole = array == np.floor(array)
        if not whole.all():
            found = array[~whole][0]
            raise ValueError(f"{name} must be integers or strings; found {found}")
    elif array.dtype.kind not in "iuU":
        raise TypeError(f"{name} must be integers or strings, not {array.dtype}")
    return array if array.dtype.kind == "U" else array.astype(np.int64, copy=False)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "str"
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return "int"
    return type(value).__name__


def _floats(values: ArrayLike, name: str) -> NDArray[np.float32]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be numbers, not {array.dtype}")
    return _finite(array, name)


def _finite(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32, copy=False)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(
            f"{name} must be finite float32 numbers; found {array[bad[0]]} at position {bad[0]} "
            f"({len(bad)} in all)"
        )
    return numbers


def _integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise ValueError(f"{name} has missing times")
        return array.astype("datetime64[ns]").astype(np.int64)
    if array.dtype.kind == "f":
        _finite(array, name)
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers or datetimes, not {array.dtype}")
    return array.astype(np.int64)


def _positive(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    bad = np.flatnonzero(weights <= 0)
    if len(bad):
        raise ValueError(
            f"weights must be above 0; found {weights[bad[0]]} at position {bad[0]} "
            f"({len(bad)} in all); leave out ratings that should not count"
        )
    return weights


# -- ids to indices -----------------------------------------------------------------------------


def _rising(ids: NDArray[Any]) -> bool:
    return bool((ids[1:] > ids[:-1]).all())


def _unique_ids(ids: ArrayLike, side: str) -> NDArray[Any]:
    values = _ids(ids, f"{side}_ids")
    unique = np.unique(values)
    if len(unique) != len(values):
        raise ValueError(f"{side}_ids has repeated ids")
    return unique


def _axis_ids(ids: ArrayLike | None, n: int, side: str) -> NDArray[Any]:
    if ids is None:
        return np.arange(n)
    _unique_ids(ids, side)
    values = _ids(ids, f"{side}_ids")
    if len(values) != n:
        raise ValueError(f"{side}_ids has {len(values)} ids for {n} {side}s of the matrix")
    return values


def _index(
    values: NDArray[Any], universe: ArrayLike | None, side: str
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if universe is None:
        ids, indices = np.unique(values, return_inverse=True)
    else:
        ids = _unique_ids(universe, side)
        indices = _lookup(ids, values, side)
    if len(ids) > _MAX_SIDE:
        raise ValueError(f"{len(ids)} {side}s are more than {_MAX_SIDE}")
    return ids, indices


def _lookup(known: NDArray[Any], ids: Any, side: str) -> Any:
    values = np.asarray(ids)
    if values.size == 0:
        return np.empty(values.shape, np.int64)
    if (values.dtype.kind in "iu") != (known.dtype.kind == "i") or values.dtype.kind not in "iuU":
        kind = "integers" if known.dtype.kind == "i" else "strings"
        raise UnknownIdError(f"{side} ids are {kind} here; got {_sample(values)}")
    found = np.minimum(np.searchsorted(known, values), len(known) - 1)
    missing = known[found] != values
    if missing.any():
        unknown = np.unique(values[missing])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UnknownIdError(f"unknown {side}: {_sample(unknown)}{more}")
    return int(found) if values.ndim == 0 else found


def _sample(values: NDArray[Any]) -> str:
    return ", ".join(repr(value) for value in values.ravel()[:5].tolist())
