"""The libraries, trained on the same ratings for the same objective.

All minimize  sum_obs (1 - s)^2 + w0 sum_unobs s^2 + lambda (|U|^2 + |V|^2);  docs/objective.md
converts the parameters, and tests/test_conversions.py proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from benchmarks.machine import timed
from cinefold import Interactions
from cinefold.model import Objective
from cinefold.model.fitting import alternate, choose_solver

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CG_STEPS = 3


@dataclass(frozen=True)
class Problem:
    """What all are given."""

    ratings: sp.csr_array
    n_factors: int
    n_threads: int
    unobserved_weight: float = 0.1
    regularization: float = 10.0

    @property
    def objective(self) -> Objective:
        return Objective(self.unobserved_weight, self.regularization, 0.0, "binary")


@dataclass(frozen=True)
class Contestant:
    """A library at work.

    Attributes
    ----------
    epoch : callable
        Trains one more epoch and returns its seconds.
    factors : callable
        The users' and items' factors so far, in the scale of the common objective.
    """

    epoch: Callable[[], float]
    factors: Callable[[], tuple[NDArray[np.float32], NDArray[np.float32]]]


def cinefold(problem: Problem, solver: str) -> Contestant:
    steps = alternate(
        Interactions.from_sparse(problem.ratings),
        problem.objective,
        problem.n_factors,
        0,
        problem.n_threads,
        choose_solver(solver, problem.n_factors),
    )
    last: list[Any] = []

    def epoch() -> float:
        last[:] = [next(steps)]
        return float(last[0].seconds)

    return Contestant(epoch, lambda: (last[0].factors.users, last[0].factors.items.factors))


def irspack(problem: Problem, solver: str) -> Contestant:
    from irspack.recommenders.ials import IALSRecommender

    w = problem.unobserved_weight
    binary = sp.csr_matrix(problem.ratings, copy=True)
    binary.data[:] = 1
    model = IALSRecommender(
        binary,
        n_components=problem.n_factors,
        alpha0=w / (1 - w),
        reg=problem.regularization,
        nu=0.0,
        nu_star=0.0,
        n_threads=problem.n_threads,
        solver_type=solver,
        max_cg_steps=CG_STEPS,
        loss_type="IALSPP",
    )
    model.start_learning()
    scale = np.float32(1 / np.sqrt(1 - w))  # its scores are ours times 1 - w
    return Contestant(
        lambda: timed(model.run_epoch),
        lambda: (model.get_user_embedding() * scale, model.get_item_embedding() * scale),
    )


def implicit(problem: Problem, use_cg: bool) -> Contestant:
    from implicit.cpu.als import AlternatingLeastSquares

    w = problem.unobserved_weight
    model = AlternatingLeastSquares(
        factors=problem.n_factors,
        regularization=problem.regularization / w,
        alpha=1.0,
        use_cg=use_cg,
        num_threads=problem.n_threads,
        iterations=1,
        random_state=0,
    )
    matrix = sp.csr_matrix(problem.ratings, copy=True)
    matrix.data[:] = 1 / w

    def epoch() -> float:
        seconds: list[float] = []
        # fit continues from the factors it has; the callback's time leaves set-up out
        model.fit(
            matrix, show_progress=False, callback=lambda _, elapsed, *__: seconds.append(elapsed)
        )
        return seconds[-1]

    return Contestant(epoch, lambda: (model.user_factors, model.item_factors))


def cmfrec(problem: Problem, use_cg: bool) -> Contestant:
    from cmfrec import CMF_implicit

    matrix = sp.coo_matrix(problem.ratings)
    matrix.data = np.ones(matrix.nnz, np.float32)

    def fit(n_epochs: int) -> Any:
        w = problem.unobserved_weight
        return CMF_implicit(
            k=problem.n_factors,
            lambda_=problem.regularization / w,
            alpha=1 / w - 1,
            use_cg=use_cg,
            max_cg_steps=CG_STEPS,
            finalize_chol=False,
            niter=n_epochs,
            use_float=True,
            precompute_for_predictions=False,
            nthreads=problem.n_threads,
            verbose=False,
        ).fit(matrix)

    # It cannot go on from where it stopped: an epoch is the difference of two fits.
    return Contestant(
        lambda: timed(lambda: fit(2)) - timed(lambda: fit(1)),
        lambda: (fit(1).A_, fit(1).B_),
    )


FIELD: dict[str, tuple[str, Callable[[Problem], Contestant]]] = {
    "cinefold, exact": ("cinefold", lambda p: cinefold(p, "cholesky")),
    "cinefold, CG": ("cinefold", lambda p: cinefold(p, "cg")),
    "irspack, Cholesky": ("irspack", lambda p: irspack(p, "CHOLESKY")),
    "irspack, CG": ("irspack", lambda p: irspack(p, "CG")),
    "irspack, iALS++": ("irspack", lambda p: irspack(p, "IALSPP")),
    "implicit, CG": ("implicit", lambda p: implicit(p, True)),
    "implicit, exact": ("implicit", lambda p: implicit(p, False)),
    "cmfrec, exact": ("cmfrec", lambda p: cmfrec(p, False)),
    "cmfrec, CG": ("cmfrec", lambda p: cmfrec(p, True)),
}
SLOW = ("implicit, exact", "cmfrec, exact", "cmfrec, CG")
EXACT = tuple(name for name in FIELD if name.endswith(("exact", "Cholesky")))


def field(problem: Problem, names: tuple[str, ...]) -> dict[str, Contestant]:
    """The named contestants whose library is installed."""
    return {name: FIELD[name][1](problem) for name in names if installed(name)}


def installed(name: str) -> bool:
    return find_spec(FIELD[name][0]) is not None
