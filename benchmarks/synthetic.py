"""Ratings with MovieLens-like popularity and activity, from a seed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def ratings(
    n_users: int,
    n_items: int,
    n_ratings: int,
    seed: int = 0,
    *,
    activity: float = 1.0,
    popularity: float = 1.6,
) -> sp.csr_array:
    """About `n_ratings` ratings of 0.5 to 5 stars.

    Users' activity and items' popularity are log-normal with the given spreads: at the defaults
    the median user rates half as many items as the mean one, and 10% of the items draw 70% of
    the ratings, as in MovieLens.

    Returns
    -------
    csr_array of float32, shape (n_users, n_items), without duplicates
    """
    rng = np.random.default_rng(seed)
    users = _shares(rng.normal(0, activity, n_users))
    items = _shares(rng.normal(0, popularity, n_items))
    wanted, keys = n_ratings, np.empty(0, np.int64)
    while len(keys) < 0.98 * n_ratings:
        extra = int((wanted - len(keys)) * 1.3)
        drawn = rng.choice(n_users, extra, p=users) * np.int64(n_items)
        drawn += rng.choice(n_items, extra, p=items)
        keys = np.unique(np.concatenate([keys, drawn]))
    if len(keys) > n_ratings:
        keys = np.sort(rng.choice(keys, n_ratings, replace=False))
    rows, columns = np.divmod(keys, n_items)
    stars = np.clip(np.round(rng.normal(3.5, 1, len(keys)) * 2) / 2, 0.5, 5).astype(np.float32)
    offsets = np.searchsorted(rows, np.arange(n_users + 1))
    return sp.csr_array((stars, columns.astype(np.int32), offsets), shape=(n_users, n_items))


def _shares(logs: np.ndarray) -> np.ndarray:
    weights = np.exp(logs)
    return weights / weights.sum()
