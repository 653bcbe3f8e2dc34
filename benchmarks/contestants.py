"""The libraries, trained on the same ratings for the same objective.

All but Spark minimize

    sum_obs (1 - s)^2 + w0 sum_unobs s^2 + lambda (|U|^2 + |V|^2);

docs/objective.md converts the parameters, and tests/test_conversions.py proves it. Spark weighs
lambda by a row's number of ratings; its epoch is the same work.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sp

from benchmarks.machine import timed
from benchmarks.synthetic import SIZES, Shape
from cinefold import Interactions
from cinefold.als import Objective
from cinefold.als.iterations import Problem as HalfSteps
from cinefold.als.iterations import alternate, method_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cinefold.als.iterations import SolverName

CG_STEPS = 3  # implicit's number, in an epoch of any approximate solver
PATIENCE = 90  # estimated seconds in a section that a slow library may take unasked


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

    def constant(self, value: float) -> sp.csr_matrix:
        """The pattern of the ratings, with one value."""
        matrix, values = self.ratings, np.full(self.ratings.nnz, value, np.float32)
        return sp.csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)


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


def cinefold(problem: Problem, solver: SolverName, *, plain: bool = False) -> Contestant:
    steps = alternate(
        HalfSteps(Interactions.from_sparse(problem.ratings), problem.objective, problem.n_threads),
        problem.n_factors,
        0,
        method_named(solver, problem.n_factors),
        plain=plain,
    )
    last: list[Any] = []

    def epoch() -> float:
        last[:] = [next(steps)]
        return float(last[0].seconds)

    return Contestant(epoch, lambda: (last[0].factors.users, last[0].factors.items.factors))


def irspack_parameters(w0: float, regularization: float) -> dict[str, Any]:
    """Its scores are then ours times 1 - w0."""
    return {
        "alpha0": w0 / (1 - w0),
        "reg": regularization,
        "nu": 0.0,
        "nu_star": 0.0,
        "loss_type": "IALSPP",
    }


def irspack(problem: Problem, solver: Literal["CG", "CHOLESKY", "IALSPP"]) -> Contestant:
    from irspack.recommenders.ials import IALSRecommender

    w = problem.unobserved_weight
    model = IALSRecommender(
        problem.constant(1),
        n_components=problem.n_factors,
        n_threads=problem.n_threads,
        solver_type=solver,
        max_cg_steps=CG_STEPS,
        **irspack_parameters(w, problem.regularization),
    )
    model.start_learning()
    scale = np.float32(1 / np.sqrt(1 - w))
    return Contestant(
        lambda: timed(model.run_epoch),
        lambda: (model.get_user_embedding() * scale, model.get_item_embedding() * scale),
    )


def implicit_parameters(w0: float, regularization: float) -> dict[str, float]:
    """With the value 1 for all ratings."""
    return {"alpha": 1 / w0, "regularization": regularization / w0}


def implicit(problem: Problem, use_cg: bool) -> Contestant:
    from implicit.cpu.als import AlternatingLeastSquares

    converted = implicit_parameters(problem.unobserved_weight, problem.regularization)
    model = AlternatingLeastSquares(
        factors=problem.n_factors,
        regularization=converted["regularization"],
        alpha=1.0,  # it is in the values already: fit would copy the matrix to multiply it
        use_cg=use_cg,
        num_threads=problem.n_threads,
        iterations=1,
        random_state=0,
    )
    matrix = problem.constant(converted["alpha"])

    def epoch() -> float:
        seconds: list[float] = []
        # fit continues from the factors it has; the callback's time leaves set-up out
        model.fit(
            matrix, show_progress=False, callback=lambda _, elapsed, *__: seconds.append(elapsed)
        )
        return seconds[-1]

    return Contestant(epoch, lambda: (model.user_factors, model.item_factors))


def lenskit_parameters(w0: float, regularization: float) -> dict[str, float]:
    return {"weight": 1 / w0 - 1, "regularization": regularization / w0}


def lenskit(problem: Problem) -> Contestant:
    os.environ["LK_NUM_THREADS"] = str(problem.n_threads)
    import pandas as pd
    from lenskit.als import ImplicitMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.training import TrainingOptions

    users, items = problem.ratings.tocoo().coords
    data = from_interactions_df(pd.DataFrame({"user_id": users, "item_id": items}))
    converted = lenskit_parameters(problem.unobserved_weight, problem.regularization)
    model = ImplicitMFScorer(embedding_size=problem.n_factors, **converted)
    trainer = model.create_trainer(data, TrainingOptions(rng=0))

    def factors() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # It leaves out users and items without ratings; theirs are zero.
        u = np.zeros((problem.ratings.shape[0], problem.n_factors), np.float32)
        v = np.zeros((problem.ratings.shape[1], problem.n_factors), np.float32)
        u[data.users.ids()] = model.user_embeddings
        v[data.items.ids()] = model.item_embeddings
        return u, v

    return Contestant(lambda: timed(trainer.train_epoch), factors)


def cmfrec(problem: Problem, use_cg: bool) -> Contestant:
    from cmfrec import CMF_implicit

    matrix = sp.coo_matrix(problem.constant(1))
    # Its confidence of an observed pair is 1 + alpha, as LensKit's is 1 + weight.
    converted = lenskit_parameters(problem.unobserved_weight, problem.regularization)

    def fit(n_epochs: int) -> Any:
        return CMF_implicit(
            k=problem.n_factors,
            lambda_=converted["regularization"],
            alpha=converted["weight"],
            use_cg=use_cg,
            max_cg_steps=CG_STEPS,
            finalize_chol=False,
            niter=n_epochs,
            use_float=True,
            precompute_for_predictions=False,
            produce_dicts=False,
            nthreads=problem.n_threads,
            verbose=False,
        ).fit(matrix)

    return _without_continuing(fit, lambda model: (model.A_, model.B_))


def spark(problem: Problem) -> Contestant:
    import pandas as pd
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(f"local[{problem.n_threads}]")
        .appName("cinefold-benchmarks")
        .config("spark.driver.memory", "8g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    users, items = problem.ratings.tocoo().coords
    table = pd.DataFrame({"user": users, "item": items, "rating": np.ones(len(users), "f4")})
    data = session.createDataFrame(table).repartition(2 * problem.n_threads).cache()
    data.count()

    def fit(n_epochs: int) -> Any:
        return ALS(
            rank=problem.n_factors,
            maxIter=n_epochs,
            regParam=problem.regularization,
            implicitPrefs=True,
            alpha=1 / problem.unobserved_weight - 1,
            numUserBlocks=2 * problem.n_threads,
            numItemBlocks=2 * problem.n_threads,
            seed=0,
        ).fit(data)

    def factors(model: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return _dense(model.userFactors, 0), _dense(model.itemFactors, 1)

    def _dense(table: Any, side: int) -> NDArray[np.float32]:
        rows = table.toPandas()
        out = np.zeros((problem.ratings.shape[side], problem.n_factors), np.float32)
        out[rows["id"]] = np.stack(rows["features"].to_numpy())
        return out

    return _without_continuing(fit, factors)


def _without_continuing(fit: Callable[[int], Any], factors: Callable[[Any], Any]) -> Contestant:
    """For libraries that cannot go on from where they stopped: an epoch is between two fits."""
    done: list[float] = []

    def epoch() -> float:
        done.append(timed(lambda: fit(2)) - timed(lambda: fit(1)))
        return done[-1]

    return Contestant(epoch, lambda: factors(fit(len(done))))


class Entry(NamedTuple):
    """A library with one of its solvers.

    `seconds` an epoch (of whatever it fits for one) at the 10M size and 128 factors, and the
    power of the number of factors by which it grows, are for estimates: from two 2.6 GHz cores
    with AVX-512.
    """

    package: str
    start: Callable[[Problem], Contestant]
    seconds: float
    growth: float
    slow: bool = False


FIELD: dict[str, Entry] = {
    "cinefold, exact": Entry("cinefold", lambda p: cinefold(p, "exact"), 1.3, 1.5),
    "cinefold, CG": Entry("cinefold", lambda p: cinefold(p, "cg"), 0.6, 0.9),
    "cinefold, CG, plain": Entry("cinefold", lambda p: cinefold(p, "cg", plain=True), 0.6, 0.9),
    "irspack, Cholesky": Entry("irspack", lambda p: irspack(p, "CHOLESKY"), 4.1, 1.7),
    "irspack, CG": Entry("irspack", lambda p: irspack(p, "CG"), 1.6, 1.2),
    "irspack, iALS++": Entry("irspack", lambda p: irspack(p, "IALSPP"), 3.0, 1.0),
    "implicit, CG": Entry("implicit", lambda p: implicit(p, True), 3.0, 0.8),
    "implicit, exact": Entry("implicit", lambda p: implicit(p, False), 17, 1.4, slow=True),
    "lenskit, exact": Entry("lenskit", lenskit, 13, 1.5, slow=True),
    "cmfrec, exact": Entry("cmfrec", lambda p: cmfrec(p, False), 80, 1.7, slow=True),
    "cmfrec, CG": Entry("cmfrec", lambda p: cmfrec(p, True), 40, 1.0, slow=True),
    "spark, exact": Entry("pyspark", spark, 300, 1.7, slow=True),
}
# The others differ in how many epochs they need.
BY_EPOCH = tuple(name for name in FIELD if not name.endswith("plain"))
EXACT = tuple(name for name in FIELD if name.endswith(("exact", "Cholesky")))


def flops(n_rows: int, n_ratings: int, n_factors: int) -> float:
    """Useful operations of an exact epoch: n d^2 + d^3 / 3 a row with n ratings, on both sides."""
    return 2.0 * n_ratings * n_factors**2 + n_rows * n_factors**3 / 3


def estimate(name: str, shape: Shape, n_factors: int) -> float:
    """About how many seconds an epoch takes."""
    entry, reference = FIELD[name], SIZES["10m"]
    size = flops(shape.n_users + shape.n_items, shape.n_ratings, n_factors) / flops(
        reference.n_users + reference.n_items, reference.n_ratings, n_factors
    )
    return size * entry.seconds * float((n_factors / 128) ** entry.growth)


def choose(
    names: tuple[str, ...], shape: Shape, n_factors: int, epochs: int, *, slow: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Those to run, and why each of the others is left out.

    Slow ones run if `slow` or if their `epochs` are estimated to take less than PATIENCE.
    """
    chosen, left_out = [], {}
    for name in names:
        seconds = epochs * estimate(name, shape, n_factors)
        if find_spec(FIELD[name].package) is None:
            left_out[name] = f"{FIELD[name].package} is not installed"
        elif FIELD[name].slow and not slow and seconds > PATIENCE:
            left_out[name] = f"about {seconds / 60:.0f} minutes; --slow runs it"
        else:
            chosen.append(name)
    return chosen, left_out


def start(problem: Problem, names: list[str]) -> dict[str, Contestant]:
    return {name: FIELD[name].start(problem) for name in names}
