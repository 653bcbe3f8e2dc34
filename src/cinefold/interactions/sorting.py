"""Entries by row, then column, by all threads: divided into buckets that caches hold, then sorted.

All that belongs to an entry moves with it, so that memory is read and written in long runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BUCKET_BITS = 8  # NumPy sorts numbers of 8 bits by counting them
_BUCKET, _AT_A_TIME = 1 << 16, 1 << 17


def sorted_by_row(
    arrays: list[NDArray[Any]], n_rows: int, *, is_timed: bool, is_borrowed: bool
) -> list[NDArray[Any]]:
    """Offsets of the rows, and all arrays but the first by row, then column, then time.

    Equals stay in the order they came in.

    Parameters
    ----------
    arrays : list of ndarray, each (n,), n > 0
        Rows and columns, of 0 and above, which are used up; others; and times if `is_timed`.
    n_rows : int
    is_timed, is_borrowed : bool
        `is_borrowed` says that others and times must stay as they are.
    """
    rows, columns = arrays[:2]
    n = len(rows)
    row_bits = (n_rows - 1).bit_length()
    column_bits = max(in_blocks(n, lambda block: int(columns[block].max()).bit_length()))
    bits = min((n // _BUCKET).bit_length(), _BUCKET_BITS, row_bits + column_bits)
    low = max(row_bits - bits, 0)  # of the bits of a row, those that are not in its bucket's number
    more = bits - (row_bits - low)  # bits of a column that are, where there are few rows
    if bits:
        moved = [*arrays[:2], *(np.empty_like(a) if is_borrowed else a for a in arrays[2:])]
    else:
        moved = arrays

    def divide(block: slice) -> NDArray[np.int64]:
        buckets = rows[block] >> low << more
        buckets |= columns[block] >> (column_bits - more)
        order = np.argsort(buckets.astype(np.uint8), kind="stable")
        for values, to in zip(arrays, moved, strict=True):
            to[block] = np.take(values[block], order)
        return np.bincount(buckets, minlength=1 << bits)

    counts = np.array(in_blocks(n, divide, _AT_A_TIME) if bits else [[n]])
    begins = counts.cumsum().reshape(counts.shape) - counts
    ends = counts.sum(axis=0).cumsum()
    offsets = np.full(n_rows + 1, n)
    found = [np.empty_like(values) for values in arrays[1:]]

    def sort(buckets: slice) -> None:
        bucket = buckets.start
        runs = [*map(slice, begins[:, bucket], begins[:, bucket] + counts[:, bucket])]
        own_rows, *own = (np.concatenate([values[run] for run in runs]) for values in moved)
        order = _order(own_rows, own[0], own[-1] if is_timed else None)
        begin, end = ends[bucket] - len(order), ends[bucket]
        if bucket % (1 << more) == 0:
            first = bucket >> more << low
            its = np.arange(first, min(first + (1 << low), n_rows), dtype=rows.dtype)
            offsets[its] = begin + np.searchsorted(own_rows[order], its)
        for values, to in zip(own, found, strict=True):
            np.take(values, order, out=to[begin:end], mode="clip")

    in_blocks(1 << bits, sort, 1)
    return [offsets, *found]


def _order(
    rows: NDArray[Any], columns: NDArray[Any], times: NDArray[Any] | None
) -> NDArray[np.int64]:
    order = _order_of_pairs(rows, columns)
    if times is not None:
        rows, columns, times = rows[order], columns[order], times[order]
        repeats = np.zeros(len(order), bool)
        np.equal(columns[1:], columns[:-1], out=repeats[1:])
        repeats[1:] &= rows[1:] == rows[:-1]
        if (times[1:] < times[:-1])[repeats[1:]].any():
            repeats[:-1] |= repeats[1:]
            own = np.flatnonzero(repeats)
            by_time = own[np.argsort(times[own], kind="stable")]
            order[own] = order[by_time[_order_of_pairs(rows[by_time], columns[by_time])]]
    return order


def _order_of_pairs(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.int64]:
    """As ``np.lexsort``; several times as fast where 64 bits hold a pair and its position."""
    widths = [int(values.max(initial=0)).bit_length() for values in (rows, columns)]
    bits = len(rows).bit_length()
    if sum(widths) + bits > 64:
        return np.lexsort((columns, rows))
    tagged = rows.astype(np.uint64)
    for width, values in (
        (widths[1], columns.astype(np.uint64)),
        (bits, np.arange(len(rows), dtype=np.uint64)),
    ):
        tagged <<= np.uint64(width)
        tagged |= values
    tagged.sort()
    tagged &= np.uint64((1 << bits) - 1)
    return tagged.view(np.int64)
