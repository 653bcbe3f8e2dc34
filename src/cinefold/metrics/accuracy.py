"""Metrics of predicted ratings and of ranked lists against held-out ratings, on arrays.

Relevance is binary: every held-out item of a user counts the same, whatever its rating. No item is
sampled away: the lists are the best of all items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
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
    return float(np.sqrt(_mean_error(np.square, predicted, actual)))


def mae(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Mean absolute error; parameters and result are those of `rmse`."""
    return _mean_error(np.abs, predicted, actual)


def _mean_error(cost: np.ufunc, predicted: ArrayLike, actual: ArrayLike) -> float:
    predicted, actual = np.asarray(predicted, np.float64), np.asarray(actual, np.float64)
    if predicted.shape != actual.shape:
        raise ValueError(
            f"predicted has shape {predicted.shape} but actual has shape {actual.shape}"
        )
    return float(cost(predicted - actual).mean()) if predicted.size else float("nan")


# -- lists ----------------------------------------------------------------------------------------


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
    return mean(ndcg_per_user(top_items, held_out))


def ndcg_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """NDCG of each user, shape (n_users,); NaN for users without held-out items. See `ndcg`."""
    hits = places_hit(top_items, held_out)
    k = hits.shape[1]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discounts)])
    return np.asarray((hits @ discounts) / ideal[np.minimum(k, np.diff(held_out.indptr))])


def recall(top_items: ArrayLike, held_out: csr_array) -> float:
    """Mean share of a user's held-out items that are in the list; parameters as of `ndcg`."""
    return mean(recall_per_user(top_items, held_out))


def recall_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """Hits by held-out items."""
    return _share(places_hit(top_items, held_out), _relevant(held_out))


def capped_recall_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """Hits by the most that are possible, min(k, held-out items) (Liang et al. 2018)."""
    hits = places_hit(top_items, held_out)
    return _share(hits, np.minimum(_relevant(held_out), hits.shape[1]))


def precision_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """Hits by places, k, also where the list is shorter."""
    hits = places_hit(top_items, held_out)
    return _share(hits, np.where(_relevant(held_out) > 0, hits.shape[1], 0))


def average_precision_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """Sum of the precision at each hit, by the held-out items.

    With m of them, :math:`\\frac1m \\sum_{p=1}^k h_p \\frac1p \\sum_{q \\le p} h_q`, where
    :math:`h_p` is 1 for a hit in place p (Manning et al. 2008, section 8.4).
    """
    hits = places_hit(top_items, held_out)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return _share(hits * precision, _relevant(held_out))


def reciprocal_rank_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """1 by the place of the first hit; 0 without one."""
    hits = places_hit(top_items, held_out)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    return np.asarray(np.where(_relevant(held_out) > 0, 1 / first, np.nan))


def hit_per_user(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.float64]:
    """1 with a hit in the list, else 0."""
    hit = places_hit(top_items, held_out).any(axis=1).astype(np.float64)
    return np.where(_relevant(held_out) > 0, hit, np.nan)


def auc_per_user(
    scores: ArrayLike, held_out: csr_array, seen: csr_array | None = None
) -> NDArray[np.float64]:
    """Chance that a held-out item scores higher than another unseen one; a tie counts one half.

    Parameters
    ----------
    scores : array_like, shape (n_users, n_items)
        Of all items.
    held_out : csr_array, shape (n_users, n_items)
    seen : csr_array, shape (n_users, n_items), optional
        Items of the training data, which take no part.

    Returns
    -------
    ndarray of float64, shape (n_users,)
        NaN for users without held-out items, or without others.

    Raises
    ------
    ValueError
        If the shape is not that of `held_out`, or a score is not finite.
    """
    scores = np.array(scores, np.float64)
    if scores.shape != held_out.shape:
        raise ValueError(f"scores has shape {scores.shape} but held_out has {held_out.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite, but hold NaN or infinity")
    users = np.arange(len(scores))
    relevant = scores[np.repeat(users, np.diff(held_out.indptr)), held_out.indices]
    n_seen = np.zeros(len(scores), np.int64)
    if seen is not None:
        n_seen = _relevant(seen)
        scores[np.repeat(users, n_seen), seen.indices] = -np.inf  # the lowest ranks are theirs
    scores.sort(axis=1)
    sums = np.zeros(len(scores))
    for user, values in zip(users, np.split(relevant, held_out.indptr[1:-1]), strict=False):
        # Ranks from 1, lowest first; equal scores share their mean.
        first, last = (np.searchsorted(scores[user], values, side) for side in ("left", "right"))
        sums[user] = ((first + last + 1) / 2 - n_seen[user]).sum()
    positives = _relevant(held_out).astype(np.float64)
    negatives = scores.shape[1] - n_seen - positives
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (sums - positives * (positives + 1) / 2) / (positives * negatives)
    return np.where((positives > 0) & (negatives > 0), area, np.nan)


def _share(hits: NDArray[Any], possible: NDArray[Any]) -> NDArray[np.float64]:
    counts = possible.astype(np.float64)
    counts[counts == 0] = np.nan
    return np.asarray(hits.sum(axis=1) / counts)


def _relevant(held_out: csr_array) -> NDArray[np.int64]:
    return np.asarray(np.diff(held_out.indptr), np.int64)


def mean(values: NDArray[np.float64]) -> float:
    """Over the users who have a value; NaN if nobody has."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def places_hit(top_items: ArrayLike, held_out: csr_array) -> NDArray[np.bool_]:
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
    relevant.sort(kind="stable")  # it mostly is already
    codes = users * n_items + top
    found = np.append(relevant, -1)[np.searchsorted(relevant, codes)] == codes
    return np.asarray(found & (top >= 0))
