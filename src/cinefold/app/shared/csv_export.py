"""Lists as CSV files (UTF-8, comma separated, one header line)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cinefold.datasets import Movie
    from cinefold.recommender import GroupRecommendation, RatedMovie, Recommendation

_FILM = ("movie_id", "title", "year", "genres")


def recommendations_csv(recommendations: Sequence[Recommendation]) -> str:
    """Columns rank, the film, score, stars, and because_of: the films that are the reason."""
    return _csv(
        ("rank", *_FILM, "score", "stars", "because_of"),
        (
            (
                entry.rank,
                *_film(entry.movie),
                f"{entry.score:.4f}",
                "" if entry.stars is None else f"{entry.stars:.1f}",
                "|".join(reason.movie.label for reason in entry.reasons),
            )
            for entry in recommendations
        ),
    )


def together_csv(found: Sequence[GroupRecommendation]) -> str:
    """Columns rank, the film, score, and for each person their predicted stars."""
    people = [opinion.name for opinion in found[0].opinions] if found else []
    return _csv(
        ("rank", *_FILM, "score", *(f"stars of {name}" for name in people)),
        (
            (
                entry.rank,
                *_film(entry.movie),
                f"{entry.score:.4f}",
                *("" if o.stars is None else f"{o.stars:.1f}" for o in entry.opinions),
            )
            for entry in found
        ),
    )


def ratings_csv(ratings: Iterable[RatedMovie]) -> str:
    """Columns of the film and its rating in stars."""
    rows = ((*_film(rated.movie), f"{rated.rating:g}") for rated in ratings)
    return _csv((*_FILM, "rating"), rows)


def _film(movie: Movie) -> tuple[Any, ...]:
    return movie.id, movie.title, "" if movie.year is None else movie.year, "|".join(movie.genres)


def _csv(header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()
