"""Time to the converged objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contestants import FIELD, Problem
from benchmarks.machine import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSE = 1e-3  # "converged": the objective is within 0.1% of the best one known
NAMES = ("cinefold, CG", "cinefold, exact", "irspack, CG", "irspack, iALS++", "implicit, CG")


def convergence(
    problem: Problem, names: tuple[str, ...], long_run: int, max_epochs: int
) -> dict[str, Any]:
    """Each library's objective over its seconds, until it is close to the best known.

    The best known is what `long_run` epochs of Cinefold reach, or another library if it gets
    further. The clock stands while factors are read and the objective is evaluated.
    """
    reference = FIELD["cinefold, CG"][1](problem)
    for turn in range(long_run):
        say(f"converged objective, epoch {turn + 1} of {long_run}")
        reference.epoch()
    best = evaluate(problem, *reference.factors())
    curves: dict[str, dict[str, list[float]]] = {}
    for name in names:
        contestant = FIELD[name][1](problem)
        seconds, objective = [], []
        while len(seconds) < max_epochs:
            say(f"time to objective: {name}, epoch {len(seconds) + 1}")
            seconds.append(contestant.epoch())
            objective.append(evaluate(problem, *contestant.factors()))
            if objective[-1] <= best * (1 + CLOSE):
                break
        curves[name] = {"seconds": np.cumsum(seconds).tolist(), "objective": objective}
    say("")
    best = min(best, *(min(curve["objective"]) for curve in curves.values()))
    return {"factors": problem.n_factors, "best": best, "curves": curves}


def time_to(curve: dict[str, list[float]], best: float) -> float | None:
    """Seconds until the curve is close to `best`; None if it never was."""
    for seconds, objective in zip(curve["seconds"], curve["objective"], strict=True):
        if objective <= best * (1 + CLOSE):
            return seconds
    return None


def evaluate(
    problem: Problem, users: NDArray[np.float32], items: NDArray[np.float32], block: int = 2048
) -> float:
    """The common objective at these factors.

    sum_obs [(1 - s)^2 - w0 s^2] + w0 <U'U, V'V> + lambda (|U|^2 + |V|^2); the scores s are taken
    from dense products of a block of users, sums are in double precision.
    """
    ratings, w0 = problem.ratings, problem.unobserved_weight
    users, items = np.asarray(users, np.float32), np.asarray(items, np.float32)
    observed = 0.0
    with threadpool_limits(problem.n_threads, user_api="blas"):
        gram = sum(_gram(users[i : i + block]) for i in range(0, len(users), block))
        for begin in range(0, len(users), block):
            part = ratings[begin : begin + block]
            scores = users[begin : begin + block] @ items.T
            rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
            s = scores[rows, part.indices].astype(np.float64)
            observed += float(((1 - s) ** 2 - w0 * s**2).sum())
        gram_items = _gram(items)
    return float(
        observed
        + w0 * (gram * gram_items).sum()
        + problem.regularization * (np.trace(gram) + np.trace(gram_items))
    )


def _gram(factors: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = factors.astype(np.float64)
    return exact.T @ exact
