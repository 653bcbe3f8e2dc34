"""Folding in new users: one at a time, and all at once."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from benchmarks import synthetic
from benchmarks.contestants import Problem, implicit_parameters
from benchmarks.machine import race, say, timed
from cinefold import WeightedMatrixFactorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.section_case import Case

    Fold = Callable[[sp.csr_matrix], NDArray[np.float32]]

PER_USER = 20
CALLS, WARM_UP, BLOCK = 3_000, 100, 50


class Folder(NamedTuple):
    """A library with the common item factors.

    `prepare` makes what its call takes from a user's row before the clock starts: Cinefold's
    takes {item: rating}, the others' a matrix with one row.
    """

    prepare: Callable[[sp.csr_matrix], Any]
    one: Callable[[Any], NDArray[np.float32]]
    many: Fold


def fold_in(case: Case) -> dict[str, Any]:
    """Microseconds to fold in one user with 20 ratings, and seconds for all of `case.shape`."""
    say("fold-in: fitting a model")
    rows = _rows(case.shape.n_items, CALLS, case.seed)
    folders = _folders(case)
    microseconds = _take_turns(folders, rows)
    everyone = Problem(case.ratings, case.n_factors, case.n_threads).constant(1)

    def turn(many: Fold) -> Callable[[], float]:
        return lambda: timed(lambda: many(everyone))

    runs = {name: turn(folder.many) for name, folder in folders.items()}
    seconds = race(runs, case.rounds, "fold-in of all")
    return {
        "microseconds": {
            name: dict(zip(("p50", "p99"), np.percentile(values, [50, 99]).tolist(), strict=True))
            for name, values in microseconds.items()
        },
        "seconds": seconds,
        "largest difference": _differences(folders, everyone[:1_000]),
    }


def _take_turns(folders: dict[str, Folder], rows: list[sp.csr_matrix]) -> dict[str, list[float]]:
    """Blocks of calls of each library in turn; the first ones warm up."""
    prepared = {name: [f.prepare(row) for row in rows] for name, f in folders.items()}
    microseconds: dict[str, list[float]] = {name: [] for name in folders}
    for begin in range(0, len(rows), BLOCK):
        for name, folder in folders.items():
            for profile in prepared[name][begin : begin + BLOCK]:
                started = time.perf_counter()
                folder.one(profile)
                microseconds[name].append((time.perf_counter() - started) * 1e6)
    return {name: values[WARM_UP:] for name, values in microseconds.items()}


def _rows(n_items: int, n: int, seed: int) -> list[sp.csr_matrix]:
    rng = np.random.default_rng(seed)
    columns = [np.sort(rng.choice(n_items, PER_USER, replace=False)) for _ in range(n)]
    ones = np.ones(PER_USER, np.float32)
    return [
        sp.csr_matrix((ones, items.astype(np.int32), [0, PER_USER]), shape=(1, n_items))
        for items in columns
    ]


def _folders(case: Case) -> dict[str, Folder]:
    n_items = case.shape.n_items
    train = synthetic.ratings(synthetic.Shape(n_items // 2, n_items, 30 * n_items), case.seed)
    problem = Problem(train, case.n_factors, case.n_threads)
    model = WeightedMatrixFactorization(
        case.n_factors,
        unobserved_weight=problem.unobserved_weight,
        regularization=problem.regularization,
        target="binary",
        regularization_exponent=0.0,
        max_iter=2,
        n_threads=case.n_threads,
    ).fit(train, progress=False)
    folders = {"cinefold": _cinefold(model)}
    for name, build in (("implicit", _implicit), ("irspack", _irspack)):
        if find_spec(name):
            folders[name] = build(problem, model.item_factors_)
        else:
            case.left_out[name] = f"{name} is not installed"
    return folders


def _cinefold(model: WeightedMatrixFactorization) -> Folder:
    def prepare(row: sp.csr_matrix) -> dict[int, float]:
        return dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))

    return Folder(
        prepare, lambda profile: model.fold_in(profile).factors, lambda m: model.fold_in(m).factors
    )


def _implicit(problem: Problem, items: NDArray[np.float32]) -> Folder:
    from implicit.cpu.als import AlternatingLeastSquares

    converted = implicit_parameters(problem.unobserved_weight, problem.regularization)
    model = AlternatingLeastSquares(
        factors=items.shape[1], num_threads=problem.n_threads, **converted
    )
    model.item_factors = items.copy()  # it takes no read-only array
    return Folder(
        lambda row: row,
        lambda row: model.recalculate_user(0, row),
        lambda rows: model.recalculate_user(np.arange(rows.shape[0]), rows),
    )


def _irspack(problem: Problem, items: NDArray[np.float32]) -> Folder:
    from irspack.recommenders.ials import IALSRecommender

    w = problem.unobserved_weight
    model = IALSRecommender(
        problem.constant(1),
        n_components=items.shape[1],
        n_threads=problem.n_threads,
        solver_type="CHOLESKY",
        **fold_in_parameters(w, problem.regularization),
    )
    model.start_learning()
    model.trainer_as_ials.core_trainer.item = items
    scale = np.float32(1 / (1 - w))  # of the users for these items

    def fold(rows: sp.csr_matrix) -> NDArray[np.float32]:
        return model.compute_user_embedding(rows) * scale

    return Folder(lambda row: row, fold, fold)


def fold_in_parameters(w0: float, regularization: float) -> dict[str, Any]:
    """irspack's for our item factors, where only the users' are in its own scale."""
    return {
        "alpha0": w0 / (1 - w0),
        "reg": regularization / (1 - w0),
        "nu": 0.0,
        "nu_star": 0.0,
        "loss_type": "IALSPP",
    }


def _differences(folders: dict[str, Folder], rows: sp.csr_matrix) -> dict[str, float]:
    """From Cinefold's factors, relative to their largest entry."""
    ours = folders["cinefold"].many(rows)
    largest = np.abs(ours).max()
    return {
        name: float(np.abs(folder.many(rows) - ours).max() / largest)
        for name, folder in folders.items()
    }
