"""Measures of lists that need no held-out items: whether they reach beyond the obvious.

All take ``top_items`` of shape (n_users, k): item indices, best first, -1 for places left empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAIRS_AT_A_TIME = 1 << 22


def coverage(top_items: NDArray[np.int64], n_items: int) -> float:
    """Share of all items that are in at least one list."""
    return len(np.unique(top_items[top_items >= 0])) / n_items


def novelty(top_items: NDArray[np.int64], item_counts: NDArray[np.int64], n_users: int) -> float:
    """Mean self-information of the listed items, in bits (Zhou et al. 2010).

    An item that n of the N users of the training data have rated carries log2(N / n); one that
    nobody has rated counts as rated by one.
    """
    listed = top_items[top_items >= 0]
    shares = np.maximum(item_counts[listed], 1) / n_users
    return float(-np.log2(shares).mean()) if len(listed) else float("nan")


def diversity_per_user(
    top_items: NDArray[np.int64], ratings_by_item: sp.csr_array
) -> NDArray[np.float64]:
    """Mean of 1 - cosine over the pairs of a list; NaN for lists of less than two items.

    The cosine of two items is that of the sets of users who rated them in the training data,
    :math:`|U_i \\cap U_j| / \\sqrt{|U_i| |U_j|}`: the same yardstick for every model.

    Parameters
    ----------
    top_items : ndarray of int, shape (n_users, k)
    ratings_by_item : csr_array, shape (n_items, n_users)
        The training data.
    """
    k = top_items.shape[1]
    listed, places = np.unique(top_items.clip(0), return_inverse=True)
    places = places.reshape(top_items.shape)
    cosines = _cosines(ratings_by_item[listed])
    first, second = np.triu_indices(k, 1)
    alike = np.zeros(len(top_items))
    pairs = np.zeros(len(top_items))
    for begin in range(0, len(top_items), _PAIRS_AT_A_TIME // max(1, len(first)) + 1):
        users = slice(begin, begin + _PAIRS_AT_A_TIME // max(1, len(first)) + 1)
        there = top_items[users] >= 0
        both = there[:, first] & there[:, second]
        values = cosines[places[users][:, first].ravel(), places[users][:, second].ravel()]
        alike[users] = (np.asarray(values).reshape(both.shape) * both).sum(axis=1)
        pairs[users] = both.sum(axis=1)
    pairs[pairs == 0] = np.nan
    return np.asarray(1 - alike / pairs)


def _cosines(rows: sp.csr_array) -> sp.csr_array:
    lengths = np.sqrt(np.maximum(np.diff(rows.indptr), 1))
    values = np.repeat(1 / lengths, np.diff(rows.indptr))
    unit = sp.csr_array((values, rows.indices, rows.indptr), shape=rows.shape)
    products = sp.csr_array(unit @ unit.T)
    products.sort_indices()
    return products


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
