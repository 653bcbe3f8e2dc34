"""One epoch of each library, on the same ratings.

Every contestant is a callable that trains one more epoch and returns its seconds. Their objectives
differ in details (docs/objective.md converts them); the work of an exact epoch is the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import scipy.sparse as sp

from cinefold import Interactions
from cinefold.model import Objective
from cinefold.model.fitting import alternate

if TYPE_CHECKING:
    from collections.abc import Callable

    Epoch = Callable[[], float]

CG_STEPS = 3


def cinefold(ratings: sp.csr_array, n_factors: int, n_threads: int) -> Epoch:
    interactions = Interactions.from_sparse(ratings)
    steps = alternate(interactions, Objective(0.1, 10.0), n_factors, 0, n_threads)
    return lambda: next(steps).seconds


def irspack(ratings: sp.csr_array, n_factors: int, n_threads: int, solver: str) -> Epoch:
    from irspack.recommenders.ials import IALSRecommender

    model = IALSRecommender(
        sp.csr_matrix(ratings),
        n_components=n_factors,
        alpha0=0.1,
        reg=0.01,
        n_threads=n_threads,
        solver_type=solver,
        max_cg_steps=CG_STEPS,
        loss_type="IALSPP",
    )
    model.start_learning()
    return lambda: _timed(model.run_epoch)


def implicit(ratings: sp.csr_array, n_factors: int, n_threads: int, use_cg: bool) -> Epoch:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=n_factors,
        regularization=10.0,
        use_cg=use_cg,
        num_threads=n_threads,
        iterations=1,
        random_state=0,
    )
    matrix = sp.csr_matrix(ratings)

    def epoch() -> float:
        seconds: list[float] = []
        # fit continues from the factors it has; the callback's time leaves set-up out
        model.fit(
            matrix, show_progress=False, callback=lambda _, elapsed, *__: seconds.append(elapsed)
        )
        return seconds[-1]

    return epoch


def field(ratings: sp.csr_array, n_factors: int, n_threads: int) -> dict[str, Epoch]:
    """All contestants by name; Cinefold first."""
    return {
        "cinefold, exact": cinefold(ratings, n_factors, n_threads),
        "irspack, Cholesky": irspack(ratings, n_factors, n_threads, "CHOLESKY"),
        f"irspack, CG {CG_STEPS} steps": irspack(ratings, n_factors, n_threads, "CG"),
        "implicit, exact": implicit(ratings, n_factors, n_threads, False),
        f"implicit, CG {CG_STEPS} steps": implicit(ratings, n_factors, n_threads, True),
    }


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
