"""Which ratings to hold out, from a seed: for each, how many of the given fractions do so.

All take and give arrays in the order of the ratings, grouped by user: ``offsets[i]`` to
``offsets[i + 1]`` are those of user i. What a fraction holds out, a larger one does, too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from cinefold.interactions.blocks import BLOCK, in_blocks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


SplitMethod = Literal["per-user", "random", "leave-last-out", "time"]
"""What :meth:`Interactions.split` holds out: a share of each user's ratings or of all, at random,
each user's latest one, or the latest share of all."""

_USERS = 2048  # worked on at a time: 11 bits, and 53 of a key
RandomState = int | np.random.Generator | np.random.RandomState | None


def seed_from(random_state: RandomState) -> int:
    """The integer itself; of a generator its next one, of None a new one.

    Raises
    ------
    TypeError, ValueError
        If `random_state` is something else, or below 0.
    """
    if random_state is None or isinstance(random_state, np.random.Generator):
        return int(np.random.default_rng(random_state).integers(2**62))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer):
        raise TypeError(
            "random_state must be an integer, None, or a Generator or RandomState of numpy.random, "
            f"not {type(random_state).__name__}"
        )
    if random_state < 0:
        raise ValueError(f"random_state must be 0 or above, not {random_state}")
    return int(random_state)


def parts(
    method: SplitMethod,
    offsets: NDArray[Any],
    timestamps: NDArray[np.int64] | None,
    fractions: NDArray[np.float64],
    seed: int | None,
) -> NDArray[np.uint8]:
    """How many of the rising `fractions` hold each rating out, as `method` does.

    Raises
    ------
    ValueError
        If there is no such method, or no times for it.
    """
    if method == "per-user":
        return per_user_holdout(offsets, fractions, seed)
    if method == "random":
        return random_holdout(int(offsets[-1]), fractions, seed)
    if method not in get_args(SplitMethod):
        raise ValueError(f"method must be one of {get_args(SplitMethod)}, not {method!r}")
    if timestamps is None:
        raise ValueError(f"{method} needs timestamps, which these interactions lack")
    if method == "leave-last-out":
        return leave_last_out(offsets, timestamps)
    return latest_holdout(timestamps, fractions)


