"""The alternating steps of a fit, and the state they pass on."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.evaluation.metrics import ndcg, rmse
from cinefold.model.half_step import EXACT, FixedSide, SingularRowError, Solver, solve_rows
from cinefold.model.ranking import top_k

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions
    from cinefold.model.objective import Objective

_PAIRS_AT_A_TIME = 1 << 20
RANKING_DEPTH = 10


@dataclass(frozen=True)
class Factors:
    """What an iteration leaves: item factors in their eigenbasis, and the exact users for them."""

    users: NDArray[np.float32]
    items: FixedSide


@dataclass(frozen=True)
class Iteration:
    """The outcome of one full step (items, then users)."""

    factors: Factors
    objective: float
    train_rmse: float
    seconds: float


def available_threads(n_threads: int | None) -> int:
    """`n_threads`, or the number of cores this process may use."""
    if n_threads is not None:
        return n_threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def alternate(
    train: Interactions,
    objective: Objective,
    n_factors: int,
    seed: Any,
    n_threads: int,
    solver: Solver = EXACT,
) -> Iterator[Iteration]:
    """Endless iterations from random user factors; each solves all items, then all users.

    Ending with the users makes their factors the exact fold-in of their ratings, so that a known
    user and a new one with the same ratings get the same recommendations.
    """
    w0 = objective.unobserved_weight
    by_item = objective.observations(train.by_item, train.weights_by_item)
    by_user = objective.observations(train.by_user, train.weights)
    scale = np.float32(1 / np.sqrt(n_factors))
    users = np.random.default_rng(seed).standard_normal((train.n_users, n_factors), np.float32)
    users *= scale
    items = np.zeros((train.n_items, n_factors), np.float32)
    while True:
        started = time.perf_counter()
        try:
            side = "item"
            fixed = FixedSide.of(users, n_threads)
            if not solver.is_exact:  # which starts from the last solutions, in the new basis
                items = fixed.rotate(items, n_threads)
                users = fixed.factors
            solve_rows(by_item, fixed, w0, items, n_threads, solver)
            side = "user"
            fixed = FixedSide.of(items, n_threads)
            # The last iteration's users belong to its Factors.
            users = np.empty_like(users) if solver.is_exact else fixed.rotate(users, n_threads)
            loss, squared = solve_rows(by_user, fixed, w0, users, n_threads, solver)
            items = fixed.factors if not solver.is_exact else items
        except SingularRowError as error:
            raise ValueError(_singular_message(error.row, side, train)) from None
        loss += float(by_item.regularization @ fixed.norms)
        if not np.isfinite(loss):
            raise ValueError(
                "the objective is not finite: the ratings are too large for float32; scale them"
            )
        yield Iteration(
            Factors(users, fixed),
            loss,
            float(np.sqrt(squared / train.n_ratings)),
            time.perf_counter() - started,
        )


def _singular_message(row: int, side: str, train: Interactions) -> str:
    ids, matrix = (
        (train.user_ids, train.by_user) if side == "user" else (train.item_ids, train.by_item)
    )
    count = int(matrix.indptr[row + 1] - matrix.indptr[row])
    return (
        f"the equations of {side} {ids[row]} ({count} ratings) have no unique solution; "
        "increase regularization, or lower n_factors"
    )


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
        return rmse(predict_pairs(factors, self._rows, self._columns), self._targets)

    def ndcg(self, factors: Factors, n_threads: int) -> float:
        """Mean NDCG@10 over users with held-out items, training items not ranked."""
        items, _ = top_k(
            factors.users[self._users],
            factors.items.rows,
            RANKING_DEPTH,
            excluded=self._seen,
            n_threads=n_threads,
        )
        return ndcg(items, self._relevant)


def predict_pairs(
    factors: Factors, users: NDArray[Any], items: NDArray[Any]
) -> NDArray[np.float32]:
    """u.v for each pair of indices, in blocks of bounded memory."""
    d = factors.items.n_factors
    out = np.empty(len(users), np.float32)
    for begin in range(0, len(users), _PAIRS_AT_A_TIME // d + 1):
        pairs = slice(begin, begin + _PAIRS_AT_A_TIME // d + 1)
        u, v = factors.users[users[pairs]], factors.items.rows[items[pairs], :d]
        np.einsum("ij,ij->i", u, v, out=out[pairs])
    return out
