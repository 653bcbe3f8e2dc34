"""Original ids and their indices."""

from __future__ import annotations

from reprlib import Repr
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import in_blocks, taken
from cinefold.interactions.column_values import as_array, as_ids

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

LONGEST_SIDE = 2**31 - 1
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 100


class UnknownIdError(ValueError):
    """An id that the data does not have; the message names it and its side (user or item)."""


def index_ids(
    values: NDArray[Any] | pl.Series, universe: ArrayLike | None, side: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """All ids, sorted, and the index of each value; `universe` gives ids beyond the values."""
    ids: NDArray[Any]
    indices: NDArray[Any]
    if not isinstance(values, np.ndarray):
        ids, indices = _index_text(values)
    elif values.dtype.kind == "U":
        ids, indices = _index_fixed_width(values)
    elif _are_dense(values):
        ids, indices = _index_dense(values)
    else:
        ids, indices = _index_others(values)
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


def _are_dense(values: NDArray[Any]) -> bool:
    """Whether a table of all integers between the least and the largest is no burden."""
    if values.dtype.kind != "i" or len(values) == 0:
        return False
    return int(values.max()) - int(values.min()) < min(4 * len(values) + 1024, LONGEST_SIDE)


def _index_dense(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """As ``np.unique``, without sorting, and with indices of half the width."""
    least = values.min()
    present = np.zeros(int(values.max()) - int(least) + 1, bool)

    def mark(block: slice) -> None:
        present[values[block] - least] = True

    in_blocks(len(values), mark)
    index_of = np.cumsum(present, dtype=np.int32) - np.int32(1)
    indices = np.empty(len(values), np.int32)

    def number(block: slice) -> None:
        indices[block] = index_of[values[block] - least]

    in_blocks(len(values), number)
    return np.flatnonzero(present) + np.int64(least), indices


def _index_text(values: pl.Series) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """As ``np.unique``: by categories, or by a table of the texts that all threads fill."""
    import polars as pl

    codes = np.empty(len(values), np.int32)
    kind = pl.Categorical(pl.Categories.random()) if values.dtype == pl.String else values.dtype
    table = pl.Series(dtype=kind)  # which lasts as long as a series of its kind

    def number(block: slice) -> None:
        own = values[block.start : block.stop]
        codes[block] = own.cast(kind).to_physical().to_numpy()

    in_blocks(len(values), number)
    del table
    if values.dtype != pl.String and len(values):  # of which some categories may have no values
        codes = _index_dense(codes)[1]
    texts = values[_places(codes)].cast(pl.String)
    order = texts.arg_sort().to_numpy()
    return np.array(texts[order].to_list(), object), _ranks(order, codes)


def _index_fixed_width(values: NDArray[np.str_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """As ``np.unique``: by hashes, after which the texts of equal ones are compared."""
    width = values.dtype.itemsize // 4
    characters = values.view(np.uint32).reshape(len(values), width)
    factors = np.random.default_rng(0).integers(1, 2**63, width, np.uint64)
    hashes = np.empty(len(values), np.uint64)

    def work(block: slice) -> None:
        np.einsum("ij,j->i", characters[block], factors, out=hashes[block])

    in_blocks(len(values), work)
    codes = _index_others(hashes.view(np.int64))[1]
    places = _places(codes)
    rows = characters[places]

    def agree(block: slice) -> bool:
        return np.array_equal(np.take(rows, codes[block], axis=0), characters[block])

    if not all(in_blocks(len(values), agree)):
        return np.unique(values.astype(object), return_inverse=True)
    order = np.argsort(values[places])
    return values[places[order]].astype(object), _ranks(order, codes)


def _places(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """A place of each code."""
    places = np.empty(int(codes.max(initial=-1)) + 1, np.int64)

    def mark(block: slice) -> None:
        places[codes[block]] = np.arange(block.start, block.stop)

    in_blocks(len(codes), mark)
    return places


def _ranks(order: NDArray[np.integer], codes: NDArray[np.int32]) -> NDArray[np.int32]:
    return taken(np.argsort(order).astype(np.int32), codes)


def _index_others(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of integers far apart, and of text that Polars cannot hold."""
    if values.dtype.kind == "O":
        return np.unique(values, return_inverse=True)
    import polars as pl

    given = pl.Series(_wide(values))
    known = given.unique().sort()
    numbers = pl.Series(np.arange(len(known), dtype=np.int32))
    return known.to_numpy(), given.replace_strict(known, numbers).to_numpy()


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
