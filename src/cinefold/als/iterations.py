"""The alternating steps of a fit, and the state they pass on."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold._threads import default_threads
from cinefold.als.backend import (
    FixedSide,
    SingularRowError,
    checked_gram,
    compact,
    empty_factors,
    expected_steps,
    gram_matrix,
    is_summed_in_double,
    lent,
    padded_rows,
    rotate,
    solve_rows,
)
from cinefold.als.basis import Basis
from cinefold.als.factors import Factors
from cinefold.als.method import EXACT, Method
from cinefold.als.observations import Observations
from cinefold.als.row_sums import ROWS_PER_SUM, chunk_sums, rounded

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from cinefold.als.biased import Constant
    from cinefold.als.objective import Objective, PairWeights
    from cinefold.interactions import Interactions

Side = Literal["user", "item"]
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
_USUAL_RATING = np.array([3.5], np.float32)  # from which factors of length 1 start well


@dataclass(frozen=True)
class Iteration:
    """The outcome of one full step (items, then users); the next one overwrites its users."""

    factors: Factors
    objective: float
    train_rmse: float
    seconds: float


def available_threads(n_threads: int | None) -> int:
    """`n_threads`, or by default :func:`~cinefold._threads.default_threads`."""
    return default_threads() if n_threads is None else n_threads


def method_named(name: SolverName, n_factors: int) -> Method:
    """The method of that name; "auto" is "cg" for many factors and "exact" otherwise."""
    if name == "cg" or (name == "auto" and n_factors > _MOST_FACTORS_SOLVED_EXACTLY):
        return _CONJUGATE_GRADIENTS
    return EXACT


class Problem:
    """Both half-steps of one training set, and the steps between them, on this machine.

    :mod:`cinefold.spark` has the same for factors and ratings on a cluster.
    """

    spare: Any = None  # memory for the next items

    def __init__(
        self,
        train: Interactions,
        objective: Objective,
        n_threads: int,
        pair_weights: PairWeights | None = None,
    ) -> None:
        self.train, self.objective, self.n_threads = train, objective, n_threads
        self.pair_weights = pair_weights
        self._grams: dict[Side, NDArray[np.float64]] = {}  # of rows just solved
        of_users = of_items = None
        self.total_weight = float(train.n_ratings)  # of the observations
        if pair_weights is not None:
            users, items = pair_weights.users, pair_weights.items
            of_users, of_items = (users, items), (items, users)
            rows = np.repeat(np.arange(train.n_users), train.user_counts())
            total = pair_weights.total(rows, train.by_user.indices)
            self.total_weight = rounded(total.sum())
        self.rows = {
            "item": Observations(objective, train.by_item, train.weights_by_item, of_items),
            "user": Observations(objective, train.by_user, train.weights, of_users),
        }

    @property
    def mean_rating(self) -> np.float32:
        """Of all observations, whatever their weights."""
        return np.float32(rounded(self.train.by_user.data.mean(dtype=np.float64)))

    def deviation(self, mean: np.float32) -> float:
        """The mean size of what targets are from the mean rating."""
        return rounded(self.objective.target_size(self.train.by_user.data, mean))

    @property
    def initial_length(self) -> float:
        """Of users, in the unit of targets, whose multiples have multiples of the same scores."""
        target = self.objective.target_size(self.train.by_user.data)
        return initial_length(self.objective, target)

    def regularization(self, side: Side) -> NDArray[np.float64]:
        """lambda of each row."""
        return self.rows[side].regularization

    def start(self, n_factors: int, seed: int) -> tuple[Any, Any]:
        """Random users, and items of zeros."""
        users = empty_factors(self.train.n_users, n_factors)
        fill_randomly(users, seed, self.initial_length)
        return users, np.zeros((self.train.n_items, n_factors), np.float32)

    def start_with_biases(self, n_factors: int, seed: int, constant: Constant) -> tuple[Any, Any]:
        """The same with biases as their last column."""
        users = constant.first_users(np.random.default_rng(seed), self.train.n_users, n_factors)
        return users, np.zeros((self.train.n_items, n_factors + 1), np.float32)

    def gram(self, side: Side, factors: Any, *, weighted: bool = False) -> NDArray[np.float64]:
        """Of the factors, or with each row weighted by its regularization."""
        if not weighted and side in self._grams:
            return checked_gram(self._grams[side])
        weights = self.regularization(side) if weighted else None
        return gram_matrix(factors, self.n_threads, weights)

    def balanced(self, users: Any, items: Any) -> Basis:
        """The basis for solving items in which both sides' regularization is least."""
        gram = self.gram("user", users)
        one_lambda = self.objective.regularization_exponent == 0
        if one_lambda:
            of_users, of_items = gram, items.spectrum
        else:
            of_users = self.gram("user", users, weighted=True)
            of_items = self.gram("item", items.rows, weighted=True)
        if not (of_users.any() and of_items.any()):
            return Basis.of_eigenvectors(gram)
        basis = Basis.balanced(of_users, of_items)
        return basis if one_lambda else basis.then_diagonal(gram)

    def fix(self, side: Side, factors: Any, basis: Basis | None = None) -> Any:
        """`factors`, in place, in `basis`: see :meth:`FixedSide.of`."""
        if basis is None:
            basis = Basis.of_eigenvectors(self.gram(side, factors))
        self._grams.pop(side, None)
        return FixedSide.of(factors, self.n_threads, basis, out=factors)

    def fix_with_constant(self, side: Side, rows: Any, constant: Constant) -> tuple[Any, Any]:
        """`rows` with the constant in place of their biases, fixed, and their baseline."""
        fixed, baseline = constant.in_place_of_biases(rows)
        return self.fix(side, fixed), baseline

    def turned(self, rows: Any, change: NDArray[np.float64]) -> Any:
        """`rows` times `change`, as others."""
        return rotate(rows, change, self.n_threads, None, in_double=False)

    def start_from(self, fixed: Any, factors: Any, *, in_place: bool) -> tuple[Any, Any]:
        """Where new rows go, and the `factors` that they start from, in the basis before `fixed`.

        Nothing instead of these if the new rows hold them, in its basis.
        """
        del fixed
        if in_place:
            return factors, factors
        rows, self.spare = self.spare, None
        if rows is None:
            rows = padded_rows(empty_factors(*factors.shape))
        return lent(rows, factors.shape[1], self), factors

    def solve_items(
        self,
        users: Any,
        items: Any,
        method: Method,
        baseline: NDArray[np.float32] | None = None,
        previous: Any = None,
    ) -> None:
        """Solve `items`, from `previous`; `baseline` (n_users,) is taken off the targets."""
        self._solve("item", users, items, method, baseline, previous)

    def solve_users(
        self, factors: Factors, method: Method, previous: Any = None
    ) -> tuple[float, float]:
        """Solve the users of `factors`, from `previous`.

        Returns the objective that is reached, and the RMSE over the observations, by their weight.
        """
        users, items, baseline = factors.users, factors.items, factors.baseline
        loss, squared = self._solve("user", items, users, method, baseline, previous)
        loss += self._loss_of_regularized_items(factors)
        if not np.isfinite(loss):
            raise ValueError(
                "the objective is not finite: the ratings are too large for float32; scale them"
            )
        return float(loss), float(np.sqrt(squared / self.total_weight))

    def finished(self, factors: Factors) -> Factors:
        """`factors` in the memory that they need, once no step will change them."""
        return replace(factors, users=compact(factors.users))

    def checkpoint(
        self, history: list[dict[str, Any]], factors: Factors, best: Factors | None
    ) -> None:
        """After an iteration, what keeps a fit that may be cut off; here nothing."""

    def _loss_of_regularized_items(self, factors: Factors) -> float:
        objective = self.objective
        if objective.regularization_exponent == 0 and factors.biases is None:
            return objective.regularization * float(factors.items.spectrum.sum())
        return self._sum_of_regularized_items(factors)

    def _sum_of_regularized_items(self, factors: Factors) -> float:
        return float(chunk_sums(self.regularization("item") * factors.item_norms).sum())

    def _solve(
        self,
        side: Side,
        fixed: Any,
        out: Any,
        method: Method,
        baseline: NDArray[np.float32] | None,
        previous: Any,
    ) -> NDArray[np.float64]:
        """Solve rows from `previous`, see :meth:`start_from`.

        Of users return the sums of both kinds of losses (2,).
        """
        rows = self.rows[side].with_baseline(baseline)
        losses = np.empty((len(out), 2)) if side == "user" else None
        change = None if previous is None else fixed.basis.other
        own = out if previous is None else previous
        steps = expected_steps(rows, fixed, own, self.n_threads, change)
        self._grams.pop(side, None)
        if previous is not None and not is_summed_in_double(len(out)):
            self._grams[side] = np.empty((fixed.n_factors, fixed.n_factors))
        try:
            solve_rows(
                rows,
                fixed,
                out,
                self.n_threads,
                method,
                expected_steps=steps,
                losses=losses,
                previous=own,
                change=change,
                gram=self._grams.get(side),
            )
        except SingularRowError as error:
            known = self.train if side == "user" else self.train.transposed
            counts = known.user_counts()
            raise singular_row_error(side, known.user_ids[error.row], counts[error.row]) from None
        return np.zeros(2) if losses is None else chunk_sums(losses).sum(axis=0)


