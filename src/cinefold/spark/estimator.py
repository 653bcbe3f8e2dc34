"""The estimator on Spark."""

from __future__ import annotations

import logging
import uuid
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from pyspark.ml import Estimator

from cinefold.als.iterations import Side
from cinefold.als.objective import Objective
from cinefold.interactions.entries import digest
from cinefold.models import checks
from cinefold.models.default_search import Settings
from cinefold.models.rating_input import axis_weights
from cinefold.models.scaled_parameters import RatingStatistics, objective_for, pair_weights
from cinefold.models.training_loop import continued, run_fit
from cinefold.spark import packing
from cinefold.spark.checkpoints import Checkpoints
from cinefold.spark.model import DistributedFactorModel
from cinefold.spark.params import MODEL_PARAMS, FactorizationParams
from cinefold.spark.resumable import ResumableProblem
from cinefold.spark.shared_files import SharedFiles, temporary_folder
from cinefold.spark.tasks.packing import BlockPacker
from cinefold.spark.tasks.records import id_array

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from cinefold.models import WeightedMatrixFactorization
    from cinefold.models.callbacks import Callback
    from cinefold.models.rating_input import Weights

_LOGGER = logging.getLogger(__name__)


class ClusterValidation:
    """Metrics on the held-out ratings, which half-steps of users find along the way."""

    sample = None  # each executor measures all of its users

    def __init__(self, problem: ResumableProblem) -> None:
        self._problem = problem

    def rmse(self, _: Any) -> float:
        found = self._problem.metrics
        return float(np.sqrt(found["squared_error"] / found["held_weight"]))

    def ndcg(self, _: Any) -> float | None:
        found = self._problem.metrics
        return found["ndcg"] / found["n_measured"] if found["n_measured"] else None


