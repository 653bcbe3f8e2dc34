"""The half-steps of a fit on a cluster.

The driver runs the same iterations as on one machine (:func:`cinefold.als.iterations.alternate`).
Factors of a side are *held* by it where they are few, or else *stored* on the cluster, in Parquet.
What is held reaches each executor as a file that is mapped into memory; of what is stored each
block is sent the rows that it needs, and no others (Das, Upadhyaya, Meng, Talwalkar: Collaborative
Filtering as a Case-Study for Model Parallelism on Bulk Synchronous Systems, CIKM 2017).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from cinefold.als.backend import (
    FixedSide,
    empty_factors,
    expected_steps,
    is_summed_in_double,
    padded_rows,
)
from cinefold.als.basis import Basis
from cinefold.als.biased import Constant
from cinefold.als.factors import Factors
from cinefold.als.iterations import Problem, available_threads, fill_randomly, initial_length
from cinefold.als.observations import Observations
from cinefold.als.row_sums import chunk_sums, rounded
from cinefold.interactions import Interactions
from cinefold.models.training_loop import Resumed
from cinefold.spark.checkpoints import FactorFolders
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
)
from cinefold.spark.tasks.half_steps import HalfStep
from cinefold.spark.tasks.records import FOUND, RESULT, joined
from cinefold.spark.tasks.stored import FirstRows, RowSums, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from cinefold.als.backend import ExpectedSteps
    from cinefold.als.factors import Biases
    from cinefold.als.iterations import Side
    from cinefold.als.method import Method
    from cinefold.als.objective import Objective, PairWeights
    from cinefold.spark.packing import PackedSide
    from cinefold.spark.shared_files import SharedArrays, SharedFiles

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]


class ClusterProblem(Problem):
    """Both half-steps of a training set that is packed on a cluster."""

    _biases: Biases | None = None
    _constant: Constant | None = None  # with biases
    _begun: tuple[Any, Any] | None = None  # users and items of a fit that was cut off, with biases

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
        self._unfixed: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # with biases
        self._grams = {}
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
        assert packed.counts is not None  # noqa: S101 - asked for sides that are held
        return self.objective.row_regularization(packed.counts, packed.other.n_rows)

    # -- steps between half-steps -----------------------------------------------------------------

    def start(self, n_factors: int, seed: Any) -> tuple[Any, Any]:
        length, rows = self.initial_length, self.sides["user"].rows

        def made(n: int, first: int) -> Floats:
            users = empty_factors(n, n_factors)
            fill_randomly(users, seed, length, first)
            return users

        users = self._first("user", made, n_factors) if rows.is_stored else made(rows.n_rows, 0)
        return users, self._no_items(n_factors)

    def start_with_biases(self, n_factors: int, seed: int, constant: Constant) -> tuple[Any, Any]:
        if self._begun is not None:
            return self._begun
        self._constant, rows = constant, self.sides["user"].rows
        rng, states = np.random.default_rng(seed), {}
        if not rows.is_stored:
            users: Any = constant.first_users(rng, rows.n_rows, n_factors)
        else:
            # One stream of random numbers, in which each block begins where the last one ends.
            for begin, end in pairwise(rows.starts.tolist()):
                states[begin] = deepcopy(rng)
                constant.first_users(rng, end - begin, n_factors)
            users = self._first(
                "user",
                lambda n, first: constant.first_users(states[first], n, n_factors),
                n_factors + 1,
            )
        return users, self._no_items(n_factors + 1)

    def _no_items(self, n_factors: int) -> Any:
        rows = self.sides["item"].rows
        if not rows.is_stored:
            return np.zeros((rows.n_rows, n_factors), np.float32)
        sample = np.zeros((len(self._sampled("item")), n_factors), np.float32)
        none = self.spark.createDataFrame([], RESULT)
        return StoredRows(none, rows.n_rows, n_factors, sample=sample)

    def _first(self, side: Side, made: Callable[[int, int], Floats], n_factors: int) -> StoredRows:
        """Rows of a side that is stored, as :class:`FirstRows` finds them."""
        blocks = self.sides[side].blocks.select("key", "first", "offsets")
        sums = self._sums(side, n_factors, self._constant and (self._constant,))
        return self._stored(blocks.mapInArrow(FirstRows(made, sums), RESULT), side, n_factors)

    def spread(self, start: Resumed) -> Resumed:
        """`start` of one machine, with those sides stored that are to be."""
        users: Any = start.factors.users
        items: Any = start.factors.items
        d = items.n_factors
        if self.sides["user"].rows.is_stored:
            users = self._first("user", _parts_of(self._sharing.share(rows=users)), d)
        if self.sides["item"].rows.is_stored:
            rows = self._first("item", _parts_of(self._sharing.share(rows=items.rows)), d)
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
        turned, loss = rows.then((basis.fixed, is_summed_in_double(len(rows)))), 0.0
        vars(rows).update(vars(turned))
        if side == "item":
            constant = self._constant
            biases = None if constant is None else constant.biases(basis, None)
            sums = self._sums(side, rows.n_factors, rows.turn.steps, biases)
            frame = rows.frame.select("first", "factors", "counts")
            table = frame.mapInArrow(sums, FOUND).toArrow().sort_by("first")
            rows.grams = grams_of(table, len(rows), rows.n_factors)
            loss = float(joined(table, "norms", np.float64).sum())
        return StoredFixedSide(rows, basis, loss)

    def fix_with_constant(self, side: Side, rows: Any, constant: Constant) -> tuple[Any, Any]:
        if isinstance(rows, StoredRows):
            fixed, baseline = self.fix(side, rows.then(constant)), None
        else:
            fixed, baseline = super().fix_with_constant(side, rows, constant)
        self._unfixed[fixed] = rows
        return fixed, baseline

    def turned(self, rows: Any, change: Doubles) -> Any:
        if isinstance(rows, StoredRows):
            return rows.then((change, False))
        return super().turned(rows, change)

    def start_from(self, fixed: Any, factors: Any, *, in_place: bool) -> tuple[Any, Any]:
        if isinstance(factors, StoredRows):
            return factors if in_place else replace(factors), factors
        return super().start_from(fixed, factors, in_place=in_place)

    def finished(self, factors: Factors) -> Factors:
        return factors if isinstance(factors.users, StoredRows) else super().finished(factors)

    def _sum_of_regularized_items(self, factors: Factors) -> float:
        if isinstance(factors.items, StoredFixedSide):
            return factors.items.loss
        return super()._sum_of_regularized_items(factors)

    # -- half-steps -------------------------------------------------------------------------------

    def solve_users(
        self, factors: Factors, method: Method, previous: Any = None
    ) -> tuple[float, float]:
        without: Any = None
        self._biases = factors.biases and replace(factors.biases, baseline=without)
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
        sums = None
        if isinstance(out, StoredRows):
            steps = self._constant and ((fixed.basis.fixed.T, False), self._constant)
            sums = self._sums(side, out.n_factors, steps)
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
            sums=sums,
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
        of_chunks: Doubles = losses if isinstance(out, StoredRows) else chunk_sums(losses)
        return np.asarray(of_chunks.sum(axis=0))

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
            baseline = None if baseline is None else baseline[packed.needed]
        else:
            other: Side = "item" if side == "user" else "user"
            places = np.searchsorted(self._sampled(other), packed.needed)
            rows, baseline = fixed.rows.sample[places], fixed.rows.baseline
            baseline = None if baseline is None else baseline[places]
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
        observed = observed.with_baseline(baseline)
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
        names = [column.split()[0] for column in FOUND.split(", ")]
        table = rows.frame.select(*names).toArrow().sort_by("first")
        check_rows(side, table, self.sides[side].rows)
        rows.found, rows.grams = table, grams_of(table, n_rows, n_factors)
        rows.sample = joined(table, "sample", np.float32).reshape(-1, n_factors)
        return rows

    def _sums(
        self, side: Side, n_factors: int, steps: Any, biases: Biases | None = None
    ) -> RowSums:
        packed = self.sides[side]
        sizes = n_factors, packed.rows.n_rows, packed.other.n_rows
        tried = self._sampled(side), self._n_threads_of_tasks
        return RowSums(self.objective, Turn(steps or ()), *sizes, *tried, biases)


def _parts_of(shared: SharedArrays) -> Callable[[int, int], Floats]:
    """Makes rows of the shared ones."""
    return lambda n, first: np.array(shared.open()["rows"][first : first + n])