def singular_row_error(side: Side, row_id: Any, n_ratings: int) -> ValueError:
    """What a fit raises for a row whose equations have no unique solution."""
    return ValueError(
        f"the equations of {side} {row_id} ({n_ratings} ratings) have no unique solution; "
        "increase regularization, or lower n_factors or unobserved_weight"
    )


def alternate(
    problem: Problem,
    n_factors: int,
    seed: Any,
    method: Method = EXACT,
    *,
    plain: bool = False,
    start: Factors | None = None,
    n_done: int = 0,
) -> Generator[Iteration]:
    """Endless iterations from random user factors; each solves all items, then all users.

    Factors are balanced in between and steps over-relaxed, unless `plain` alternating least squares
    are asked for. With `start`, they go on from these factors, which `n_done` iterations have made.

    There is one copy of the user factors, which every iteration overwrites.

    Ending with the users makes their factors, if they are solved exactly, the fold-in of their
    ratings: a known user and a new one with the same ratings get the same recommendations.
    """
    fixed: Any = None
    if start is None:
        users, items = problem.start(n_factors, seed)
    else:
        users, fixed = start.users, start.items
        items = fixed.rows
    for iteration in count(n_done):
        started = time.perf_counter()
        of_items, of_users = (method, method) if plain else _relaxed(method, iteration)
        basis = None if plain or fixed is None else problem.balanced(users, fixed)
        fixed = problem.fix("user", users, basis)
        items, previous = problem.start_from(fixed, items, in_place=False)
        problem.solve_items(fixed, items, of_items, previous=previous)
        fixed = problem.fix("item", items)
        users, previous = problem.start_from(fixed, users, in_place=True)
        factors = Factors(users, fixed, pair_weights=problem.pair_weights)
        loss, rmse = problem.solve_users(factors, of_users, previous)
        yield Iteration(factors, loss, rmse, time.perf_counter() - started)


