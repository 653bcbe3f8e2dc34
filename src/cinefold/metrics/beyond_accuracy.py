"""Metrics of lists that need no held-out items: coverage, novelty, diversity, concentration.

All take ``top_items`` of shape (n_users, k): item indices, best first, -1 for places left empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_NUMBERS_AT_A_TIME = 1 << 22


def coverage(top_items: NDArray[np.int64], n_items: int) -> float:
    """Share of all items that are in at least one list."""
    return len(np.unique(top_items[top_items >= 0])) / n_items


def novelty_per_user(
    top_items: NDArray[np.int64], item_counts: NDArray[np.int64], n_users: int
) -> NDArray[np.float64]:
    """Mean self-information of each list's items, in bits (Zhou et al. 2010); NaN if it is empty.

    An item that n of the N users of the training data have rated carries log2(N / n); one that
    nobody has rated counts as rated by one.

    Parameters
    ----------
    top_items : ndarray of int, shape (n_lists, k)
    item_counts : ndarray of int, shape (n_items,)
        Training ratings of each item.
    n_users : int
        N, users of the training data.
    """
    listed = top_items >= 0
    self_information = np.log2(n_users / np.maximum(item_counts, 1))
    bits = np.where(listed, self_information[top_items], 0).sum(axis=1)
    return np.asarray(bits / np.where(listed.any(axis=1), listed.sum(axis=1), np.nan))


def diversity_per_user(
    top_items: NDArray[np.int64], ratings_by_item: sp.csr_array
) -> NDArray[np.float64]:
    """Mean of 1 - cosine over the pairs of a list; NaN for lists of less than two items.

    The cosine of two items is that of the sets of users who rated them in the training data,
    :math:`|U_i \\cap U_j| / \\sqrt{|U_i| |U_j|}`: the same for every model.

    Parameters
    ----------
    top_items : ndarray of int, shape (n_users, k)
    ratings_by_item : csr_array, shape (n_items, n_users)
        The training data.
    """
    first, second = np.triu_indices(top_items.shape[1], 1)
    listed, places = np.unique(top_items.clip(0), return_inverse=True)
    places = places.reshape(top_items.shape)
    alike = np.zeros(len(top_items))
    pairs = np.zeros(len(top_items))
    blocks = list(_blocks(len(top_items), len(first)))
    needed = np.empty(0, np.int64)  # pairs of items, as one number each
    for users in blocks:
        needed = np.union1d(needed, _pairs(places[users], first, second, len(listed)))
    cosines = _cosines(ratings_by_item[listed], needed)
    for users in blocks:
        there = top_items[users] >= 0
        both = there[:, first] & there[:, second]
        codes = _pairs(places[users], first, second, len(listed))
        alike[users] = (cosines[np.searchsorted(needed, codes)] * both).sum(axis=1)
        pairs[users] = both.sum(axis=1)
    pairs[pairs == 0] = np.nan
    return np.asarray(1 - alike / pairs)


def _blocks(n: int, each: int) -> Iterator[slice]:
    step = max(1, _NUMBERS_AT_A_TIME // max(1, each))
    return (slice(begin, begin + step) for begin in range(0, n, step))


def _pairs(
    places: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64], n: int
) -> NDArray[np.int64]:
    one, two = places[:, first], places[:, second]
    return np.asarray(np.minimum(one, two) * n + np.maximum(one, two))


def _cosines(rows: sp.csr_array, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosines of `pairs` (rising, row * n + other row), some rows at a time."""
    n = rows.shape[0]
    lengths = np.sqrt(np.maximum(np.diff(rows.indptr), 1))
    values = np.repeat(1 / lengths, np.diff(rows.indptr))
    unit = sp.csr_array((values, rows.indices, rows.indptr), shape=rows.shape)
    found = np.empty(len(pairs))
    for block in _blocks(n, n):
        begin, end = np.searchsorted(pairs, [block.start * n, min(block.stop, n) * n])
        products = (unit[block] @ unit.T).toarray().ravel()
        found[begin:end] = products[pairs[begin:end] - block.start * n]
    return found


def gini(top_items: NDArray[np.int64], n_items: int) -> float:
    """Gini coefficient of how often each item is listed: 0 all alike, towards 1 always the same.

    With the counts c_(1) <= ... <= c_(n) of all n items,
    :math:`\\sum_i (2i - n - 1) c_{(i)} / (n \\sum_i c_i)`.
    """
    counts = np.sort(np.bincount(top_items[top_items >= 0], minlength=n_items))
    total = counts.sum()
    if total == 0:
        return float("nan")
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * total))
