"""What executors do: functions of Arrow data, over whole blocks of rows at a time.

A *block* is a range of rows of one side with their ratings, as compressed sparse rows in binary
columns, one record for each block. Its columns are rows of the other side, or, where that side is
stored on the cluster, places in `needed`, the rows that the block needs of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pyspark import SparkFiles

from cinefold.als.backend import (
    FixedSide,
    SingularRowError,
    empty_factors,
    gram_matrix,
    is_summed_in_double,
    mapped_factors,
    rotate,
    solve_rows,
    top_k,
)
from cinefold.als.basis import Basis
from cinefold.als.factors import Biases, Factors
from cinefold.als.iterations import fill_randomly
from cinefold.als.observations import Observations
from cinefold.als.row_sums import chunk_sums, nodes_of
from cinefold.interactions import Interactions
from cinefold.interactions.entries import Duplicates, Entries, csr
from cinefold.metrics import accuracy
from cinefold.models.callbacks import Validation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from cinefold.als.backend import ExpectedSteps, Method
    from cinefold.als.objective import Objective
    from cinefold.spark.shared_files import SharedArrays

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

BLOCK = (
    "key long, block int, first long, n_rows int, offsets binary, columns binary, ratings binary, "
    "weights binary, held_offsets binary, held_columns binary, held_ratings binary, "
    "needed binary, n_ratings long, n_held_out long, n_duplicates long, rating double, "
    "confidence double, target double, longest_rows binary, lengths binary"
)
RESULT = (
    "key long, first long, factors binary, counts binary, losses binary, nodes binary, "
    "grams binary, weighted_grams binary, norms binary, sample binary, singular_row long, "
    "n_pairs long, squared_error double, n_measured long, ndcg double"
)
MESSAGE = "key long, source long, rows binary"


def array_of(record: pa.RecordBatch | pa.Table, name: str, dtype: Any, row: int = 0) -> Any:
    """A binary value as an array, without a copy; None for a null."""
    buffer = record.column(name)[row].as_buffer()
    return None if buffer is None else np.frombuffer(buffer, dtype)


def record_of(schema: str, **values: Any) -> pa.RecordBatch:
    """One record; arrays become binary, and what is not given null."""
    kinds = {"long": pa.int64(), "int": pa.int32(), "double": pa.float64(), "binary": pa.binary()}
    columns = {}
    for column in schema.split(", "):
        name, kind = column.split()
        value = values.get(name)
        if isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
        columns[name] = pa.array([value], kinds[kind])
    return pa.RecordBatch.from_pydict(columns)


# -- packing ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packing:
    """How the ratings of a block become its record.

    Attributes
    ----------
    starts : ndarray of int64, shape (n_blocks + 1,)
        The first row of each block, and the number of rows.
    n_columns : int
    n_factors : int
        Of the model; rows of some lengths are tried before others are solved.
    is_routed : bool
        Whether the other side is stored on the cluster.
    """

    objective: Objective
    starts: NDArray[np.int64]
    n_columns: int
    n_factors: int
    is_weighted: bool
    is_routed: bool
    duplicates: Duplicates

    def __call__(self, group: pa.Table) -> pa.Table:
        """The ratings of one block, with a null in place of a row for the block itself."""
        key, block = group.column("key")[0].as_py(), group.column("block")[0].as_py()
        first, end = int(self.starts[block]), int(self.starts[block + 1])
        group = group.filter(group.column("row").is_valid())
        held_out = group.column("held_out").to_numpy().astype(bool)
        row, column = (group.column(name).to_numpy() for name in ("row", "column"))
        values, weights = (group.column(name).to_numpy() for name in ("rating", "weight"))
        entries = Entries(
            row - first,
            column,
            values.astype(np.float32),
            weights.astype(np.float32) if self.is_weighted else None,
            group.column("time").to_numpy(),
        )
        train, n_repeated = self._matrix(entries.take(np.flatnonzero(~held_out)), end - first)
        held, n_more = self._matrix(entries.take(np.flatnonzero(held_out)), end - first)
        (offsets, columns, ratings, confidences), needed = train, None
        if self.is_routed:
            needed = np.unique(np.concatenate([columns, held[1]]))
            columns, held = (
                np.searchsorted(needed, columns),
                (held[0], np.searchsorted(needed, held[1]), *held[2:]),
            )
        confidence = self.objective.confidence(ratings, confidences)
        counts = np.diff(offsets)
        values, times = np.unique(counts, return_counts=True)
        record = record_of(
            BLOCK,
            key=key,
            block=block,
            first=first,
            n_rows=end - first,
            offsets=offsets,
            columns=columns.astype(np.int32),
            ratings=ratings,
            weights=confidences,
            held_offsets=held[0],
            held_columns=held[1].astype(np.int32),
            held_ratings=held[2],
            needed=needed,
            n_ratings=len(ratings),
            n_held_out=len(held[2]),
            n_duplicates=n_repeated + n_more,
            rating=_sum(ratings),
            confidence=_sum(np.ones(len(ratings)) if confidence is None else confidence),
            target=_sum(np.abs(self.objective.targets(ratings))),
            longest_rows=longest_rows(first, counts, self.n_factors),
            lengths=np.column_stack([values, times]),
        )
        return pa.Table.from_batches([record])

    def _matrix(self, entries: Entries, n_rows: int) -> tuple[tuple[Any, ...], int]:
        if len(entries.rows) == 0:
            none = np.zeros(0, np.float32)
            weights = none if self.is_weighted else None
            return (np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int64), none, weights), 0
        kept = entries.sorted().without_duplicates(self.duplicates, stacklevel=2)
        counts = np.bincount(kept.rows, minlength=n_rows)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = offsets, kept.columns, kept.ratings, kept.weights
        return rows, len(entries.rows) - len(kept.rows)


def _sum(values: NDArray[Any]) -> float:
    return float(values.sum(dtype=np.float64))


def longest_rows(first: int, counts: NDArray[np.int64], n_factors: int) -> NDArray[np.int64]:
    """The rows on which the core would try conjugate gradients, (n, 2): row, and its length.

    Those are, for each of several lengths, the first two of at most that many observations, when
    rows are ordered by falling length (native/drive/half_step.cpp).
    """
    order = np.argsort(-counts, kind="stable")
    falling = -counts[order]
    chosen = set()
    for doubling in range(6):
        length = max(n_factors // 4, 1) << doubling
        at = np.searchsorted(falling, -length)
        chosen.update(order[at : at + 2].tolist())
    rows = np.array(sorted(chosen), np.int64)
    return np.column_stack([rows + first, counts[rows]])


def rows_of(
    block: pa.RecordBatch, n_columns: int, prefix: str = ""
) -> tuple[sp.csr_array, Floats | None]:
    """The matrix of a block's ratings or, with the prefix "held_", of those held out."""
    offsets, columns = array_of(block, f"{prefix}offsets", np.int64), None
    columns = array_of(block, f"{prefix}columns", np.int32)
    ratings = array_of(block, f"{prefix}ratings", np.float32)
    weights = None if prefix else array_of(block, "weights", np.float32)
    return csr(ratings, columns, offsets, n_columns), weights


