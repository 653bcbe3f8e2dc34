"""Why a movie is in a list: the rated movies that speak for it more than for the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cinefold.datasets import Movie, MovieCatalog
from cinefold.models import Explanation

_MOST = 3
_ROUNDING = 1e-6  # of a mean of equal ratings


@dataclass(frozen=True)
class Reason:
    """A rated movie that speaks for a recommended one.

    Attributes
    ----------
    movie : Movie
    rating : float
        In stars.
    contribution : float
        What the rating adds to the score of the recommended movie.
    """

    movie: Movie
    rating: float
    contribution: float


def reasons_of_list(
    explanations: Sequence[Explanation], movies: MovieCatalog, middle_rating: float
) -> list[tuple[Reason, ...]]:
    """At most three reasons for each movie of a list.

    They are the ratings whose share of what speaks for the movie exceeds their mean share over the
    list by most: a favourite that speaks for all of the list tells nothing about one of them.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of each movie of the list, for one person.
    movies : MovieCatalog
    middle_rating : float
        Of the scale. What somebody rates below it, or below their own mean, they did not like: it
        is no reason. -inf of counts, all of which were liked.

    Returns
    -------
    list of tuple of Reason
        The most telling first; one at least where a movie that they liked speaks for this one.
    """
    found = [_supporting(explanation, movies, middle_rating) for explanation in explanations]
    mean_shares: dict[Any, float] = defaultdict(float)
    for reasons in found:
        for reason, share in reasons:
            mean_shares[reason.movie.id] += share / len(found)
    return [_most_telling(reasons, mean_shares if len(found) > 1 else None) for reasons in found]


def _supporting(
    explanation: Explanation, movies: MovieCatalog, middle_rating: float
) -> list[tuple[Reason, float]]:
    """Liked movies that speak for a movie, and their shares of what does."""
    columns = explanation.items, explanation.ratings, explanation.contributions
    own_mean = explanation.ratings.sum(dtype=np.float64) / max(len(explanation.ratings), 1)
    has_scale = middle_rating > -np.inf
    liked_from = max(middle_rating, own_mean - _ROUNDING) if has_scale else middle_rating
    liked = [
        Reason(movies[item], rating, contribution)
        for item, rating, contribution in zip(*(c.tolist() for c in columns), strict=True)
        if contribution > 0 and rating >= liked_from
    ]
    total = sum(reason.contribution for reason in liked)
    return [(reason, reason.contribution / total) for reason in liked]


def _most_telling(
    reasons: Iterable[tuple[Reason, float]], mean_shares: dict[Any, float] | None
) -> tuple[Reason, ...]:
    def surplus(entry: tuple[Reason, float]) -> float:
        reason, share = entry
        return share if mean_shares is None else share - mean_shares[reason.movie.id]

    ordered = sorted(reasons, key=surplus, reverse=True)
    telling = [entry for entry in ordered if surplus(entry) > 0] or ordered[:1]
    return tuple(reason for reason, _ in telling[:_MOST])
