"""The half-steps of a fit on a cluster.

The driver runs the same iterations as on one machine (:func:`cinefold.als.iterations.alternate`).
Factors of a side are *held* by it where they are few, or else *stored* on the cluster, in Parquet.
What is held reaches each executor as a file that is mapped into memory; of what is stored each
block is sent the rows that it needs, and no others (Das et al. 2017).

References
----------
Das, Upadhyaya, Meng, Talwalkar: Collaborative Filtering as a Case-Study for Model Parallelism on
Bulk Synchronous Systems, CIKM 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pyspark.sql import functions as F

from cinefold.als.backend import (
    FixedSide,
    empty_factors,
    expected_steps,
    padded_rows,
    rotate,
)
from cinefold.als.basis import Basis
from cinefold.als.iterations import Problem, fill_randomly, singular
from cinefold.als.observations import Observations
from cinefold.als.row_sums import chunk_sums, root_of
from cinefold.interactions import Interactions
from cinefold.spark import tasks
from cinefold.spark.packing import one_block_at_a_time, setting

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from cinefold.als.backend import ExpectedSteps, Method
    from cinefold.als.factors import Biases, Factors
    from cinefold.als.iterations import Side
    from cinefold.als.objective import Objective
    from cinefold.spark.packing import PackedSide
    from cinefold.spark.shared_files import Sharing

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


@dataclass
class StoredRows:
    """Factors (n, n_factors) on the cluster, and what the driver knows of them.

    Attributes
    ----------
    frame : DataFrame or None
        One record for each block; None for zeros.
    n_rows, n_factors : int
    sample : ndarray of float32, shape (n_sampled, n_factors)
        The rows on which solvers are tried.
    grams : dict
        Of the rows as they are, "grams" and "weighted_grams".
    before : ndarray of float64, or None
        A change of basis that is yet to be made.
    """

    frame: DataFrame | None
    n_rows: int
    n_factors: int
    sample: Floats
    grams: dict[str, Doubles] = field(default_factory=dict)
    before: Doubles | None = None

    def __len__(self) -> int:
        return self.n_rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows on the driver: mind its memory."""
        del copy
        if self.frame is None:
            return np.zeros((self.n_rows, self.n_factors), dtype or np.float32)
        rows = np.empty((self.n_rows, self.n_factors), np.float32)
        fill(rows, self.frame.select("first", "factors").toArrow())
        if self.before is not None:
            rows = rotate(rows, self.before, 1, None, in_double=False)
        return rows.astype(dtype or np.float32, copy=False)


@dataclass
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
        return np.asarray(self.rows)


def fill(rows: Floats, results: pa.Table) -> None:
    """Put the factors of blocks into their places."""
    for at, first in enumerate(results.column("first").to_pylist()):
        part = tasks.array_of(results, "factors", np.float32, at).reshape(-1, rows.shape[1])
        rows[first : first + len(part)] = part


