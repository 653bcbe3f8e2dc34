"""Ratings in a Spark data frame, packed once into blocks by user and by item."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T

from cinefold.als.row_sums import ROWS_PER_SUM
from cinefold.interactions.entries import csr
from cinefold.spark.tasks.packing import (
    ROUTE,
    TOTALS,
    BlockPacker,
    BlockReader,
    RatingSums,
    RouteFinder,
    entries_of,
    longest_rows,
)
from cinefold.spark.tasks.records import BLOCK, arrays_of, id_array, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    import scipy.sparse as sp
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame, SparkSession

    from cinefold.als.iterations import Side
    from cinefold.als.objective import Objective
    from cinefold.models.scaled_parameters import Histogram
    from cinefold.spark.shared_files import SharedArrays

_LOGGER = logging.getLogger(__name__)
_ZERO = np.float32(0)
_BATCH_BYTES = "spark.sql.execution.arrow.maxBytesPerBatch"
_BATCH_RECORDS = "spark.sql.execution.arrow.maxRecordsPerBatch"
BYTES_PER_BLOCK = 16 << 20
Invalid = Literal["error", "drop"]


_lock = Lock()
_changed: dict[Any, tuple[str | None, int]] = {}  # values before, and how many blocks run


@contextmanager
def setting(spark: SparkSession, name: str, value: Any) -> Iterator[None]:
    """A setting of the session, the same in all threads, for the queries that run in the block."""
    with _lock:
        before, n = _changed.get((spark, name)) or (spark.conf.get(name, None), 0)
        _changed[spark, name] = before, n + 1
        spark.conf.set(name, str(value))
    try:
        yield
    finally:
        with _lock:
            before, n = _changed.pop((spark, name))
            if n > 1:
                _changed[spark, name] = before, n - 1
            elif before is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, before)


def small_batches(spark: SparkSession) -> Any:
    """Arrow batches of a few blocks: these are large, and a batch is below 2 GB.

    In bytes where Spark knows such a limit (4.1): a few records are a few blocks, but where blocks
    were lost, and are packed again, they are a few ratings.
    """
    if spark.conf.isModifiable(_BATCH_BYTES):
        return setting(spark, _BATCH_BYTES, 4 * BYTES_PER_BLOCK)
    return setting(spark, _BATCH_RECORDS, 16)


def quoted(name: str) -> Column:
    """The column of that name, which may have dots."""
    return F.col("`" + name.replace("`", "``") + "`")


# -- the ratings -----------------------------------------------------------------------------------


def checked_ratings(
    frame: DataFrame, names: dict[str, Any], objective: Objective, invalid: Invalid
) -> tuple[DataFrame, Any]:
    """Columns user, item, rating and time, of rows that can be learnt from; and how many there are.

    And weight and held_out, if they are given; and about how many users and items there are.
    `names` are those of the columns of `frame` by role, None for those that there are not.

    Raises
    ------
    TypeError, ValueError
        For columns that are missing or of another type and, unless they are to be dropped, for rows
        with missing ids, ratings that are not finite or weights that are not above 0.
    """
    kinds = {field.name: field.dataType for field in frame.schema.fields}
    for role, name in names.items():
        if name is not None and name not in kinds:
            raise ValueError(f"{role}Col: there is no column {name!r}; there are {[*kinds]}")

    def column(name: str, what: str, *allowed: type[T.DataType]) -> Column:
        if not isinstance(kinds[name], allowed):
            found = kinds[name].simpleString()
            raise TypeError(f"column {name!r} must have {what}, not {found}")
        return quoted(name)

    def id_of(name: str) -> Column:
        found = column(name, "integers or strings", T.StringType, T.IntegralType)
        return found if isinstance(kinds[name], T.StringType) else found.cast("long")

    def number_of(name: str | None, default: float) -> Column:
        if name is None:
            return F.lit(default)
        found = column(name, "numbers", T.NumericType, T.BooleanType)
        return found.cast("float").cast("double")

    time, held_out = F.monotonically_increasing_id(), F.lit(False)
    if (name := names["timestamp"]) is not None:
        time = column(name, "times or numbers", T.NumericType, T.DatetimeType)
        if isinstance(kinds[name], T.DatetimeType):
            time = F.unix_micros(time.cast("timestamp"))
        kind = "long" if isinstance(kinds[name], (T.DatetimeType, T.IntegralType)) else "double"
        time = F.coalesce(time.cast(kind), F.lit(-(1 << 62)).cast(kind))  # unknown: long ago
    if (name := names["validationIndicator"]) is not None:
        held_out = column(name, "true and false", T.BooleanType, T.NumericType)
        held_out = F.coalesce(held_out.cast("boolean"), F.lit(False))
    ratings = frame.select(
        id_of(names["user"]).alias("user"),
        id_of(names["item"]).alias("item"),
        number_of(names["rating"], 1.0).alias("rating"),
        number_of(names["weight"], 1.0).alias("weight"),
        time.alias("time"),
        held_out.alias("held_out"),
    )
    largest = float(np.finfo(np.float32).max)
    rating, weight = F.col("rating"), F.col("weight")
    good = F.col("user").isNotNull() & F.col("item").isNotNull() & (F.abs(rating) <= largest)
    good &= (weight > 0) & (weight <= largest)
    if objective.target == "sqrt":
        good &= rating >= 0
    if objective.alpha:
        good &= (1 + objective.alpha * rating >= 0) & (objective.alpha * rating <= largest)
    good = F.coalesce(good, F.lit(False))
    bad = F.when(~good, F.struct("user", "item", "rating", "weight"))
    counted: Any = ratings.agg(
        F.count("*").alias("n"),
        F.count(bad).alias("n_bad"),
        F.count(F.when(good & ~F.col("held_out"), 1)).alias("n_learnt"),
        F.max(bad).alias("bad"),
        *(F.approx_count_distinct(side).alias(side) for side in ("user", "item")),
    ).first()
    if counted["n_bad"]:
        found = ", ".join(f"{key} {value!r}" for key, value in counted["bad"].asDict().items())
        if invalid == "error":
            raise ValueError(
                f"{counted['n_bad']} rows cannot be learnt from, as the one with {found}: ids must "
                "be there, ratings finite (and 0 or more for target 'sqrt'), weights above 0; "
                "invalidRows='drop' leaves such rows out"
            )
        _LOGGER.warning("%d rows left out, as the one with %s", counted["n_bad"], found)
    given = {"weight": "weight", "held_out": "validationIndicator"}
    unused = [name for name, role in given.items() if names[role] is None]
    return ratings.filter(good).drop(*unused), counted


# -- ids and blocks --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """The rows of one side, and how they are divided into blocks.

    Attributes
    ----------
    index : DataFrame
        Of each row its id, its number `row`, and the `key` of its block.
    starts : ndarray of int64, shape (n_blocks + 1,)
        The first row of each block, and the number of rows.
    keys : ndarray of int64, shape (n_blocks,)
        Numbers that hash partitioning puts into as many partitions, each into its own.
    ids : ndarray or None
        Of all rows, unless their factors are stored on the cluster.
    """

    index: DataFrame
    starts: NDArray[np.int64]
    keys: NDArray[np.int64]
    ids: NDArray[Any] | None

    @property
    def n_rows(self) -> int:
        return int(self.starts[-1])

    @property
    def n_blocks(self) -> int:
        return len(self.keys)

    @property
    def is_stored(self) -> bool:
        return self.ids is None


def number_rows(
    spark: SparkSession,
    ratings: DataFrame,
    side: Side,
    n_blocks: int | None,
    size: int,
    folder: str | None,
) -> Rows:
    """Ids of one side in their order; with a `folder`, stored in it instead of on the driver.

    `size` is that of the factors, in bytes.
    """
    counted = ratings.groupBy(F.col(side).alias("id")).agg(F.count("*").alias("n"))
    if folder is None:
        table = counted.toArrow().sort_by("id")
        ids = table.column("id")
        starts, keys = _blocks_of(spark, table.column("n").to_numpy(), n_blocks, size)
        columns = {"id": ids, "row": np.arange(len(ids)), "key": np.repeat(keys, np.diff(starts))}
        index = spark.createDataFrame(pa.table(columns))
        return Rows(index, starts, keys, id_array(ids))
    path = f"{folder}/{side}-ids"
    shifted = F.monotonically_increasing_id()
    counted.orderBy("id").withColumn("at", shifted).write.mode("overwrite").parquet(path)
    stored = spark.read.parquet(path).withColumn("part", F.shiftright("at", 33))
    sizes = stored.groupBy("part").count().toArrow().sort_by("part")
    before = np.concatenate([[0], np.cumsum(sizes.column("count").to_numpy())[:-1]])
    offsets = spark.createDataFrame(pa.table({"part": sizes.column("part"), "before": before}))
    within = F.col("at") - F.shiftleft("part", 33)
    numbered = stored.join(F.broadcast(offsets), "part").select(
        "id", "n", (within + F.col("before")).alias("row")
    )
    chunk = F.expr(f"row div {ROWS_PER_SUM}").alias("chunk")
    counts = numbered.groupBy(chunk).agg(F.sum("n").alias("n")).toArrow().sort_by("chunk")
    chunks, keys = _blocks_of(spark, counts.column("n").to_numpy(), n_blocks, size)
    n_rows = int(sizes.column("count").to_numpy().sum())
    starts = np.minimum(chunks * ROWS_PER_SUM, n_rows)
    places = pa.table({"chunk": np.arange(chunks[-1]), "key": np.repeat(keys, np.diff(chunks))})
    index = numbered.withColumn("chunk", chunk).join(
        F.broadcast(spark.createDataFrame(places)), "chunk"
    )
    return Rows(index.select("id", "row", "key"), starts, keys, None)


def _blocks_of(
    spark: SparkSession, counts: NDArray[np.int64], n_blocks: int | None, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The starts of ranges of about as many ratings, with their end, and the keys of these blocks.

    By default there are some for every core, with about BYTES_PER_BLOCK of ratings and factors.
    """
    if n_blocks is None:
        parallel, _ = _partitioning(spark, _FEW)
        needed = max((int(counts.sum()) * 8 + size) // BYTES_PER_BLOCK, 1)
        n_blocks = -(-needed // parallel) * parallel
    work = np.cumsum(counts + counts.mean() / 4)
    shares = work[-1] * np.arange(1, n_blocks) / n_blocks
    inner = np.searchsorted(work, shares) + 1
    starts = np.unique(np.concatenate([[0], inner, [len(counts)]])).astype(np.int64)
    found = len(starts) - 1
    # Of 32 numbers a partition, none of a million partitions is without one.
    _, hashes = _partitioning(spark, max(_FEW, 1 << (32 * found).bit_length()))
    return starts, np.unique(hashes % found, return_index=True)[1]


_FEW = 1 << 13


@lru_cache
def _partitioning(spark: SparkSession, n: int) -> tuple[int, NDArray[np.int64]]:
    """How many tasks run at a time, and the hashes by which `n` numbers are put into partitions."""
    numbers = spark.range(n).select("id", F.hash("id"), F.spark_partition_id())
    _, hashes, parts = numbers.toArrow().sort_by("id").columns
    return int(parts.to_numpy().max()) + 1, hashes.to_numpy().astype(np.int64)


# -- packing ---------------------------------------------------------------------------------------


class PackedSide:
    """The ratings of one side's rows in blocks, which stay on the cluster."""

    def __init__(
        self,
        spark: SparkSession,
        rows: Rows,
        other: Rows,
        own: DataFrame,
        packing: BlockPacker,
        is_counted: bool,
    ) -> None:
        self._spark, self.rows, self.other = spark, rows, other
        self._is_weighted = packing.is_weighted
        # A block may have no ratings at all.
        empty = spark.createDataFrame(pa.table({"key": rows.keys}))
        whole = own.unionByName(empty, allowMissingColumns=True)
        packed = whole.repartition(rows.n_blocks, "key").mapInArrow(packing.over_partition, BLOCK)
        if other.is_stored or rows.is_stored:
            packed = packed.repartition(rows.n_blocks, "key")
        self.blocks = packed.persist()
        # All that comes after "needed" is small.
        small = ["first", *self.blocks.columns[self.blocks.columns.index("needed") + 1 :]]
        wanted = self.blocks.select(*small, *(["offsets"] if is_counted else []))
        self.statistics = wanted.toArrow().sort_by("first")
        self._count(is_counted)
        self._sample(packing)

    def free(self) -> None:
        """Give back the cluster's memory."""
        self.blocks.unpersist()
        if "routes" in vars(self):
            self.routes.unpersist()

    def total(self, name: str) -> Any:
        return sum(self.statistics.column(name).to_pylist())

    def by_columns(self) -> DataFrame:
        """The ratings that are learnt from, as the other side packs them."""
        names = ["first", "offsets", "columns", "ratings", "weights", "needed"]
        read = BlockReader(self.other.starts, self.other.keys)
        weight = ", weight float" if self._is_weighted else ""
        schema = f"key long, row long, column long, rating float{weight}"
        return self.blocks.select(*names).mapInArrow(read, schema)

    def totals(
        self,
        objective: Objective,
        mean: np.float32 = _ZERO,
        roots: SharedArrays | None = None,
    ) -> dict[str, float]:
        """What :class:`RatingSums` adds up."""
        blocks = self.blocks.select("first", "offsets", "columns", "needed", "ratings")
        found = blocks.mapInArrow(RatingSums(objective, mean, roots), TOTALS).toArrow()
        return {name: sum(v or 0 for v in found[name].to_pylist()) for name in found.column_names}

    def _count(self, is_counted: bool) -> None:
        """`histogram` of the rows' numbers of ratings, and `counts` of all rows if asked for."""
        lengths = joined(self.statistics, "lengths", np.int64).reshape(-1, 2)
        distinct, places = np.unique(lengths[:, 0], return_inverse=True)
        totals = np.bincount(places, lengths[:, 1]).astype(np.int64)
        self.histogram: Histogram = distinct, totals
        self.counts: NDArray[np.int64] | None = None
        if is_counted:
            parts = arrays_of(self.statistics, "offsets", np.int64)
            self.counts = np.concatenate([*map(np.diff, parts)])

    def _sample(self, packing: BlockPacker) -> None:
        """The rows that are tried before others are solved, `sampled`, and their ratings."""
        rows, counts, columns = (
            joined(self.statistics, f"sampled{name}", np.int64)
            for name in ("", "_lengths", "_columns")
        )
        ratings, weights = (
            joined(self.statistics, f"sampled_{name}", np.float32)
            for name in ("ratings", "weights")
        )
        chosen = longest_rows(counts, packing.n_factors)
        own, self.sampled = entries_of(chosen, counts), rows[chosen]
        self.needed, local = np.unique(columns[own], return_inverse=True)
        # The core tries none of fewer rows: as many empty ones stand for the others.
        n_rows = max(min(self.rows.n_rows, 256), len(chosen))
        offsets = np.full(n_rows + 1, len(local))
        offsets[: len(chosen) + 1] = np.cumsum([0, *counts[chosen]])
        self.sample: sp.csr_array = csr(ratings[own], local, offsets, len(self.needed))
        self.sample_weights = weights[own] if packing.is_weighted else None

    @cached_property
    def routes(self) -> DataFrame:
        """For each block of the other side, which of its rows go to which block of this one."""
        routing = RouteFinder(self.other.starts, self.other.keys)
        found = self.blocks.mapInArrow(routing, ROUTE).repartition(self.other.n_blocks, "key")
        routes = F.collect_list(F.struct("to", "places")).alias("routes")
        return found.groupBy("key").agg(routes).persist()


def numbered_ratings(ratings: DataFrame, users: Rows, items: Rows) -> DataFrame:
    """The ratings with the rows of users, those of items as columns and keys in place of ids."""
    of_users = users.index.withColumnRenamed("id", "user")
    of_items = items.index.select(F.col("id").alias("item"), F.col("row").alias("column"))
    return ratings.join(of_users, "user").join(of_items, "item").drop("user", "item")
