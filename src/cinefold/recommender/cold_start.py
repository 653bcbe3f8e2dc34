"""New users, folded in from few answers, with the model's own users as the prior.

A plain fold-in takes every movie that a new user has not rated for one that they did not choose.
After three ratings that is wrong: nobody has asked them. So what is expected of a new user starts
from the users that the model was trained on, :math:`u \\sim N(\\mu, \\Sigma)` with the mean and the
covariance of their factors, and gives way to the model's own prior as ratings above the lowest,
n of them, add up:

.. math::

    A = (1 - \\omega) \\sigma^2 \\Sigma^{-1} + \\omega (w_0 V'V + \\lambda_n I)
        + \\sum_{j\\ rated} (c_j - \\omega w_0) v_j v_j'
        + \\sum_{j\\ not\\ seen} (1 - \\omega) w_0 v_j v_j'

    A u = (1 - \\omega) \\sigma^2 \\Sigma^{-1} \\mu + \\sum_{j\\ rated} c_j t_j v_j,
    \\qquad \\omega = \\frac{n^2}{n^2 + (\\bar n / 4)^2}

where :math:`\\bar n` is the mean number of ratings of a user, and :math:`\\sigma^2` half the prior
variance of the score of a rated movie. Movies that they say they have not seen count as 0 with the
full weight w0 of an unobserved pair, those that nobody asked about with :math:`\\omega w_0`. With
many ratings this is the plain fold-in; with none it lists what most users like.
docs/cold_start.md measures it.

(The estimator is that of a Gaussian prior, for example Bishop: Pattern Recognition and Machine
Learning, 2006, section 3.3, with the prior's mean and covariance taken from the data: empirical
Bayes, Efron and Morris 1973.)
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from cinefold.als.basis import one_blas_thread
from cinefold.als.row_equations import RowEquations, inverse
from cinefold.models import FoldedUsers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.row_equations import Posterior
    from cinefold.models import WeightedMatrixFactorization

_NOISE = 0.5  # sigma^2, in prior variances of the score of a rated movie
_SETTLED = 0.25  # omega is one half after this share of a typical user's ratings
_NUMBERS_AT_ONCE = 1 << 23  # float64 in the largest temporary array
_ROWS_AT_ONCE = 8192
_RIDGE = 1e-9


class ColdStart:
    """Folds in people that a model was not trained on, from few ratings as well as from many.

    Stars become targets by their distance from the lowest rating of the training data, such that
    an average rating has an average target. So the lowest rating says "none of this", whatever
    the model's target, and also a model of what people watch (``target="binary"``) learns whom it
    was not a pleasure to. A model with biases predicts stars, and is told them as they are.

    Parameters
    ----------
    model : WeightedMatrixFactorization
        Fitted.

    Attributes
    ----------
    vectors : ndarray of float64, shape (n_items, n_factors)
        The model's item factors.
    typical_target, typical_confidence : float
        Means over the training ratings.
    """

    def __init__(self, model: WeightedMatrixFactorization) -> None:
        self.model = model
        self.vectors = model.item_factors_.astype(np.float64)
        self._objective = model.objective_
        self._baseline = model.item_baseline_
        stars = model.interactions_.by_user.data
        self._lowest, self._mean = float(stars.min()), float(stars.mean(dtype=np.float64))
        self.typical_target = float(self._objective.targets(stars).mean(dtype=np.float64))
        self.typical_confidence = float(self._confidence(stars).mean())

    # -- folding in ---------------------------------------------------------------------------

    def fold_in(self, ratings: csr_array, not_seen: csr_array | None = None) -> FoldedUsers:
        """The factors of new users.

        Parameters
        ----------
        ratings : csr_array, shape (n_users, n_items)
            Stars as in the training data, in the model's item order. Rows may be empty.
        not_seen : csr_array, shape (n_users, n_items), optional
            Stored entries are movies that they say they have not seen.

        Returns
        -------
        FoldedUsers
            A batch, for ``recommend`` of the model.
        """
        factors = np.empty((ratings.shape[0], self.vectors.shape[1]), np.float32)
        for rows in self._chunks(ratings, not_seen):
            unseen = None if not_seen is None else not_seen[rows]
            factors[rows] = self.equations(ratings[rows], unseen).solve()
        return FoldedUsers(factors, ratings)

    def posterior(self, ratings: csr_array, not_seen: csr_array | None = None) -> Posterior:
        """Factors and their covariance; parameters as in `fold_in`."""
        return self.equations(ratings, not_seen).posterior()

    def without(self, ratings: csr_array, not_seen: csr_array | None = None) -> NDArray[np.float64]:
        """The factors of one new user without each of their ratings, (n_ratings, n_factors).

        Parameters as in `fold_in`, of one row.
        """
        above_lowest = self._above_lowest(ratings.data, ratings.indices)
        factors = np.empty((ratings.nnz, self.vectors.shape[1]))
        for kind in np.unique(above_lowest):  # omega depends on how many of these are left
            equations = self.equations(ratings, not_seen, n_missing=1, n_missing_above=int(kind))
            chosen = np.flatnonzero(above_lowest == kind)
            factors[chosen] = equations[0].without()[chosen]
        return factors

    def equations(
        self,
        ratings: csr_array,
        not_seen: csr_array | None = None,
        *,
        n_missing: int = 0,
        n_missing_above: int = 0,
    ) -> RowEquations:
        """A u = b of each row; parameters as in `fold_in`.

        omega and lambda are those of users with `n_missing` ratings less, `n_missing_above` of
        them above the lowest.
        """
        w0, counts = self._objective.unobserved_weight, np.diff(ratings.indptr)
        ridge = self._objective.row_regularization(counts - n_missing, len(self.vectors))
        vectors, rated, stars = self._padded(ratings)
        telling = (rated >= 0) & self._above_lowest(stars, rated)
        trust = self._trust(telling.sum(axis=1) - n_missing_above)[:, np.newaxis]
        confidence, targets = self._confidence(stars), self._targets(stars, rated)
        if not_seen is not None:
            unseen_vectors, unseen, _ = self._padded(not_seen)
            vectors = np.concatenate([vectors, unseen_vectors], axis=1)
            confidence = np.concatenate([confidence, np.full(unseen.shape, w0)], axis=1)
            targets = np.concatenate([targets, np.zeros(unseen.shape)], axis=1)
        precision, mean = self._prior
        d = np.arange(len(mean))
        priors = (1 - trust)[..., np.newaxis] * precision
        own = trust * (w0 * self._spectrum + ridge[:, np.newaxis])
        priors[:, d, d] += np.maximum(own, _RIDGE)
        pull = (1 - trust) * (precision @ mean)
        return RowEquations(vectors, confidence, targets, trust * w0, priors, pull)

    def as_row(self, answers: Mapping[int, float]) -> csr_array:
        """Values by item index, as a matrix of one row."""
        columns = np.array(sorted(answers), np.int32)
        values = np.array([answers[column] for column in columns.tolist()], np.float32)
        return sp.csr_array((values, columns, [0, len(columns)]), (1, len(self.vectors)))

    def _padded(
        self, answers: csr_array
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float32]]:
        """Vectors, columns and values of each row side by side, (n_users, longest, ...).

        Beyond a row's end, vectors and values are 0, and columns -1.
        """
        counts = np.diff(answers.indptr)
        given = np.arange(counts.max(initial=0)) < counts[:, np.newaxis]
        columns, values = np.full(given.shape, -1, np.int64), np.zeros(given.shape, np.float32)
        columns[given], values[given] = answers.indices, answers.data
        return self.vectors[columns] * given[..., np.newaxis], columns, values

    def _chunks(self, ratings: csr_array, not_seen: csr_array | None) -> Iterator[slice]:
        n, d = ratings.shape[0], self.vectors.shape[1]
        longest = sum(
            int(np.diff(answers.indptr).max(initial=0))
            for answers in (ratings, not_seen)
            if answers is not None
        )
        step = max(1, _NUMBERS_AT_ONCE // (d * max(d, longest)))
        return (slice(start, min(start + step, n)) for start in range(0, n, step))

    # -- stars --------------------------------------------------------------------------------

    def _above_lowest(
        self, stars: NDArray[np.float32], items: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Whether a rating counts for omega; in a model with biases, all do."""
        if self._baseline is not None:
            return np.ones(stars.shape, np.bool_)
        return np.asarray(self._targets(stars, items) > 0)

    def _targets(
        self, stars: NDArray[np.float32], items: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        if self._baseline is not None:
            return np.asarray(stars.astype(np.float64) - self._baseline[items])
        spread = self._mean - self._lowest
        if spread <= 0:  # all training ratings are equal
            return np.full(stars.shape, self.typical_target)
        above = np.maximum(stars.astype(np.float64) - self._lowest, 0)
        return np.asarray(self.typical_target * above / spread)

    def _confidence(self, stars: NDArray[np.float32]) -> NDArray[np.float64]:
        confidence = self._objective.confidence(stars, None)
        return np.ones(stars.shape) if confidence is None else confidence.astype(np.float64)

    # -- what is expected of anybody ----------------------------------------------------------

    def _trust(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """omega after so many ratings above the lowest, shape (n_users,)."""
        interactions = self.model.interactions_
        half = _SETTLED * interactions.n_ratings / interactions.n_users
        squares = counts.astype(np.float64) ** 2
        return np.asarray(squares / (squares + half**2))

    @cached_property
    def _prior(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """sigma^2 Sigma^-1, with sigma^2 in the unit of a typical confidence, and mu."""
        mean, covariance = _moments(self.model.user_factors_)
        with one_blas_thread():
            spread = ((self.vectors @ covariance) * self.vectors).sum(axis=1)
        variance = np.average(spread, weights=self.model.interactions_.item_counts())
        noise = _NOISE * self.typical_confidence * max(float(variance), np.finfo(float).tiny)
        return noise * inverse(covariance), mean

    @cached_property
    def _spectrum(self) -> NDArray[np.float64]:
        """V'V, which is diagonal: the model keeps its factors in the eigenbasis."""
        return np.asarray(np.square(self.vectors).sum(axis=0))


def _moments(users: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of the rows, the latter with an inverse."""
    mean = users.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(users), _ROWS_AT_ONCE):
        centred = users[start : start + _ROWS_AT_ONCE] - mean
        covariance += centred.T @ centred
    covariance /= len(users)
    jitter = 1e-6 * np.trace(covariance) / len(mean) + np.finfo(np.float32).tiny
    covariance[np.diag_indices_from(covariance)] += jitter
    return mean, covariance
