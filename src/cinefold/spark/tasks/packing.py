"""Ratings become blocks, and what the driver wants to know of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from cinefold.interactions.entries import Duplicates, Entries, csr
from cinefold.spark.tasks.records import BLOCK, RecordMapper, array_of, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from cinefold.als.objective import Objective
    from cinefold.spark.shared_files import SharedArrays


@dataclass(frozen=True)
class BlockPacker:
    """How the ratings of a block become its record.

    Attributes
    ----------
    starts, keys : ndarray of int64, shape (n_blocks + 1,) and (n_blocks,)
        The first row of each block, and the number of rows; and its number in partitioning.
    n_factors : int
        Of the model; rows of some lengths are tried before others are solved.
    is_routed : bool
        Whether the other side is stored on the cluster.
    """

    objective: Objective
    starts: NDArray[np.int64]
    keys: NDArray[np.int64]
    n_factors: int
    is_weighted: bool
    is_routed: bool
    duplicates: Duplicates

    def over_partition(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One block: its ratings, and a null in place of a row for the block itself."""
        if parts := [batch for batch in batches if batch.num_rows]:
            yield self._packed(pa.Table.from_batches(parts))

    def _packed(self, group: pa.Table) -> pa.RecordBatch:
        key = group.column("key")[0].as_py()
        block = int(np.flatnonzero(self.keys == key)[0])
        first, end = int(self.starts[block]), int(self.starts[block + 1])
        group = group.filter(group.column("row").is_valid())
        names = "row", "column", "rating", "time", "weight", "held_out"
        arrays = {n: group.column(n).to_numpy() for n in names if n in group.column_names}
        entries = Entries(
            arrays["row"] - first,
            arrays["column"],
            arrays["rating"].astype(np.float32),
            arrays["weight"].astype(np.float32) if self.is_weighted else None,
            arrays.get("time"),
        )
        held_out = arrays.get("held_out", np.zeros(len(entries.rows), np.bool_)).astype(np.bool_)
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
        sampled = longest_rows(counts, self.n_factors)
        own = entries_of(sampled, counts)
        return record_of(
            BLOCK,
            key=key,
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
            lengths=np.column_stack([values, times]),
            sampled=sampled + first,
            sampled_lengths=counts[sampled],
            sampled_columns=train[1][own].astype(np.int64),
            sampled_ratings=ratings[own],
            sampled_weights=None if confidences is None else confidences[own],
        )

    def _matrix(self, entries: Entries, n_rows: int) -> tuple[tuple[Any, ...], int]:
        kept = entries.sorted(n_rows)
        with warnings.catch_warnings(action="ignore"):  # the driver says how many there are
            policy = "last" if self.duplicates == "error" else self.duplicates
            kept = kept.without_duplicates(policy, stacklevel=1)
        rows = kept.offsets, kept.columns, kept.ratings, kept.weights
        return rows, len(entries.rows) - len(kept.columns)


def _sum(values: NDArray[Any]) -> float:
    return float(values.sum(dtype=np.float64))


def longest_rows(counts: NDArray[np.int64], n_factors: int) -> NDArray[np.int64]:
    """The rows on which the core would try conjugate gradients, of rows of these lengths.

    Those are, for each of several lengths, the first two of at most that many observations, when
    rows are ordered by falling length (native/drive/half_step.cpp).
    """
    order = np.argsort(-counts, kind="stable")
    starts = np.searchsorted(-counts[order], [-max(n_factors // 4, 1) << i for i in range(6)])
    return np.unique(np.concatenate([order[start : start + 2] for start in starts]))


def entries_of(rows: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each entry is one of `rows`, where all rows have so many."""
    return np.repeat(np.isin(np.arange(len(counts)), rows), counts)


@dataclass(frozen=True)
class BlockReader(RecordMapper):
    """From blocks, the ratings that are learnt from, for blocks of the other side, at `starts`."""

    starts: NDArray[np.int64]
    keys: NDArray[np.int64]

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        counts = np.diff(array_of(record, "offsets", np.int64))
        columns = np.repeat(record.column("first")[0].as_py() + np.arange(len(counts)), counts)
        rows = array_of(record, "columns", np.int32).astype(np.int64)
        if (needed := array_of(record, "needed", np.int64)) is not None:
            rows = needed[rows]
        keys = self.keys[np.searchsorted(self.starts, rows, "right") - 1]
        found = {"key": keys, "row": rows, "column": columns}
        found["rating"] = array_of(record, "ratings", np.float32)
        if (weights := array_of(record, "weights", np.float32)) is not None:
            found["weight"] = weights
        whole = pa.RecordBatch.from_pydict(found)
        yield from (whole.slice(at, 1 << 16) for at in range(0, len(rows), 1 << 16))


def rows_of(
    block: pa.RecordBatch, n_columns: int, prefix: str = ""
) -> tuple[sp.csr_array, NDArray[np.float32] | None]:
    """The matrix of a block's ratings or, with the prefix "held_", of those held out."""
    offsets = array_of(block, f"{prefix}offsets", np.int64)
    columns = array_of(block, f"{prefix}columns", np.int32)
    ratings = array_of(block, f"{prefix}ratings", np.float32)
    weights = None if prefix else array_of(block, "weights", np.float32)
    return csr(ratings, columns, offsets, n_columns), weights


TOTALS = "deviation double, weight double, target double"


@dataclass(frozen=True)
class RatingSums(RecordMapper):
    """Sums over ratings: of what they are from `mean` and, where pairs have weights, of these.

    Attributes
    ----------
    roots : SharedArrays or None
        Of users and items, "user" and "item": square roots of their weights.
    """

    objective: Objective
    mean: np.float32
    roots: SharedArrays | None = None

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        ratings = array_of(record, "ratings", np.float32)
        found = {"deviation": _sum(np.abs(ratings - self.mean))}
        if self.roots is not None:
            roots, first = self.roots.open(), record.column("first")[0].as_py()
            counts = np.diff(array_of(record, "offsets", np.int64))
            users = np.repeat(roots["user"][first : first + len(counts)], counts)
            columns = array_of(record, "columns", np.int32)
            needed = array_of(record, "needed", np.int64)
            product = users * roots["item"][columns if needed is None else needed[columns]]
            squared = np.square(product, dtype=np.float64)
            targets = np.abs(self.objective.targets(ratings)) * np.sqrt(squared)
            found |= {"weight": _sum(squared), "target": _sum(targets)}
        yield record_of(TOTALS, **found)


@dataclass(frozen=True)
class RouteFinder(RecordMapper):
    """From blocks, which rows each needs of which block of the other side, at `starts`."""

    starts: NDArray[np.int64]
    keys: NDArray[np.int64]

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        key, needed = record.column("key")[0].as_py(), array_of(record, "needed", np.int64)
        ends = np.searchsorted(needed, self.starts)
        for block in np.flatnonzero(np.diff(ends)):
            places = (needed[ends[block] : ends[block + 1]] - self.starts[block]).astype(np.int32)
            yield record_of(ROUTE, key=int(self.keys[block]), to=key, places=places)


ROUTE = "key long, to long, places binary"
