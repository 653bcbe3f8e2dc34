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


def copied(*parts: NDArray[Any]) -> NDArray[Any]:
    """One new array of all parts."""
    ends = np.cumsum([*map(len, parts)])
    found = np.empty(ends[-1], parts[0].dtype)
    for part, own in zip(parts, np.split(found, ends[:-1]), strict=True):
        _copy(part, own)
    return found


def _copy(values: NDArray[Any], to: NDArray[Any]) -> None:
    in_blocks(len(values), lambda block: np.copyto(to[block], values[block]))


def renumber(numbers: NDArray[np.int32], new: NDArray[np.int32]) -> None:
    """Put ``new[number]`` in the place of each number."""
    in_blocks(len(numbers), lambda block: _take(new, numbers[block], numbers[block]))


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
