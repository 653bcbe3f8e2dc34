"""Original ids and their indices."""

from __future__ import annotations

from reprlib import Repr
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import BLOCK, in_blocks, taken
from cinefold.interactions.column_values import RepeatedTexts, as_array, as_ids
from cinefold.interactions.numbering import HASH_FACTOR, are_dense, number, number_dense

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

LONGEST_SIDE = 2**31 - 1
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 100


class UnknownIdError(ValueError):
    """An id that the data does not have; the message names it and its side (user or item)."""


def index_ids(
    values: NDArray[Any] | pl.Series | RepeatedTexts, universe: ArrayLike | None, side: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """All ids, sorted, and the index of each value; `universe` gives ids beyond the values."""
    if isinstance(values, RepeatedTexts):
        ids, indices = _index_text(values.texts)
        indices = taken(indices, values.codes)
    elif not isinstance(values, np.ndarray) or values.dtype.kind == "U":
        ids, indices = _index_text(values)
    elif values.dtype.kind == "O":  # text that Polars cannot hold
        ids, indices = np.unique(values, return_inverse=True)
    elif are_dense(values):
        ids, indices = number_dense(values)
    else:
        positions, numbers = number(_wide(values))
        ids, indices = _in_order(_wide(values[positions]), numbers)
    if universe is not None:
        found, ids = ids, np.sort(unique_ids(universe, side))
        indices = taken(lookup(ids, found, side), indices)
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
    indices, begin = np.empty(sum(len(own) for _, own in parts), np.int32), 0
    while parts:
        own_ids, own = parts.pop(0)
        index_of = np.searchsorted(ids, own_ids).astype(np.int32)
        indices[begin : begin + len(own)] = taken(index_of, own)
        begin += len(own)
    return ids, indices


def _index_text(values: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """As ``np.unique``, of Polars' or NumPy's: by hashes, after which the texts are compared."""
    is_array = isinstance(values, np.ndarray)
    columns = _words(values) if is_array else [values]
    hashes = np.empty(len(values), np.uint64)

    def hash_block(block: slice) -> None:
        first, *others = (column[block] for column in columns)
        hashes[block] = first if is_array else first.hash().to_numpy()
        own = hashes[block]
        for other in others:
            own *= HASH_FACTOR
            own ^= own >> np.uint64(32)
            own += other

    in_blocks(len(values), hash_block)
    positions, numbers = number(hashes.view(np.int64))
    distinct = [column[positions] for column in columns]

    def agree(block: slice) -> bool:
        pairs = zip(distinct, columns, strict=True)
        return all(bool((own[numbers[block]] == column[block]).all()) for own, column in pairs)

    is_hashed = not is_array or len(columns) > 1  # texts of up to 8 bytes are their own hashes
    if is_hashed and not all(in_blocks(len(values), agree)):
        objects = values.astype(object) if is_array else values.to_numpy()
        return np.unique(objects, return_inverse=True)
    return _in_order(values[positions], numbers)


def _words(values: NDArray[np.str_]) -> NDArray[np.uint64]:
    """NumPy's text as numbers of 64 bits, (ceil(bytes of a text / 8), n): Latin-1 in bytes."""
    width = values.dtype.itemsize // 4
    characters = values.view(np.uint32)
    for kind in (np.uint8, np.uint32):
        n_bytes = width * np.dtype(kind).itemsize
        words = np.empty((-(-n_bytes // 8), len(values)), np.uint64)

        def pack(
            block: slice, kind: type = kind, n_bytes: int = n_bytes, words: Any = words
        ) -> bool:
            own = characters[block.start * width : block.stop * width]
            bits: NDArray[Any] = np.zeros(len(own) + 8, kind)
            bits[:-8] = own
            for begin, word in zip(range(0, n_bytes, 8), words[:, block], strict=True):
                mask = np.uint64((1 << 8 * min(n_bytes - begin, 8)) - 1)
                np.bitwise_and(
                    np.ndarray(len(word), "<u8", bits, begin, (n_bytes,)), mask, out=word
                )
            return bool(own.max() <= np.iinfo(kind).max)

        if all(in_blocks(len(values), pack, BLOCK // 8)):
            break
    return words


def _in_order(distinct: Any, numbers: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sorted, text as objects; and the numbers by that order."""
    is_array = isinstance(distinct, np.ndarray)
    order = distinct.argsort() if is_array else distinct.arg_sort().to_numpy()
    ids = distinct[order]
    if not is_array or ids.dtype.kind != "i":
        ids = np.array(ids.tolist() if is_array else ids.to_list(), object)
    return ids, taken(np.argsort(order).astype(np.int32), numbers)


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
