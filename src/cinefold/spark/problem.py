"""The half-steps of a fit on a cluster.

The driver runs the same iterations as on one machine (:func:`cinefold.als.iterations.alternate`).
Factors of a side are *held* by it where they are few, or else *stored* on the cluster, in Parquet.
What is held reaches each executor as a file that is mapped into memory; of what is stored each
block is sent the rows that it needs, and no others (Das, Upadhyaya, Meng, Talwalkar: Collaborative
Filtering as a Case-Study for Model Parallelism on Bulk Synchronous Systems, CIKM 2017).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cinefold.als.backend import FixedSide, empty_factors, expected_steps, padded_rows
from cinefold.als.basis import Basis
from cinefold.als.factors import Factors
from cinefold.als.iterations import Problem, available_threads, fill_randomly, initial_length
from cinefold.als.observations import Observations
from cinefold.als.row_sums import chunk_sums, rounded
from cinefold.interactions import Interactions
from cinefold.models.training_loop import Resumed
from cinefold.spark.checkpoints import FactorFolders, paths_of
from cinefold.spark.packing import small_batches
from cinefold.spark.stored_rows import (
    StoredFixedSide,
    StoredRows,
    beside,
    check_rows,
    fill,
    grams_of,
    messages_of,
    ranked,
    table_of,
)
from cinefold.spark.tasks.half_steps import HalfStep
from cinefold.spark.tasks.records import RESULT, SUMS, joined
from cinefold.spark.tasks.stored import FirstRows, RowSums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from cinefold.als.backend import ExpectedSteps
    from cinefold.als.factors import Biases
    from cinefold.als.iterations import Side
    from cinefold.als.method import Method
    from cinefold.als.objective import Objective, PairWeights
    from cinefold.spark.checkpoints import Checkpoints
    from cinefold.spark.packing import PackedSide
    from cinefold.spark.shared_files import SharedFiles

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


class ClusterProblem(Problem):
    """Both half-steps of a training set that is packed on a cluster."""

    _biases: Biases | None = None

    def __init__(
        self,
        spark: SparkSession,
        sides: dict[Side, PackedSide],
        objective: Objective,
        sharing: SharedFiles,
        n_threads_of_tasks: int,
        folder: str | None,
        pair_weights: PairWeights | None = None,
    ) -> None:
        self.spark, self.sides, self.objective = spark, sides, objective
        self.n_threads, self._n_threads_of_tasks = available_threads(None), n_threads_of_tasks
        self._sharing, self.folders = sharing, FactorFolders(spark, folder)
        self._checkpointed: set[str] = set()  # folders of the last checkpoint
        self._grams = {}
        self._checkpoints: Checkpoints | None = None
        users, items = (
            np.zeros(0, np.int64) if side.rows.ids is None else side.rows.ids
            for side in sides.values()
        )
        none = sp.csr_array((len(users), len(items)), dtype=np.float32)
        self.train = Interactions(users, items, none)
        self.pair_weights = pair_weights
        self.n_ratings = int(sides["user"].total("n_ratings"))
        self.total_weight = float(self.n_ratings)
        if pair_weights is not None:
            roots = sharing.share(user=pair_weights.users, item=pair_weights.items)
            self.total_weight = rounded(sides["user"].totals(objective, roots=roots)["weight"])
        self.metrics: dict[str, float] = {}

    @property
    def mean_rating(self) -> np.float32:
        return np.float32(rounded(self.sides["user"].total("rating") / self.n_ratings))

    def deviation(self, mean: np.float32) -> float:
        total = self.sides["user"].totals(self.objective, mean)["deviation"]
        return rounded(total / self.n_ratings) or 1.0

    @property
    def initial_length(self) -> float:
        target = self.sides["user"].total("target") / self.n_ratings
        return initial_length(self.objective, target or 1.0)

    def regularization(self, side: Side) -> Doubles:
        packed = self.sides[side]
        assert packed.counts is not None  # noqa: S101 - biases are for sides that are held
        return self.objective.row_regularization(packed.counts, packed.other.n_rows)

    # -- steps between half-steps -----------------------------------------------------------------

    def start(self, n_factors: int, seed: Any) -> tuple[Any, Any]:
        users, items = self.sides["user"].rows, self.sides["item"].rows
        if items.is_stored:
            sample = np.zeros((len(self._sampled("item")), n_factors), np.float32)
            none = self.spark.createDataFrame([], RESULT)
            first_items: Any = StoredRows(none, items.n_rows, n_factors, sample=sample)
        else:
            first_items = np.zeros((items.n_rows, n_factors), np.float32)
        if users.is_stored:
            return self._first("user", (seed, self.initial_length), n_factors), first_items
        first_users = empty_factors(users.n_rows, n_factors)
        fill_randomly(first_users, seed, self.initial_length)
        return first_users, first_items

    def _first(self, side: Side, given: Any, n_factors: int) -> StoredRows:
        """Rows of a side that is stored, as :class:`FirstRows` finds them."""
        blocks = self.sides[side].blocks.select("key", "first", "offsets")
        return self._stored(blocks.mapInArrow(FirstRows(given, n_factors), RESULT), side, n_factors)

    def spread(self, start: Resumed) -> Resumed:
        """`start` of one machine, with those sides stored that are to be."""
        users: Any = start.factors.users
        items: Any = start.factors.items
        d = items.n_factors
        if self.sides["user"].rows.is_stored:
            users = self._first("user", self._sharing.share(rows=users), d)
        if self.sides["item"].rows.is_stored:
            rows = self._first("item", self._sharing.share(rows=items.rows), d)
            items = self._fixed("item", rows, Basis(items.spectrum, np.eye(d), np.eye(d)))
        factors = Factors(users, items, pair_weights=self.pair_weights)
        return Resumed(factors, [], factors)

    def gram(self, side: Side, factors: Any, *, weighted: bool = False) -> Doubles:
        if isinstance(factors, StoredRows):
            return factors.grams["weighted_grams" if weighted else "grams"]
        return super().gram(side, factors, weighted=weighted)

    def fix(self, side: Side, factors: Any, basis: Basis | None = None) -> Any:
        if not isinstance(factors, StoredRows):
            return super().fix(side, factors, basis)
        return self._fixed(side, factors, basis or Basis.of_eigenvectors(self.gram(side, factors)))

    def _fixed(self, side: Side, rows: StoredRows, basis: Basis) -> StoredFixedSide:
        """`rows` in `basis`; of items also the sums over them that are asked for."""
        rows.change_basis(basis.fixed)
        loss = 0.0 if side == "user" else self._add_up(side, rows)
        return StoredFixedSide(rows, basis, loss)

    def start_from(self, fixed: Any, factors: Any, *, in_place: bool) -> tuple[Any, Any]:
        if isinstance(factors, StoredRows):
            return factors if in_place else replace(factors), factors
        return super().start_from(fixed, factors, in_place=in_place)

    def finished(self, factors: Factors) -> Factors:
        return factors if isinstance(factors.users, StoredRows) else super().finished(factors)

    def _loss_of_regularized_items(self, factors: Factors) -> float:
        if isinstance(factors.items, StoredFixedSide):
            return factors.items.loss
        return super()._loss_of_regularized_items(factors)

    # -- half-steps -------------------------------------------------------------------------------

    def solve_users(
        self, factors: Factors, method: Method, previous: Any = None
    ) -> tuple[float, float]:
        self._biases = factors.biases
        return super().solve_users(factors, method, previous)

    def _solve(
        self,
        side: Side,
        fixed: Any,
        out: Any,
        method: Method,
        baseline: Floats | None,
        previous: Any,
    ) -> Doubles:
        packed, own = self.sides[side], out if previous is None else previous
        change = None if previous is None else fixed.basis.other
        arrays: dict[str, Any] = {}
        if isinstance(fixed, FixedSide):
            arrays["rows"] = padded_rows(fixed.rows)
        if isinstance(own, np.ndarray):
            arrays["previous"] = own
        if baseline is not None:
            baseline = arrays["baseline"] = np.full(packed.other.n_rows, baseline, np.float32)
        if self.pair_weights is not None:
            arrays["row_roots"], arrays["column_roots"] = self._roots(side)
        step = HalfStep(
            self.objective,
            method,
            self._expected_steps(side, fixed, own, change, baseline),
            fixed.spectrum,
            self._n_threads_of_tasks,
            self._sharing.share(**arrays) if arrays else None,
            packed.other.n_rows,
            measures=side == "user",
            biases=self._biases if side == "user" else None,
            change=change,
            turn=own.turn if isinstance(own, StoredRows) else None,
        )
        results = self._results(packed, step, fixed, own)
        if isinstance(out, StoredRows):
            stored = self._stored(results, side, out.n_factors)
            vars(out).update(vars(stored))
            table = stored.found
        else:
            with small_batches(self.spark):  # of blocks and messages, with a stored fixed side
                table = results.toArrow().sort_by("first")
            check_rows(side, table, self.sides[side].rows)
            fill(out, table)
        if side != "user":
            return np.zeros(2)
        names = ("held_weight", "squared_error", "n_measured", "ndcg")
        self.metrics = {name: sum(v or 0 for v in table[name].to_pylist()) for name in names}
        if isinstance(fixed, StoredFixedSide) and self.metrics["held_weight"]:
            self.metrics |= ranked(self.spark, packed, out, fixed)
        losses = joined(table, "losses", np.float64).reshape(-1, 2)
        sums: Doubles = losses if isinstance(out, StoredRows) else chunk_sums(losses)
        return np.asarray(sums.sum(axis=0))

    def _results(self, packed: PackedSide, step: HalfStep, fixed: Any, previous: Any) -> DataFrame:
        blocks = packed.blocks
        if isinstance(previous, StoredRows):
            blocks = beside(blocks, previous.frame, "previous")
        if isinstance(fixed, FixedSide):
            return blocks.mapInArrow(step.over_blocks, RESULT)
        sent = messages_of(fixed.rows, packed.routes).repartition(packed.rows.n_blocks, "key")
        # Spark counts a function's arguments, and a method's self among them.
        return (
            blocks.groupBy("key")
            .cogroup(sent.groupBy("key"))
            .applyInArrow(lambda block, messages: step.over_messages(block, messages), RESULT)
        )

    def _expected_steps(
        self,
        side: Side,
        fixed: Any,
        own: Any,
        change: Doubles | None,
        baseline: Floats | None,
    ) -> ExpectedSteps:
        packed = self.sides[side]
        if isinstance(fixed, FixedSide):
            rows = np.asarray(fixed.rows[packed.needed])
        else:
            other: Side = "item" if side == "user" else "user"
            rows = fixed.rows.sample[np.searchsorted(self._sampled(other), packed.needed)]
        previous = np.zeros((packed.sample.shape[0], fixed.n_factors), np.float32)
        places = packed.sampled
        if isinstance(own, StoredRows):
            own, places = own.sample, np.searchsorted(self._sampled(side), places)
        previous[: len(places)] = own[places]
        roots = None
        if self.pair_weights is not None:
            of_rows, of_columns = self._roots(side)
            roots = np.ones(len(previous), np.float32), of_columns[packed.needed]
            roots[0][: len(places)] = of_rows[packed.sampled]
        ratings, weights = packed.sample, packed.sample_weights
        observed = Observations(self.objective, ratings, weights, roots, packed.other.n_rows)
        observed = observed.with_baseline(None if baseline is None else baseline[packed.needed])
        side_of_sample = FixedSide.in_eigenbasis(rows, fixed.spectrum, 1)
        return expected_steps(observed, side_of_sample, previous, change=change)

    def _roots(self, side: Side) -> tuple[Floats, Floats]:
        """Square roots of the weights of rows and columns."""
        assert self.pair_weights is not None  # noqa: S101 - for the type checker
        of_users, of_items = self.pair_weights.users, self.pair_weights.items
        return (of_users, of_items) if side == "user" else (of_items, of_users)

    def _sampled(self, side: Side) -> NDArray[np.int64]:
        """Rows of a stored side that are tried, or that tried rows of the other side need."""
        other: Side = "item" if side == "user" else "user"
        return np.union1d(self.sides[side].sampled, self.sides[other].needed)

    # -- results ----------------------------------------------------------------------------------

    def _stored(self, results: DataFrame, side: Side, n_factors: int) -> StoredRows:
        """Results in a folder of their own, where their lineage ends."""
        with small_batches(self.spark):
            path = self.folders.write(results, self.sides[side].rows.n_blocks)
        return self._read(path, side, n_factors)

    def _read(self, path: str, side: Side, n_factors: int) -> StoredRows:
        n_rows = self.sides[side].rows.n_rows
        rows = StoredRows(self.folders.read(path), n_rows, n_factors, path)
        self._add_up(side, rows)
        return rows

    def _add_up(self, side: Side, rows: StoredRows) -> float:
        """What the driver knows of `rows`; returns their part of the objective's regularization."""
        packed, d = self.sides[side], rows.n_factors
        sizes = d, packed.rows.n_rows, packed.other.n_rows
        sampled, n_threads = self._sampled(side), self._n_threads_of_tasks
        sums = RowSums(self.objective, rows.turn, *sizes, sampled, n_threads)
        table = rows.frame.mapInArrow(sums, SUMS).toArrow().sort_by("first")
        check_rows(side, table, packed.rows)
        rows.found, rows.grams = table, grams_of(table, len(rows), d)
        rows.sample = joined(table, "sample", np.float32).reshape(-1, d)
        return float(joined(table, "norms", np.float64).sum())

    # -- checkpoints ------------------------------------------------------------------------------

    def checkpoint(
        self, history: list[dict[str, Any]], factors: Factors, best: Factors | None
    ) -> None:
        """Keep where the fit stands, at the interval; and reuse what nobody needs any more."""
        kept = {"user": factors.users, "item": factors.items, "best": best and best.items}
        if self._checkpoints and len(history) % self._interval == 0:
            state = {name: self._kept(one) for name, one in kept.items() if one is not None}
            self._checkpoints.write({"history": history, **self.folders.state, **state})
            self._checkpointed = {one["path"] for one in state.values()}
        self.folders.keep(paths_of(*kept.values()) | self._checkpointed)

    def close(self, factors: Factors) -> None:
        """Nobody goes on with the fit: all that it has stored but `factors` is freed."""
        if self._checkpoints is not None:
            self._checkpoints.clear()
        self.folders.empty_others(paths_of(factors.users, factors.items))

    def _kept(self, factors: Any) -> dict[str, Any]:
        """Where the factors are stored, and in which basis they are."""
        spectrum = getattr(factors, "spectrum", None)
        rows = factors if spectrum is None else factors.rows
        change = getattr(rows, "change", None)
        if (path := getattr(rows, "path", None)) is None:
            path = self.folders.write(self.spark.createDataFrame(table_of(rows), RESULT))
        basis = {"spectrum": spectrum, "change": change}
        return {"path": path, **{k: v if v is None else v.tolist() for k, v in basis.items()}}

    def resumed(
        self, checkpoints: Checkpoints | None, interval: int, n_factors: int
    ) -> Resumed | None:
        """Where the last fit of the same data and parameters was when it ended early."""
        self._checkpoints, self._interval = checkpoints, interval
        state = checkpoints and checkpoints.last()
        if not state:
            return None
        self._checkpointed = {state[n]["path"] for n in ("user", "item", "best") if n in state}
        self.folders.resume(state)
        self.folders.keep(self._checkpointed)
        users = self._kept_rows(state["user"], "user", n_factors)
        items = self._kept_items(state["item"], n_factors)
        best = self._kept_items(state["best"], n_factors) if "best" in state else items
        found = Factors(users, items, pair_weights=self.pair_weights)
        return Resumed(found, state["history"], replace(found, items=best))

    def _kept_rows(self, kept: dict[str, Any], side: Side, n_factors: int) -> Any:
        if self.sides[side].rows.is_stored:
            return self._read(kept["path"], side, n_factors)
        rows = empty_factors(self.sides[side].rows.n_rows, n_factors)
        fill(rows, self.folders.read(kept["path"]).select("first", "factors").toArrow())
        return rows

    def _kept_items(self, kept: dict[str, Any], n_factors: int) -> Any:
        rows = self._kept_rows(kept, "item", n_factors)
        spectrum = np.array(kept["spectrum"])
        if not isinstance(rows, StoredRows):
            return FixedSide.in_eigenbasis(rows, spectrum, self.n_threads)
        # Nobody asks for the change that the other side went through.
        basis = Basis(spectrum, np.array(kept["change"]), np.eye(n_factors))
        return self._fixed("item", rows, basis)
