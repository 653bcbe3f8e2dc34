"""What somebody's ratings say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cinefold.datasets import Movie


@dataclass(frozen=True)
class RatedMovie:
    """A movie and the stars a user gave it."""

    movie: Movie
    rating: float


@dataclass(frozen=True)
class GenreTaste:
    """How a user rates a genre.

    Attributes
    ----------
    genre : str
    n_ratings : int
    mean_rating : float
    """

    genre: str
    n_ratings: int
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
    favourites : tuple of RatedMovie
        All ratings, best first; equal ones by falling number of ratings of the movie.
    """

    n_ratings: int
    mean_rating: float
    genres: tuple[GenreTaste, ...]
    favourites: tuple[RatedMovie, ...]


def taste_of(rated: Sequence[RatedMovie]) -> Taste:
    """The taste that `rated`, in the order of preference, shows."""
    return Taste(
        n_ratings=len(rated),
        mean_rating=float(np.mean([r.rating for r in rated])) if rated else float("nan"),
        genres=_genre_tastes(rated),
        favourites=tuple(rated),
    )


def _genre_tastes(rated: Sequence[RatedMovie]) -> tuple[GenreTaste, ...]:
    stars: dict[str, list[float]] = {}
    for entry in rated:
        for genre in entry.movie.genres:
            stars.setdefault(genre, []).append(entry.rating)
    tastes = (
        GenreTaste(genre, len(given), float(np.mean(given))) for genre, given in stars.items()
    )
    return tuple(sorted(tastes, key=lambda taste: (-taste.n_ratings, taste.genre)))
