"""Factors that are stored on the cluster, as the driver knows them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from cinefold.als.backend import checked_gram
from cinefold.als.basis import Basis
from cinefold.als.iterations import singular_row_error
from cinefold.als.row_sums import root_of
from cinefold.models.callbacks import RANKING_DEPTH
from cinefold.spark.packing import small_batches
from cinefold.spark.tasks.ranking import LISTS, NDCG, BlockRanker, ndcg_of_lists
from cinefold.spark.tasks.records import MESSAGE, RESULT, array_of, joined, record_of
from cinefold.spark.tasks.stored import RowSender, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from cinefold.als.iterations import Side
    from cinefold.spark.packing import PackedSide, Rows

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

BYTES_PER_MESSAGE = 1 << 22


@dataclass
class StoredRows:
    """Factors (n, n_factors) on the cluster, and what the driver knows of them.

    Attributes
    ----------
    frame : DataFrame
        One record for each block; none for zeros.
    n_rows, n_factors : int
    path : str or None
        Where the frame is kept.
    sample : ndarray of float32, shape (n_sampled, n_factors)
        The rows on which solvers are tried.
    grams : dict
        Of the rows that are to be fixed, "grams" and "weighted_grams".
    found : Table or None
        What their half-step has found.
    turn : Turn
        By which the rows of the frame are read.
    baseline : ndarray of float32, shape (n_sampled,), or None
        Of the sample, if the constant is put in place of biases.
    """

    frame: DataFrame
    n_rows: int
    n_factors: int
    path: str | None = None
    sample: Any = None
    grams: dict[str, Doubles] = field(default_factory=dict)
    found: Any = None
    turn: Turn = field(default_factory=Turn)
    baseline: Any = None

    def __len__(self) -> int:
        return self.n_rows

    def then(self, step: Any) -> StoredRows:
        """The same frame, read by one step more."""
        sample, baseline = Turn((step,)).with_baseline(self.sample)
        turn, kept = Turn((*self.turn.steps, step)), self.baseline
        return replace(
            self, turn=turn, sample=sample, baseline=kept if baseline is None else baseline
        )

    def __getitem__(self, index: Any) -> Floats:
        """Rows on the driver, for a callback that asks: first all of them, mind its memory."""
        rows = np.zeros((self.n_rows, self.n_factors), np.float32)
        fill(rows, self.frame.select("first", "factors").toArrow())
        return np.asarray(self.turn(rows)[index])


@dataclass(eq=False)
class StoredFixedSide:
    """As :class:`FixedSide`, of stored rows in `basis`."""

    rows: StoredRows
    basis: Basis
    loss: float

    @property
    def spectrum(self) -> Doubles:
        return self.basis.spectrum

    @property
    def n_factors(self) -> int:
        return len(self.spectrum)

    @property
    def factors(self) -> Floats:
        return self.rows[:]


def fill(rows: Floats, results: pa.Table) -> None:
    """Put the factors of blocks into their places."""
    for at, first in enumerate(results.column("first").to_pylist()):
        part = array_of(results, "factors", np.float32, at).reshape(-1, rows.shape[1])
        rows[first : first + len(part)] = part


def table_of(rows: Floats) -> pa.Table:
    """Held rows, as :func:`fill` reads them."""
    starts = range(0, len(rows), max((1 << 22) // rows.shape[1], 1))
    parts = zip(starts, [*starts[1:], len(rows)], strict=True)
    records = (record_of(RESULT, first=begin, factors=rows[begin:end]) for begin, end in parts)
    return pa.Table.from_batches(records)


def check_rows(side: Side, results: pa.Table, rows: Rows) -> None:
    """Complain of rows without a unique solution."""
    if (wrong := results.filter(results.column("singular_row").is_valid())).num_rows:
        row, n_ratings = (wrong.column(at)[0].as_py() for at in ("singular_row", "n_pairs"))
        found = rows.index.filter(F.col("row") == row).select("id").first()
        raise singular_row_error(side, found and found[0], n_ratings)


def grams_of(table: pa.Table, n_rows: int, n_factors: int) -> dict[str, Doubles]:
    """The Gram matrices of all rows, from those that the blocks have added up."""
    places = [tuple(node) for node in joined(table, "nodes", np.int64).reshape(-1, 2).tolist()]
    found = {}
    for name in ("grams", "weighted_grams"):
        grams = joined(table, name, np.float64).reshape(-1, n_factors, n_factors)
        found[name] = checked_gram(root_of(dict(zip(places, grams, strict=True)), n_rows))
    return found


def beside(blocks: DataFrame, rows: DataFrame, name: str) -> DataFrame:
    """`blocks`, each with its factors as `name`; no shuffle, if both are in the same partitions."""
    own = rows.select("key", F.col("factors").alias(name)).hint("merge")
    return blocks.join(own, "key", "left")


def messages_of(rows: StoredRows, routes: DataFrame) -> DataFrame:
    """To each block of the other side the rows that it needs."""
    sending = rows.frame.select("key", "first", "factors").hint("merge").join(routes, "key")
    send = RowSender(rows.n_factors, rows.turn, BYTES_PER_MESSAGE)
    return sending.mapInArrow(send, MESSAGE)


def ranked(
    spark: SparkSession, packed: PackedSide, users: Any, items: StoredFixedSide
) -> dict[str, float]:
    """NDCG of users' lists of all stored items, block by block."""
    if isinstance(users, StoredRows):
        frame = users.frame
    else:
        spans = zip(packed.rows.keys, packed.rows.starts, packed.rows.starts[1:], strict=False)
        records = (
            record_of(RESULT, key=int(key), factors=users[begin:end]) for key, begin, end in spans
        )
        frame = spark.createDataFrame(pa.Table.from_batches(records).select(["key", "factors"]))
    candidates = items.rows.frame.select(
        F.col("first").alias("item_first"), F.col("factors").alias("items"), "roots"
    )
    best = BlockRanker(items.n_factors, items.rows.turn, RANKING_DEPTH)
    with small_batches(spark):
        pairs = beside(packed.blocks, frame, "users").crossJoin(candidates)
        lists = pairs.mapInArrow(best, LISTS).groupBy("key")
        found = packed.blocks.groupBy("key").cogroup(lists)
        table = found.applyInArrow(
            lambda block, own: ndcg_of_lists(block, own, RANKING_DEPTH), NDCG
        ).toArrow()
    return {name: sum(table.column(name).to_pylist()) for name in ("n_measured", "ndcg")}
