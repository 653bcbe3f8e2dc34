"""Lists of stored items, of which no executor has all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cinefold.als.backend import top_k
from cinefold.interactions.entries import csr
from cinefold.metrics import accuracy
from cinefold.spark.tasks.packing import rows_of
from cinefold.spark.tasks.records import RecordMapper, array_of, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cinefold.spark.tasks.stored import Turn

LISTS = "key long, rows binary, scores binary"
NDCG = "n_measured long, ndcg double"


@dataclass(frozen=True)
class BlockRanker(RecordMapper):
    """The best of a block of items for each user of a block who has ratings held out."""

    n_factors: int
    turn: Turn  # of items
    k: int

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        needed = array_of(record, "needed", np.int64)
        train, held_out = (rows_of(record, len(needed), p)[0] for p in ("", "held_"))
        users, items = (
            array_of(record, name, np.float32).reshape(-1, self.n_factors)
            for name in ("users", "items")
        )
        items, baseline = self.turn.with_baseline(items)
        if (roots := array_of(record, "roots", np.float32)) is not None:
            items = items / roots[:, np.newaxis]
        if baseline is not None:  # as Factors.candidates and queries have it
            items = np.column_stack([items, baseline])
            users = np.column_stack([users, np.ones(len(users), np.float32)])
        measured = np.flatnonzero(np.diff(held_out.indptr))
        seen, first = train[measured], record.column("item_first")[0].as_py()
        columns = needed[seen.indices] - first
        inside = (columns >= 0) & (columns < len(items))
        offsets = np.concatenate([[0], np.cumsum(inside)])[seen.indptr]
        excluded = csr(seen.data[inside], columns[inside], offsets, len(items))
        found, scores = top_k(users[measured], items, self.k, excluded=excluded)
        rows = np.where(found < 0, -1, found + first).astype(np.int64)
        key = record.column("key")[0].as_py()
        yield record_of(LISTS, key=key, rows=rows, scores=scores)


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
