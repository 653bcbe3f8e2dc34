"""What somebody's ratings say about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cinefold.datasets import Movie


@dataclass(frozen=True)
class RatedMovie:
    """A film and the stars a user gave it."""

    movie: Movie
    rating: float


@dataclass(frozen=True)
class GenreTaste:
    """How a user rates a genre.

    Attributes
    ----------
    genre : str
    n_ratings : int
    share : float
        Of the user's ratings, 0 to 1 (a film with two genres counts in both).
    mean_rating : float
    """

    genre: str
    n_ratings: int
    share: float
    mean_rating: float


@dataclass(frozen=True)
class Taste:
    """What a user's ratings say.

    Attributes
    ----------
    n_ratings : int
    mean_rating : float
        NaN without ratings.
    genres : tuple of GenreTaste
        By falling number of ratings.
    decades : tuple of (int, int)
        First year of each decade and number of ratings, by decade.
    favourites : tuple of RatedMovie
        All ratings, best first; equal ones by falling number of ratings of the film.
    """

    n_ratings: int
    mean_rating: float
    genres: tuple[GenreTaste, ...]
    decades: tuple[tuple[int, int], ...]
    favourites: tuple[RatedMovie, ...]


def taste_of(rated: Sequence[RatedMovie]) -> Taste:
    """The taste that `rated`, in the order of preference, shows."""
    decades = Counter(r.movie.year // 10 * 10 for r in rated if r.movie.year is not None)
    return Taste(
        n_ratings=len(rated),
        mean_rating=float(np.mean([r.rating for r in rated])) if rated else float("nan"),
        genres=_genre_tastes(rated),
        decades=tuple(sorted(decades.items())),
        favourites=tuple(rated),
    )


def _genre_tastes(rated: Sequence[RatedMovie]) -> tuple[GenreTaste, ...]:
    stars: dict[str, list[float]] = {}
    for entry in rated:
        for genre in entry.movie.genres:
            stars.setdefault(genre, []).append(entry.rating)
    tastes = (
        GenreTaste(genre, len(given), len(given) / len(rated), float(np.mean(given)))
        for genre, given in stars.items()
    )
    return tuple(sorted(tastes, key=lambda taste: (-taste.n_ratings, taste.genre)))
