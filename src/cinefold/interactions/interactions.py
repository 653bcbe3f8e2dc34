"""The ratings of a data set, and how to build, look into and divide them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp

from cinefold._cache import PickledWithoutCaches
from cinefold.interactions import splits
from cinefold.interactions.batches import checked, columns_of, numbered
from cinefold.interactions.blocks import BLOCK, in_blocks, kept
from cinefold.interactions.entries import (
    Duplicates,
    Entries,
    SharedMatrix,
    canonical,
    csr,
    digest,
    read_only,
    weights_of_pattern,
)
from cinefold.interactions.ids import axis_ids, lookup, rising

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike, NDArray

    from cinefold.interactions.splits import RandomState, SplitMethod


@dataclass(frozen=True, eq=False, repr=False)
class Interactions(PickledWithoutCaches):
    """Ratings of items by users, indexed from both sides.

    Build it with :meth:`from_dataframe`, :meth:`from_arrays` or :meth:`from_sparse`.

    Attributes
    ----------
    user_ids, item_ids : ndarray of int64 or of str (dtype object), shape (n_users,), (n_items,)
        Original ids, sorted; row i of the matrices belongs to ``user_ids[i]``.
    by_user : csr_array of float32, shape (n_users, n_items)
        The ratings; stored entries are observations, whatever their value. All arrays are
        read-only; ``by_user.copy()`` can be changed.
    weights : ndarray of float32, shape (n_ratings,), or None
        Confidence of each rating, in the order of ``by_user``.
    timestamps : ndarray of int64, shape (n_ratings,), or None
        In the order of ``by_user``.
    """

    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    by_user: sp.csr_array = SharedMatrix()  # noqa: RUF009
    weights: NDArray[np.float32] | None = None
    timestamps: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        sizes = *self.by_user.shape, self.n_ratings, self.n_ratings
        for name, n in zip(("user_ids", "item_ids", "weights", "timestamps"), sizes, strict=True):
            values = read_only(getattr(self, name))
            if values is not None and values.shape != (n,):
                raise ValueError(f"{name} must be of shape ({n},), not {values.shape}")
            object.__setattr__(self, name, values)

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
            Columns of times (integers; datetimes become microseconds since 1970) and of
            confidence weights (above 0).
        duplicates : {"last", "mean", "sum", "max", "error"}
            What becomes of several rows for one user and item. "last" keeps the latest by
            timestamp, without timestamps the last row, and warns with their number. The others
            combine the ratings; weight and timestamp are those of the last.

        Raises
        ------
        TypeError, ValueError
            Naming the column, what was found and what is allowed.
        """
        columns = columns_of(frame, (user, item, rating, timestamp, weight))
        return cls._from_numbered(numbered([columns], copy=False), duplicates)

    @classmethod
    def from_batches(
        cls,
        frames: Iterable[IntoDataFrame],
        *,
        user: str = "user_id",
        item: str = "item_id",
        rating: str | None = "rating",
        timestamp: str | None = None,
        weight: str | None = None,
        duplicates: Duplicates = "last",
    ) -> Self:
        """From tables that come one at a time, as parts of one that is larger than memory.

        Of each, 12 bytes a rating are kept (8 more for times, 4 for weights), and the ids, before
        the next is asked for.

        Parameters
        ----------
        frames : iterable of dataframe
            With the same columns, such as the row groups of a file; some may be empty.
        user, item, rating, timestamp, weight, duplicates
            As in :meth:`from_dataframe`.
        """
        names = user, item, rating, timestamp, weight
        batches = map(columns_of, frames, repeat(names))  # which keeps none in a variable
        return cls._from_numbered(numbered(batches, copy=True), duplicates)

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
        columns = checked((users, items, ratings, timestamps, weights))
        parts = numbered([columns], user_ids, item_ids, copy=False)
        return cls._from_numbered(parts, duplicates)

    @classmethod
    def _from_numbered(
        cls, parts: tuple[NDArray[Any], NDArray[Any], Entries], duplicates: Duplicates
    ) -> Self:
        users, items, entries = parts
        ratings = entries.sorted(len(users)).without_duplicates(duplicates, stacklevel=3)
        return cls(users, items, ratings.matrix(len(items)), ratings.weights, ratings.timestamps)

    @classmethod
    def from_sparse(
        cls,
        matrix: sp.sparray | sp.spmatrix,
        *,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        weights: sp.sparray | sp.spmatrix | ArrayLike | None = None,
        copy: bool = True,
    ) -> Self:
        """From a scipy sparse matrix: rows are users, columns are items.

        Stored zeros are observations. Entries stored twice are added up, as scipy does.

        Parameters
        ----------
        matrix : sparse matrix, shape (n_users, n_items)
        user_ids, item_ids : array, optional
            Ids of the rows and columns, unique; 0, 1, 2 ... by default.
        weights : sparse matrix of the same pattern, or array in the order of its CSR form, optional
            Confidence of each one, above 0.
        copy : bool
            False lets the result share the arrays of a CSR matrix in order; they must then stay.

        Raises
        ------
        TypeError, ValueError
            If the matrix is not sparse, empty, or damaged: indices or offsets out of range,
            numbers that are not finite.
        """
        if not sp.issparse(matrix):
            raise TypeError(
                "matrix must be scipy sparse (rows users, columns items), not "
                f"{type(matrix).__name__}; scipy.sparse.csr_array(matrix) makes one, with the "
                "zeros as unobserved"
            )
        by_user = canonical(matrix, "matrix", copy=copy)
        if by_user.nnz == 0:
            raise ValueError(f"there are no ratings: the matrix of shape {matrix.shape} is empty")
        confidence = None if weights is None else weights_of_pattern(weights, by_user)
        n_users, n_items = by_user.shape
        users = axis_ids(user_ids, n_users, "user")
        items = axis_ids(item_ids, n_items, "item")
        if rising(users) and rising(items):
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
    def transposed(self) -> Interactions:
        """The same with users and items in each other's places, without timestamps."""
        weights = None
        if self.weights is not None:
            pattern = self.by_user.indices, self.by_user.indptr
            matrix = sp.csr_array((self.weights, *pattern), shape=self.by_user.shape)
            weights = sp.csr_array(matrix.T).data
        return Interactions(self.item_ids, self.user_ids, sp.csr_array(self.by_user.T), weights)

    @property
    def by_item(self) -> sp.csr_array:
        """The ratings from the items' side, (n_items, n_users)."""
        return self.transposed.by_user

    @property
    def weights_by_item(self) -> NDArray[np.float32] | None:
        """``weights`` in the order of ``by_item``."""
        return self.transposed.weights

    def user_index(self, ids: Any) -> Any:
        """Row of a user id, or rows (int64) of an array of ids; UnknownIdError for others."""
        return lookup(self.user_ids, ids, "user")

    def item_index(self, ids: Any) -> Any:
        """Column of an item id, or columns (int64) of an array; UnknownIdError for others."""
        return lookup(self.item_ids, ids, "item")

    def user_ratings(self, user_id: Any) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """What a user rated: item ids and ratings.

        Raises
        ------
        UnknownIdError
        """
        row = self.user_index(user_id)
        begin, end = self.by_user.indptr[row : row + 2]
        return self.item_ids[self.by_user.indices[begin:end]], self.by_user.data[begin:end]

    def item_ratings(self, item_id: Any) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Who rated an item: user ids and ratings, looked up among all ratings."""
        column, own = self.item_index(item_id), self.by_user
        parts = in_blocks(
            self.n_ratings, lambda at: at.start + np.flatnonzero(own.indices[at] == column)
        )
        places = np.concatenate([np.empty(0, np.int64), *parts])
        rows = np.searchsorted(own.indptr, places, side="right") - 1
        return self.user_ids[rows], own.data[places]

    def user_counts(self) -> NDArray[np.int64]:
        """Number of ratings of each user, (n_users,)."""
        counts: NDArray[np.int64] = np.diff(self.by_user.indptr).astype(np.int64)
        return counts

    def item_counts(self) -> NDArray[np.int64]:
        """Number of ratings of each item, (n_items,)."""
        return self._item_counts.copy()

    @cached_property
    def _item_counts(self) -> NDArray[np.int64]:
        counts, size = np.zeros(self.n_items, np.int64), 4 * BLOCK
        for begin in range(0, self.n_ratings, size):  # with 64-bit copies, which are small
            block = self.by_user.indices[begin : begin + size]
            counts += np.bincount(block, minlength=self.n_items)
        return counts

    def fingerprint(self) -> str:
        """SHA-256 of the ratings, their weights and the ids, in hexadecimal."""
        own = self.by_user
        ratings = own.indptr, own.indices, own.data, self.weights
        return digest(self.user_ids, self.item_ids, *ratings)

    # -- dividing -----------------------------------------------------------------------------

    def select(self, mask: ArrayLike) -> Interactions:
        """The ratings where `mask` (n_ratings,), in the order of ``by_user``, with the same ids."""
        chosen, expected = np.asarray(mask), (self.n_ratings,)
        if chosen.dtype != bool or chosen.shape != expected:
            raise ValueError(
                f"mask must be boolean of shape {expected}, not {chosen.dtype} of {chosen.shape}"
            )
        own = self.by_user
        offsets, ratings, columns, weights, times = kept(
            chosen, own.indptr, own.data, own.indices, self.weights, self.timestamps
        )
        matrix = csr(ratings, columns, offsets, self.n_items)
        return replace(self, by_user=matrix, weights=weights, timestamps=times)

    def split(
        self,
        method: SplitMethod = "per-user",
        *,
        fraction: float | Sequence[float] = 0.1,
        random_state: RandomState = 0,
    ) -> tuple[Interactions, ...]:
        """Part of the ratings to learn from, and the rest to measure on; all with all ids.

        Parameters
        ----------
        method : {"per-user", "random", "leave-last-out", "time"}
            A random `fraction` of each user's ratings (rounded; a user keeps at least one), of
            all ratings, each user's latest rating, or the latest `fraction` of all ratings (the
            last two need timestamps).
        fraction : float or sequence of float
            Between 0 and 1; not used by "leave-last-out". Several give as many held-out parts, in
            their order: ``train, validation, test = split(fraction=(0.1, 0.1))``. The last part
            is what its fraction alone would hold out, and of "time" the latest.
        random_state : int, Generator, RandomState or None
            The same integer gives the same split everywhere; the others one that is new each time.

        Returns
        -------
        tuple of Interactions

        Raises
        ------
        ValueError
            If the fractions or their sum are not between 0 and 1, for an unknown method, or if
            there are no timestamps where they are needed.
        TypeError
            If `random_state` is something else.
        """
        seed = splits.seed_from(random_state)
        try:
            fractions = np.atleast_1d(np.asarray(fraction, np.float64))
        except (TypeError, ValueError):
            raise TypeError(f"fraction must be a number, or several, not {fraction!r}") from None
        totals = np.cumsum(fractions[::-1])
        if fractions.ndim > 1 or not (len(totals) and fractions.min() > 0 and totals[-1] < 1):
            raise ValueError(f"fraction must be between 0 and 1, in sum too, not {fraction}")
        if method == "leave-last-out" and len(fractions) > 1:
            raise ValueError("leave-last-out holds out one part, not several; split twice")
        offsets, times = self.by_user.indptr, self.timestamps
        parts = splits.parts(method, offsets, times, totals, seed)
        return tuple(self.select(parts == part) for part in range(len(totals) + 1))
