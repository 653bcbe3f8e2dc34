"""What a model has to beat: the same list for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from cinefold.model.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions


class Popularity:
    """Recommends what most users have rated; predicts an item's mean rating.

    The mean is damped: :math:`(\\sum_i r_{ij} + \\beta \\mu) / (n_j + \\beta)` with the mean of all
    ratings :math:`\\mu`, so that an item with one rating is not believed at its word and an item
    without any is predicted as average.

    Parameters
    ----------
    damping : float
        beta, the number of average ratings that every item is given on top of its own.

    Attributes
    ----------
    interactions_ : Interactions
        What it was fitted on.
    counts_ : ndarray of int64, shape (n_items,)
        Ratings per item.
    item_means_ : ndarray of float64, shape (n_items,)
        Damped means.
    """

    interactions_: Interactions
    counts_: NDArray[np.int64]
    item_means_: NDArray[np.float64]

    def __init__(self, *, damping: float = 5.0) -> None:
        self.damping = damping

    def fit(self, interactions: Interactions) -> Self:
        """Count and average the ratings of `interactions`."""
        if self.damping < 0:
            raise ValueError(f"damping must be 0 or more, got {self.damping}")
        ratings = interactions.by_item
        self.interactions_ = interactions
        self.counts_ = interactions.item_counts()
        sums = np.asarray(ratings.sum(axis=1, dtype=np.float64)).ravel()
        mean = sums.sum() / max(1, self.counts_.sum())
        shares = np.maximum(self.counts_ + self.damping, np.finfo(np.float64).tiny)
        self.item_means_ = (sums + self.damping * mean) / shares
        return self

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Predicted ratings of pairs: the item's damped mean, whoever the user is.

        Parameters
        ----------
        users, items : array_like, shape (n,)
            Original ids.

        Raises
        ------
        UnknownIdError
            If the training data has no such item.
        """
        del users
        indices = self.interactions_.item_index(np.asarray(items))
        return np.asarray(self.item_means_[indices], np.float32)

    def recommend(self, users: ArrayLike, k: int = 10) -> Ranking:
        """The k most rated items that each of `users` (n,) has not rated; the score is the count.

        Equal counts are ordered by item id.

        Raises
        ------
        UnknownIdError
            If the training data has no such user.
        """
        rows = self.interactions_.user_index(np.atleast_1d(np.asarray(users)))
        order = np.argsort(-self.counts_, kind="stable")
        places = _unrated_places(self.interactions_.by_user[rows], order, min(k, len(order)))
        left = places < len(order)
        items = order[np.where(left, places, 0)]
        scores = np.where(left, self.counts_[items], -np.inf).astype(np.float32)
        return Ranking(self.interactions_.item_ids[items], scores)


def _unrated_places(rated: csr_array, order: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Where in `order` each row's first k items are that it has not rated, shape (n, k).

    Places past the end mean that a row has rated the rest. Without a loop over rows: a rated item
    in place r of the order, m-th of its row, pushes back all unrated ones from the (r - m)-th on.
    """
    place_of = np.empty_like(order)
    place_of[order] = np.arange(len(order))
    counts = np.diff(rated.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.sort(rows * len(order) + place_of[rated.indices]) - rows * len(order)
    pushed = places - (np.arange(len(places)) - np.repeat(rated.indptr[:-1], counts))
    near = pushed < k
    pushes = np.bincount(rows[near] * k + pushed[near], minlength=len(counts) * k)
    return np.asarray(np.arange(k) + pushes.reshape(-1, k).cumsum(axis=1))
