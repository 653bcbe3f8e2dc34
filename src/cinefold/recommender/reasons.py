"""Why a movie is in a list: the rated movies that speak for it more than for the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cinefold.datasets import Movie, MovieCatalog
from cinefold.models import Explanation

_MOST = 3


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
    explanations: Sequence[Explanation], movies: MovieCatalog, liked_from: float
) -> list[tuple[Reason, ...]]:
    """At most three reasons for each movie of a list.

    They are the ratings whose share of what speaks for the movie exceeds their mean share over the
    list by most: a favourite that speaks for all of the list tells nothing about one of them.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of each movie of the list, for one person.
    movies : MovieCatalog
    liked_from : float
        Ratings below this are reasons only where no other speaks for the movie.

    Returns
    -------
    list of tuple of Reason
        The most telling first; one at least where any rating speaks for the movie.
    """
    found = [_supporting(explanation, movies, liked_from) for explanation in explanations]
    mean_shares: dict[Any, float] = defaultdict(float)
    for reasons in found:
        for reason, share in reasons:
            mean_shares[reason.movie.id] += share / len(found)
    return [_most_telling(reasons, mean_shares if len(found) > 1 else None) for reasons in found]


def _supporting(
    explanation: Explanation, movies: MovieCatalog, liked_from: float
) -> list[tuple[Reason, float]]:
    """Ratings that speak for a movie, and their shares of what does."""
    columns = explanation.items, explanation.ratings, explanation.contributions
    helping = [
        Reason(movies[item], rating, contribution)
        for item, rating, contribution in zip(*(c.tolist() for c in columns), strict=True)
        if contribution > 0
    ]
    liked = [reason for reason in helping if reason.rating >= liked_from] or helping
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
