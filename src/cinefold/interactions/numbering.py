"""Numbers for what columns repeat, by all threads: equal keys get the same, from 0 up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import BLOCK, in_blocks, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbered = tuple[NDArray[Any], NDArray[np.int32]]

HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # of multiplicative hashing, by the golden ratio
_SMALL, _DEEPEST = 1 << 16, 3
_AT_A_TIME = BLOCK // 4  # beside the table, which the cache holds, too


def number(keys: NDArray[np.int64], depth: int = 0) -> Numbered:
    """A position of each distinct key, in any order; and for each key, which of these is its own.

    As a hash table without chains: a slot belongs to the first key that comes to it, and others go
    to a larger table with other slots. The first table is that of a sample, one key of eight, as
    most keys come again.
    """
    positions: NDArray[Any]
    numbers: NDArray[Any]
    n = len(keys)
    if n < _SMALL or depth > _DEEPEST:
        _, positions, numbers = np.unique(keys, return_index=True, return_inverse=True)
        return positions, numbers.astype(np.int32)
    bits = min(n.bit_length() + 1, 20 + 3 * depth, 26)
    factor, shift = np.uint64(int(HASH_FACTOR) ** (depth + 1) % 2**64), np.uint64(64 - bits)
    table = np.zeros(1 << bits, np.int32 if n < 2**31 else np.int64)
    step = 1 if depth else 8

    def slots(block: slice) -> NDArray[Any]:
        hashes: NDArray[np.uint64] = keys[block].view(np.uint64) * factor
        hashes >>= shift
        return hashes.view(np.int64)

    def fill(block: slice) -> None:
        own = slots(slice(block.start * step, block.stop * step, step))
        first = np.flatnonzero(np.take(table, own, mode="clip") == 0)
        table[own[first]] = (first + block.start) * step + 1

    in_blocks(n // step, fill, _AT_A_TIME)
    used = np.flatnonzero(table)
    positions = table[used] - 1
    distinct = keys[positions]
    table[used] = np.arange(len(used))
    numbers = np.empty(n, np.int32)

    def find(block: slice) -> NDArray[Any]:
        numbers[block] = np.take(table, slots(block), mode="clip")
        is_other: NDArray[np.bool_] = np.take(distinct, numbers[block], mode="clip") != keys[block]
        return np.asarray(np.flatnonzero(is_other) + block.start)

    others = np.concatenate(in_blocks(n, find, _AT_A_TIME))
    if len(others):
        more, numbers_of_others = number(taken(keys, others), depth + 1)
        numbers[others] = numbers_of_others + np.int32(len(used))
        positions = np.concatenate([positions, others[more]])
    return positions, numbers


def number_dense(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
    """The distinct ones of integers, sorted, and which of these each is.

    None unless a table of all integers between the least and the largest is no burden.
    """
    if values.dtype.kind != "i" or len(values) == 0:
        return None
    ends = in_blocks(len(values), lambda block: (values[block].min(), values[block].max()))
    leasts, largests = zip(*ends, strict=True)
    least, size = min(leasts), int(max(largests)) - int(min(leasts)) + 1
    if size > min(4 * len(values) + 1024, 2**31 - 1):
        return None
    present = np.zeros(size, bool)

    def mark(block: slice) -> None:
        present[values[block] - least] = True

    in_blocks(len(values), mark)
    number_of = np.cumsum(present, dtype=np.int32)
    number_of -= 1
    numbers = np.empty(len(values), np.int32)
    in_blocks(
        len(values),
        lambda block: np.take(number_of, values[block] - least, out=numbers[block], mode="clip"),
    )
    return np.flatnonzero(present) + np.int64(least), numbers
