"""The alternating steps of a fit, and the state they pass on."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold import _core
from cinefold.model.factors import Factors
from cinefold.model.half_step import EXACT, FixedSide, SingularRowError, Solver, solve_rows

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from cinefold.interactions import Interactions
    from cinefold.model.objective import Objective, Observations

SolverName = Literal["auto", "cholesky", "cg"]

# Warm-started, three steps from row to row get the objective as far in an iteration as exact
# solutions do (docs/benchmarks.md); beyond so many factors those cost several times as much.
_CONJUGATE_GRADIENTS = Solver(max_steps=3, tolerance=0.1)
_MOST_FACTORS_SOLVED_EXACTLY = 128


@dataclass(frozen=True)
class Iteration:
    """The outcome of one full step (items, then users); the next one overwrites its users."""

    factors: Factors
    objective: float
    train_rmse: float
    seconds: float


def available_threads(n_threads: int | None) -> int:
    """`n_threads`, or the number of cores this process may use."""
    if n_threads is not None:
        return n_threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_solver(name: SolverName, n_factors: int) -> Solver:
    """The solver of that name; "auto" is "cg" for many factors and "cholesky" otherwise."""
    if name == "cg" or (name == "auto" and n_factors > _MOST_FACTORS_SOLVED_EXACTLY):
        return _CONJUGATE_GRADIENTS
    return EXACT


class Problem:
    """Both half-steps of one training set."""

    def __init__(self, train: Interactions, objective: Objective, n_threads: int) -> None:
        self.train, self.n_threads = train, n_threads
        self.w0 = objective.unobserved_weight
        self.by_item = objective.observations(train.by_item, train.weights_by_item)
        self.by_user = objective.observations(train.by_user, train.weights)

    def solve_items(
        self,
        users: FixedSide,
        items: NDArray[np.float32],
        solver: Solver,
        baseline: NDArray[np.float32] | None = None,
    ) -> None:
        """Solve `items` in place; `baseline` (n_users,) is taken off the targets."""
        self._solve("item", self.by_item.above(baseline), users, items, solver)

    def solve_users(self, factors: Factors, solver: Solver) -> tuple[float, float]:
        """Solve the users of `factors` in place.

        Returns the objective that is reached, and the RMSE over the observations.
        """
        rows = self.by_user.above(factors.baseline)
        loss, squared = self._solve("user", rows, factors.items, factors.users, solver)
        loss += float(self.by_item.regularization @ factors.item_norms)
        if not np.isfinite(loss):
            raise ValueError(
                "the objective is not finite: the ratings are too large for float32; scale them"
            )
        return loss, float(np.sqrt(squared / self.train.n_ratings))

    def _solve(
        self,
        side: str,
        rows: Observations,
        fixed: FixedSide,
        out: NDArray[np.float32],
        solver: Solver,
    ) -> tuple[float, float]:
        try:
            return solve_rows(rows, fixed, self.w0, out, self.n_threads, solver)
        except SingularRowError as error:
            raise ValueError(_singular_message(error.row, side, self.train)) from None


def alternate(
    train: Interactions,
    objective: Objective,
    n_factors: int,
    seed: Any,
    n_threads: int,
    solver: Solver = EXACT,
) -> Generator[Iteration]:
    """Endless iterations from random user factors; each solves all items, then all users.

    There is one copy of the user factors, which every iteration overwrites.

    Ending with the users makes their factors, if they are solved exactly, the fold-in of their
    ratings: a known user and a new one with the same ratings get the same recommendations.
    """
    problem = Problem(train, objective, n_threads)
    users = _core.aligned(train.n_users, n_factors)
    np.random.default_rng(seed).standard_normal(dtype=np.float32, out=users)
    users *= np.float32(1 / np.sqrt(n_factors))
    items = np.zeros((train.n_items, n_factors), np.float32)
    while True:
        started = time.perf_counter()
        fixed = FixedSide.of(users, n_threads, overwrite=True)
        if solver.is_exact:
            items = _core.aligned(train.n_items, n_factors)
        else:
            items, users = fixed.rotate(items, n_threads), fixed.factors
        problem.solve_items(fixed, items, solver)
        fixed = FixedSide.of(items, n_threads, overwrite=True)
        items = fixed.factors
        if not solver.is_exact:
            users = fixed.rotate(users, n_threads, overwrite=True)
        factors = Factors(users, fixed)
        loss, rmse = problem.solve_users(factors, solver)
        yield Iteration(factors, loss, rmse, time.perf_counter() - started)


def with_exact_users(
    train: Interactions, objective: Objective, factors: Factors, n_threads: int
) -> Iteration:
    """The iteration that ends with the exact users for the items of `factors`."""
    started = time.perf_counter()
    users = _core.aligned(train.n_users, factors.items.n_factors)
    factors = replace(factors, users=users)
    loss, rmse = Problem(train, objective, n_threads).solve_users(factors, EXACT)
    return Iteration(factors, loss, rmse, time.perf_counter() - started)


def _singular_message(row: int, side: str, train: Interactions) -> str:
    ids, matrix = (
        (train.user_ids, train.by_user) if side == "user" else (train.item_ids, train.by_item)
    )
    count = int(matrix.indptr[row + 1] - matrix.indptr[row])
    return (
        f"the equations of {side} {ids[row]} ({count} ratings) have no unique solution; "
        "increase regularization, or lower n_factors"
    )
