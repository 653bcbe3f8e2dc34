"""Somebody new, folded in from few answers against what the model's own users are like.

A plain fold-in takes every film that a newcomer has not rated for one that they did not choose.
After three ratings that is wrong: nobody has asked them. So what is expected of a newcomer starts
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
variance of the score of a rated film. Films that they say they have not seen count as 0 with the
full weight w0 of an unobserved pair, those that nobody asked about with :math:`\\omega w_0`. With
many ratings this is the plain fold-in; with none it lists what most users like.
docs/cold_start.md measures it.

(The estimator is that of a Gaussian prior, for example Bishop: Pattern Recognition and Machine
Learning, 2006, section 3.3, with the prior's mean and covariance taken from the data: empirical
Bayes, Efron and Morris 1973.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cinefold.als.basis import one_blas_thread
from cinefold.models import Explanation, FoldedUsers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.models import WeightedMatrixFactorization

_NOISE = 0.5  # sigma^2, in prior variances of the score of a rated film
_SETTLED = 0.25  # omega is one half after this share of a typical user's ratings
_NUMBERS_AT_ONCE = 1 << 23  # float64 in the largest temporary array
_ROWS_AT_ONCE = 8192
_RIDGE = 1e-9


@dataclass(frozen=True)
class Beliefs:
    """What is known about newcomers.

    Attributes
    ----------
    factors : ndarray of float64, shape (n_users, n_factors)
    covariance : ndarray of float64, shape (n_users, n_factors, n_factors)
        A^-1: how uncertain the factors are, in units of the variance of one rating.
    """

    factors: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Newcomers:
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

    @property
    def unseen_weight(self) -> float:
        """Weight of the answer "not seen": w0. At 0 the model takes nothing from it."""
        return self._objective.unobserved_weight

    # -- folding in ---------------------------------------------------------------------------

    def fold_in(self, ratings: csr_array, not_seen: csr_array | None = None) -> FoldedUsers:
        """The factors of newcomers.

        Parameters
        ----------
        ratings : csr_array, shape (n_users, n_items)
            Stars as in the training data, in the model's item order. Rows may be empty.
        not_seen : csr_array, shape (n_users, n_items), optional
            Stored entries are films that they say they have not seen.

        Returns
        -------
        FoldedUsers
            A batch, for ``recommend`` of the model.
        """
        factors = np.empty((ratings.shape[0], self.vectors.shape[1]), np.float32)
        for rows in self._chunks(ratings, not_seen):
            equations, right = self._equations(
                ratings[rows], None if not_seen is None else not_seen[rows]
            )
            with one_blas_thread():
                factors[rows] = np.linalg.solve(equations, right[..., np.newaxis])[..., 0]
        return FoldedUsers(factors, ratings)

    def believe(self, ratings: csr_array, not_seen: csr_array | None = None) -> Beliefs:
        """Factors and their covariance; parameters as in `fold_in`."""
        equations, right = self._equations(ratings, not_seen)
        with one_blas_thread():
            covariance = np.asarray(np.linalg.inv(equations), np.float64)
        return Beliefs(np.einsum("uij,uj->ui", covariance, right), covariance)

    def explain(self, beliefs: Beliefs, ratings: csr_array, item: Any) -> Explanation:
        """What each rating of one newcomer adds to the score of an item.

        The score is the sum of the contributions c_j t_j v'A^-1 v_j and of what is expected of
        anybody (after so many answers).

        Parameters
        ----------
        beliefs : Beliefs
            Of one user.
        ratings : csr_array, shape (1, n_items)
        item : object
            An item id.
        """
        target = self.vectors[self.model.interactions_.item_index(item)]
        towards = self.vectors[ratings.indices] @ (beliefs.covariance[0] @ target)
        contributions = (
            self._confidence(ratings.data) * self._targets(ratings.data, ratings.indices) * towards
        )
        order = np.argsort(-contributions, kind="stable")
        place = self.model.interactions_.item_index(item)
        base = 0.0 if self._baseline is None else float(self._baseline[place])
        score = base + float(beliefs.factors[0] @ target)
        return Explanation(
            item,
            score,
            score - float(contributions.sum()),
            self.model.interactions_.item_ids[ratings.indices[order]],
            ratings.data[order],
            contributions[order],
        )

    def as_row(self, answers: Mapping[int, float]) -> csr_array:
        """Values by item index, as a matrix of one row."""
        columns = np.array(sorted(answers), np.int32)
        values = np.array([answers[column] for column in columns.tolist()], np.float32)
        return sp.csr_array((values, columns, [0, len(columns)]), (1, len(self.vectors)))

    def _equations(
        self, ratings: csr_array, not_seen: csr_array | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A, shape (n_users, n_factors, n_factors), and its right-hand side."""
        w0, counts = self._objective.unobserved_weight, np.diff(ratings.indptr)
        ridge = self._objective.row_regularization(counts, len(self.vectors))[:, np.newaxis]
        rated, stars = _padded(ratings, ratings.data)
        vectors, given = self.vectors[rated], rated >= 0
        targets = given * self._targets(stars, rated)
        telling = counts if self._baseline is not None else (targets > 0).sum(axis=1)
        trust = self._trust(telling)[:, np.newaxis]
        precision, mean = self._prior
        d = len(mean)
        equations = (1 - trust)[..., np.newaxis] * precision
        own = trust * (w0 * self._spectrum + ridge)
        equations[:, np.arange(d), np.arange(d)] += np.maximum(own, _RIDGE)
        confidence = self._confidence(stars)
        self._observe(equations, vectors, given * (confidence - trust * w0))
        right = (1 - trust) * (precision @ mean)
        right += np.einsum("ul,uld->ud", confidence * targets, vectors)
        if not_seen is not None:
            unseen, _ = _padded(not_seen, not_seen.data)
            weight = (unseen >= 0) * (1 - trust) * w0
            self._observe(equations, self.vectors[unseen], weight)
        return equations, right

    @staticmethod
    def _observe(
        equations: NDArray[np.float64], vectors: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> None:
        with one_blas_thread():
            equations += np.swapaxes(vectors * weights[..., np.newaxis], 1, 2) @ vectors

    def _chunks(self, ratings: csr_array, not_seen: csr_array | None) -> Iterator[slice]:
        n, d = ratings.shape[0], self.vectors.shape[1]
        longest = max(
            int(np.diff(answers.indptr).max(initial=0)) for answers in (ratings, not_seen)
            if answers is not None
        )  # fmt: skip
        step = max(1, _NUMBERS_AT_ONCE // (d * max(d, longest)))
        return (slice(start, min(start + step, n)) for start in range(0, n, step))

    # -- stars --------------------------------------------------------------------------------

    def _targets(self, stars: NDArray[np.float32], items: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._baseline is not None:
            return stars.astype(np.float64) - self._baseline[items]
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
        return noise * np.asarray(np.linalg.inv(covariance), np.float64), mean

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


def _padded(
    answers: csr_array, values: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns and values of each row side by side, shape (n_users, longest); -1 beyond its end."""
    counts = np.diff(answers.indptr)
    places = np.arange(counts.max(initial=0)) < counts[:, np.newaxis]
    columns = np.full(places.shape, -1, np.int64)
    padded = np.zeros(places.shape, np.float32)
    columns[places], padded[places] = answers.indices, values
    return columns, padded
