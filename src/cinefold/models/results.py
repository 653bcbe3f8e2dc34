"""What estimators return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cinefold.interactions import Interactions
from cinefold.interactions.column_values import finite
from cinefold.interactions.entries import SharedMatrix, read_only


class NotFittedError(ValueError, AttributeError):
    """The model has no factors yet: call ``fit`` or ``load`` first."""

    def __init__(self, message: str = "the model is not fitted; call fit or load first") -> None:
        super().__init__(message)


@dataclass(frozen=True)
class Ranking:
    """Items by falling score, for one user (or item) or for several.

    Unpacks as a pair: ``items, scores = model.recommend(user)``.

    Attributes
    ----------
    items : ndarray, shape (n,) or (n_users, k)
        Original item ids. One user's ranking has n <= k entries: fewer when fewer items are left.
        A batch has empty places instead: see ``mask``.
    scores : ndarray of float32, the same shape
        -inf in empty places.
    """

    items: NDArray[Any]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, item_ids: NDArray[Any], indices: NDArray[Any], scores: NDArray[np.float32]) -> Self:
        """From indices into `item_ids`, -1 in empty places, which one user's ranking leaves out.

        Parameters
        ----------
        item_ids : ndarray, shape (n_items,)
        indices, scores : ndarray of int, of float32, shape (n,) or (n_users, k)
        """
        empty = indices < 0
        if indices.ndim == 1:
            return cls(item_ids[indices[~empty]], scores[~empty])
        items = item_ids[indices]
        items[empty] = "" if item_ids.dtype.kind == "O" else np.iinfo(item_ids.dtype).min
        return cls(items, np.where(empty, np.float32(-np.inf), scores))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where there is an item, the same shape.

        Elsewhere ``items`` has an empty string or the lowest integer, which are nobody's id.
        """
        return ~np.isneginf(self.scores)

    def indices(self, interactions: Interactions) -> NDArray[np.int64]:
        """Columns of the items in `interactions`; -1 in empty places.

        Parameters
        ----------
        interactions : Interactions

        Returns
        -------
        ndarray of int64, the shape of ``items``

        Raises
        ------
        UnknownIdError
            If `interactions` lacks an item.
        """
        found = np.full(self.items.shape, -1, np.int64)
        found[self.mask] = interactions.item_index(self.items[self.mask])
        return found

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.items, self.scores))

    def __len__(self) -> int:
        return len(self.items)

    @property
    def counts(self) -> NDArray[np.int64] | int:
        """How many items each user got; below k when fewer were left."""
        found = self.mask.sum(axis=-1)
        return int(found) if self.scores.ndim == 1 else found

    def to_columns(self, users: NDArray[Any] | None = None) -> dict[str, NDArray[Any]]:
        """The ranking as tidy columns (user, item, score, rank) for any dataframe library.

        Parameters
        ----------
        users : array, shape (n_users,), optional
            The ids a batch was asked for, repeated in the column ``user``; without them that
            column holds the position in the batch (and is left out for a single user).

        Returns
        -------
        dict of str to ndarray
            Of equal length, without the empty places.
        """
        found = self.mask
        rank = np.broadcast_to(np.arange(1, self.scores.shape[-1] + 1), found.shape)
        columns = {"item": self.items[found], "score": self.scores[found], "rank": rank[found]}
        if found.ndim == 1:
            return columns
        who = np.arange(len(found)) if users is None else np.asarray(users)
        return {"user": np.repeat(who, found.sum(axis=1)), **columns}


@dataclass(frozen=True)
class FoldedUsers:
    """Users the model was not trained on, solved exactly from their ratings.

    ``recommend``, ``predict`` and ``explain`` take it in place of a user id.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,) or (n_users, n_factors)
        One vector for a mapping of ratings, rows for a batch.
    ratings : csr_array of float32, shape (n_users, n_items)
        What they rated (one row for a single user), in the model's item order.
    weights : ndarray of float32, shape (n_ratings,), or None
        Confidence of each rating, in the order of `ratings`.
    user_ids : ndarray, shape (n_users,), or None
        Ids of the rows, where the ratings came with ids.
    model : str or None
        Digest of the model: others refuse these users.

    All arrays are read-only.
    """

    factors: NDArray[np.float32]
    ratings: csr_array = SharedMatrix()  # noqa: RUF009
    weights: NDArray[np.float32] | None = None
    user_ids: NDArray[Any] | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        n_users, n_ratings = self.ratings.shape[0], self.ratings.nnz
        lengths = {"factors": n_users, "weights": n_ratings, "user_ids": n_users}
        for name, n in lengths.items():
            values = read_only(getattr(self, name))
            rows = values[np.newaxis] if name == "factors" and values.ndim == 1 else values
            if rows is not None and len(rows) != n:
                raise ValueError(f"{name} of shape {values.shape} do not fit {n} rows")
            object.__setattr__(self, name, values)
        finite(self.factors, "factors")

    def __len__(self) -> int:
        return int(self.ratings.shape[0])

    def __getitem__(self, rows: Any) -> FoldedUsers:
        """Some of a batch (a slice or indices, which may repeat), or one of it (an integer)."""
        chosen = [rows] if np.ndim(rows) == 0 and not isinstance(rows, slice) else rows
        weights = self.weights
        if weights is not None:
            weighted = self.ratings.copy()
            weighted.data = weights
            weights = weighted[chosen].data
        ids = None if self.user_ids is None else self.user_ids[chosen]
        factors = np.atleast_2d(self.factors)[rows]
        return FoldedUsers(factors, self.ratings[chosen], weights, ids, self.model)


@dataclass(frozen=True)
class FoldedItems:
    """Items the model was not trained on, solved exactly from their ratings.

    Their scores are ``user_factors_ @ factors.T``, and `baseline` on top in a model with biases.
    ``similar_items`` takes it in place of an item id.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,) or (n_items, n_factors)
        One vector for a mapping of ratings, rows for a batch.
    baseline : ndarray of float32, shape (n_items,), or None
        The mean of all ratings and the item's bias, in a model with biases.
    item_ids : ndarray, shape (n_items,), or None
        Ids of the rows, where the ratings came with ids.
    model : str or None
        Digest of the model: others refuse these items.
    """

    factors: NDArray[np.float32]
    baseline: NDArray[np.float32] | None = None
    item_ids: NDArray[Any] | None = None
    model: str | None = None


@dataclass(frozen=True)
class Explanation:
    """A score as the sum of what each rating of the user adds to it.

    Attributes
    ----------
    item : object
        The item whose score is explained.
    score : float
        `start` and the sum of `contributions`.
    start : float
        What the item scores before any rating of the user is taken into account: 0, or in a model
        with biases the mean of all ratings and the item's bias.
    items, ratings, contributions : ndarray, shape (n_rated,)
        The user's ratings, by falling contribution.
    """

    item: Any
    score: float
    start: float
    items: NDArray[Any]
    ratings: NDArray[np.float32]
    contributions: NDArray[np.float64]
