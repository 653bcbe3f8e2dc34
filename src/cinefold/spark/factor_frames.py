"""Factors in data frames: as rows with ids, in blocks, and functions over them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from cinefold.als.backend import top_k
from cinefold.als.factors import Biases, Factors
from cinefold.als.objective import Objective
from cinefold.als.observations import Observations
from cinefold.interactions.entries import Entries
from cinefold.spark.stored_rows import StoredRows
from cinefold.spark.tasks.half_steps import mapped_items
from cinefold.spark.tasks.records import RESULT, RecordMapper, array_of, id_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from cinefold.als.iterations import Side
    from cinefold.spark.problem import ClusterProblem
    from cinefold.spark.shared_files import SharedArrays
    from cinefold.spark.tasks.stored import Turn

    Floats = NDArray[np.float32]


def frame_of(problem: ClusterProblem, side: Side, factors: Factors) -> DataFrame:
    """Ids, vectors, and what a model's frames have beside them."""
    known = problem.sides[side].rows
    rows: Any = factors.users if side == "user" else factors.items.rows
    if isinstance(rows, StoredRows):
        weight = "" if factors.pair_weights is None else ", weight float"
        stored = problem.spark.read.schema(RESULT).parquet(cast("str", rows.path))
        unpacked = stored.select("first", "factors", "roots").mapInArrow(
            RowUnpacker(rows.n_factors, rows.turn),
            f"row long, factors array<float>, baseline float{weight}",
        )
        frame = known.index.select("row", "id").join(unpacked, "row")
        return frame if side == "item" else frame.drop("baseline")
    vectors = factors.user_vectors() if side == "user" else factors.item_vectors
    columns: dict[str, Any] = {
        "row": np.arange(len(rows)),
        "id": pa.array(known.ids),
        "factors": lists_of(np.ascontiguousarray(vectors)),
    }
    if side == "item":
        none, found = np.zeros(len(rows), np.float32), factors.baseline
        columns["baseline"] = none if found is None else np.asarray(found, np.float32)
    weights = factors.pair_weights
    if weights is not None:
        columns["weight"] = np.square(weights.users if side == "user" else weights.items)
    return problem.spark.createDataFrame(pa.table(columns))


def lists_of(rows: Floats) -> pa.ListArray:
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(offsets, rows.ravel())


def matrix_of(lists: Any) -> Floats:
    array = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    rows: Floats = np.asarray(array.flatten(), np.float32).reshape(len(array), -1)
    return rows


def columns_of(frame: DataFrame) -> dict[str, Any]:
    """All columns on this machine, by row."""
    table = frame.toArrow().sort_by("row")
    names = {"baseline", "weight"} & {*table.column_names}
    return {
        "id": id_array(table.column("id")),
        "factors": matrix_of(table.column("factors")),
        **{name: table.column(name).to_numpy() for name in names},
    }


def with_constant(value: Any) -> Any:
    return F.concat(F.col("factors"), F.array(value.cast("float")))


def blocks_of(frame: DataFrame, n_rows: int, name: str) -> DataFrame:
    """Blocks of `n_rows` rows by their order, each an array of structures `name`."""
    rows = F.array_sort(F.collect_list(F.struct("row", "id", "factors")))
    blocks = frame.groupBy(F.expr(f"row div {n_rows}").alias("block"))
    return blocks.agg(rows.alias(name)).select(name)


@dataclass(frozen=True)
class TopK(RecordMapper):
    """The best candidates of each query, from pairs of blocks."""

    k: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        _, query_ids, vectors = record.column("queries")[0].values.flatten()
        queries = np.column_stack([matrix_of(vectors), np.ones(len(vectors), np.float32)])
        rows, ids, vectors = record.column("candidates")[0].values.flatten()
        found, scores = top_k(queries, matrix_of(vectors), self.k)
        kept = found >= 0
        places = found[kept]
        ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
        lists = pa.StructArray.from_arrays(
            [scores[kept], -rows.to_numpy()[places], ids.take(pa.array(places))],
            ["score", "order", "id"],
        )
        yield pa.RecordBatch.from_pydict(
            {"id": query_ids, "found": pa.ListArray.from_arrays(ends, lists)}
        )


@dataclass(frozen=True)
class RowUnpacker(RecordMapper):
    """Rows of stored blocks, one by one."""

    n_factors: int
    turn: Turn

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        rows = array_of(record, "factors", np.float32).reshape(-1, self.n_factors)
        rows, baseline = self.turn.with_baseline(rows)
        first, roots = record.column("first")[0].as_py(), array_of(record, "roots", np.float32)
        baseline = np.zeros(len(rows), np.float32) if baseline is None else baseline
        weight = {} if roots is None else {"weight": np.square(roots)}
        vectors = lists_of(np.ascontiguousarray(rows if roots is None else rows / roots[:, None]))
        numbers = {"row": first + np.arange(len(rows)), "factors": vectors, "baseline": baseline}
        yield pa.RecordBatch.from_pydict(numbers | weight)


@dataclass(frozen=True)
class FoldIn:
    """Exact vectors of the users of a group."""

    objective: Objective
    items: SharedArrays
    spectrum: tuple[float, ...]
    is_weighted: bool

    def __call__(self, group: pa.Table) -> pa.Table:
        arrays, fixed = mapped_items(self.items, 1, self.spectrum)
        encoded = group.column("user").combine_chunks().dictionary_encode()
        users, columns = np.array(encoded.indices), np.array(group.column("column"))
        ratings = group.column("rating").to_numpy()
        weights = None
        if self.is_weighted:
            weights = group.column("weight").to_numpy().astype(np.float32)
        times = group.column("time").to_numpy()
        entries = Entries(users, columns, ratings.astype(np.float32), weights, times, True)
        with warnings.catch_warnings(action="ignore"):
            own = entries.sorted(len(encoded.dictionary)).without_duplicates("last", stacklevel=1)
        matrix = own.matrix(len(fixed.rows))
        roots = None
        if "column_roots" in arrays:
            of_users = self.objective.degree_roots(np.diff(matrix.indptr), "user")
            roots = of_users, arrays["column_roots"]
        observed = Observations(self.objective, matrix, own.weights, roots)
        empty = np.zeros((0, len(self.spectrum)), np.float32)
        biases = Biases(0.0, arrays["baseline"], empty) if "baseline" in arrays else None
        found = Factors(empty, fixed, biases).fold_in_users(observed, 1)
        if roots is not None:
            found /= roots[0][:, np.newaxis]
        return pa.table({"id": encoded.dictionary, "factors": lists_of(found)})
