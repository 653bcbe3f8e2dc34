"""What a fit on Spark leaves: factors with their ids, and what can be asked of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import scipy.sparse as sp
from pyspark.ml import Model
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cinefold.als.backend import FixedSide, padded_rows
from cinefold.als.factors import Biases, Factors
from cinefold.als.objective import Objective, PairWeights
from cinefold.interactions import Interactions
from cinefold.models import checks
from cinefold.models.fitted import Fitted
from cinefold.models.rating_input import as_interactions, with_ids
from cinefold.spark.factor_frames import (
    FoldIn,
    TopK,
    blocks_of,
    columns_of,
    frame_of,
    with_constant,
)
from cinefold.spark.packing import checked_ratings, quoted
from cinefold.spark.params import FactorizationParams
from cinefold.spark.shared_files import SharedFiles

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

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
        also ``baseline``, what is added to all scores of an item (0 without biases); and, where
        pairs have weights, ``weight``.
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
        self.objective_ = cast("Objective", fitted.objective)
        self.history_, self.stop_reason_ = fitted.history, fitted.stop_reason
        self.best_iteration_ = fitted.best_iteration
        self._spectrum, self._biases = spectrum, biases
        self._items: SharedArrays | None = None

    @classmethod
    def _of(cls, problem: ClusterProblem, fitted: Fitted) -> Self:
        factors = fitted.factors
        biases = None
        if factors.biases is not None:
            biases = factors.biases.mean, factors.biases.direction.tolist()
        users, items = (frame_of(problem, side, factors) for side in problem.sides)
        return cls(users, items, fitted, factors.items.spectrum, biases)

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
        prediction = self._given("predictionCol")
        if prediction in dataset.columns:
            raise ValueError(f"predictionCol: there is a column {prediction!r} already")
        scored = dataset.join(users, user, how).join(items, item, how)
        score = F.coalesce(score, F.lit(float("nan")).cast("float"))
        return scored.select(*map(quoted, dataset.columns), score.alias(prediction))

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
        wanted = dataset.select(quoted(self._given("userCol")).alias("id")).distinct()
        return self._recommend(self.userFactors.join(wanted, "id", "left_semi"), numItems, "user")

    def recommendForAllItems(self, numUsers: int) -> DataFrame:
        """The `numUsers` users of highest score for each item."""
        return self._recommend(self.itemFactors, numUsers, "item")

    def _recommend(self, queries: DataFrame, k: int, side: str) -> DataFrame:
        checks.integer("k", k, 1)
        candidates = self.itemFactors if side == "user" else self.userFactors
        own, other = self._given(f"{side}Col"), "itemCol" if side == "user" else "userCol"
        baseline = F.col("baseline") if side == "user" else F.lit(0.0)
        query_id, id_ = (dict(frame.dtypes)["id"] for frame in (queries, candidates))
        candidates = candidates.withColumn("factors", with_constant(baseline))
        pairs = blocks_of(queries, _QUERIES, "queries").crossJoin(
            blocks_of(candidates, _CANDIDATES, "candidates")
        )
        schema = f"id {query_id}, found array<struct<score float, order long, id {id_}>>"
        best = pairs.mapInArrow(TopK(k), schema)
        merged = best.groupBy("id").agg(F.flatten(F.collect_list("found")).alias("found"))
        top = F.slice(F.sort_array("found", asc=False), 1, k)
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
            Columns as in the fit; all ratings of each user. Bad rows end it or are left out, as
            there.

        Returns
        -------
        DataFrame
            ``id`` and ``factors``, of users with at least one item that the model knows.
        """
        spark = ratings.sparkSession
        if self._items is None:
            self._items = self._share_items(spark)
        columns = self._columns() | {"validationIndicator": None}
        if columns["timestamp"] not in ratings.columns:
            columns["timestamp"] = None
        invalid = self._given("invalidRows")
        checked, _ = checked_ratings(ratings, columns, self.objective_, invalid)
        known = self.itemFactors.select(F.col("id").alias("item"), F.col("row").alias("column"))
        part = F.pmod(F.hash("user"), F.lit(64)).alias("part")
        entries = checked.join(known, "item")
        is_weighted = "weight" in entries.columns
        solve = FoldIn(self.objective_, self._items, tuple(self._spectrum), is_weighted)
        schema = f"id {dict(entries.dtypes)['user']}, factors array<float>"
        return entries.groupBy(part).applyInArrow(lambda _, group: solve(group), schema)

    def _share_items(self, spark: SparkSession) -> SharedArrays:
        arrays, shared = columns_of(self.itemFactors), {}
        y = arrays["factors"]
        if "weight" in arrays:
            shared["column_roots"] = np.sqrt(arrays["weight"])
            y = y * shared["column_roots"][:, np.newaxis]
        if self._biases is not None:
            shared["baseline"] = arrays["baseline"]
        fixed = FixedSide.in_eigenbasis(y, self._spectrum, 1)
        return SharedFiles(spark).share(rows=cast("Any", padded_rows(fixed.rows)), **shared)

    # -- elsewhere ---------------------------------------------------------------------------------

    def toLocal(self, interactions: Ratings | None = None) -> WeightedMatrixFactorization:
        """The same model on this machine, where it is served, saved and explained.

        Parameters
        ----------
        interactions : as in :meth:`cinefold.WeightedMatrixFactorization.fit`, optional
            What the users have rated, which is then not recommended to them.
        """
        model = self._estimator()
        users, items = columns_of(self.userFactors), columns_of(self.itemFactors)
        none = sp.csr_array((len(users["id"]), len(items["id"])), dtype=np.float32)
        known = Interactions(users["id"], items["id"], none)
        if interactions is not None:
            known = with_ids(known, as_interactions(interactions, "interactions"), "")
        biases = weights = None
        x, y = users["factors"], items["factors"]
        if self._biases is not None:
            mean, direction = self._biases
            biases = Biases(mean, items["baseline"], np.array(direction, np.float32))
        if "weight" in users:
            weights = PairWeights(np.sqrt(users["weight"]), np.sqrt(items["weight"]))
            x, y = x * weights.users[:, np.newaxis], y * weights.items[:, np.newaxis]
        fixed = FixedSide.in_eigenbasis(y, self._spectrum, 1)
        model._state = Fitted(
            model.get_params(),
            known,
            self.objective_,
            Factors(x, fixed, biases, weights),
            self.history_,
            self.best_iteration_,
            self.stop_reason_,
        )
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
        none: Any = None
        reached = header["history"], header["best_iteration"], header["stop_reason"]
        fitted = Fitted({}, none, Objective(**header["objective"]), none, *reached)
        biases = None if header["biases"] is None else tuple(header["biases"])
        model = cls(users, items, fitted, np.array(header["spectrum"]), biases)
        model._set_known(header["params"])
        return model
