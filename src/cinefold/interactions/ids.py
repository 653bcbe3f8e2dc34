"""Original ids and their indices."""

from __future__ import annotations

from reprlib import Repr
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import BLOCK, copied, in_blocks, renumber
from cinefold.interactions.column_values import RepeatedTexts, as_array, as_ids
from cinefold.interactions.numbering import HASH_FACTOR, number, number_dense

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

LONGEST_SIDE = 2**31 - 1
_SAMPLED = 1 << 16  # texts that tell in which bits all differ
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 100


class UnknownIdError(ValueError):
    """An id that the data does not have; the message names it and its side (user or item)."""


def index_ids(
    values: NDArray[Any] | pl.Series | RepeatedTexts, universe: ArrayLike | None, side: str
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """All ids, sorted, and the index of each value; `universe` gives ids beyond the values."""
    if isinstance(values, RepeatedTexts):
        ids, own = _index_text(values.texts)
        renumber(indices := values.codes, own)
    elif not isinstance(values, np.ndarray) or values.dtype.kind == "U":
        ids, indices = _index_text(values)
    elif values.dtype.kind == "O":  # text that Polars cannot hold
        ids, indices = _distinct(values)
    elif (dense := number_dense(values)) is not None:
        ids, indices = dense
    else:
        positions, numbers = number(_wide(values))
        ids, indices = _in_order(_wide(values[positions]), numbers)
    if universe is not None:
        found, ids = ids, np.sort(unique_ids(universe, side))
        renumber(indices, lookup(ids, found, side).astype(np.int32))
    if len(ids) > LONGEST_SIDE:
        raise ValueError(f"{len(ids)} {side}s are more than {LONGEST_SIDE}")
    return ids, indices


def merge_ids(
    parts: list[tuple[NDArray[Any], NDArray[Any]]], side: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """One numbering of the ids, sorted, from those of several parts, which are used up."""
    if len(parts) == 1:
        return parts[0]
    if len({ids.dtype.kind for ids, _ in parts}) > 1:
        raise ValueError(f"{side}s are integers in some tables and text in others")
    joined = np.concatenate([ids for ids, _ in parts])
    ids = np.array(sorted({*joined}), object) if joined.dtype == object else np.unique(joined)
    for own_ids, own in parts:
        renumber(own, np.searchsorted(ids, own_ids).astype(np.int32))
    indices = copied(*(own for _, own in parts))
    parts.clear()
    return ids, indices


def _index_text(values: Any) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """As ``np.unique``, of Polars' or NumPy's: by hashes, after which the texts are compared."""
    is_array = isinstance(values, np.ndarray)
    hashes = _own_hashes(values) if is_array else None
    is_unique = hashes is not None
    columns: Any = () if is_unique else _words(values) if is_array else [values]
    size = BLOCK // 8 if is_array else BLOCK
    if hashes is None:
        hashes = np.zeros(len(values), np.uint64)

    def hash_block(block: slice) -> None:
        own = hashes[block]
        for column in columns:
            own *= HASH_FACTOR
            own ^= own >> np.uint64(32)
            own += column[block] if is_array else column[block].hash().to_numpy()

    if not is_unique:
        in_blocks(len(values), hash_block, size)
    positions, numbers = number(hashes.view(np.int64))
    distinct = [column[positions] for column in columns]

    def agree(block: slice) -> bool:
        own = numbers[block]
        return all(
            bool(((np.take(d, own, mode="clip") if is_array else d[own]) == column[block]).all())
            for d, column in zip(distinct, columns, strict=True)
        )

    if not is_unique and not all(in_blocks(len(values), agree, size)):
        return _distinct(values.astype(object) if is_array else values.to_numpy())
    return _in_order(values[positions], numbers)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    ids, indices = np.unique(values, return_inverse=True)
    return ids, indices.astype(np.int32)


def _own_hashes(values: NDArray[np.str_]) -> NDArray[np.uint64] | None:
    """The bits in which NumPy's texts differ: hashes that no two texts share.

    None where that takes more than 64 bits a text. A sample says which bits these are; whether it
    was right is seen as all texts are read.
    """
    some = np.ascontiguousarray(values[:: max(len(values) // _SAMPLED, 1)])
    n_bytes = _character_bytes(some)
    words = _packed(some, n_bytes)
    first = words[:, :1]
    differing = np.bitwise_or.reduce(words ^ first, axis=1)
    hashes = np.empty(len(values), np.uint64)
    ranges = _ranges(differing)
    while sum(width for _, width in ranges) <= 64:

        def hash_block(block: slice, ranges: Any = ranges) -> NDArray[np.uint64] | None:
            if _character_bytes(values[block]) > n_bytes:
                return None
            words = _packed(values[block], n_bytes)
            own = hashes[block]
            own[:] = 0
            for word, (low, width) in zip(words, ranges, strict=True):
                if width:
                    own <<= np.uint64(width)
                    own |= word >> np.uint64(low) & np.uint64((1 << width) - 1)
            return np.asarray(np.bitwise_or.reduce(words ^ first, axis=1))

        found = in_blocks(len(values), hash_block, _texts_at_a_time(values))
        if any(own is None for own in found):
            return None
        differing = np.bitwise_or.reduce([differing, *found])
        tried, ranges = ranges, _ranges(differing)
        if ranges == tried:
            return hashes
    return None


def _ranges(differing: NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Of each word the lowest bit that is set, and how many there are up to the highest one."""
    lows = [(own & -own).bit_length() - 1 if own else 0 for own in differing.tolist()]
    ends = [own.bit_length() for own in differing.tolist()]
    return [(low, end - low) for low, end in zip(lows, ends, strict=True)]


def _words(values: NDArray[np.str_], n_bytes: int = 1) -> list[NDArray[np.uint64]]:
    """NumPy's text as numbers of 64 bits, those left out in which all texts are the same.

    With `n_bytes` for each character, or more if one is wider.
    """
    first = _packed(values[:1], n_bytes)
    words = np.empty((len(first), len(values)), np.uint64)

    def pack(block: slice) -> NDArray[np.uint64] | None:
        if _character_bytes(values[block]) > n_bytes:
            return None
        own = words[:, block] = _packed(values[block], n_bytes)
        return np.asarray(np.bitwise_or.reduce(own ^ first, axis=1))

    found = in_blocks(len(values), pack, _texts_at_a_time(values))
    differing = [own for own in found if own is not None]
    if len(differing) < len(found):
        return _words(values, 2 * n_bytes)
    return [words[i] for i in np.flatnonzero(np.bitwise_or.reduce(differing))]


def _texts_at_a_time(values: NDArray[np.str_]) -> int:
    return max(8 * BLOCK // values.dtype.itemsize, 1)


def _character_bytes(values: NDArray[np.str_]) -> int:
    """As many as the largest character takes: 1, 2 or 4."""
    largest = int(values.view(np.uint32).max(initial=0))
    return 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4


def _packed(values: NDArray[np.str_], n_bytes: int) -> NDArray[np.uint64]:
    """Texts as words, (bytes of a text / 8, n), with `n_bytes` for each character."""
    characters = values.view(np.uint32)
    bits: NDArray[Any] = np.zeros(len(characters) + 8, f"<u{n_bytes}")
    bits[:-8] = characters
    size = values.dtype.itemsize // 4 * n_bytes
    words = np.empty((-(-size // 8), len(values)), np.uint64)
    for begin, word in zip(range(0, size, 8), words, strict=True):
        mask = np.uint64((1 << 8 * min(size - begin, 8)) - 1)
        np.bitwise_and(np.ndarray(len(word), "<u8", bits, begin, (size,)), mask, out=word)
    return words


def _in_order(distinct: Any, numbers: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Sorted, text as objects; and the numbers by that order."""
    is_array = isinstance(distinct, np.ndarray)
    order = distinct.argsort() if is_array else distinct.arg_sort().to_numpy()
    ids = distinct[order]
    if not is_array or ids.dtype.kind != "i":
        ids = np.array(ids.tolist() if is_array else ids.to_list(), object)
    renumber(numbers, np.argsort(order).astype(np.int32))
    return ids, numbers


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.int64, copy=False) if values.dtype.kind == "i" else values


def unique_ids(ids: ArrayLike, side: str) -> NDArray[Any]:
    """The ids, in their order; a ValueError when one repeats."""
    values = _wide(as_ids(ids, f"{side}_ids"))
    unique, counts = np.unique(values, return_counts=True)
    if len(unique) != len(values):
        raise ValueError(f"{side}_ids has repeated ids: {_sample(unique[counts > 1])}")
    return values


def axis_ids(ids: ArrayLike | None, n: int, side: str) -> NDArray[Any]:
    """Ids of `n` users or items: 0, 1, 2 ... by default."""
    if ids is None:
        return np.arange(n)
    values = unique_ids(ids, side)
    if len(values) != n:
        raise ValueError(f"{side}_ids has {len(values)} ids for {n} {side}s")
    return values.copy()


def rising(ids: NDArray[Any]) -> bool:
    """Whether the ids are sorted."""
    return bool((ids[1:] > ids[:-1]).all())


def lookup(known: NDArray[Any], ids: Any, side: str) -> Any:
    """Index of one id, or indices (int64) of an array of them; UnknownIdError for others."""
    given = as_array(ids, f"{side} ids")
    if given.size == 0:
        return np.empty(given.shape, np.int64)
    values = _of_kind(known, given.ravel(), side)
    found = np.searchsorted(known, values)
    missing = found == len(known)
    found[missing] = 0
    missing |= known[found] != values if len(known) else True
    if missing.any():
        unknown = np.unique(values[missing])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UnknownIdError(f"unknown {side}: {_sample(unknown)}{more}")
    return int(found[0]) if given.ndim == 0 else found.reshape(given.shape)


def _of_kind(known: NDArray[Any], ids: Any, side: str) -> NDArray[Any]:
    kind = "integers" if known.dtype.kind == "i" else "strings"
    try:
        values = as_ids(ids, f"{side} ids")
    except (TypeError, ValueError) as error:
        raise UnknownIdError(f"{side} ids are {kind} here; got {_sample(ids)}") from error
    if values.dtype.kind != known.dtype.kind:
        raise UnknownIdError(f"{side} ids are {kind} here; got {_sample(ids)}")
    return values


def _sample(values: NDArray[Any]) -> str:
    return ", ".join(map(_SHORT.repr, values[:5].tolist()))
