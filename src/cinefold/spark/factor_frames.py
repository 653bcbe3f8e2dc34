"""Factors in data frames: as rows with ids, in blocks, and functions over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from cinefold.als.backend import top_k
from cinefold.als.factors import Factors
from cinefold.als.objective import Objective
from cinefold.als.observations import Observations
from cinefold.interactions.entries import csr
from cinefold.spark.stored_rows import StoredRows
from cinefold.spark.tasks import array_of, mapped_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from cinefold.spark.problem import ClusterProblem
    from cinefold.spark.shared_files import SharedArrays


def frame_of(
    problem: ClusterProblem, side: Any, rows: Any, baseline: NDArray[np.float32] | None
) -> DataFrame:
    known = problem.sides[side].rows
    if isinstance(rows, StoredRows):
        unpack = Unpacking(rows.n_factors)
        frame = rows.frame.select("first", "factors").mapInArrow(
            unpack, "row long, factors array<float>"
        )
        frame = frame.join(known.index.select("row", "id"), "row").select("row", "id", "factors")
        return frame.withColumn("baseline", F.lit(0.0).cast("float")) if side == "item" else frame
    columns: dict[str, Any] = {
        "row": np.arange(len(rows)),
        "id": pa.array(known.ids),
        "factors": lists_of(np.ascontiguousarray(rows)),
    }
    if side == "item":
        none = np.zeros(len(rows), np.float32)
        columns["baseline"] = none if baseline is None else np.asarray(baseline, np.float32)
    return problem.spark.createDataFrame(pa.table(columns))


def lists_of(rows: NDArray[np.float32]) -> pa.ListArray:
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(offsets, rows.ravel())


def matrix_of(lists: Any) -> NDArray[np.float32]:
    array = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    rows: NDArray[np.float32] = np.asarray(array.flatten(), np.float32).reshape(len(array), -1)
    return rows


def rows_of(frame: DataFrame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """All factors on this machine, and the baselines of items."""
    names = ("row", "factors", *(name for name in frame.columns if name == "baseline"))
    table = frame.select(*names).toArrow().sort_by("row")
    baseline = table.column(names[-1]).to_numpy() if len(names) == 3 else np.zeros(0, np.float32)
    return matrix_of(table.column("factors")), baseline


def ids_of(frame: DataFrame) -> NDArray[Any]:
    ids = frame.select("row", "id").toArrow().sort_by("row").column("id")
    return np.asarray(ids.to_pylist() if pa.types.is_string(ids.type) else ids.to_numpy())


def with_constant(value: Any) -> Any:
    return F.concat(F.col("factors"), F.array(value.cast("float")))


def blocks_of(frame: DataFrame, n_rows: int, prefix: str, id_type: str) -> DataFrame:
    """Blocks of `n_rows` rows, as arrays in one record each."""
    block = F.expr(f"row div {n_rows}").alias("block")
    schema = f"{prefix}rows array<long>, {prefix}ids array<{id_type}>, {prefix}factors binary"
    gathering = Gathering(prefix)
    grouped = frame.select(block, "row", "id", "factors").groupBy("block")
    return grouped.applyInArrow(lambda group: gathering(group), schema)


@dataclass(frozen=True)
class Gathering:
    prefix: str

    def __call__(self, group: pa.Table) -> pa.Table:
        group = group.sort_by("row")
        factors = matrix_of(group.column("factors")).tobytes()
        ids = group.column("id").combine_chunks()
        columns = {
            f"{self.prefix}rows": pa.array([group.column("row").to_numpy()]),
            f"{self.prefix}ids": pa.ListArray.from_arrays(pa.array([0, len(ids)], pa.int32()), ids),
            f"{self.prefix}factors": pa.array([factors]),
        }
        return pa.table(columns)


@dataclass(frozen=True)
class TopK:
    """The best candidates of each query, from pairs of blocks."""

    k: int
    n_columns: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                pair = batch.slice(at, 1)
                queries = array_of(pair, "query_factors", np.float32)
                query_ids, ids = (pair.column(n)[0].values for n in ("query_ids", "ids"))
                queries = queries.reshape(len(query_ids), self.n_columns - 1)
                queries = np.column_stack([queries, np.ones(len(queries), np.float32)])
                items = array_of(pair, "factors", np.float32).reshape(-1, self.n_columns)
                found, scores = top_k(queries, items, self.k)
                kept = found.ravel() >= 0
                places = found.ravel()[kept]
                rows = pair.column("rows")[0].values.to_numpy()
                ends = np.concatenate([[0], np.cumsum((found >= 0).sum(axis=1))]).astype(np.int32)
                lists = pa.StructArray.from_arrays(
                    [scores.ravel()[kept], rows[places], ids.take(pa.array(places))],
                    ["score", "row", "id"],
                )
                yield pa.RecordBatch.from_pydict(
                    {"id": query_ids, "found": pa.ListArray.from_arrays(ends, lists)}
                )


@dataclass(frozen=True)
class Unpacking:
    """Rows of stored blocks, one by one."""

    n_factors: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                rows = array_of(batch, "factors", np.float32, at).reshape(-1, self.n_factors)
                first = batch.column("first")[at].as_py()
                columns = {"row": first + np.arange(len(rows)), "factors": lists_of(rows)}
                yield pa.RecordBatch.from_pydict(columns)


@dataclass(frozen=True)
class FoldIn:
    """Exact vectors of the users of a group."""

    objective: Objective
    items: SharedArrays
    spectrum: tuple[float, ...]
    is_weighted: bool

    def __call__(self, group: pa.Table) -> pa.Table:
        arrays, fixed = mapped_items(self.items, 1, self.spectrum)
        assert fixed is not None  # noqa: S101 - for the type checker
        encoded = group.column("id").combine_chunks().dictionary_encode()
        users, columns = np.asarray(encoded.indices), group.column("column").to_numpy()
        order = np.lexsort((columns, users))
        last = np.append(np.diff(users[order]) + np.diff(columns[order]) != 0, True)
        order = order[last]
        n_users = len(encoded.dictionary)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(users[order], minlength=n_users))])
        ratings = group.column("rating").to_numpy()[order]
        weights = group.column("weight").to_numpy()[order] if self.is_weighted else None
        matrix = csr(ratings, columns[order], offsets, len(fixed.rows))
        observed = Observations(self.objective, matrix, weights)
        empty = np.zeros((0, len(self.spectrum)), np.float32)
        factors = Factors(empty, fixed)
        found = factors.fold_in_users(observed.with_baseline(arrays.get("baseline")), 1)
        return pa.table({"id": encoded.dictionary, "factors": lists_of(found)})