def random_holdout(n_ratings: int, fractions: ArrayLike, seed: int | None) -> NDArray[np.uint8]:
    """Hold out a random fraction of all ratings, rounded, but at least leave one.

    It holds out what NumPy's ``default_rng(seed).permutation`` puts first. That swaps each place,
    from the last one down, with one drawn up to it, so that where something came from is found the
    other way: at the lowest place that was swapped with its own, then likewise from there.
    """
    found = np.zeros(n_ratings, np.uint8)
    swapped = np.zeros(n_ratings, np.int32 if n_ratings < 2**31 else np.int64)
    generator, end = np.random.RandomState(np.random.PCG64(seed)), n_ratings

    def draw(last: int, stop: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        places = np.arange(last, max(last - BLOCK, stop), -1, dtype=swapped.dtype)
        return places, generator.randint(0, places + 1, dtype=places.dtype).astype(np.int64)

    def trace(block: slice) -> None:
        places = np.arange(block.start, block.stop)
        while len(places):
            origins = np.take(swapped, places, mode="clip")
            found[places[origins == 0]] += 1
            places = origins[origins > 0]

    with ThreadPoolExecutor(1) as pool:  # draws while what is drawn is noted
        for fraction in np.sort(np.atleast_1d(fractions))[::-1]:
            number = max(min(_rounded(fraction * n_ratings), n_ratings - 1), 0)
            lasts = range(end - 1, number - 1, -BLOCK)
            for places, drawn in pool.map(draw, lasts, repeat(number - 1)):
                swapped[drawn] = places
            in_blocks(number, trace)
            end = number
    return found


def per_user_holdout(
    offsets: NDArray[Any], fractions: ArrayLike, seed: int | None
) -> NDArray[np.uint8]:
    """Hold out a random fraction of each user's ratings, rounded; each user keeps one."""
    counts = np.diff(offsets)
    numbers = [
        np.minimum(np.floor(fraction * counts + 0.5), counts - 1).astype(np.int64)
        for fraction in np.atleast_1d(fractions)
    ]
    found = np.zeros(offsets[-1], np.uint8)
    seeds = np.random.SeedSequence(seed)

    def work(users: slice) -> None:
        begin, end = (int(offsets[user]) for user in (users.start, users.stop))
        # As one generator would draw them all: each takes one step.
        keys = np.random.Generator(np.random.PCG64(seeds).advance(begin)).random(end - begin)
        if len(keys):
            own = [n[users] for n in numbers]
            found[begin:end] = sum(smallest_of_rows(keys, counts[users], own))

    in_blocks(len(counts), work, _USERS)
    return found


def smallest_of_rows(
    keys: NDArray[np.float64], counts: NDArray[Any], numbers: list[NDArray[np.int64]]
) -> list[NDArray[np.bool_]]:
    """For each of `numbers`, whether a key is among as many smallest of its row; fewer than all.

    Rows are `counts` long, and up to 2,048. Keys are multiples of 2^-53 below 1, so that one
    sorts as an integer of 64 bits together with its row. Of equal keys the first comes first.
    """
    own = np.repeat(np.arange(len(counts), dtype=np.uint64) << np.uint64(53), counts)
    own |= (keys * 2.0**53).astype(np.uint64)
    ordered = np.sort(own)
    begins = np.cumsum(counts) - counts
    found = []
    for n in numbers:
        first_kept = np.minimum(begins + n, len(keys) - 1)  # which is any for empty rows
        mask = own < np.repeat(ordered[first_kept], counts)
        if np.count_nonzero(mask) != n[counts > 0].sum():  # equal keys on both sides
            mask = _rank_within_users(np.append(begins, len(keys)), keys) < np.repeat(n, counts)
        found.append(mask)
    return found


def leave_last_out(offsets: NDArray[Any], timestamps: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Hold out each user's latest rating (the last of equals); single ratings stay."""
    counts = np.diff(offsets)
    several = counts > 1
    found = np.zeros(len(timestamps), np.uint8)
    if several.any():
        rated = counts > 0
        latest = np.maximum.reduceat(timestamps, offsets[:-1][rated])
        at = np.flatnonzero(timestamps == np.repeat(latest, counts[rated]))
        found[at[np.searchsorted(at, offsets[1:][several]) - 1]] = 1
    return found


def latest_holdout(timestamps: NDArray[np.int64], fractions: ArrayLike) -> NDArray[np.uint8]:
    """Hold out the latest fraction of all ratings, rounded, but at least leave one.

    Ratings of the same moment stay together, on the side of training.
    """
    n_ratings = len(timestamps)
    numbers = [min(_rounded(f * n_ratings), n_ratings - 1) for f in np.atleast_1d(fractions)]
    last_of_training = [n_ratings - n - 1 for n in numbers]
    ordered = np.partition(timestamps, last_of_training)
    found = np.zeros(n_ratings, np.uint8)
    for last in last_of_training:
        found += timestamps > ordered[last]
    return found


def folds(n: int, n_folds: int, seed: int | None) -> NDArray[np.int64]:
    """A random fold for each of `n` things, (n,), from 0; sizes differ by one at most."""
    if not 2 <= n_folds <= n:
        raise ValueError(
            f"folds must be from 2 to {n}, as there are no more to divide; got {n_folds}"
        )
    return np.asarray(np.random.default_rng(seed).permutation(n) % n_folds)


def folds_per_user(offsets: NDArray[np.int64], n_folds: int, seed: int | None) -> NDArray[np.int64]:
    """A random fold for each rating, from 0: each user's ratings are spread over all folds evenly.

    The first fold of a user is random too, so that users with few ratings do not fill one fold.
    """
    if n_folds < 2:
        raise ValueError(f"folds must be 2 or more, not {n_folds}")
    counts = np.diff(offsets)
    rng = np.random.default_rng(seed)
    rank = _rank_within_users(offsets, rng.random(offsets[-1]))
    first = rng.integers(n_folds, size=len(counts))
    return np.asarray((rank + np.repeat(first, counts)) % n_folds)


def _rounded(x: float) -> int:
    return int(np.floor(x + 0.5))


def _rank_within_users(offsets: NDArray[np.int64], keys: NDArray[np.generic]) -> NDArray[np.int64]:
    counts = np.diff(offsets)
    users = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((keys, users))
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(offsets[:-1], counts)
    return rank
