"""Orders of a model's best movies: what a list shows of them, and where.

The candidates are the model's best movies for one person, by falling score.

A list never contradicts the stars that it shows: where ten of the fifty first movies promise the
person's own mean rating, those that do not come behind those that do (`liked_first`).

An adventurous list keeps the first of its movies and gives the rest, up to nine tenths of them, to
others of the candidates by their popularity-discounted scores,

.. math::

    z_j = s_j / \\sqrt{n_j}

with the score s and the number of ratings n of movie j (Steck: Item popularity and recommendation
accuracy, RecSys 2011). So the slider says what it does, to everybody alike: half of its way are
half of the movies. docs/reranking.md measures what both cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CANDIDATES = 300
"""How many of the model's best movies a list is chosen from."""

_HEAD, _ENOUGH = 50, 10
_MOST_GIVEN_AWAY = 0.9


def liked_first(order: NDArray[np.int64], liked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of the first 50 in `order`, those that are `liked` first, if there are ten at least.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        Candidates.
    liked : ndarray of bool, shape (n_candidates,)
        Whether the person is expected to rate each as high as what they rate on average.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    head = order[:_HEAD]
    likes = liked[head]
    if likes.sum() < _ENOUGH:
        return order
    return np.concatenate([head[likes], head[~likes], order[_HEAD:]])


def rerank(
    scores: ArrayLike,
    counts: ArrayLike,
    k: int,
    *,
    adventure: float = 0.0,
    liked: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """The order of candidates for a list of `k` of them.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Falling.
    counts : array_like of int, shape (n,)
        Number of ratings of each.
    k : int
    adventure : float
        From 0 to 1: 0.9 times this share of the list is given to less known movies.
    liked : ndarray of bool, shape (n,), optional
        As in `liked_first`; by default all.

    Returns
    -------
    ndarray of int64, shape (n,)
        Places in `scores`.

    Raises
    ------
    ValueError
        If `adventure` is not from 0 to 1.
    """
    if not 0 <= adventure <= 1:
        raise ValueError(f"adventure must be from 0 (familiar) to 1, not {adventure}")
    scores = np.asarray(scores, np.float64)
    if liked is None:
        liked = np.ones(len(scores), np.bool_)
    familiar = liked_first(np.arange(len(scores)), liked)
    n_given = int(_MOST_GIVEN_AWAY * adventure * k + 0.5)
    if not n_given:
        return familiar
    # A negative score says no, however few have seen the movie.
    discounted = scores / np.where(scores > 0, np.sqrt(np.maximum(counts, 1)), 1)
    others = np.lexsort((-discounted, ~liked))
    others = others[~np.isin(others, familiar[:k])][:n_given]
    kept = familiar[: max(min(k, len(familiar)) - len(others), 0)]
    chosen = np.concatenate([kept, others])
    return liked_first(np.concatenate([chosen, familiar[~np.isin(familiar, chosen)]]), liked)
