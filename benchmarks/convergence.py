"""Time to the converged objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contestants import FIELD, Problem, start
from benchmarks.machine import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.section_case import Case

    Curve = dict[str, list[float]]  # "seconds" since the start and "objective", by epoch

CLOSE = 1e-3  # "converged": the objective is within 0.1% of the best one known
NAMES = (
    "cinefold, exact",
    "cinefold, CG",
    "cinefold, CG, plain",
    "irspack, Cholesky",
    "irspack, CG",
    "irspack, iALS++",
    "implicit, CG",
    "implicit, exact",
    "lenskit, exact",
)


def convergence(case: Case) -> dict[str, Any]:
    """Each library's objective over its seconds, beside the best objective known.

    The best is what a long run of Cinefold's conjugate gradients reaches, or another library if it
    gets further. Libraries take turns epoch by epoch, from their own initial factors, until they
    are well below CLOSE or have had `case.epochs`. The clock stands while factors are read and the
    objective is evaluated; the first epoch counts.
    """
    best, fall = _long_run(case)
    running = start(case.problem, case.taking_part(NAMES, epochs=case.epochs))
    curves: dict[str, Curve] = {name: {"seconds": [], "objective": []} for name in running}
    for turn in range(case.epochs):
        for name, contestant in list(running.items()):
            say(f"time to objective, epoch {turn + 1}: {name}")
            curve = curves[name]
            elapsed = curve["seconds"][-1] if turn else 0.0
            curve["seconds"].append(elapsed + contestant.epoch())
            curve["objective"].append(evaluate(case.problem, *contestant.factors()))
            if curve["objective"][-1] <= best * (1 + CLOSE / 4):
                del running[name]
    say("")
    best = min(best, *(min(curve["objective"]) for curve in curves.values()))
    return {"best": best, "fall of the last tenth": fall, "curves": curves}


def _long_run(case: Case) -> tuple[float, float]:
    """The objective that it ends at, and by which fraction its last tenth of epochs lowered it."""
    problem = case.problem
    contestant = FIELD["cinefold, CG"].start(problem)
    tenth, values = max(1, case.long_run // 10), []
    for turn in range(1, case.long_run + 1):
        say(f"converged objective, epoch {turn} of {case.long_run}")
        contestant.epoch()
        if turn in (case.long_run - tenth, case.long_run):
            values.append(evaluate(problem, *contestant.factors()))
    return values[-1], values[0] / values[-1] - 1


def time_to(curve: Curve, best: float) -> tuple[float, int] | None:
    """Seconds and epochs until the curve is close to `best`; None if it never was."""
    points = zip(curve["seconds"], curve["objective"], strict=True)
    for epoch, (seconds, objective) in enumerate(points, start=1):
        if objective <= best * (1 + CLOSE):
            return seconds, epoch
    return None


def evaluate(
    problem: Problem, users: NDArray[np.float32], items: NDArray[np.float32], block: int = 2048
) -> float:
    """The common objective at these factors, in bounded memory.

    sum_obs [(1 - s)^2 - w0 s^2] + w0 <U'U, V'V> + lambda (|U|^2 + |V|^2). Scores s come from
    float32 products of a block of users; all sums, U'U and V'V are in double precision.
    """
    ratings, w0 = problem.ratings, problem.unobserved_weight
    users, items = np.asarray(users, np.float32), np.asarray(items, np.float32)
    observed = 0.0
    with threadpool_limits(problem.n_threads, user_api="blas"):
        gram_users, gram_items = _gram(users, block), _gram(items, block)
        for begin in range(0, len(users), block):
            part = ratings[begin : begin + block]
            scores = users[begin : begin + block] @ items.T
            rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
            s = scores[rows, part.indices].astype(np.float64)
            observed += float(((1 - s) ** 2 - w0 * s**2).sum())
    return float(
        observed
        + w0 * (gram_users * gram_items).sum()
        + problem.regularization * (np.trace(gram_users) + np.trace(gram_items))
    )


def _gram(factors: NDArray[np.float32], block: int) -> NDArray[np.float64]:
    d = factors.shape[1]
    gram = np.zeros((d, d))
    for begin in range(0, len(factors), block):
        part = factors[begin : begin + block].astype(np.float64)
        gram += part.T @ part
    return gram
