"""What a fit on Spark leaves: factors with their ids, and what can be asked of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import scipy.sparse as sp
from pyspark.ml import Model
from pyspark.sql import functions as F

from cinefold.als.backend import FixedSide
from cinefold.als.factors import Biases, Factors
from cinefold.als.objective import Objective
from cinefold.interactions import Interactions
from cinefold.models import checks
from cinefold.models.fitted import Fitted
from cinefold.models.rating_input import as_interactions, with_ids
from cinefold.spark.factor_frames import (
    FoldIn,
    TopK,
    blocks_of,
    frame_of,
    ids_of,
    rows_of,
    with_constant,
)
from cinefold.spark.params import FactorizationParams
from cinefold.spark.shared_files import Sharing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from cinefold.models import WeightedMatrixFactorization
    from cinefold.models.rating_input import Ratings
    from cinefold.spark.problem import ClusterProblem
    from cinefold.spark.shared_files import SharedArrays

FORMAT_VERSION = 1
_QUERIES, _CANDIDATES = 4096, 1 << 16  # rows of blocks whose products are made at a time


class DistributedFactorModel(FactorizationParams, Model):
    """Factors of users and items on a Spark cluster.

    Attributes
    ----------
    userFactors, itemFactors : DataFrame
        Columns ``row`` (ids by rising order), ``id`` and ``factors``, an array of float; of items
        also ``baseline``, what is added to all scores of an item (0 without biases).
    objective_ : Objective
    history_ : list of dict
    best_iteration_ : int
    stop_reason_ : str
    """

    userFactors: DataFrame
    itemFactors: DataFrame

    def __init__(
        self,
        users: DataFrame,
        items: DataFrame,
        fitted: Fitted,
        spectrum: NDArray[np.float64],
        biases: tuple[float, list[float]] | None,
    ) -> None:
        super().__init__()
        self.userFactors, self.itemFactors = users, items
        self._fitted, self._spectrum, self._biases = fitted, spectrum, biases
        self._items: SharedArrays | None = None

    @classmethod
    def _of(cls, problem: ClusterProblem, fitted: Fitted) -> Self:
        factors = fitted.factors
        biases = None
        if factors.biases is not None:
            biases = factors.biases.mean, factors.biases.direction.tolist()
        users = frame_of(problem, "user", factors.users, None)
        items = frame_of(problem, "item", factors.items.rows, factors.baseline)
        return cls(users, items, fitted, factors.items.spectrum, biases)

    @property
    def objective_(self) -> Objective:
        return cast("Objective", self._fitted.objective)

    @property
    def history_(self) -> list[dict[str, Any]]:
        return self._fitted.history

    @property
    def best_iteration_(self) -> int:
        return self._fitted.best_iteration

    @property
    def stop_reason_(self) -> str:
        return self._fitted.stop_reason

    @property
    def rank(self) -> int:
        """The length of the vectors, as pyspark's own model calls it."""
        return len(self._spectrum)

    # -- scores ------------------------------------------------------------------------------------

    def _transform(self, dataset: DataFrame) -> DataFrame:
        """`dataset` with the score of each pair; those of unknown ids are NaN, or are dropped."""
        user, item, drop = (
            self._given(name) for name in ("userCol", "itemCol", "coldStartStrategy")
        )
        how = "inner" if drop == "drop" else "left"
        u, v, baseline = "_user_factors", "_item_factors", "_baseline"
        users = self.userFactors.select(F.col("id").alias(user), F.col("factors").alias(u))
        items = self.itemFactors.select(
            F.col("id").alias(item), F.col("factors").alias(v), F.col("baseline").alias(baseline)
        )
        products = F.zip_with(u, v, lambda x, y: x.cast("double") * y)
        score = F.aggregate(products, F.lit(0.0), lambda total, x: total + x)
        score = (score + F.col(baseline)).cast("float")
        scored = dataset.join(users, user, how).join(items, item, how)
        prediction = F.coalesce(score, F.lit(float("nan")).cast("float"))
        columns = [F.col(name) for name in dataset.columns]
        return scored.select(*columns, prediction.alias(self._given("predictionCol")))

    def recommendForAllUsers(self, numItems: int) -> DataFrame:
        """The `numItems` items of highest score for each user, rated ones among them.

        Returns
        -------
        DataFrame
            The user column, and ``recommendations``: an array of structures (item, rating).
        """
        return self._recommend(self.userFactors, numItems, "user")

    def recommendForUserSubset(self, dataset: DataFrame, numItems: int) -> DataFrame:
        """The same for the users in the user column of `dataset`; unknown ones are left out."""
        wanted = dataset.select(F.col(self._given("userCol")).alias("id")).distinct()
        return self._recommend(self.userFactors.join(wanted, "id", "left_semi"), numItems, "user")

    def recommendForAllItems(self, numUsers: int) -> DataFrame:
        """The `numUsers` users of highest score for each item."""
        return self._recommend(self.itemFactors, numUsers, "item")

    def _recommend(self, queries: DataFrame, k: int, side: str) -> DataFrame:
        checks.integer("k", k, 1)
        candidates = self.itemFactors if side == "user" else self.userFactors
        own, other = self._given(f"{side}Col"), "itemCol" if side == "user" else "userCol"
        baseline = F.col("baseline") if side == "user" else F.lit(0.0)
        query_id, id_ = (
            next(f.dataType.simpleString() for f in frame.schema if f.name == "id")
            for frame in (queries, candidates)
        )
        left = blocks_of(queries.select("row", "id", "factors"), _QUERIES, "query_", query_id)
        right = blocks_of(
            candidates.select("row", "id", with_constant(baseline).alias("factors")),
            _CANDIDATES,
            "",
            id_,
        )
        schema = f"id {query_id}, found array<struct<score float, row long, id {id_}>>"
        best = left.crossJoin(right).mapInArrow(TopK(k, self.rank + 1), schema)
        merged = best.groupBy("id").agg(F.flatten(F.collect_list("found")).alias("found"))
        order = "(a, b) -> CASE WHEN a.score > b.score THEN -1 WHEN a.score < b.score THEN 1 "
        order += "WHEN a.row < b.row THEN -1 WHEN a.row > b.row THEN 1 ELSE 0 END"
        top = F.slice(F.expr(f"array_sort(found, {order})"), 1, k)
        lists = F.transform(
            top,
            lambda one: F.struct(one["id"].alias(self._given(other)), one["score"].alias("rating")),
        )
        return merged.select(F.col("id").alias(own), lists.alias("recommendations"))

    # -- new users ---------------------------------------------------------------------------------

    def foldIn(self, ratings: DataFrame) -> DataFrame:
        """Vectors of users with these ratings, solved exactly; the model does not change.

        Works on the batches of a stream: ``writeStream.foreachBatch``. Items that the model does
        not know are left out.

        Parameters
        ----------
        ratings : DataFrame
            Columns as in the fit; all ratings of each user.

        Returns
        -------
        DataFrame
            ``id`` and ``factors``, of users with at least one item that the model knows.
        """
        spark = ratings.sparkSession
        if self._items is None:
            self._items = self._share_items(spark)
        rating, weight = self._given("ratingCol"), self._given("weightCol")
        known = self.itemFactors.select(F.col("id").alias("item"), F.col("row").alias("column"))
        entries = ratings.select(
            F.col(self._given("userCol")).alias("id"),
            F.col(self._given("itemCol")).alias("item"),
            (F.col(rating) if rating else F.lit(1)).cast("float").alias("rating"),
            (F.col(weight) if weight else F.lit(1)).cast("float").alias("weight"),
        ).join(known, "item")
        kind = next(f.dataType.simpleString() for f in entries.schema if f.name == "id")
        part = F.pmod(F.hash("id"), F.lit(64)).alias("part")
        solve = FoldIn(self.objective_, self._items, tuple(self._spectrum), weight is not None)
        return (
            entries.select(part, "id", "column", "rating", "weight")
            .groupBy("part")
            .applyInArrow(lambda group: solve(group), f"id {kind}, factors array<float>")
        )

    def _share_items(self, spark: SparkSession) -> SharedArrays:
        from cinefold.als.backend import empty_factors, padded_rows

        items, baseline = rows_of(self.itemFactors)
        rows = empty_factors(*items.shape)
        rows[:] = items
        arrays: dict[str, Any] = {"rows": padded_rows(rows)}
        if self._biases is not None:
            arrays["baseline"] = baseline
        return Sharing(spark).share(**arrays)

    # -- elsewhere ---------------------------------------------------------------------------------

    def toLocal(self, interactions: Ratings | None = None) -> WeightedMatrixFactorization:
        """The same model on this machine, where it is served, saved and explained.

        Parameters
        ----------
        interactions : as in :meth:`cinefold.WeightedMatrixFactorization.fit`, optional
            What the users have rated, which is then not recommended to them.
        """
        from cinefold.spark.estimator import DistributedWeightedMatrixFactorization

        model = self._copyValues(DistributedWeightedMatrixFactorization())._estimator()
        (users, _), (items, baseline) = (
            rows_of(frame) for frame in (self.userFactors, self.itemFactors)
        )
        none = sp.csr_array((len(users), len(items)), dtype=np.float32)
        known = Interactions(ids_of(self.userFactors), ids_of(self.itemFactors), none)
        if interactions is not None:
            known = with_ids(known, as_interactions(interactions, "interactions"), "")
        biases = None
        if self._biases is not None:
            mean, direction = self._biases
            biases = Biases(mean, baseline, np.array(direction, np.float32))
        fixed = FixedSide.in_eigenbasis(items, self._spectrum, 1)
        state = Fitted(
            model.get_params(),
            known,
            self.objective_,
            Factors(users, fixed, biases),
            self.history_,
            self.best_iteration_,
            self.stop_reason_,
        )
        model._state = state
        return model

    def save(self, path: str) -> None:
        """Write the model into a new folder: Parquet with ids, and its parameters as JSON."""
        self.userFactors.write.parquet(f"{path}/userFactors")
        self.itemFactors.write.parquet(f"{path}/itemFactors")
        header = {
            "format": "cinefold-spark-model",
            "format_version": FORMAT_VERSION,
            "params": {p.name: self.getOrDefault(p) for p in self.params if self.isDefined(p)},
            "objective": asdict(self.objective_),
            "spectrum": self._spectrum.tolist(),
            "biases": self._biases,
            "history": self.history_,
            "best_iteration": self.best_iteration_,
            "stop_reason": self.stop_reason_,
        }
        spark = self.userFactors.sparkSession
        text = spark.createDataFrame([(json.dumps(header, default=float),)], "value string")
        text.coalesce(1).write.text(f"{path}/metadata")

    @classmethod
    def load(cls, path: str, spark: SparkSession | None = None) -> Self:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        ValueError
            If it is of a newer format, or something else.
        """
        from pyspark.sql import SparkSession

        spark = spark or SparkSession.active()
        line = spark.read.text(f"{path}/metadata").first()
        header = json.loads(line[0]) if line else {}
        if header.get("format") != "cinefold-spark-model":
            raise ValueError(f"{path} is not a Cinefold model of Spark")
        if header["format_version"] > FORMAT_VERSION:
            raise ValueError(
                f"{path} has format {header['format_version']}; this version of Cinefold reads up "
                f"to {FORMAT_VERSION}: update it"
            )
        users, items = (
            spark.read.parquet(f"{path}/{name}") for name in ("userFactors", "itemFactors")
        )
        fitted = Fitted(
            {},
            cast("Any", None),
            Objective(**header["objective"]),
            cast("Any", None),
            header["history"],
            header["best_iteration"],
            header["stop_reason"],
        )
        biases = None if header["biases"] is None else tuple(header["biases"])
        model = cls(users, items, fitted, np.array(header["spectrum"]), biases)
        model._set_known(header["params"])
        return model
