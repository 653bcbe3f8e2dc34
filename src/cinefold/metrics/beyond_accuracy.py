"""Metrics of lists that need no held-out items: coverage, novelty, diversity, concentration.

All take ``top_items`` of shape (n_users, k): item indices, best first, -1 for places left empty.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
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
    listed = top_items >= 0
    items, places = np.unique(top_items.clip(0), return_inverse=True)
    places = places.reshape(top_items.shape)
    rows = ratings_by_item[items]
    counts = np.diff(rows.indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    unit = sp.csr_array((values, rows.indices, rows.indptr), shape=rows.shape)
    alike = np.zeros(len(top_items))  # each pair twice
    step = max(1, _NUMBERS_AT_A_TIME // max(1, len(items)))
    for begin in range(0, len(items), step):
        cosines = (unit[begin : begin + step] @ unit.T).toarray()
        np.fill_diagonal(cosines[:, begin:], 0)
        for own, is_listed in zip(places.T - begin, listed.T, strict=True):
            users = is_listed & (own >= 0) & (own < step)
            with_others = cosines[own[users, np.newaxis], places[users]]
            alike[users] += (with_others * listed[users]).sum(axis=1)
    n_listed = listed.sum(axis=1)
    return np.asarray(1 - alike / np.where(n_listed > 1, n_listed * (n_listed - 1), np.nan))


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
