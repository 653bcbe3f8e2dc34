"""The alternating steps of a fit, and the state they pass on."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold.als.backend import (
    EXACT,
    FixedSide,
    Method,
    SingularRowError,
    empty_factors,
    expected_steps,
    gram_matrix,
    solve_rows,
)
from cinefold.als.basis import Basis
from cinefold.als.factors import Factors
from cinefold.als.observations import Observations

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from cinefold.als.objective import Objective, PairWeights
    from cinefold.interactions import Interactions

SolverName = Literal["auto", "exact", "cg"]

# Warm-started, three steps from row to row get the objective as far in an iteration as exact
# solutions do (docs/benchmarks.md); beyond so many factors those cost several times as much.
_CONJUGATE_GRADIENTS = Method(max_steps=3, tolerance=0.1)
_MOST_FACTORS_SOLVED_EXACTLY = 128
# Over-relaxed half-steps (Young 1971) take fewer iterations, and up to twice the way to a row's
# solution its loss does not rise. Exact users are not relaxed: they are what fold_in finds. The
# first iterations come from random factors, which are better forgotten.
_RELAXATION_IF_EXACT = 1.8, 1.0  # of items and users
_RELAXATION = 1.6, 1.6
_UNRELAXED_ITERATIONS = 2
_ROWS_AT_ONCE = 4096
_USUAL_RATING = np.array([3.5], np.float32)  # from which factors of length 1 start well


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


def choose_solver(name: SolverName, n_factors: int) -> Method:
    """The method of that name; "auto" is "cg" for many factors and "exact" otherwise."""
    if name == "cg" or (name == "auto" and n_factors > _MOST_FACTORS_SOLVED_EXACTLY):
        return _CONJUGATE_GRADIENTS
    return EXACT


class Problem:
    """Both half-steps of one training set."""

    def __init__(
        self,
        train: Interactions,
        objective: Objective,
        n_threads: int,
        pair_weights: PairWeights | None = None,
    ) -> None:
        self.train, self.n_threads, self.pair_weights = train, n_threads, pair_weights
        self.one_lambda = objective.regularization_exponent == 0
        of_users = of_items = None
        self.total_weight = float(train.n_ratings)  # of the observations
        if pair_weights is not None:
            users, items = pair_weights.users, pair_weights.items
            of_users, of_items = (users, items), (items, users)
            rows = np.repeat(np.arange(train.n_users), train.user_counts())
            self.total_weight = float(pair_weights.total(rows, train.by_user.indices).sum())
        self.by_item = Observations(objective, train.by_item, train.weights_by_item, of_items)
        self.by_user = Observations(objective, train.by_user, train.weights, of_users)

    def balanced(self, users: NDArray[np.float32], items: FixedSide) -> Basis:
        """The basis for solving items in which both sides' regularization is least."""
        gram = gram_matrix(users, self.n_threads)
        if self.one_lambda:
            of_users, of_items = gram, items.spectrum
        else:
            of_users = gram_matrix(users, self.n_threads, self.by_user.regularization)
            of_items = gram_matrix(items.rows, self.n_threads, self.by_item.regularization)
        if not (of_users.any() and of_items.any()):
            return Basis.of_eigenvectors(gram)
        basis = Basis.balanced(of_users, of_items)
        return basis if self.one_lambda else basis.then_diagonal(gram)

    def solve_items(
        self,
        users: FixedSide,
        items: NDArray[np.float32],
        method: Method,
        baseline: NDArray[np.float32] | None = None,
    ) -> None:
        """Solve `items` in place; `baseline` (n_users,) is taken off the targets."""
        self._solve("item", self.by_item.with_baseline(baseline), users, items, method)

    def solve_users(self, factors: Factors, method: Method) -> tuple[float, float]:
        """Solve the users of `factors` in place.

        Returns the objective that is reached, and the RMSE over the observations, by their weight.
        """
        losses = np.empty((len(factors.users), 2))
        rows = self.by_user.with_baseline(factors.baseline)
        self._solve("user", rows, factors.items, factors.users, method, losses)
        loss, squared = losses.sum(axis=0)
        loss += float(self.by_item.regularization @ factors.item_norms)
        if not np.isfinite(loss):
            raise ValueError(
                "the objective is not finite: the ratings are too large for float32; scale them"
            )
        return float(loss), float(np.sqrt(squared / self.total_weight))

    def _solve(
        self,
        side: str,
        rows: Observations,
        fixed: FixedSide,
        out: NDArray[np.float32],
        method: Method,
        losses: NDArray[np.float64] | None = None,
    ) -> None:
        steps = expected_steps(rows, fixed, out)
        try:
            solve_rows(
                rows, fixed, out, self.n_threads, method, expected_steps=steps, losses=losses
            )
        except SingularRowError as error:
            raise ValueError(_singular_message(error.row, side, self.train)) from None


