"""Entries by row, then column, by all threads: divided into buckets that caches hold, then sorted.

All that belongs to an entry moves with it, so that memory is read and written in long runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import BLOCK, in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BUCKET_BITS = 8  # NumPy sorts numbers of 8 bits by counting them
_BUCKET, _AT_A_TIME = 1 << 16, BLOCK


def sorted_by_row(arrays: list[NDArray[Any]], n_rows: int, *, is_timed: bool) -> list[NDArray[Any]]:
    """Offsets of the rows, and all arrays but the first by row, then column, then time.

    Equals stay in the order they came in.

    Parameters
    ----------
    arrays : list of ndarray, each (n,), n > 0
        Rows and columns, of 0 and above; others; and times if `is_timed`.
    n_rows : int
    is_timed : bool
    """
    n = len(arrays[0])
    row_bits = (n_rows - 1).bit_length()
    column_bits = max(in_blocks(n, lambda block: int(arrays[1][block].max()).bit_length()))
    bits = min((n // _BUCKET).bit_length(), _BUCKET_BITS, row_bits + column_bits)
    low = max(row_bits - bits, 0)  # of the bits of a row, those that are not in its bucket's number
    more = bits - (row_bits - low)  # bits of a column that are, where there are few rows
    buckets = np.empty(n, np.uint8)

    def count(block: slice) -> NDArray[np.int64]:
        own = arrays[0][block] >> low << more
        own |= arrays[1][block] >> (column_bits - more)
        buckets[block] = own
        return np.bincount(own, minlength=1 << bits)

    counts = np.array(in_blocks(n, count, _AT_A_TIME))
    ends = counts.T.cumsum().reshape(counts.T.shape).T  # of each block's in each bucket
    found = [np.empty_like(values) for values in arrays]

    def divide(block: slice) -> None:
        at = block.start // _AT_A_TIME
        order = np.argsort(buckets[block], kind="stable")
        own_ends, lengths = counts[at].cumsum(), counts[at]
        runs = np.column_stack([own_ends - lengths, own_ends, ends[at] - lengths, ends[at]])
        for values, to in zip(arrays, found, strict=True):
            own = np.take(values[block], order, mode="clip")
            for begin, end, to_begin, to_end in runs.tolist():
                to[to_begin:to_end] = own[begin:end]

    in_blocks(n, divide, _AT_A_TIME)
    offsets = np.full(n_rows + 1, n)

    def sort(one: slice) -> None:
        bucket, end = one.start, ends[-1, one.start]
        begin = end - counts[:, bucket].sum()
        own = [values[begin:end] for values in found]
        order = _order(own[0], own[1], own[-1] if is_timed else None)
        for values in own:
            values[:] = np.take(values, order, mode="clip")
        if bucket % (1 << more) == 0:
            first = bucket >> more << low
            its = np.arange(first, min(first + (1 << low), n_rows), dtype=own[0].dtype)
            offsets[its] = begin + np.searchsorted(own[0], its)

    in_blocks(1 << bits, sort, 1)
    return [offsets, *found[1:]]


def _order(
    rows: NDArray[Any], columns: NDArray[Any], times: NDArray[Any] | None
) -> NDArray[np.int64]:
    order, repeats = _order_of_pairs(rows, columns)
    if times is not None and repeats.any():
        times = times[order]
        if (times[1:] < times[:-1])[repeats].any():
            of_several = np.append(repeats, False)
            of_several[1:] |= repeats
            own = np.flatnonzero(of_several)
            by_time = order[own[np.argsort(times[own], kind="stable")]]
            order[own] = by_time[_order_of_pairs(rows[by_time], columns[by_time])[0]]
    return order


def _order_of_pairs(
    rows: NDArray[Any], columns: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """As ``np.lexsort``, and which pairs are the same as the next in that order.

    Several times as fast where 64 bits hold a pair and its position.
    """
    widths = [int(values.max(initial=0)).bit_length() for values in (rows, columns)]
    bits = len(rows).bit_length()
    if sum(widths) + bits > 64:
        order = np.lexsort((columns, rows))
        rows, columns = rows[order], columns[order]
        return order, (rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1])
    tagged = rows.astype(np.uint64)
    tagged <<= np.uint64(widths[1])
    tagged |= columns.astype(np.uint64)
    tagged <<= np.uint64(bits)
    tagged |= np.arange(len(rows), dtype=np.uint64)
    tagged.sort()
    pairs = tagged >> np.uint64(bits)
    tagged &= np.uint64((1 << bits) - 1)
    return tagged.view(np.int64), pairs[1:] == pairs[:-1]
