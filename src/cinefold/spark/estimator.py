"""The estimator on Spark."""

from __future__ import annotations

import logging
import tempfile
import uuid
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from pyspark.ml import Estimator

from cinefold.als.iterations import Side, available_threads
from cinefold.models import WeightedMatrixFactorization, checks
from cinefold.models.default_regularization import RatingStatistics, objective_for
from cinefold.models.default_settings import Settings
from cinefold.models.training_loop import continued, learn
from cinefold.spark import packing, tasks
from cinefold.spark.checkpoints import Checkpoints
from cinefold.spark.model import DistributedFactorModel
from cinefold.spark.params import MODEL_PARAMS, ON_A_CLUSTER, OTHER_PARAMS, FactorizationParams
from cinefold.spark.problem import ClusterProblem
from cinefold.spark.shared_files import Sharing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame, SparkSession

    from cinefold.als.objective import Objective
    from cinefold.models.callbacks import Callback

_LOGGER = logging.getLogger(__name__)


class ClusterValidation:
    """Metrics on the held-out ratings, which half-steps of users find along the way."""

    sample = None  # each executor measures all of its users

    def __init__(self, problem: ClusterProblem) -> None:
        self._problem = problem

    def rmse(self, _: Any) -> float:
        found = self._problem.metrics
        return float(np.sqrt(found["squared_error"] / found["n_pairs"]))

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
    nFactors, unobservedWeight, regularization, regularizationExponent, target, alpha, biases, \
