"""What a model has to beat, each in a few lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from cinefold.als.backend import top_k
from cinefold.als.iterations import available_threads
from cinefold.interactions import Interactions
from cinefold.models.results import FoldedUsers, Ranking

Lists = tuple[NDArray[np.integer], NDArray[np.float32]]

_MOST_RATED = 1000
_TINY = 1e-9
_STANDSTILL = 1e-10


class Baseline(ABC):
    """A model that scores users by their ratings, and lists what scores highest.

    Attributes
    ----------
    interactions_ : Interactions
        What it was fitted on.
    """

    interactions_: Interactions

    @abstractmethod
    def fit(self, interactions: Interactions) -> Self:
        """Learn from `interactions`.

        Parameters
        ----------
        interactions : Interactions
        """

    @abstractmethod
    def _scores(self, ratings: csr_array) -> NDArray[np.float64]:
        """Scores of all items for users with these ratings (n, n_items)."""

    @abstractmethod
    def _best(self, ratings: csr_array, k: int) -> Lists:
        """Unrated items, -1 where none is left, and scores, (n, k); ties by item."""

    def fold_in(self, ratings: Interactions | csr_array) -> FoldedUsers:
        """Users who were not there, by their ratings of the same items.

        Parameters
        ----------
        ratings : Interactions or csr_array, shape (n_users, n_items)

        Returns
        -------
        FoldedUsers
            A batch, in place of ids for the other methods.

        Raises
        ------
        ValueError
            If `ratings` has another number of items.
        """
        matrix, n_items = _matrix(ratings), self.interactions_.n_items
        if matrix.shape[1] != n_items:
            raise ValueError(f"ratings must have {n_items} items, but has {matrix.shape[1]}")
        return FoldedUsers(np.zeros((matrix.shape[0], 0), np.float32), matrix)

    def scores(self, users: ArrayLike | FoldedUsers) -> NDArray[np.float64]:
        """Scores of all items, also of those that were rated.

        Parameters
        ----------
        users : array_like of user ids, or FoldedUsers

        Returns
        -------
        ndarray of float64, shape (n_users, n_items)

        Raises
        ------
        UnknownIdError
            If the training data has no such user.
        """
        return self._scores(self._ratings(users))

    def recommend(self, users: ArrayLike | FoldedUsers, k: int = 10) -> Ranking:
        """The k items of highest score that each of `users` has not rated; ties by item id.

        Parameters
        ----------
        users : array_like of user ids, or FoldedUsers
        k : int

        Returns
        -------
        Ranking
            Of shape (n_users, k).

        Raises
        ------
        UnknownIdError
            If the training data has no such user.
        """
        ratings = self._ratings(users)
        items, scores = self._best(ratings, min(k, ratings.shape[1]))
        return Ranking.of(self.interactions_.item_ids, items, scores)

    def _ratings(self, users: ArrayLike | FoldedUsers) -> csr_array:
        if isinstance(users, FoldedUsers):
            return users.ratings
        rows = self.interactions_.user_index(np.atleast_1d(np.asarray(users)))
        return self.interactions_.by_user[rows]


class _SameForAll(Baseline):
    """A baseline with the same scores, (n_items,), for every user."""

    _item_scores: NDArray[np.float64]

    def _scores(self, ratings: csr_array) -> NDArray[np.float64]:
        return np.tile(self._item_scores, (ratings.shape[0], 1))

    def _best(self, ratings: csr_array, k: int) -> Lists:
        scores = self._item_scores.astype(np.float32)
        # Hardly anybody has rated so many of the best that more of them are needed.
        few = np.sort(np.argsort(-scores, kind="stable")[: k + _MOST_RATED])
        items, values = _same_list(ratings[:, few], scores[few], k)
        items = np.where(items >= 0, few[items], -1)
        short = items[:, -1] < 0
        if short.any() and len(few) < len(scores):
            items[short], values[short] = _same_list(ratings[short], scores, k)
        return items, values


def _same_list(ratings: csr_array, scores: NDArray[np.float32], k: int) -> Lists:
    ones, threads = np.ones((ratings.shape[0], 1), np.float32), available_threads(None)
    return top_k(ones, scores[:, np.newaxis], k, excluded=ratings, n_threads=threads)


class Popularity(_SameForAll):
    """Recommends what most users have rated; predicts an item's mean rating.

    The mean is damped: :math:`(\\sum_i r_{ij} + \\beta \\mu) / (n_j + \\beta)` with the mean of all
    ratings :math:`\\mu`, so that an item with one rating is predicted near the average and an item
    without any as average.

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

    counts_: NDArray[np.int64]
    item_means_: NDArray[np.float64]

    def __init__(self, *, damping: float = 5.0) -> None:
        self.damping = damping

    def fit(self, interactions: Interactions) -> Self:
        """Count and average the ratings of `interactions`.

        Parameters
        ----------
        interactions : Interactions

        Raises
        ------
        ValueError
            If `damping` is negative.
        """
        if self.damping < 0:
            raise ValueError(f"damping must be 0 or more, got {self.damping}")
        ratings = interactions.by_item
        self.interactions_ = interactions
        self.counts_ = interactions.item_counts()
        self._item_scores = self.counts_.astype(np.float64)
        sums = ratings @ np.ones(ratings.shape[1])
        mean = sums.sum() / max(1, self.counts_.sum())
        shares = np.maximum(self.counts_ + self.damping, np.finfo(np.float64).tiny)
        self.item_means_ = (sums + self.damping * mean) / shares
        return self

    def predict(self, users: ArrayLike | FoldedUsers, items: ArrayLike) -> NDArray[np.float32]:
        """Predicted ratings of pairs: the item's damped mean, whoever the user is.

        Parameters
        ----------
        users, items : array_like, shape (n,)
            Original ids.

        Returns
        -------
        ndarray of float32, shape (n,)

        Raises
        ------
        UnknownIdError
            If the training data has no such item.
        """
        del users
        indices = self.interactions_.item_index(np.asarray(items))
        return np.asarray(self.item_means_[indices], np.float32)