class ClusterProblem(Problem):
    """Both half-steps of a training set that is packed on a cluster."""

    _biases: Biases | None = None

    def __init__(
        self,
        spark: SparkSession,
        sides: dict[Side, PackedSide],
        objective: Objective,
        sharing: Sharing,
        n_threads: int,
        n_threads_of_tasks: int,
        folder: str | None,
    ) -> None:
        self.spark, self.sides, self.objective = spark, sides, objective
        self.n_threads, self._n_threads_of_tasks = n_threads, n_threads_of_tasks
        self._sharing, self._folder, self._n_stored = sharing, folder, 0
        users, items = sides["user"].rows, sides["item"].rows
        none = sp.csr_array((users.n_rows, items.n_rows), dtype=np.float32)
        ids = (np.zeros(0, np.int64) if one.ids is None else one.ids for one in (users, items))
        self.train = Interactions(*ids, none)
        self.n_ratings = int(sides["user"].total("n_ratings"))
        self.metrics: dict[str, float] = {}

    @property
    def mean_rating(self) -> np.float32:
        return np.float32(self.sides["user"].total("rating") / self.n_ratings)

    def regularization(self, side: Side) -> Doubles:
        packed = self.sides[side]
        if packed.counts is None:
            raise ValueError("with biases, the factors of both sides must be held by the driver")
        return self.objective.row_regularization(packed.counts, packed.other.n_rows)

    def close(self) -> None:
        """Free what the fit has kept on the cluster's memory and this machine's disk."""
        self._sharing.forget()
        for packed in self.sides.values():
            packed.blocks.unpersist()

    # -- steps between half-steps -----------------------------------------------------------------

    def start(self, n_factors: int, seed: Any) -> tuple[Any, Any]:
        users, items = self.sides["user"].rows, self.sides["item"].rows
        first: list[Any] = []
        for side, rows in (("user", users), ("item", items)):
            if rows.is_stored:
                sample = np.zeros((len(self._sampled(side)), n_factors), np.float32)
                first.append(StoredRows(None, rows.n_rows, n_factors, sample))
            elif side == "user":
                random_users = empty_factors(rows.n_rows, n_factors)
                fill_randomly(random_users, seed)
                first.append(random_users)
            else:
                first.append(np.zeros((rows.n_rows, n_factors), np.float32))
        if users.is_stored:
            blocks = pa.table({"key": users.keys, "block": np.arange(users.n_blocks)})
            frame = self.spark.createDataFrame(blocks).repartition(users.n_blocks, "key")
            random = tasks.RandomRows(seed, n_factors, users.starts, self._n_threads_of_tasks)
            # The first users are fixed, never the rows to start from: they have no sample.
            first[0] = self._stored(frame.mapInArrow(random, tasks.RESULT), "user", n_factors)[0]
        return first[0], first[1]

    def gram(self, side: Side, factors: Any, *, weighted: bool = False) -> Doubles:
        if isinstance(factors, StoredRows):
            return factors.grams["weighted_grams" if weighted else "grams"]
        return super().gram(side, factors, weighted=weighted)

    def fix(self, side: Side, factors: Any, basis: Basis | None = None) -> Any:
        if not isinstance(factors, StoredRows):
            return super().fix(side, factors, basis)
        basis = basis or Basis.of_eigenvectors(self.gram(side, factors))
        rows = self.sides[side].rows
        fixing = tasks.Fixing(
            self.objective,
            basis,
            rows.n_rows,
            self.sides[side].other.n_rows,
            self._n_threads_of_tasks,
            self._sampled(side),
        )
        stored, table = self._stored(
            factors.frame.mapInArrow(fixing, tasks.RESULT), side, factors.n_factors
        )
        norms = _joined(table, "norms", np.float64)
        return StoredFixedSide(stored, basis, float(norms.sum()))

    def change_basis(self, fixed: Any, factors: Any, *, out: Any = None) -> Any:
        other = fixed.basis.other
        if not isinstance(factors, StoredRows):
            return rotate(factors, other, self.n_threads, out, in_double=False)
        sample = factors.sample
        if len(sample):
            sample = rotate(sample, other, 1, None, in_double=False)
        frame, n_rows, n_factors = factors.frame, factors.n_rows, factors.n_factors
        return StoredRows(frame, n_rows, n_factors, sample, before=other)

    def finished(self, factors: Factors) -> Factors:
        return factors if isinstance(factors.users, StoredRows) else super().finished(factors)

    def _loss_of_regularized_items(self, factors: Factors) -> float:
        if isinstance(factors.items, StoredFixedSide):
            return factors.items.loss
        return super()._loss_of_regularized_items(factors)

    # -- half-steps -------------------------------------------------------------------------------

    def solve_users(self, factors: Factors, method: Method) -> tuple[float, float]:
        self._biases = factors.biases
        return super().solve_users(factors, method)

    def _solve(
        self, side: Side, fixed: Any, out: Any, method: Method, baseline: Floats | None
    ) -> Doubles:
        packed = self.sides[side]
        arrays: dict[str, Any] = {}
        if isinstance(fixed, FixedSide):
            arrays["rows"] = padded_rows(fixed.rows)
        if isinstance(out, np.ndarray):
            arrays["previous"] = out
        if baseline is not None:
            arrays["baseline"] = np.full(packed.other.n_rows, baseline, np.float32)
        step = tasks.HalfStep(
            self.objective,
            method,
            self._expected_steps(side, fixed, out, baseline),
            fixed.spectrum,
            self._n_threads_of_tasks,
            self._sharing.share(**arrays),
            packed.rows.n_rows,
            packed.other.n_rows,
            measures=side == "user",
            biases=self._biases if side == "user" else None,
            is_stored=isinstance(out, StoredRows),
            before=out.before if isinstance(out, StoredRows) else None,
            sampled=self._sampled(side) if isinstance(out, StoredRows) else None,
        )
        results = self._results(packed, step, fixed, out)
        if isinstance(out, StoredRows):
            stored, table = self._stored(results, side, out.n_factors)
            vars(out).update(vars(stored))
        else:
            with one_block_at_a_time(self.spark):
                table = results.toArrow().sort_by("first")
            self._check(side, table)
            fill(out, table)
        if side != "user":
            return np.zeros(2)
        self._measure(table)
        losses = _joined(table, "losses", np.float64).reshape(-1, 2)
        return (losses if isinstance(out, StoredRows) else chunk_sums(losses)).sum(axis=0)

    def _results(self, packed: PackedSide, step: tasks.HalfStep, fixed: Any, out: Any) -> DataFrame:
        if isinstance(fixed, FixedSide) and not isinstance(out, StoredRows):
            return packed.blocks.mapInArrow(step.over_blocks, tasks.RESULT)
        messages = [self.spark.createDataFrame([], tasks.MESSAGE)]
        if isinstance(out, StoredRows) and out.frame is not None:
            source = F.lit(-1).cast("long").alias("source")
            messages.append(out.frame.select("key", source, F.col("factors").alias("rows")))
        if isinstance(fixed, StoredFixedSide) and fixed.rows.frame is not None:
            routes = packed.routes.withColumnRenamed("source", "key")
            sending = fixed.rows.frame.select("key", "first", "factors").join(routes, "key")
            send = tasks.Sending(fixed.n_factors)
            messages.append(sending.mapInArrow(send, tasks.MESSAGE))
        sent = reduce(lambda one, more: one.unionByName(more), messages)
        grouped = sent.repartition(packed.rows.n_blocks, "key").groupBy("key")
        cogroup = packed.blocks.groupBy("key").cogroup(grouped)
        # Spark counts a function's arguments, and a method's self among them.
        return cogroup.applyInArrow(
            lambda blocks, messages: step.over_messages(blocks, messages), tasks.RESULT
        )

    def _expected_steps(
        self, side: Side, fixed: Any, out: Any, baseline: Floats | None
    ) -> ExpectedSteps:
        packed = self.sides[side]
        if isinstance(fixed, FixedSide):
            rows = np.asarray(fixed.rows[packed.needed])
        else:
            other: Side = "item" if side == "user" else "user"
            rows = fixed.rows.sample[np.searchsorted(self._sampled(other), packed.needed)]
        previous = np.zeros((packed.sample.shape[0], fixed.n_factors), np.float32)
        own = out
        places = packed.sampled
        if isinstance(out, StoredRows):
            own, places = out.sample, np.searchsorted(self._sampled(side), packed.sampled)
        previous[: len(places)] = own[places]
        observed = Observations(
            self.objective, packed.sample, packed.sample_weights, packed.other.n_rows
        )
        if baseline is not None:
            baseline = np.full(packed.other.n_rows, baseline, np.float32)[packed.needed]
        side_of_sample = FixedSide.in_eigenbasis(rows, fixed.spectrum, 1)
        return expected_steps(observed.with_baseline(baseline), side_of_sample, previous)

    def _sampled(self, side: Side) -> NDArray[np.int64]:
        """Rows of a stored side that are tried, or that tried rows of the other side need."""
        other: Side = "item" if side == "user" else "user"
        return np.union1d(self.sides[side].sampled, self.sides[other].needed)

    # -- results ----------------------------------------------------------------------------------

    def _stored(
        self, results: DataFrame, side: Side, n_factors: int
    ) -> tuple[StoredRows, pa.Table]:
        """Results in a folder of their own, where their lineage ends; and all but the factors."""
        self._n_stored += 1
        path = f"{self._folder}/{side}-factors-{self._n_stored}"
        n_blocks = self.sides[side].rows.n_blocks
        with one_block_at_a_time(self.spark), _partitions(self.spark, n_blocks):
            results.write.mode("overwrite").parquet(path)
        frame = self.spark.read.parquet(path)
        table = frame.drop("factors", "counts").toArrow().sort_by("first")
        self._check(side, table)
        n_rows = self.sides[side].rows.n_rows
        grams = {
            name: _gram(table, name, n_rows, n_factors)
            for name in ("grams", "weighted_grams")
            if table.column(name).null_count == 0
        }
        sample = _joined(table, "sample", np.float32).reshape(-1, n_factors)
        return StoredRows(frame, n_rows, n_factors, sample, grams), table

    def _check(self, side: Side, table: pa.Table) -> None:
        wrong = table.filter(table.column("singular_row").is_valid())
        if wrong.num_rows:
            row, n_ratings = (wrong.column(at)[0].as_py() for at in ("singular_row", "n_pairs"))
            found = self.sides[side].rows.index.filter(F.col("row") == row).select("id").first()
            raise singular(side, found and found[0], n_ratings)

    def _measure(self, table: pa.Table) -> None:
        names = ("n_pairs", "squared_error", "n_measured", "ndcg")
        self.metrics = {
            name: sum(value or 0 for value in table.column(name).to_pylist()) for name in names
        }


def _partitions(spark: SparkSession, n: int) -> Any:
    return setting(spark, "spark.sql.shuffle.partitions", n)


def _joined(table: pa.Table, name: str, dtype: Any) -> NDArray[Any]:
    parts = [tasks.array_of(table, name, dtype, at) for at in range(table.num_rows)]
    return np.concatenate([np.zeros(0, dtype), *(part for part in parts if part is not None)])


def _gram(table: pa.Table, name: str, n_rows: int, n_factors: int) -> Doubles:
    nodes = _joined(table, "nodes", np.int64).reshape(-1, 2)
    grams = _joined(table, name, np.float64).reshape(-1, n_factors, n_factors)
    places = ((int(level), int(index)) for level, index in nodes)
    gram = root_of(dict(zip(places, grams, strict=True)), n_rows)
    if not np.isfinite(gram).all():
        raise ValueError(
            "the factors have grown beyond what float32 can hold; "
            "increase regularization or scale the ratings down"
        )
    return gram
