"""Long arrays worked on in blocks, by all threads: NumPy and Polars need no lock for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cinefold._threads import default_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    T = TypeVar("T")

BLOCK = 1 << 18  # what a thread works on stays in its cache


def in_blocks(n: int, work: Callable[[slice], T], size: int = BLOCK) -> list[T]:
    """What `work` gives for each block of the positions from 0 to `n`, by all threads."""
    blocks = [slice(begin, min(begin + size, n)) for begin in range(0, n, size)]
    if len(blocks) < 2:
        return [work(block) for block in blocks]
    with ThreadPoolExecutor(default_threads()) as pool:
        return list(pool.map(work, blocks))


def taken(values: NDArray[Any], positions: NDArray[Any]) -> NDArray[Any]:
    """``values[positions]``, of positions that are there."""
    found = np.empty(len(positions), values.dtype)
    in_blocks(len(positions), lambda block: _take(values, positions[block], found[block]))
    return found


def _take(values: NDArray[Any], positions: NDArray[Any], out: NDArray[Any]) -> None:
    np.take(values, positions, out=out, mode="clip")  # with checks it would take twice as long


def kept(mask: NDArray[np.bool_], offsets: NDArray[Any], *arrays: NDArray[Any] | None) -> list[Any]:
    """Offsets of the rows, and arrays, of the entries where `mask` is set."""
    begins = np.cumsum([0, *in_blocks(len(mask), lambda block: np.count_nonzero(mask[block]))])
    own_offsets = np.full(len(offsets), begins[-1])
    found = [None if values is None else np.empty(begins[-1], values.dtype) for values in arrays]

    def work(block: slice) -> None:
        begin, chosen = begins[block.start // BLOCK], np.flatnonzero(mask[block])
        first, last = np.searchsorted(offsets, (block.start, block.stop))
        own_offsets[first:last] = begin + np.searchsorted(chosen, offsets[first:last] - block.start)
        for values, part in zip(arrays, found, strict=True):
            if values is not None and part is not None:
                _take(values[block], chosen, part[begin : begin + len(chosen)])

    in_blocks(len(mask), work)
    return [own_offsets, *found]


def sorted_by(*keys: NDArray[Any]) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
    """Positions by the first of the keys, then by the second and so on, and the keys in that order.

    Keys are integers of 0 or above; equals stay in the order they came in. Those of a position are
    sorted as one number with it, several times as fast as ``np.lexsort``, where 64 bits hold them.
    """
    n, widths = len(keys[0]), [int(key.max(initial=0)).bit_length() for key in keys]
    bits = n.bit_length()
    if bits + sum(widths) > 64:
        order = np.lexsort(keys[::-1])
        return order, [taken(key, order) for key in keys]
    tagged = np.empty(n, np.uint64)
    found = [np.empty(n, key.dtype) for key in keys]

    def tag(block: slice) -> None:
        own = keys[0][block].astype(np.uint64)
        for key, width in zip(keys[1:], widths[1:], strict=True):
            own <<= np.uint64(width)
            own |= key[block].astype(np.uint64)
        own <<= np.uint64(bits)
        np.bitwise_or(own, np.arange(block.start, block.stop, dtype=np.uint64), out=tagged[block])

    def part(block: slice) -> None:
        own = tagged[block]
        rest = own >> np.uint64(bits)
        own &= np.uint64((1 << bits) - 1)
        for ordered, width in zip(found[::-1], widths[::-1], strict=True):
            np.bitwise_and(rest, np.uint64((1 << width) - 1), ordered[block], casting="unsafe")
            rest >>= np.uint64(width)

    in_blocks(n, tag)
    shares = -(-n // default_threads()) or 1
    if BLOCK <= shares < n:
        tagged.partition(range(shares, n, shares))
        in_blocks(n, lambda share: tagged[share].sort(), shares)
    else:
        tagged.sort()
    in_blocks(n, part)
    return tagged.view(np.int64), found