class BiasBaseline(_SameForAll):
    """Predicts mean + user's bias + item's bias, by ridge regression.

    .. math::

        \\sum (r_{ij} - \\mu - b_i - b_j)^2
        + \\beta_U \\sum_i b_i^2 + \\beta_I \\sum_j b_j^2

    (Koren, Bell, Volinsky 2009, eq. 3), minimized over one side after the other, and over a shift
    from one side to the other, which alternation finds slowly. It lists what has the
    highest item bias.

    Parameters
    ----------
    user_damping, item_damping : float
        beta_U and beta_I: as many ratings at the mean are given to each on top of their own.
    n_iter : int
        Rounds over both sides at most; it ends when the biases stand still.

    Attributes
    ----------
    global_mean_ : float
    user_biases_, item_biases_ : ndarray of float64, shape (n_users,), (n_items,)
    """

    global_mean_: float
    user_biases_: NDArray[np.float64]
    item_biases_: NDArray[np.float64]

    def __init__(
        self, *, user_damping: float = 5.0, item_damping: float = 3.0, n_iter: int = 100
    ) -> None:
        self.user_damping = user_damping
        self.item_damping = item_damping
        self.n_iter = n_iter

    def fit(self, interactions: Interactions) -> Self:
        """Find the biases of `interactions`.

        Parameters
        ----------
        interactions : Interactions

        Raises
        ------
        ValueError
            If a damping is negative.
        """
        if min(self.user_damping, self.item_damping) < 0:
            raise ValueError(
                "user_damping and item_damping must be 0 or more, got "
                f"{self.user_damping} and {self.item_damping}"
            )
        self.interactions_ = interactions
        self.global_mean_ = float(interactions.by_user.data.mean(dtype=np.float64))
        self.user_biases_ = np.zeros(interactions.n_users)
        self.item_biases_ = np.zeros(interactions.n_items)
        for _ in range(self.n_iter):
            before = self.user_biases_
            shifted = before + self._shift()
            self.item_biases_ = self._biases(interactions.by_item, shifted, self.item_damping)
            self.user_biases_ = self._user_biases(interactions.by_user)
            if np.abs(self.user_biases_ - before).max() < _STANDSTILL:
                break
        self._item_scores = self.global_mean_ + self.item_biases_
        return self

    def _shift(self) -> float:
        """What is best added to all users' biases and taken off all items': no error changes."""
        damping = np.array([self.user_damping, self.item_damping])
        sums = np.array([self.user_biases_.sum(), -self.item_biases_.sum()])
        sizes = np.array([len(self.user_biases_), len(self.item_biases_)])
        return float(-(damping @ sums) / max(damping @ sizes, _TINY))

    def _user_biases(self, ratings: csr_array) -> NDArray[np.float64]:
        return self._biases(ratings, self.item_biases_, self.user_damping)

    def _biases(
        self, ratings: csr_array, others: NDArray[np.float64], damping: float
    ) -> NDArray[np.float64]:
        """Of the rows, with those of the columns fixed: damped means of what is left."""
        counts = np.diff(ratings.indptr)
        rows = np.repeat(np.arange(len(counts)), counts)
        left = ratings.data - self.global_mean_ - others[ratings.indices]
        return np.asarray(
            np.bincount(rows, left, len(counts)) / np.maximum(counts + damping, _TINY)
        )

    def fold_in(self, ratings: Interactions | csr_array) -> FoldedUsers:
        """New users: their one factor is their bias.

        Parameters
        ----------
        ratings : Interactions or csr_array, shape (n_users, n_items)

        Returns
        -------
        FoldedUsers
        """
        matrix = _matrix(ratings)
        return FoldedUsers(self._user_biases(matrix)[:, None].astype(np.float32), matrix)

    def predict(self, users: ArrayLike | FoldedUsers, items: ArrayLike) -> NDArray[np.float32]:
        """Predicted ratings of pairs.

        Parameters
        ----------
        users : array_like of user ids, shape (n,), or FoldedUsers
        items : array_like of item ids, shape (n,)

        Returns
        -------
        ndarray of float32, shape (n,)

        Raises
        ------
        UnknownIdError
            For a user or item that was not in the training data.
        """
        if isinstance(users, FoldedUsers):
            biases = np.atleast_2d(users.factors)[:, 0]
        else:
            biases = self.user_biases_[self.interactions_.user_index(np.asarray(users))]
        item_biases = self.item_biases_[self.interactions_.item_index(np.asarray(items))]
        return np.asarray(self.global_mean_ + biases + item_biases, np.float32)


def _matrix(ratings: Interactions | csr_array) -> csr_array:
    matrix: csr_array = getattr(ratings, "by_user", ratings)
    return matrix