class DistributedWeightedMatrixFactorization(FactorizationParams, Estimator[Any]):
    """:class:`cinefold.WeightedMatrixFactorization` for ratings on a Spark cluster.

    With the same parameters, data and seed it finds the same factors, whatever the number of blocks
    and executors: to the last bit where the processors have the same instruction set. Uses data
    frames only, so that it runs on classic Spark and on Spark Connect.

    Parameters
    ----------
    nFactors, unobservedWeight, regularization, regularizationExponent, degreeExponent, target, \
alpha, biases, solver, maxIter, tol, earlyStopping, patience, seed
        As ``n_factors``, ``unobserved_weight`` ... ``random_state`` of the single machine. "scale"
        means 64 factors, the target "sqrt", tol 1e-4 and no degree weights here.
    userCol, itemCol, ratingCol : str
        Columns of ids (integers of up to 64 bits, or strings) and ratings. With ``ratingCol=""``
        every row counts as 1.
    weightCol, timestampCol : str, optional
        Columns of confidence weights, and of times by which the last of repeated ratings is chosen.
    validationIndicatorCol : str, optional
        Column that is true for ratings that are held out and measured after each iteration.
    invalidRows : {"error", "drop"}
        Whether a row without ids or with a number that is not finite ends the fit or is left out.
    duplicates : {"last", "mean", "sum", "max", "error"}
    numUserBlocks, numItemBlocks : int, optional
        By default as many as there are cores, or more where ratings and factors of a block would
        exceed 16 MB.
    checkpointDir : str, optional
        A folder that the driver and all executors reach. An interrupted fit goes on from there.
    checkpointInterval : int
        Iterations between checkpoints.
    plan : {"auto", "held", "stored"}
        Where factors are between half-steps: on the driver, whence they reach each executor as a
        file; or on the cluster, whence each block is sent the rows that it needs. "auto" holds
        those of a side that take up to ``maxHeldBytes``.
    threadsPerTask : int
        As ``spark.task.cpus``.

    Examples
    --------
    >>> from cinefold.spark import DistributedWeightedMatrixFactorization
    >>> trainer = DistributedWeightedMatrixFactorization(userCol="reader", itemCol="book")
    >>> model = trainer.fit(loans)  # doctest: +SKIP
    >>> model.recommendForAllUsers(10)  # doctest: +SKIP
    """

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.setParams(**params)

    @classmethod
    def like(cls, model: WeightedMatrixFactorization, **params: Any) -> Self:
        """With the parameters of a model of the single machine, and other `params`."""
        return cls(**{name: getattr(model, own) for name, own in MODEL_PARAMS.items()}, **params)

    def setParams(self, **params: Any) -> DistributedWeightedMatrixFactorization:
        """Change parameters by name; None restores a default."""
        self._set_known(params)
        return self

    def fit(
        self,
        dataset: DataFrame,
        params: Any = None,
        *,
        callbacks: Iterable[Callback] = (),
        progress: bool | None = None,
        start: WeightedMatrixFactorization | None = None,
        user_weights: Weights | None = None,
        item_weights: Weights | None = None,
    ) -> Any:
        """Learn the factors.

        Parameters
        ----------
        dataset : DataFrame
            A row for each rating.
        params : dict or list of dict, optional
            As in pyspark.ml: other parameters for this fit, or for several.
        callbacks, progress, start, user_weights, item_weights
            As in :meth:`cinefold.WeightedMatrixFactorization.fit`.

        Returns
        -------
        DistributedFactorModel

        Raises
        ------
        TypeError, ValueError
            For columns or rows that cannot be learnt from, and parameters out of range.
        """
        self._arguments = SimpleNamespace(
            watching=(tuple(checks.callbacks(callbacks)), progress),
            start=start,
            weights=(user_weights, item_weights),
        )
        try:
            return super().fit(dataset, params)
        finally:
            del self._arguments

    def _fit(self, dataset: DataFrame) -> DistributedFactorModel:
        arguments = self._arguments
        model: Any = self._estimator()
        checks.parameters(model)
        for name, allowed in _CHOICES.items():
            checks.choice(name, self._given(name), allowed)
        is_scaled = "scale" == model.unobserved_weight == model.regularization
        if is_scaled and not self.isSet("nFactors"):
            _LOGGER.warning(
                "one machine would search for nFactors, degreeExponent, unobservedWeight and "
                "regularization on some of the users, Spark does not: docs/spark.md says how"
            )
        checks.biases(model, arguments.start, *arguments.weights)
        with ExitStack() as kept:
            problem = self._problem(dataset.sparkSession, dataset, model, arguments, kept)
            kept.callback(problem.folders.drop_tables)
            held_out = problem.sides["user"].total("n_held_out")
            if model.early_stopping and not held_out:
                raise ValueError("earlyStopping needs held-out ratings: set validationIndicatorCol")
            validation = cast("Any", ClusterValidation(problem)) if held_out else None
            checkpoints = self._checkpoints(problem, model)
            interval = self._given("checkpointInterval")
            resumed = problem.resumed(checkpoints, interval, model.n_factors, model.biases)
            if arguments.start is not None and resumed is None:
                ids = {f"{side}_ids": _ids(packed.rows) for side, packed in problem.sides.items()}
                known: Any = SimpleNamespace(**ids)
                begun = continued(arguments.start, known, model.n_factors, problem.n_threads)
                resumed = problem.spread(begun)
            settings = Settings(model.n_factors, model.tol, problem.objective)
            callbacks, progress = arguments.watching
            run_fit(model, problem, settings, validation, callbacks, progress, resumed)
            problem.close(model._fitted.factors)
        return self._copyValues(DistributedFactorModel._of(problem, model._fitted))

    def _problem(
        self,
        spark: SparkSession,
        dataset: DataFrame,
        model: Any,
        arguments: SimpleNamespace,
        kept: ExitStack,
    ) -> ResumableProblem:
        """The ratings, packed; `kept` frees them."""
        columns = self._columns()
        # Numbers in place of "scale" come with the statistics of the packed ratings.
        unscaled = Objective(0.0, 0.0, target=model.target, alpha=model.alpha)
        ratings, sizes = packing.checked_ratings(
            dataset, columns, unscaled, self._given("invalidRows")
        )
        if not sizes["n_learnt"]:
            n, n_bad = sizes["n"], sizes["n_bad"]
            raise ValueError(
                f"there are no ratings to learn from: of {n} rows {n_bad} are bad, others held out"
            )
        folder = self._given("checkpointDir")
        if folder is None and (spark.conf.get("spark.master", "") or "").startswith("local["):
            folder = str(temporary_folder())
        users, items = (self._rows(spark, ratings, side, sizes[side], folder) for side in _SIDES)
        given_weights = any(weights is not None for weights in arguments.weights)
        is_weighted = given_weights or bool(np.any(model.degree_exponent))

        def packed(own: packing.Rows, other: packing.Rows, found: DataFrame) -> packing.PackedSide:
            way = BlockPacker(
                unscaled,
                own.starts,
                own.keys,
                model.n_factors + model.biases,
                columns["weight"] is not None,
                other.is_stored,
                self._given("duplicates"),
            )
            is_counted = is_weighted or not own.is_stored
            packed = packing.PackedSide(spark, own, other, found, way, is_counted)
            kept.callback(packed.free)
            return packed

        by_user = packed(users, items, packing.numbered_ratings(ratings, users, items))
        n_ratings = by_user.total("n_ratings")
        n_repeated, policy = by_user.total("n_duplicates"), self._given("duplicates")
        if n_repeated and policy in ("error", "last"):
            problem = f"{n_repeated} ratings repeat a pair of user and item"
            if policy == "error":
                raise ValueError(problem)
            _LOGGER.warning("%s; the last one of each is kept", problem)
        by_item = packed(items, users, by_user.by_columns())
        sharing = SharedFiles(spark)
        kept.callback(sharing.forget)
        counts: Any = by_user.counts, by_item.counts

        def mean_target(objective: Objective) -> float:
            total = by_user.total("target")
            weights = pair_weights(objective, *counts)
            if weights is not None:
                roots = sharing.share(user=weights.users, item=weights.items)
                total = by_user.totals(objective, roots=roots)["target"]
            return float(total / n_ratings) or 1.0

        statistics = RatingStatistics(
            users.n_rows,
            items.n_rows,
            n_ratings,
            by_user.total("confidence") / n_ratings,
            mean_target,
            by_user.histogram,
            by_item.histogram,
        )
        objective = objective_for(model, statistics)
        own = (
            None if given is None else axis_weights(f"{side}_weights", given, _ids(rows))
            for side, rows, given in zip(_SIDES, (users, items), arguments.weights, strict=True)
        )
        weights = pair_weights(objective, *counts, *cast("Any", own))
        fresh = folder and f"{folder}/{uuid.uuid4().hex}"
        n_threads = self._given("threadsPerTask")
        sides: dict[Side, packing.PackedSide] = {"user": by_user, "item": by_item}
        return ResumableProblem(spark, sides, objective, sharing, n_threads, fresh, weights)

    def _checkpoints(self, problem: ResumableProblem, model: Any) -> Checkpoints | None:
        folder, weights = self._given("checkpointDir"), problem.pair_weights
        if folder is None:
            return None
        totals = [problem.sides["user"].total(n) for n in ("n_ratings", "rating", "n_held_out")]
        fit = {
            **model.get_params(),
            "max_iter": None,
            "sizes": [side.rows.n_rows for side in problem.sides.values()],
            # What is stored is paired with ratings by the keys of its blocks.
            "blocks": [
                digest(side.rows.starts, side.rows.keys) if side.rows.is_stored else None
                for side in problem.sides.values()
            ],
            "totals": totals,
            "weights": weights and digest(weights.users, weights.items),
        }
        return Checkpoints(problem.spark, folder, repr(fit))

    def _rows(
        self,
        spark: SparkSession,
        ratings: DataFrame,
        side: Side,
        n_ids: int,
        folder: str | None,
    ) -> packing.Rows:
        plan, most = self._given("plan"), self._given("maxHeldBytes")
        size = 4 * n_ids * (self._given("nFactors") + bool(self._given("biases")))
        if plan == "auto":
            plan = "held" if size <= most else "stored"
            _LOGGER.info("%s factors (%d MB) are %s: %s", side, size >> 20, plan, _MEANS[plan])
        if plan == "stored" and folder is None:
            raise ValueError(
                f"the factors of {side}s are to be stored on the cluster: set checkpointDir to a "
                "folder that the driver and all executors reach"
            )
        stored = folder if plan == "stored" else None
        n_blocks = self._given(f"num{side.capitalize()}Blocks")
        return packing.number_rows(spark, ratings, side, n_blocks, size, stored)


_SIDES: tuple[Side, Side] = ("user", "item")
_CHOICES = {
    "coldStartStrategy": ("nan", "drop"),
    "invalidRows": ("error", "drop"),
    "duplicates": ("last", "mean", "sum", "max", "error"),
    "plan": ("auto", "held", "stored"),
}
_MEANS = {
    "held": "the driver has them, and each executor maps a file of them",
    "stored": "they stay on the cluster, and blocks are sent the rows that they need",
}


def _ids(rows: packing.Rows) -> NDArray[Any]:
    """Of all rows, on the driver."""
    if rows.ids is not None:
        return rows.ids
    return id_array(rows.index.select("row", "id").toArrow().sort_by("row").column("id"))
