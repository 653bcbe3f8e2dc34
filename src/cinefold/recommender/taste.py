"""What somebody's ratings say about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cinefold.datasets import Movie, MovieData


@dataclass(frozen=True)
class RatedMovie:
    """A movie and its rating.

    Attributes
    ----------
    movie : Movie
    rating : float
        In stars.
    """

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


def taste_of(data: MovieData, ratings: Mapping[Any, float]) -> Taste:
    """The taste that ratings (movie id to stars) show."""
    counts = data.interactions.item_counts()
    items = data.interactions.item_index(list(ratings)) if ratings else []
    order = sorted(
        zip(ratings.items(), counts[items], strict=True), key=lambda p: (-p[0][1], -p[1])
    )
    rated = tuple(RatedMovie(data.movies[item], float(stars)) for (item, stars), _ in order)
    by_genre: dict[str, list[float]] = {}
    for entry in rated:
        for genre in entry.movie.genres:
            by_genre.setdefault(genre, []).append(entry.rating)
    genres = [GenreTaste(name, len(given), _mean(given)) for name, given in by_genre.items()]
    genres.sort(key=lambda taste: (-taste.n_ratings, taste.genre))
    return Taste(len(rated), _mean([r.rating for r in rated]), tuple(genres), rated)


def _mean(stars: list[float]) -> float:
    return float(np.mean(stars)) if stars else float("nan")
