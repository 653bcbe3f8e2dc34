"""Lists as CSV files (UTF-8, comma separated, one header line)."""

from collections.abc import Iterable, Sequence
from typing import Any

from cinefold.datasets import Movie
from cinefold.profiles.csv_format import csv_text, write_id
from cinefold.recommender import GroupRecommendation, RatedMovie, Recommendation

_MOVIE = ("movie_id", "title", "year", "genres")


def recommendations_csv(recommendations: Sequence[Recommendation]) -> str:
    """Columns rank, the movie, score, stars, and because_of: the movies that are the reason."""
    rows = (
        (*_ranked(entry), _stars(entry.stars), "|".join(r.movie.label for r in entry.reasons))
        for entry in recommendations
    )
    return csv_text((("rank", *_MOVIE, "score", "stars", "because_of"), *rows))


def group_csv(found: Sequence[GroupRecommendation]) -> str:
    """Columns rank, the movie, score, and for each person their predicted stars."""
    people = [f"stars of {opinion.name}" for opinion in found[0].opinions] if found else []
    rows = ((*_ranked(entry), *(_stars(o.stars) for o in entry.opinions)) for entry in found)
    return csv_text((("rank", *_MOVIE, "score", *people), *rows))


def ratings_csv(ratings: Iterable[RatedMovie]) -> str:
    """Columns of the movie and its rating in stars."""
    rows = ((*_movie(rated.movie), f"{rated.rating:g}") for rated in ratings)
    return csv_text(((*_MOVIE, "rating"), *rows))


def movies_csv(movies: Iterable[Movie]) -> str:
    """Columns of the movies alone."""
    return csv_text((_MOVIE, *map(_movie, movies)))


def _ranked(entry: Recommendation | GroupRecommendation) -> tuple[Any, ...]:
    return entry.rank, *_movie(entry.movie), f"{entry.score:.4f}"


def _movie(movie: Movie) -> tuple[Any, ...]:
    return write_id(movie.id), movie.title, movie.year, "|".join(movie.genres)


def _stars(stars: float | None) -> str:
    return "" if stars is None else f"{stars:.1f}"
