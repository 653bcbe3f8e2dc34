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

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cinefold.als.basis import one_blas_thread
from cinefold.als.row_equations import RowEquations, inverse
from cinefold.models import FoldedUsers, WeightedMatrixFactorization
from cinefold.models.scaled_parameters import are_counts

_NOISE = 0.5  # sigma^2, in prior variances of the score of a rated movie
_SETTLED = 0.25  # omega is one half after this share of a typical user's ratings
_ROWS_AT_ONCE = 8192
_RIDGE = 1e-9  # at least, of the largest number in the spectrum


class ColdStart:
    """Folds in people that a model was not trained on, from few ratings as well as from many.

    Stars become targets by their distance from the lowest rating of the training data, such that
    an average rating has an average target. So the lowest rating says "none of this", whatever
    the model's target, and also a model of what people watch (``target="binary"``) learns whom it
    was not a pleasure to. A model with biases predicts stars, and is told them as they are; and
    counts, of which the lowest is a yes as well, become the targets that the model makes of them.

    Parameters
    ----------
    model : WeightedMatrixFactorization
        Fitted.

    Attributes
    ----------
    vectors : ndarray of float64, shape (n_items, n_factors)
        The model's item factors.
    weights : ndarray of float64, shape (n_items,)
        b_j, which multiplies the weight of every pair of a user and the item; 1 by default.
    typical_target, typical_confidence : float
        Means over the training ratings.
    """

    def __init__(self, model: WeightedMatrixFactorization) -> None:
        self.model = model
        self.vectors = model.item_factors_.astype(np.float64)
        weights = model.item_weights_
        self.weights = np.ones(len(self.vectors)) if weights is None else weights.astype(np.float64)
        # V'BV is diagonal: the model keeps its factors in the eigenbasis.
        self._spectrum = (self.weights[:, np.newaxis] * np.square(self.vectors)).sum(axis=0)
        self._objective = model.objective_
        self._baseline = model.item_baseline_
        stars = model.interactions_.by_user.data
        self._lowest, self._mean = float(stars.min()), float(stars.mean(dtype=np.float64))
        self._are_counts = are_counts(stars)
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
        rows = [equations.solve() for equations in self.equations_of_rows(ratings, not_seen)]
        factors = np.array(rows, np.float32).reshape(len(rows), self.vectors.shape[1])
        return FoldedUsers(factors, ratings)

    def equations_of_rows(
        self, ratings: csr_array, not_seen: csr_array | None = None
    ) -> Iterator[RowEquations]:
        """A u = b of each row; parameters as in `fold_in`."""
        unseen = np.empty(0, np.int32)
        for row in range(ratings.shape[0]):
            if not_seen is not None:
                unseen = not_seen.indices[slice(*not_seen.indptr[row : row + 2])]
            own = slice(*ratings.indptr[row : row + 2])
            yield self.equations(ratings.indices[own], ratings.data[own], unseen)

    def equations(
        self,
        rated: NDArray[np.integer],
        stars: NDArray[np.float32],
        not_seen: NDArray[np.integer],
        *,
        n_missing: int = 0,
        n_missing_above: int = 0,
    ) -> RowEquations:
        """A u = b of one new user.

        Parameters
        ----------
        rated, stars : ndarray, shape (n_ratings,)
            Item indices, and what they gave them.
        not_seen : ndarray, shape (n_not_seen,)
            Item indices.
        n_missing, n_missing_above : int
            omega and lambda are those of a user with `n_missing` ratings less, of which
            `n_missing_above` are above the lowest.
        """
        w0, counts = self._objective.unobserved_weight, np.array([len(rated) - n_missing])
        ridge = self._objective.row_regularization(counts, len(self.vectors))
        trust = self._trust(int(self._above_lowest(stars, rated).sum()) - n_missing_above)
        precision, mean = self._prior
        own = np.maximum(trust * (w0 * self._spectrum + ridge), _RIDGE * self._spectrum[0])
        items = np.concatenate([rated, not_seen])
        weights = self.weights[items]
        return RowEquations(
            self.vectors[items],
            np.concatenate([self._confidence(stars), np.full(len(not_seen), w0)]) * weights,
            np.concatenate([self._targets(stars, rated), np.zeros(len(not_seen))]),
            trust * w0 * weights,
            (1 - trust) * precision + np.diag(own),
            (1 - trust) * (precision @ mean),
        )

    def without(
        self,
        rated: NDArray[np.integer],
        stars: NDArray[np.float32],
        not_seen: NDArray[np.integer],
    ) -> NDArray[np.float64]:
        """The factors of a new user without each of their ratings, (n_ratings, n_factors).

        Parameters as in `equations`.
        """
        above_lowest = self._above_lowest(stars, rated)
        factors = np.empty((len(rated), self.vectors.shape[1]))
        for kind in np.unique(above_lowest):  # omega depends on how many of these are left
            chosen = np.flatnonzero(above_lowest == kind)
            equations = self.equations(
                rated, stars, not_seen, n_missing=1, n_missing_above=int(kind)
            )
            factors[chosen] = equations.without()[chosen]
        return factors

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
        if self._are_counts:
            return self._objective.targets(stars).astype(np.float64)
        spread = self._mean - self._lowest
        if spread <= 0:  # all training ratings are equal
            return np.full(stars.shape, self.typical_target)
        above = np.maximum(stars.astype(np.float64) - self._lowest, 0)
        return np.asarray(self.typical_target * above / spread)

    def _confidence(self, stars: NDArray[np.float32]) -> NDArray[np.float64]:
        confidence = self._objective.confidence(stars, None)
        return np.ones(stars.shape) if confidence is None else confidence.astype(np.float64)

    # -- what is expected of anybody ----------------------------------------------------------

    def _trust(self, n_ratings: int) -> float:
        """omega after so many ratings above the lowest."""
        interactions = self.model.interactions_
        half = _SETTLED * interactions.n_ratings / interactions.n_users
        return n_ratings**2 / (n_ratings**2 + half**2)

    @cached_property
    def _prior(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """sigma^2 Sigma^-1, with sigma^2 in the unit of a typical confidence, and mu."""
        mean, covariance = _moments(self.model.user_factors_)
        with one_blas_thread():
            spread = ((self.vectors @ covariance) * self.vectors).sum(axis=1)
        variance = np.average(spread, weights=self.model.interactions_.item_counts())
        noise = _NOISE * self.typical_confidence * max(float(variance), np.finfo(float).tiny)
        return noise * inverse(covariance), mean


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
