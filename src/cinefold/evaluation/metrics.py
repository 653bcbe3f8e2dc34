"""Measures of predicted ratings and of ranked lists, as plain functions on arrays.

Relevance is binary: every held-out item of a user counts the same, whatever its rating. No item is
sampled away: the lists are the best of the whole catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array


def rmse(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Root mean squared error of predictions, in the unit of the ratings (stars).

    Parameters
    ----------
    predicted, actual : array_like, same shape
        Predictions are taken as they are: not clipped to the range of the ratings.

    Returns
    -------
    float
        NaN if there is nothing to compare.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    predicted, actual = np.asarray(predicted, np.float64), np.asarray(actual, np.float64)
    if predicted.shape != actual.shape:
        raise ValueError(
            f"predicted has shape {predicted.shape} but actual has shape {actual.shape}"
        )
    if actual.size == 0:
        return float("nan")
    return float(np.sqrt(np.mean(np.square(predicted - actual))))


def ndcg(top_items: ArrayLike, held_out: csr_array) -> float:
    """Mean normalized discounted cumulative gain over the users who have held-out items.

    With ``top_items`` of width k this is NDCG@k with binary relevance,

    .. math::

        \\frac{\\sum_{p=1}^{k} [item_p \\in held\\_out_u] / \\log_2(p + 1)}
             {\\sum_{p=1}^{\\min(k, |held\\_out_u|)} 1 / \\log_2(p + 1)}

    (Järvelin and Kekäläinen 2002). The lists must leave out the items the model was trained on.

    Parameters
    ----------
    top_items : array_like of int, shape (n_users, k)
        Item indices, best first, without repeats; -1 marks the places that a short list leaves
        empty.
    held_out : csr_array, shape (n_users, n_items)
        Every stored entry is a relevant item, a stored zero too.

    Returns
    -------
    float
        Between 0 and 1; NaN if nobody has a held-out item.
    """
    return _mean(ndcg_per_user(top_items, held_out))


def ndcg_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """NDCG of each user, shape (n_users,); NaN for users without held-out items. See `ndcg`."""
    hits = _hits(top_items, held_out)
    k = hits.shape[1]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discounts)])
    return np.asarray((hits @ discounts) / ideal[np.minimum(k, np.diff(held_out.indptr))])


def recall(top_items: ArrayLike, held_out: csr_array) -> float:
    """Mean share of a user's held-out items that the list found, min(k, held-out) being all.

    Parameters and result are those of `ndcg`.
    """
    hits = _hits(top_items, held_out)
    possible = np.minimum(hits.shape[1], np.diff(held_out.indptr)).astype(np.float64)
    possible[possible == 0] = np.nan
    return _mean(hits.sum(axis=1) / possible)


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _hits(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.bool_]:
    """Whether each place of each list, (n_users, k), holds a held-out item."""
    top = np.asarray(top_items)
    n_users, n_items = held_out.shape
    if top.ndim != 2 or top.shape[0] != n_users or top.shape[1] == 0:
        raise ValueError(
            f"top_items must have shape (n_users, k) with n_users={n_users} and k of at least 1, "
            f"but has shape {top.shape}"
        )
    if not np.issubdtype(top.dtype, np.integer):
        raise TypeError(f"top_items must hold integer item indices, but holds {top.dtype}")
    if top.size and (top.min() < -1 or top.max() >= n_items):
        raise ValueError(
            f"top_items must lie between -1 (none) and {n_items - 1}, "
            f"but spans {top.min()} to {top.max()}"
        )
    users = np.arange(n_users, dtype=np.int64)[:, None]
    relevant = np.repeat(users[:, 0], np.diff(held_out.indptr)) * n_items + held_out.indices
    return np.isin(users * n_items + top, relevant) & (top >= 0)