def initial_length(objective: Objective, target: float) -> float:
    """Of users who start with targets of this mean size."""
    return rounded(np.sqrt(target / objective.target_size(_USUAL_RATING)))


def fill_randomly(users: NDArray[np.float32], seed: int, length: float, first: int = 0) -> None:
    """Vectors of this length on average for users, from user `first`, a multiple of ROWS_PER_SUM.

    Every so many users have a random stream of their own, whoever fills them.
    """
    for begin in range(0, len(users), ROWS_PER_SUM):
        rows, chunk = users[begin : begin + ROWS_PER_SUM], (first + begin) // ROWS_PER_SUM
        own = np.random.SeedSequence(seed, spawn_key=(chunk,) if chunk else ())
        rows[:] = np.random.default_rng(own).standard_normal(rows.shape, np.float32)
        rows *= np.float32(length / np.sqrt(rows.shape[1]))


def _relaxed(method: Method, iteration: int) -> tuple[Method, Method]:
    """The method for items, and for users."""
    if iteration < _UNRELAXED_ITERATIONS:
        return method, method
    items, users = _RELAXATION_IF_EXACT if method.is_exact else _RELAXATION
    return replace(method, relaxation=items), replace(method, relaxation=users)


def with_exact_users(problem: Problem, factors: Factors) -> Iteration:
    """The iteration that ends with the exact users for the items of `factors`, in place."""
    started = time.perf_counter()
    loss, rmse = problem.solve_users(factors, EXACT)
    return Iteration(factors, loss, rmse, time.perf_counter() - started)
