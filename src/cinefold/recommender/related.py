"""Movies that go with a movie.

Who has rated a movie has mostly rated the well-known ones as well: what most of them have in
common is what everybody has seen. What goes with it is what they have rated more often than others:

.. math::

    \\frac{n_{ij}}{n_{ij} + 50} \\, \\log \\frac{n_{ij} \\, N}{n_i \\, n_j} + 0.15 \\, J_{ij}

with the numbers of people who rated movie i, movie j and both, of N in all: the pointwise mutual
information (Church and Hanks: Word association norms, mutual information, and lexicography, 1990),
trusted by the number of those it rests on; and the Jaccard index J of their genres.
docs/related.md has the lists that it makes of well-known movies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import Movie
from cinefold.interactions import Interactions

_HALF_TRUSTED = 50
_GENRES = 0.15
_USERS_AT_ONCE = 4096


def relatedness(
    interactions: Interactions, movies: Sequence[Movie], item: int
) -> NDArray[np.float64]:
    """How well each movie goes with one of them; -inf where nobody has rated both.

    Parameters
    ----------
    interactions : Interactions
    movies : sequence of Movie
        Of its items, in their order.
    item : int
        Index of the one.

    Returns
    -------
    ndarray of float64, shape (n_items,)
    """
    counts = interactions.item_counts()
    viewers = interactions.user_index(interactions.item_ratings(interactions.item_ids[item])[0])
    both, by_user = np.zeros(len(counts), np.int64), interactions.by_user
    for begin in range(0, len(viewers), _USERS_AT_ONCE):  # whose ratings are copied
        some = by_user[viewers[begin : begin + _USERS_AT_ONCE]]
        both += np.bincount(some.indices, minlength=len(counts))
    related = np.full(len(counts), -np.inf)
    found = np.flatnonzero(both)
    shared = both[found].astype(np.float64)
    lift = np.log(shared * interactions.n_users / (counts[found] * float(counts[item])))
    genres = set(movies[item].genres)
    likeness = [_jaccard(genres, movies[other].genres) for other in found.tolist()]
    related[found] = shared / (shared + _HALF_TRUSTED) * lift + _GENRES * np.array(likeness)
    return related


def _jaccard(one: set[str], other: Sequence[str]) -> float:
    union = one.union(other)
    return len(one.intersection(other)) / len(union) if union else 0.0
