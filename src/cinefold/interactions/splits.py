"""Which ratings to hold out: boolean masks over the ratings of a data set, from a seed.

All take and give arrays in the order of the ratings, grouped by user: ``offsets[i]`` to
``offsets[i + 1]`` are those of user i.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


SplitMethod = Literal["per-user", "random", "leave-last-out", "time"]
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


def held_out(
    method: SplitMethod,
    offsets: NDArray[np.int64],
    timestamps: NDArray[np.int64] | None,
    fraction: float,
    seed: int,
) -> NDArray[np.bool_]:
    """What `method` holds out.

    Raises
    ------
    ValueError
        If there is no such method, or no times for it.
    """
    if method == "per-user":
        return per_user_holdout(offsets, fraction, seed)
    if method == "random":
        return random_holdout(int(offsets[-1]), fraction, seed)
    if method not in get_args(SplitMethod):
        raise ValueError(f"method must be one of {get_args(SplitMethod)}, not {method!r}")
    if timestamps is None:
        raise ValueError(f"{method} needs timestamps, which these interactions lack")
    if method == "leave-last-out":
        return leave_last_out(offsets, timestamps)
    return latest_holdout(timestamps, fraction)


def random_holdout(n_ratings: int, fraction: float, seed: int | None) -> NDArray[np.bool_]:
    """Hold out a random `fraction` of all ratings, rounded, but at least leave one."""
    n = min(_rounded(fraction * n_ratings), n_ratings - 1)
    mask = np.zeros(n_ratings, bool)
    mask[np.random.default_rng(seed).permutation(n_ratings)[:n]] = True
    return mask


def per_user_holdout(
    offsets: NDArray[np.int64], fraction: float, seed: int | None
) -> NDArray[np.bool_]:
    """Hold out a random `fraction` of each user's ratings, rounded; each user keeps one."""
    counts = np.diff(offsets)
    held_out = np.minimum(np.floor(fraction * counts + 0.5), np.maximum(counts - 1, 0))
    keys = np.random.default_rng(seed).random(offsets[-1])
    mask: NDArray[np.bool_] = _rank_within_users(offsets, keys) < np.repeat(held_out, counts)
    return mask


def leave_last_out(offsets: NDArray[np.int64], timestamps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Hold out each user's latest rating (the last of equals); single ratings stay."""
    counts = np.diff(offsets)
    rank = _rank_within_users(offsets, timestamps)
    mask: NDArray[np.bool_] = (rank == np.repeat(counts - 1, counts)) & (rank > 0)
    return mask


def latest_holdout(timestamps: NDArray[np.int64], fraction: float) -> NDArray[np.bool_]:
    """Hold out the latest `fraction` of all ratings, rounded, but at least leave one.

    Ratings of the same moment stay together, on the side of training.
    """
    n = min(_rounded(fraction * len(timestamps)), len(timestamps) - 1)
    if n == 0:
        return np.zeros(len(timestamps), bool)
    last_of_training = np.partition(timestamps, len(timestamps) - n - 1)[len(timestamps) - n - 1]
    mask: NDArray[np.bool_] = timestamps > last_of_training
    return mask


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
