"""Which films to ask a newcomer about: those whose answers are expected to improve their list.

For a newcomer with factors u and covariance A^-1 (see `cinefold.recommender.cold_start`), a rating
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
from cinefold.recommender.cold_start import Beliefs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.recommender.cold_start import Newcomers

_WELL_KNOWN = 500
_LEAST_CHANCE = 0.01
_NUMBERS_AT_ONCE = 1 << 19  # float64 in the largest temporary array: what a cache holds


class Elicitation:
    """Chooses questions among the best known films.

    Parameters
    ----------
    newcomers : Newcomers
    counts : ndarray of int, shape (n_items,)
        How many people have rated each film.

    Attributes
    ----------
    known : ndarray of int64, shape (n_known,)
        The 500 most rated films, most rated first: their scores are what should become certain.
    """

    def __init__(self, newcomers: Newcomers, counts: NDArray[np.int64]) -> None:
        self._newcomers = newcomers
        self._by_count = np.argsort(-counts, kind="stable")
        self._shares = counts / max(1, newcomers.model.interactions_.n_users)
        self.known = self._by_count[:_WELL_KNOWN]

    def choose(
        self, ratings: csr_array, not_seen: csr_array, k: int, *, never: NDArray[np.int64]
    ) -> list[int]:
        """The k best next questions for one newcomer, each as if those before it were answered.

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
        beliefs = self._newcomers.believe(ratings, not_seen)
        chosen: list[int] = []
        while len(chosen) < min(k, len(candidates)):
            values = self.values(beliefs, candidates)[0]
            values[np.isin(candidates, chosen)] = -np.inf
            chosen.append(int(candidates[values.argmax()]))
            beliefs = self._as_if_rated(beliefs, chosen[-1])
        return chosen

    def best_known(self, askable: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The 500 most rated of the films where `askable`, shape (n_items,), most rated first."""
        return self._by_count[askable[self._by_count]][:_WELL_KNOWN]

    def values(self, beliefs: Beliefs, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        """The value of asking each newcomer about each candidate, (n_users, n_candidates)."""
        vectors = self._newcomers.vectors
        asked, known = vectors[candidates], vectors[self.known]
        weight = self._newcomers.typical_confidence
        values = np.empty((len(beliefs.factors), len(candidates)))
        for rows in self._chunks(len(values), len(self.known), len(candidates)):
            covariance, factors = beliefs.covariance[rows], beliefs.factors[rows]
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
        if self._newcomers.unseen_weight == 0:
            shares = self._shares[candidates].clip(_LEAST_CHANCE, 1)
            return np.broadcast_to(shares, (len(factors), len(candidates)))
        scores = factors @ self._newcomers.vectors[candidates].T
        return np.asarray((scores / self._newcomers.typical_target).clip(_LEAST_CHANCE, 1))

    def _as_if_rated(self, beliefs: Beliefs, item: int) -> Beliefs:
        """After a rating as expected: the factors stay, their covariance loses one rank."""
        vector, weight = self._newcomers.vectors[item], self._newcomers.typical_confidence
        spread = beliefs.covariance @ vector
        lost = np.einsum("ui,uj->uij", spread, spread)
        lost /= (1 / weight + spread @ vector)[:, np.newaxis, np.newaxis]
        return Beliefs(beliefs.factors, beliefs.covariance - lost)

    def _chunks(self, n: int, *widths: int) -> Iterator[slice]:
        d = self._newcomers.vectors.shape[1]
        step = max(1, _NUMBERS_AT_ONCE // (d * max(d, *widths)))
        return (slice(start, min(start + step, n)) for start in range(0, n, step))
