"""Which movies to ask a new user about: those whose answers should improve their list most.

For a new user with factors u and covariance A^-1 (see `cinefold.recommender.cold_start`), a rating
of film j with confidence c takes

.. math::

    \\sum_l s_l^2 \\frac{(v_l' A^{-1} v_j)^2}{1/c + v_j' A^{-1} v_j}, \\qquad s_l = \\max(0, u'v_l)

off the uncertainty of the scores, each film l weighed by the square of its score so far, as only
films with high scores can make the list. It does not depend on how many stars they will give. The
value of a question is this times the chance that they know film j: its score in typical targets,
which the answers so far move too, "not seen" included. (Greedy A-optimal design: Chaloner and
Verdinelli 1995; for recommenders Rubens, Elahi, Sugiyama, Kaplan 2015.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cinefold.als.basis import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.row_equations import Posterior
    from cinefold.recommender.cold_start import ColdStart

_WELL_KNOWN = 500
_LEAST_CHANCE = 0.01
_NUMBERS_AT_ONCE = 1 << 19  # float64 in the largest temporary array: what a cache holds


class Elicitation:
    """Chooses questions among the best known films.

    Parameters
    ----------
    cold_start : ColdStart
    counts : ndarray of int, shape (n_items,)
        How many people have rated each film.

    Attributes
    ----------
    known : ndarray of int64, shape (n_known,)
        The 500 most rated films, most rated first: their scores are what should become certain.
    """

    def __init__(self, cold_start: ColdStart, counts: NDArray[np.int64]) -> None:
        self._cold_start = cold_start
        self._by_count = np.argsort(-counts, kind="stable")
        self._shares = counts / max(1, cold_start.model.interactions_.n_users)
        self.known = self._by_count[:_WELL_KNOWN]

    def choose(
        self, ratings: csr_array, not_seen: csr_array, k: int, *, never: NDArray[np.int64]
    ) -> list[int]:
        """The k best next questions for one new user, each as if those before it were answered.

        Parameters
        ----------
        ratings, not_seen : csr_array, shape (1, n_items)
            Stars; films they have not seen.
        k : int
            Fewer are left when all films have been asked about.
        never : ndarray of int64
            Indices of films not to be asked about.
        """
        askable = np.ones(len(self._by_count), np.bool_)
        askable[never] = False
        candidates = self.best_known(askable)
        posterior = self._cold_start.posterior(ratings, not_seen)
        weight = self._cold_start.typical_confidence
        chosen: list[int] = []
        while len(chosen) < min(k, len(candidates)):
            values = self.values(posterior, candidates)[0]
            values[np.isin(candidates, chosen)] = -np.inf
            chosen.append(int(candidates[values.argmax()]))
            posterior = posterior.after_expected(self._cold_start.vectors[chosen[-1]], weight)
        return chosen

    def best_known(self, askable: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The 500 most rated of the films where `askable`, shape (n_items,), most rated first."""
        return self._by_count[askable[self._by_count]][:_WELL_KNOWN]

    def values(self, posterior: Posterior, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        """The value of asking each new user about each candidate, (n_users, n_candidates)."""
        vectors = self._cold_start.vectors
        asked, known = vectors[candidates], vectors[self.known]
        weight = self._cold_start.typical_confidence
        values = np.empty((len(posterior.mean), len(candidates)))
        for rows in self._chunks(len(values), len(self.known), len(candidates)):
            covariance, factors = posterior.covariance[rows], posterior.mean[rows]
            with one_blas_thread():
                scores = (factors @ known.T).clip(0)
                importance = (known.T * np.square(scores)[:, np.newaxis]) @ known
                learnt = asked @ (covariance @ importance @ covariance)
                own = asked @ covariance
                chance = self._chance(factors, candidates)
            reduction = np.einsum("ucd,cd->uc", learnt, asked)
            uncertain = 1 / weight + np.einsum("ucd,cd->uc", own, asked)
            values[rows] = chance * reduction / uncertain
        return values

    def _chance(
        self, factors: NDArray[np.float64], candidates: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """That they know a film. Where unrated films do not count as 0, scores do not tell."""
        if self._cold_start.model.objective_.unobserved_weight == 0:
            shares = self._shares[candidates].clip(_LEAST_CHANCE, 1)
            return np.broadcast_to(shares, (len(factors), len(candidates)))
        scores = factors @ self._cold_start.vectors[candidates].T
        return np.asarray((scores / self._cold_start.typical_target).clip(_LEAST_CHANCE, 1))

    def _chunks(self, n: int, *widths: int) -> Iterator[slice]:
        d = self._cold_start.vectors.shape[1]
        step = max(1, _NUMBERS_AT_ONCE // (d * max(d, *widths)))
        return (slice(start, min(start + step, n)) for start in range(0, n, step))
