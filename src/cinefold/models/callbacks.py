"""Held-out ratings, measured while a model learns, and when to stop learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold.als.backend import top_k
from cinefold.metrics import accuracy

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from cinefold.als.factors import Factors
    from cinefold.als.objective import Objective
    from cinefold.interactions import Interactions

RANKING_DEPTH = 10
Watched = Literal["ndcg_at_10", "rmse"]


class Validation:
    """Measures factors on held-out ratings: RMSE on every one, NDCG@10 on users who have some."""

    def __init__(self, held_out: Interactions, train: Interactions, objective: Objective) -> None:
        counts = np.diff(held_out.by_user.indptr)
        self._rows = np.repeat(np.arange(held_out.n_users), counts)
        self._columns = held_out.by_user.indices
        self._targets = objective.targets(held_out.by_user.data)
        self._users = np.flatnonzero(counts)
        self._relevant: csr_array = held_out.by_user[self._users]
        self._seen: csr_array = train.by_user[self._users]

    def rmse(self, factors: Factors) -> float:
        """Root mean squared error of u.v, not clipped, against the held-out targets."""
        return accuracy.rmse(
            factors.predict(factors.users, self._rows, self._columns), self._targets
        )

    def ndcg(self, factors: Factors, n_threads: int) -> float:
        """Mean NDCG@10 over users with held-out items, training items not ranked."""
        items, _ = top_k(
            factors.queries(factors.users[self._users]),
            factors.candidates,
            RANKING_DEPTH,
            excluded=self._seen,
            n_threads=n_threads,
        )
        return accuracy.ndcg(items, self._relevant)


class BestIteration:
    """The best iteration by a validation measure, and whether it was long ago.

    Parameters
    ----------
    measure : {"ndcg_at_10", "rmse"}
    patience : int
        So many iterations without a better one are enough.

    Attributes
    ----------
    record : dict or None
        What history says of the best iteration.
    factors : Factors or None
        As it left them; later iterations may have overwritten its users.
    """

    def __init__(self, measure: Watched, patience: int) -> None:
        self._key = f"validation_{measure}"
        self._sign = 1 if measure == "rmse" else -1
        self._patience = patience
        self._waited = 0
        self.record: dict[str, Any] | None = None
        self.factors: Factors | None = None

    def is_over(self, record: dict[str, Any], factors: Factors) -> bool:
        """Take an iteration into account; true when no better one is to be expected."""
        value = self._sign * record[self._key]
        if self.record is None or value < self._sign * self.record[self._key]:
            self.record, self.factors, self._waited = record, factors, 0
        else:
            self._waited += 1
        return self._waited >= self._patience
