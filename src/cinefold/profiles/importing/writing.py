"""Ratings as a CSV file that is read again, here and by profiles."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from cinefold.datasets import MovieCatalog
    from cinefold.profiles.importing.review import ImportReview

COLUMNS = ("movie_id", "title", "year", "rating", "mark", "time")
_LIKE_A_NUMBER = re.compile(r"-?\d+", re.ASCII)


def review_csv(review: ImportReview) -> str:
    """The films that a review has chosen: their stars, or the mark that they were seen."""
    rows = [
        (line.choice, line.stars, line.source.rated_at)
        for line in review.matched
        if line.choice is not None and (line.stars is not None or review.export.unrated == "seen")
    ]
    return _written((movie.id, movie.title, movie.year, stars, at) for movie, stars, at in rows)


def profile_csv(
    ratings: Mapping[Any, float], catalog: MovieCatalog, seen: Iterable[Any] = ()
) -> str:
    """Ratings (movie id to stars) and films that were only seen.

    Columns movie_id, title, year, rating, mark ("seen" where there is no rating) and time (empty);
    UTF-8, comma separated.
    """
    films: dict[Any, float | None] = {**dict.fromkeys(seen), **ratings}
    rows = ((catalog[item], stars) for item, stars in films.items())
    return _written((movie.id, movie.title, movie.year, stars, None) for movie, stars in rows)


def _written(
    rows: Iterable[tuple[Any, str, int | None, float | None, datetime | None]],
) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item, title, year, stars, at in rows:
        time = "" if at is None else at.isoformat().replace("+00:00", "Z")
        rating, mark = ("", "seen") if stars is None else (f"{stars:g}", "")
        writer.writerow((_id(item), title, year, rating, mark, time))
    return file.getvalue()


def _id(item: Any) -> Any:
    """Text that reads like a number in quotes of its own, so that it stays text."""
    return f'"{item}"' if isinstance(item, str) and _LIKE_A_NUMBER.fullmatch(item) else item