solver, maxIter, tol, earlyStopping, patience, seed
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
        By default as many as there are cores, or more where a block would exceed 16 MB.
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
        usual = WeightedMatrixFactorization().get_params()
        defaults = {name: usual[own] for name, own in MODEL_PARAMS.items()} | ON_A_CLUSTER
        defaults |= {name: default for name, (_, _, default) in OTHER_PARAMS.items()}
        self._setDefault(**{name: value for name, value in defaults.items() if value is not None})
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
    ) -> Any:
        """Learn the factors.

        Parameters
        ----------
        dataset : DataFrame
            A row for each rating.
        params : dict or list of dict, optional
            As in pyspark.ml: other parameters for this fit, or for several.
        callbacks, progress, start
            As in :meth:`cinefold.WeightedMatrixFactorization.fit`.

        Returns
        -------
        DistributedFactorModel

        Raises
        ------
        TypeError, ValueError
            For columns or rows that cannot be learnt from, and parameters out of range.
        """
        self._watching = tuple(callbacks), progress, start
        try:
            return super().fit(dataset, params)
        finally:
            del self._watching

    def _fit(self, dataset: DataFrame) -> DistributedFactorModel:
        callbacks, progress, start = getattr(self, "_watching", ((), None, None))
        model: Any = self._estimator()
        checks.parameters(model)
        for name, allowed in _CHOICES.items():
            checks.choice(name, self._given(name), allowed)
        problem = self._problem(dataset.sparkSession, dataset, model)
        held_out = problem.sides["user"].total("n_held_out")
        if model.early_stopping and not held_out:
            raise ValueError("earlyStopping needs held-out ratings: set validationIndicatorCol")
        validation = cast("Any", ClusterValidation(problem)) if held_out else None
        resumed = problem.resumed(model.n_factors)
        if start is not None and resumed is None:
            if any(side.rows.is_stored for side in problem.sides.values()):
                raise ValueError("start is for factors that the driver holds: see plan")
            resumed = continued(start, problem.train, model.n_factors, problem.n_threads)
        settings = Settings(model.n_factors, model.tol, problem.objective)
        learn(model, problem, settings, validation, callbacks, progress, resumed)
        problem.close()
        fitted = DistributedFactorModel._of(problem, model._fitted)
        return self._copyValues(fitted)

    def _problem(self, spark: SparkSession, dataset: DataFrame, model: Any) -> ClusterProblem:
        names = {
            role: self._given(f"{param}Col") or None
            for role, param in (
                *(("user", "user"), ("item", "item"), ("rating", "rating"), ("weight", "weight")),
                *(("timestamp", "timestamp"), ("held_out", "validationIndicator")),
            )
        }
        columns = packing.RatingColumns(**cast("Any", names))
        # Numbers in place of "scale" come with the statistics of the packed ratings.
        numbers = {"unobserved_weight": 0.0, "regularization": 0.0}
        statistics: Any = None
        unscaled = WeightedMatrixFactorization(**{**model.get_params(), **numbers})
        objective = objective_for(unscaled, statistics)
        ratings, sizes = packing.checked_ratings(
            dataset, columns, objective, self._given("invalidRows")
        )
        folder = self._given("checkpointDir")
        if folder is None and (spark.conf.get("spark.master", "") or "").startswith("local["):
            folder = tempfile.mkdtemp(prefix="cinefold-spark-")
        users, items = (self._rows(spark, ratings, side, sizes[side], folder) for side in _SIDES)
        sides = self._packed(spark, ratings, users, items, objective, columns)
        objective = objective_for(model, _statistics(sides))
        own = folder and f"{folder}/{uuid.uuid4().hex}"
        checkpoints = None
        if self._given("checkpointDir") is not None and not model.biases:
            totals = [sides["user"].total(name) for name in ("n_ratings", "rating", "n_held_out")]
            sizes_of = [side.rows.n_rows for side in sides.values()]
            fit = {**model.get_params(), "max_iter": None, "sizes": sizes_of, "totals": totals}
            checkpoints = Checkpoints(spark, self._given("checkpointDir"), repr(fit))
        return ClusterProblem(
            spark,
            sides,
            objective,
            Sharing(spark),
            available_threads(None),
            self._given("threadsPerTask"),
            own,
            self._given("checkpointInterval"),
            checkpoints,
        )

    def _rows(
        self, spark: SparkSession, ratings: DataFrame, side: Side, n_ids: int, folder: str | None
    ) -> packing.Rows:
        plan, most = self._given("plan"), self._given("maxHeldBytes")
        if plan == "auto":
            size = 4 * n_ids * (self._given("nFactors") + bool(self._given("biases")))
            plan = "held" if size <= most else "stored"
            _LOGGER.info("%s factors (%d MB) are %s: %s", side, size >> 20, plan, _MEANS[plan])
        if plan == "stored" and folder is None:
            raise ValueError(
                f"the factors of {side}s are to be stored on the cluster: set checkpointDir to a "
                "folder that the driver and all executors reach"
            )
        stored = folder if plan == "stored" else None
        n_blocks = self._given(f"num{side.capitalize()}Blocks")
        return packing.number_rows(spark, ratings, side, n_blocks, stored)

    def _packed(
        self,
        spark: SparkSession,
        ratings: DataFrame,
        users: packing.Rows,
        items: packing.Rows,
        objective: Objective,
        columns: packing.RatingColumns,
    ) -> dict[Side, packing.PackedSide]:
        numbered = packing.numbered_ratings(ratings, users, items)

        def packed(side: Side, rows: packing.Rows, other: packing.Rows) -> packing.PackedSide:
            way = tasks.Packing(
                objective,
                rows.starts,
                other.n_rows,
                self._given("nFactors") + bool(self._given("biases")),
                columns.weight is not None,
                other.is_stored,
                self._given("duplicates"),
            )
            return packing.PackedSide(spark, side, rows, other, numbered, way)

        return {"user": packed("user", users, items), "item": packed("item", items, users)}


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


def _statistics(sides: dict[Side, packing.PackedSide]) -> RatingStatistics:
    users, items = sides["user"], sides["item"]
    n_ratings = users.total("n_ratings")
    return RatingStatistics(
        users.rows.n_rows,
        items.rows.n_rows,
        n_ratings,
        users.total("confidence") / n_ratings,
        users.total("target") / n_ratings,
        users.histogram,
        items.histogram,
    )