TOTAL = "total double"


@dataclass(frozen=True)
class Deviation:
    """The sum of distances of ratings from their mean."""

    mean: np.float32

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                ratings = array_of(batch, "ratings", np.float32, at)
                yield record_of(TOTAL, total=_sum(np.abs(ratings - self.mean)))


# -- a half-step -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class HalfStep:
    """How blocks are solved.

    Attributes
    ----------
    shared : SharedArrays
        The fixed side as "rows", if it is not stored; "previous" rows of the side that is solved,
        if that is not; and the "baseline" of each column, with biases.
    n_rows, n_columns : int
        Of all blocks.
    before : ndarray of float64, shape (n_factors, n_factors), or None
        What stored previous rows are multiplied by first.
    sampled : ndarray of int64
        Rows whose vectors the driver wants to see of a stored side.
    """

    objective: Objective
    method: Method
    steps: ExpectedSteps
    spectrum: Doubles
    n_threads: int
    shared: SharedArrays
    n_rows: int
    n_columns: int
    measures: bool
    biases: Biases | None = None
    is_stored: bool = False
    before: Doubles | None = None
    sampled: NDArray[np.int64] | None = None

    def over_blocks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Where both sides are shared."""
        arrays, fixed = mapped_items(self.shared, self.n_threads, tuple(self.spectrum))
        assert fixed is not None  # noqa: S101 - for the type checker
        for batch in batches:
            for row in range(batch.num_rows):
                block = batch.slice(row, 1)
                first, n_rows = (block.column(name)[0].as_py() for name in ("first", "n_rows"))
                previous = arrays["previous"][first : first + n_rows]
                yield self._solved(block, fixed, previous, arrays.get("baseline"))

    def over_messages(self, blocks: pa.Table, messages: pa.Table) -> pa.Table:
        """One block, with the rows that have been sent to it."""
        arrays, fixed = mapped_items(self.shared, self.n_threads, tuple(self.spectrum))
        first, n_rows = (blocks.column(name)[0].as_py() for name in ("first", "n_rows"))
        d = len(self.spectrum)
        sent = {
            messages.column("source")[i].as_py(): array_of(messages, "rows", np.float32, i)
            for i in range(messages.num_rows)
        }
        previous = sent.pop(-1, None)
        if "previous" in arrays:
            previous = arrays["previous"][first : first + n_rows]
        elif previous is None:
            previous = np.zeros((n_rows, d), np.float32)
        else:
            previous = previous.reshape(-1, d)
            if self.before is not None:
                previous = rotate(previous, self.before, self.n_threads, None, in_double=False)
        baseline = arrays.get("baseline")
        if fixed is None:
            needed = array_of(blocks, "needed", np.int64)
            rows = empty_factors(len(needed), d)
            begin = 0
            for source in sorted(sent):
                part = sent[source].reshape(-1, d)
                rows[begin : begin + len(part)] = part
                begin += len(part)
            if begin != len(needed):
                raise RuntimeError(f"{len(needed)} rows were needed, {begin} came")
            fixed = FixedSide.in_eigenbasis(rows, self.spectrum, self.n_threads)
            baseline = None if baseline is None else baseline[needed]
        block = blocks.combine_chunks().to_batches()[0]
        return pa.Table.from_batches([self._solved(block, fixed, previous, baseline)])

    def _solved(
        self, block: pa.RecordBatch, fixed: FixedSide, previous: Floats, baseline: Floats | None
    ) -> pa.RecordBatch:
        first, n_rows = (block.column(name)[0].as_py() for name in ("first", "n_rows"))
        ratings, weights = rows_of(block, len(fixed.rows))
        rows = Observations(self.objective, ratings, weights, n_columns=self.n_columns)
        out, losses = previous.copy(), np.empty((n_rows, 2))
        try:
            solve_rows(
                rows.with_baseline(baseline),
                fixed,
                out,
                self.n_threads,
                self.method,
                expected_steps=self.steps,
                losses=losses if self.measures else None,
            )
        except SingularRowError as error:
            return record_of(
                RESULT,
                key=block.column("key")[0].as_py(),
                singular_row=first + error.row,
                n_pairs=int(np.diff(ratings.indptr)[error.row]),
            )
        found: dict[str, Any] = {}
        if self.is_stored:
            found = summary(out, first, self.n_rows, rows.regularization, self.n_threads)
            found["sample"] = sample_of(out, first, self.sampled)
            found["counts"] = np.diff(ratings.indptr).astype(np.int64)
        if self.measures:
            found["losses"] = losses if not self.is_stored else chunk_sums(losses)
            found.update(self._metrics(block, ratings, out, fixed))
        key = block.column("key")[0].as_py()
        return record_of(RESULT, key=key, first=first, factors=out, **found)

    def _metrics(
        self, block: pa.RecordBatch, train: sp.csr_array, users: Floats, fixed: FixedSide
    ) -> dict[str, Any]:
        held_out, _ = rows_of(block, len(fixed.rows), "held_")
        n_pairs, n_measured = held_out.nnz, int((np.diff(held_out.indptr) > 0).sum())
        if n_pairs == 0:
            return {}
        ids = np.arange(train.shape[0]), np.arange(train.shape[1])
        validation = Validation(
            Interactions(*ids, held_out),
            Interactions(*ids, train),
            self.objective,
            self.n_threads,
        )
        factors = Factors(users, fixed, self.biases)
        found = {"n_pairs": n_pairs, "squared_error": validation.rmse(factors) ** 2 * n_pairs}
        if block.column("needed")[0].as_buffer() is None:  # all items are here
            found |= {"n_measured": n_measured, "ndcg": validation.ndcg(factors) * n_measured}
        return found


@lru_cache(maxsize=1)
def _mapped(
    name: str, layout: tuple[Any, ...], n_threads: int, spectrum: tuple[float, ...]
) -> tuple[dict[str, Any], FixedSide | None]:
    from cinefold.spark.shared_files import SharedArrays

    arrays = SharedArrays(name, dict(layout)).open()
    _remove_earlier(name)
    fixed = None
    if "rows" in arrays:
        rows = mapped_factors(arrays["rows"], len(spectrum))
        fixed = FixedSide.in_eigenbasis(rows, np.array(spectrum), n_threads)
    return arrays, fixed


def mapped_items(
    shared: SharedArrays, n_threads: int, spectrum: tuple[float, ...]
) -> tuple[dict[str, Any], FixedSide | None]:
    """The shared arrays and the fixed side among them; kept for the next task of this worker."""
    return _mapped(shared.name, tuple(shared.layout.items()), n_threads, spectrum)


def _remove_earlier(name: str) -> None:
    """Free the disk of this executor: no task reads the files that came before."""
    fit, _, number = name.rpartition("-")
    for path in Path(SparkFiles.getRootDirectory()).glob(f"{fit}-*"):
        if int(path.name.rpartition("-")[2]) < int(number):
            path.unlink(missing_ok=True)


# -- factors that are stored on the cluster --------------------------------------------------------


def summary(
    rows: Floats, first: int, n_rows: int, regularization: Doubles | None, n_threads: int
) -> dict[str, Any]:
    """What the driver adds up: Gram matrices, plain and weighted by lambda, of nodes of rows."""
    in_double = is_summed_in_double(n_rows)
    nodes = list(nodes_of(first, first + len(rows), n_rows))
    parts = [slice(part.start - first, part.stop - first) for _, part in nodes]

    def grams(weights: Doubles | None) -> Doubles:
        return np.array(
            [
                gram_matrix(rows[p], n_threads, None if weights is None else weights[p], in_double)
                for p in parts
            ]
        )

    found = {"nodes": np.array([node for node, _ in nodes], np.int64), "grams": grams(None)}
    if regularization is not None:
        found["weighted_grams"] = grams(regularization)
    return found


def sample_of(rows: Floats, first: int, sampled: NDArray[np.int64] | None) -> Floats | None:
    if sampled is None:
        return None
    begin, end = np.searchsorted(sampled, [first, first + len(rows)])
    return rows[sampled[begin:end] - first]


@dataclass(frozen=True)
class RandomRows:
    """The first users, of blocks (key, block)."""

    seed: int
    length: float
    n_factors: int
    starts: NDArray[np.int64]
    n_threads: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for key, block in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                first, end, n_rows = (int(self.starts[at]) for at in (block, block + 1, -1))
                rows = np.empty((end - first, self.n_factors), np.float32)
                fill_randomly(rows, self.seed, self.length, first)
                found = summary(rows, first, n_rows, None, self.n_threads)
                yield record_of(RESULT, key=key, first=first, factors=rows, **found)


@dataclass(frozen=True)
class Fixing:
    """Stored rows in the basis where their Gram matrix is diagonal, and what they add up to."""

    objective: Objective
    basis: Basis
    n_rows: int
    n_columns: int
    n_threads: int
    sampled: NDArray[np.int64]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        in_double = is_summed_in_double(self.n_rows)
        for batch in batches:
            for at in range(batch.num_rows):
                record = batch.slice(at, 1)
                first = record.column("first")[0].as_py()
                rows = array_of(record, "factors", np.float32).reshape(-1, len(self.basis.spectrum))
                rows = rotate(rows, self.basis.fixed, self.n_threads, None, in_double)
                found: dict[str, Any] = {"sample": sample_of(rows, first, self.sampled)}
                counts = array_of(record, "counts", np.int64)
                if counts is not None:
                    ridge = self.objective.row_regularization(counts, self.n_columns)
                    norms = FixedSide.in_eigenbasis(rows, self.basis.spectrum, 1).norms
                    found |= summary(rows, first, self.n_rows, ridge, self.n_threads)
                    found |= {"counts": counts, "norms": chunk_sums(ridge * norms)}
                key = record.column("key")[0].as_py()
                yield record_of(RESULT, key=key, first=first, factors=rows, **found)


@dataclass(frozen=True)
class Routing:
    """From blocks, which rows each needs of which block of the other side, at `starts`."""

    starts: NDArray[np.int64]
    keys: NDArray[np.int64]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                record = batch.slice(at, 1)
                needed = array_of(record, "needed", np.int64)
                ends = np.searchsorted(needed, self.starts)
                for source in np.flatnonzero(np.diff(ends)):
                    places = needed[ends[source] : ends[source + 1]] - self.starts[source]
                    yield record_of(
                        ROUTE,
                        source=int(self.keys[source]),
                        key=record.column("key")[0].as_py(),
                        places=places.astype(np.int32),
                    )


ROUTE = "source long, key long, places binary"
ROUTES = "source long, keys binary, ends binary, places binary"


def gathered_routes(routes: pa.Table) -> pa.Table:
    """The routes from one block as one record."""
    places = [array_of(routes, "places", np.int32, at) for at in range(routes.num_rows)]
    record = record_of(
        ROUTES,
        source=routes.column("source")[0].as_py(),
        keys=routes.column("key").to_numpy(),
        ends=np.cumsum([len(part) for part in places]),
        places=np.concatenate(places),
    )
    return pa.Table.from_batches([record])


@dataclass(frozen=True)
class Sending:
    """To each block the rows that it needs, from records with factors and routes."""

    n_factors: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                record = batch.slice(at, 1)
                keys, ends = (array_of(record, name, np.int64) for name in ("keys", "ends"))
                places = array_of(record, "places", np.int32)
                rows = array_of(record, "factors", np.float32).reshape(-1, self.n_factors)
                source = record.column("first")[0].as_py()
                for key, part in zip(keys, np.split(places, ends[:-1]), strict=True):
                    yield record_of(MESSAGE, key=int(key), source=source, rows=rows[part])


# -- ranking stored items --------------------------------------------------------------------------

LISTS = "key long, rows binary, scores binary"
NDCG = "n_measured long, ndcg double"


@dataclass(frozen=True)
class ItemLists:
    """The best of a block of items for each user of a block who has ratings held out."""

    n_factors: int
    k: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                pair = batch.slice(at, 1)
                needed = array_of(pair, "needed", np.int64)
                train, held_out = (rows_of(pair, len(needed), p)[0] for p in ("", "held_"))
                users, items = (
                    array_of(pair, name, np.float32).reshape(-1, self.n_factors)
                    for name in ("users", "items")
                )
                measured = np.flatnonzero(np.diff(held_out.indptr))
                seen, first = train[measured], pair.column("item_first")[0].as_py()
                columns = needed[seen.indices] - first
                inside = (columns >= 0) & (columns < len(items))
                offsets = np.concatenate([[0], np.cumsum(inside)])[seen.indptr]
                excluded = csr(seen.data[inside], columns[inside], offsets, len(items))
                found, scores = top_k(users[measured], items, self.k, excluded=excluded)
                rows = np.where(found < 0, -1, found + first)
                key = pair.column("key")[0].as_py()
                yield record_of(LISTS, key=key, rows=rows.astype(np.int64), scores=scores)


def ndcg_of_lists(block: pa.Table, lists: pa.Table, k: int) -> pa.Table:
    """The sum over users of NDCG of the best of all lists."""
    needed = array_of(block, "needed", np.int64)
    held_out, _ = rows_of(block, len(needed), "held_")
    n = int((np.diff(held_out.indptr) > 0).sum())
    if n == 0:
        return pa.Table.from_batches([record_of(NDCG, n_measured=0, ndcg=0.0)])
    every = range(lists.num_rows)
    rows = np.hstack([array_of(lists, "rows", np.int64, at).reshape(n, -1) for at in every])
    scores = np.hstack([array_of(lists, "scores", np.float32, at).reshape(n, -1) for at in every])
    order = np.lexsort((rows, -scores))[:, :k]
    best = np.take_along_axis(rows, order, axis=1)
    places = np.searchsorted(needed, best)
    # An item that the block does not need is not relevant: any number beyond serves.
    known = needed[np.minimum(places, len(needed) - 1)] == best
    items = np.where(best < 0, -1, np.where(known, places, len(needed)))
    relevant = held_out[np.flatnonzero(np.diff(held_out.indptr))]
    relevant = csr(relevant.data, relevant.indices, relevant.indptr, len(needed) + 1)
    total = accuracy.ndcg(items, relevant) * n
    return pa.Table.from_batches([record_of(NDCG, n_measured=n, ndcg=total)])


# -- rows that are tried first ---------------------------------------------------------------------

ROW = "row long, columns binary, ratings binary, weights binary"


@dataclass(frozen=True)
class Extraction:
    """The ratings of some rows."""

    rows: NDArray[np.int64]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                record = batch.slice(at, 1)
                first, n_rows = (record.column(name)[0].as_py() for name in ("first", "n_rows"))
                offsets, needed = (
                    array_of(record, name, np.int64) for name in ("offsets", "needed")
                )
                columns, ratings, weights = (
                    array_of(record, name, kind)
                    for name, kind in (
                        ("columns", np.int32),
                        ("ratings", np.float32),
                        ("weights", np.float32),
                    )
                )
                for row in self.rows[(self.rows >= first) & (self.rows < first + n_rows)]:
                    own = slice(*offsets[row - first : row - first + 2])
                    yield record_of(
                        ROW,
                        row=int(row),
                        columns=(columns[own] if needed is None else needed[columns[own]]).astype(
                            np.int64
                        ),
                        ratings=ratings[own],
                        weights=None if weights is None else weights[own],
                    )