def alternate(
    train: Interactions,
    objective: Objective,
    n_factors: int,
    seed: Any,
    n_threads: int,
    method: Method = EXACT,
    pair_weights: PairWeights | None = None,
    *,
    plain: bool = False,
) -> Generator[Iteration]:
    """Endless iterations from random user factors; each solves all items, then all users.

    Factors are balanced in between and steps over-relaxed, unless `plain` alternating least squares
    are asked for.

    There is one copy of the user factors, which every iteration overwrites.

    Ending with the users makes their factors, if they are solved exactly, the fold-in of their
    ratings: a known user and a new one with the same ratings get the same recommendations.
    """
    problem = Problem(train, objective, n_threads, pair_weights)
    users = empty_factors(train.n_users, n_factors)
    _fill_randomly(users, np.random.default_rng(seed), _initial_length(objective, train))
    items = np.zeros((train.n_items, n_factors), np.float32)
    fixed: FixedSide | None = None
    for iteration in count():
        started = time.perf_counter()
        of_items, of_users = (method, method) if plain else _relaxed(method, iteration)
        basis = None if plain or fixed is None else problem.balanced(users, fixed)
        fixed = FixedSide.of(users, n_threads, basis, out=users)
        items = fixed.change_basis(items, n_threads)
        problem.solve_items(fixed, items, of_items)
        fixed = FixedSide.of(items, n_threads, out=items)
        fixed.change_basis(users, n_threads, out=users)
        factors = Factors(users, fixed, pair_weights=pair_weights)
        loss, rmse = problem.solve_users(factors, of_users)
        yield Iteration(factors, loss, rmse, time.perf_counter() - started)


def _initial_length(objective: Objective, train: Interactions) -> float:
    """In the unit of the targets, whose multiples then have multiples of the same scores."""
    usual = objective.target_size(_USUAL_RATING)
    return float(np.sqrt(objective.target_size(train.by_user.data) / usual))


def _fill_randomly(
    factors: NDArray[np.float32], random: np.random.Generator, length: float
) -> None:
    """Vectors (n, n_factors) of this length on average, in place."""
    n_factors = factors.shape[1]
    for begin in range(0, len(factors), _ROWS_AT_ONCE):
        rows = factors[begin : begin + _ROWS_AT_ONCE]
        rows[:] = random.standard_normal(rows.shape, np.float32)
        rows *= np.float32(length / np.sqrt(n_factors))


def _relaxed(method: Method, iteration: int) -> tuple[Method, Method]:
    """The method for items, and for users."""
    if iteration < _UNRELAXED_ITERATIONS:
        return method, method
    items, users = _RELAXATION_IF_EXACT if method.is_exact else _RELAXATION
    return replace(method, relaxation=items), replace(method, relaxation=users)


def with_exact_users(
    train: Interactions, objective: Objective, factors: Factors, n_threads: int
) -> Iteration:
    """The iteration that ends with the exact users for the items of `factors`, in place."""
    started = time.perf_counter()
    problem = Problem(train, objective, n_threads, factors.pair_weights)
    loss, rmse = problem.solve_users(factors, EXACT)
    return Iteration(factors, loss, rmse, time.perf_counter() - started)


def _singular_message(row: int, side: str, train: Interactions) -> str:
    rows = train if side == "user" else train.transposed
    return (
        f"the equations of {side} {rows.user_ids[row]} ({rows.user_counts()[row]} ratings) have no "
        "unique solution; "
        "increase regularization, or lower n_factors"
    )
