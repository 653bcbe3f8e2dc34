"""Ratings with MovieLens-like popularity and activity, from a seed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class Shape(NamedTuple):
    """How many users, items and ratings; and how unequal the items' popularity is."""

    n_users: int
    n_items: int
    n_ratings: int
    popularity: float = 1.6

    def __str__(self) -> str:
        return f"{self.n_users:,} x {self.n_items:,}, {self.n_ratings:,} ratings"


SIZES = {
    "100k": Shape(1_000, 1_700, 100_000),
    "1m": Shape(6_000, 3_700, 1_000_000),
    "10m": Shape(70_000, 10_700, 10_000_000),
    "20m": Shape(138_000, 27_000, 20_000_000),
    "32m": Shape(200_908, 87_335, 32_000_000),
}
LONG_TAIL = Shape(150_000, 300_000, 5_000_000, popularity=2.1)
_STARTS, _ENDS = 800_000_000, 1_700_000_000  # seconds since 1970


class Columns(NamedTuple):
    """Ratings as the columns of a table, by user, then item; ids count from 0."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64]


def ratings(shape: Shape, seed: int = 0, *, activity: float = 1.0) -> sp.csr_array:
    """Ratings of 0.5 to 5 stars, at most two hundredths fewer than asked for.

    Users' activity and items' popularity are log-normal with the given spreads: at the defaults
    the median user rates half as many items as the mean one, and 10% of the items draw 70% of
    the ratings, as in MovieLens; with the spread of LONG_TAIL half of the items have two or fewer.

    Returns
    -------
    csr_array of float32, shape (n_users, n_items), without duplicates
    """
    return next(blocks(shape, seed, activity=activity))


def blocks(
    shape: Shape, seed: int = 0, n_blocks: int = 1, *, activity: float = 1.0
) -> Iterator[sp.csr_array]:
    """The same in blocks of users, one at a time: more ratings than memory holds at once."""
    n_users, n_items, n_ratings, popularity = shape
    if n_ratings > n_users * n_items / 4:
        raise ValueError(f"{n_ratings:,} ratings are too many for {n_users:,} x {n_items:,}")
    rng = np.random.default_rng(seed)
    users = _shares(rng.normal(0, activity, n_users))
    items = _shares(rng.normal(0, popularity, n_items))
    bounds = np.linspace(0, n_users, n_blocks + 1).astype(int)
    for begin, end in pairwise(bounds.tolist()):
        own = users[begin:end]
        yield _drawn(rng, own / own.sum(), items, round(n_ratings * own.sum()))


def columns(shape: Shape, seed: int = 0, n_blocks: int = 1) -> Iterator[Columns]:
    """The same as columns, with times: each user's are within some days of another moment."""
    rng, first = np.random.default_rng((seed, 1)), 0
    for block in blocks(shape, seed, n_blocks):
        counts = np.diff(block.indptr)
        begins = np.repeat(rng.integers(_STARTS, _ENDS, len(counts)), counts)
        times = begins + rng.exponential(100_000, block.nnz).astype(np.int64)
        users = np.repeat(np.arange(first, first + len(counts)), counts)
        yield Columns(users, block.indices.astype(np.int64), block.data, times)
        first += len(counts)


def _drawn(
    rng: np.random.Generator, users: NDArray[np.float64], items: NDArray[np.float64], n: int
) -> sp.csr_array:
    n_users, n_items = len(users), len(items)
    keys = np.empty(0, np.int64)
    while len(keys) < 0.98 * n:
        extra = int((n - len(keys)) * 1.3)
        drawn = _chosen(rng, users, extra) * np.int64(n_items)
        drawn += _chosen(rng, items, extra)
        keys = np.sort(np.concatenate([keys, drawn]))  # np.unique takes ten times as long
        keys = keys[np.diff(keys, prepend=-1) > 0]
    if len(keys) > n:
        keys = np.sort(rng.choice(keys, n, replace=False))
    rows, columns = np.divmod(keys, n_items)
    stars = np.clip(np.round(rng.normal(3.5, 1, len(keys)) * 2) / 2, 0.5, 5).astype(np.float32)
    # scipy makes the columns as wide as the offsets
    offsets = np.searchsorted(rows, np.arange(n_users + 1)).astype(
        np.int32 if len(keys) < 2**31 else np.int64
    )
    return sp.csr_array((stars, columns.astype(np.int32), offsets), shape=(n_users, n_items))


def _chosen(rng: np.random.Generator, shares: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """The same as ``rng.choice(len(shares), n, p=shares)``, looked up by all threads."""
    bounds = shares.cumsum()
    bounds /= bounds[-1]
    with ThreadPoolExecutor() as pool:
        parts = pool.map(
            partial(bounds.searchsorted, side="right"), np.array_split(rng.random(n), 64)
        )
    return np.concatenate(list(parts))


def _shares(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(logs)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
