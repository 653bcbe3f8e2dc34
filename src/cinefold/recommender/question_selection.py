"""Which movies to ask a new user about: those whose answers should improve their list most.

For a new user with factors u and covariance A^-1 (see `cinefold.recommender.cold_start`), a rating
of movie j with confidence c takes

.. math::

    \\sum_l s_l^2 \\frac{(v_l' A^{-1} v_j)^2}{1/c + v_j' A^{-1} v_j}, \\qquad s_l = \\max(0, u'v_l)

off the uncertainty of the scores, each movie l weighed by the square of its score so far, as only
movies with high scores can make the list. It does not depend on how many stars they will give. The
value of a question is this times the chance that they know movie j: its score in typical targets,
which the answers so far move too, "not seen" included. (Greedy A-optimal design: Chaloner and
Verdinelli 1995; for recommenders Rubens, Elahi, Sugiyama, Kaplan 2015.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cinefold.als.basis import one_blas_thread
from cinefold.als.row_equations import Posterior
from cinefold.recommender.cold_start import ColdStart

_WELL_KNOWN = 500
_LEAST_CHANCE = 0.01


class QuestionSelection:
    """Chooses questions among the best known movies.

    Parameters
    ----------
    cold_start : ColdStart
    counts : ndarray of int, shape (n_items,)
        How many people have rated each movie.

    Attributes
    ----------
    known : ndarray of int64, shape (n_known,)
        The 500 most rated movies, most rated first: their scores are what should become certain.
    """

    def __init__(self, cold_start: ColdStart, counts: NDArray[np.int64]) -> None:
        self._cold_start = cold_start
        self._by_count = np.argsort(-counts, kind="stable")
        self._shares = counts / max(1, cold_start.model.interactions_.n_users)
        self.known = self._by_count[:_WELL_KNOWN]

    def choose(self, posterior: Posterior, k: int, *, never: NDArray[np.int64]) -> list[int]:
        """The k best next questions for one new user, each as if those before it were answered.

        Parameters
        ----------
        posterior : Posterior
            What their answers so far leave of their factors.
        k : int
            Fewer are left when all movies have been asked about.
        never : ndarray of int64
            Indices of movies not to be asked about.
        """
        askable = np.ones(len(self._by_count), np.bool_)
        askable[never] = False
        candidates = self.best_known(askable)
        weight = self._cold_start.typical_confidence
        chosen: list[int] = []
        while len(chosen) < min(k, len(candidates)):
            values = self.values(posterior, candidates)
            values[np.isin(candidates, chosen)] = -np.inf
            chosen.append(int(candidates[values.argmax()]))
            asked = self._cold_start.vectors[chosen[-1]]
            confidence = weight * self._cold_start.weights[chosen[-1]]
            posterior = posterior.after_expected(asked, confidence)
        return chosen

    def best_known(self, askable: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The 500 most rated of the movies where `askable`, shape (n_items,), most rated first."""
        return self._by_count[askable[self._by_count]][:_WELL_KNOWN]

    def values(self, posterior: Posterior, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        """The value of asking a new user about each candidate, (n_candidates,)."""
        vectors = self._cold_start.vectors
        weight = self._cold_start.typical_confidence * self._cold_start.weights[candidates]
        asked, known = vectors[candidates], vectors[self.known]
        with one_blas_thread():
            scores = (known @ posterior.mean).clip(0)
            importance = (known.T * np.square(scores)) @ known
            spread = asked @ posterior.covariance
            reduction = np.einsum("cd,cd->c", spread @ importance, spread)
        uncertain = 1 / weight + np.einsum("cd,cd->c", spread, asked)
        return np.asarray(self._chance(posterior.mean, candidates) * reduction / uncertain)

    def _chance(
        self, factors: NDArray[np.float64], candidates: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """That they know a movie. Where unrated movies do not count as 0, scores do not tell."""
        cold_start = self._cold_start
        if cold_start.model.objective_.unobserved_weight == 0:
            chance = self._shares[candidates]
        else:
            chance = cold_start.vectors[candidates] @ factors / cold_start.typical_target
        return chance.clip(_LEAST_CHANCE, 1)
