"""Seconds per epoch: by library and number of factors, by instruction set, by threads."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.contestants import BY_EPOCH, FIELD, cinefold, flops, start
from benchmarks.machine import peak, race, say, timed
from cinefold.als.backend import (
    FixedSide,
    expected_steps,
    simd_levels,
    solve_rows,
)
from cinefold.als.observations import Observations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from benchmarks.section_case import Case

ON_THE_LONG_TAIL = (
    "cinefold, exact",
    "cinefold, CG",
    "irspack, Cholesky",
    "irspack, CG",
    "implicit, CG",
)

_BEFORE_HISTORY = 3  # epochs


def epochs(case: Case, names: tuple[str, ...] = BY_EPOCH) -> dict[str, Any]:
    """Every library in turn; sgemm's speed is measured just before and after each of its turns."""
    chosen = case.taking_part(names)
    say(f"{case.n_factors} factors: setting up")
    contestants = start(case.problem, chosen)
    peaks: dict[str, list[float]] = {name: [] for name in contestants}

    def beside_peak(name: str, run: Callable[[], float]) -> Callable[[], float]:
        def turn() -> float:
            before, seconds, after = peak(case.n_threads), run(), peak(case.n_threads)
            peaks[name].append((before + after) / 2)
            return seconds

        return turn

    runs = {name: beside_peak(name, contestant.epoch) for name, contestant in contestants.items()}
    seconds = race(runs, case.rounds, f"epoch, {case.n_factors} factors")
    return {
        "seconds": seconds,
        "peak": {name: values[1:] for name, values in peaks.items()},  # but the warm-up's
        "flops": flops(sum(case.ratings.shape), case.ratings.nnz, case.n_factors),
        "median ratings of an item": _median_of_items(case),
    }


def long_tail(case: Case) -> dict[str, Any]:
    return epochs(case, ON_THE_LONG_TAIL)


def levels(case: Case) -> dict[str, Any]:
    """Cinefold held to lower instruction sets than the machine's, against irspack as it comes."""
    contestants = {}
    for level in simd_levels():
        contestants[f"cinefold, {level}"] = _forced(level, cinefold(case.problem, "exact").epoch)
    for name in case.taking_part(("irspack, Cholesky",)):
        contestants[name] = FIELD[name].start(case.problem).epoch
    return {"seconds": race(contestants, case.rounds, f"levels, {case.n_factors} factors")}


def history(case: Case) -> dict[str, Any]:
    """An exact epoch with the objective and the RMSE measured, and the same one without."""
    problem, n_threads = case.problem, case.n_threads
    contestant = cinefold(problem, "exact")
    for _ in range(_BEFORE_HISTORY):
        contestant.epoch()
    users, items = contestant.factors()
    by_user = Observations(problem.objective, problem.ratings)
    by_item = Observations(problem.objective, problem.ratings.T.tocsr())

    def epoch(losses: NDArray[np.float64] | None) -> None:
        fixed = FixedSide.of(users, n_threads)
        new_items = fixed.change_basis(items, n_threads)
        steps = expected_steps(by_item, fixed, new_items)
        solve_rows(by_item, fixed, new_items, n_threads, expected_steps=steps)
        fixed = FixedSide.of(new_items, n_threads)
        new_users = fixed.change_basis(users, n_threads)
        steps = expected_steps(by_user, fixed, new_users)
        solve_rows(by_user, fixed, new_users, n_threads, expected_steps=steps, losses=losses)

    losses = np.empty((by_user.n_rows, 2))
    turns = {
        "without": lambda: timed(lambda: epoch(None)),
        "with": lambda: timed(lambda: epoch(losses)),
    }
    return {"seconds": race(turns, case.rounds, f"history, {case.n_factors} factors")}


def _median_of_items(case: Case) -> float:
    return float(np.median(np.bincount(case.ratings.indices, minlength=case.ratings.shape[1])))


def _forced(level: str, run: Callable[[], float]) -> Callable[[], float]:
    def turn() -> float:
        with simd(level):
            return run()

    return turn


@contextmanager
def simd(level: str) -> Iterator[None]:
    """The core reads the variable at every call."""
    before = os.environ.get("CINEFOLD_SIMD")
    os.environ["CINEFOLD_SIMD"] = level
    try:
        yield
    finally:
        if before is None:
            del os.environ["CINEFOLD_SIMD"]
        else:
            os.environ["CINEFOLD_SIMD"] = before
