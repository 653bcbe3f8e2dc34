"""A profile's ratings and marks as a CSV file, and back.

One line each, UTF-8, comma separated, with these columns:

========  ======================================================================================
movie_id  in the data set; text that reads like a whole number is put in double quotes twice
title     for people; empty where it is not known
year      likewise
rating    stars, or empty on the line of a mark
mark      ``not_interested``, ``seen`` or ``not_seen``; empty on the line of a rating
time      ISO 8601 in UTC
========  ======================================================================================

Read are ``movie_id``, ``rating``, ``mark`` and ``time``, in any order and any case; other columns
are left alone. A line without a time was written now; a time without a zone is in UTC. Of several
lines on one movie the last one counts. Semicolons, tabs or bars may separate (then 4,5 is 4.5), and
a byte order mark may come first.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cinefold.datasets.readers import read_delimited
from cinefold.profiles.profile import (
    MICROSECOND,
    Entries,
    Mark,
    MovieId,
    Rating,
    checked_stars,
    checked_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cinefold.datasets import Movie, MovieCatalog

COLUMNS = ("movie_id", "title", "year", "rating", "mark", "time")
_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d*", re.ASCII)


def write_csv(entries: Entries, movies: MovieCatalog | None = None) -> str:
    """The CSV file, ratings first, each oldest first.

    Parameters
    ----------
    entries : Entries
    movies : MovieCatalog, optional
        For titles and years.
    """
    rated = ((movie, rating.stars, rating.at) for movie, rating in entries.ratings.items())
    return write_lines((*rated, *entries.marked), {movie.id: movie for movie in movies or ()})


def write_lines(
    lines: Iterable[tuple[MovieId, float | Mark, datetime | None]],
    movies: Mapping[MovieId, Movie],
) -> str:
    """The CSV file with a line for each movie id, its stars or mark, and the time if known."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for movie_id, value, at in lines:
        movie = movies.get(movie_id)
        known = ("", "") if movie is None else (movie.title, movie.year or "")
        is_mark = isinstance(value, Mark)
        stars, mark = ("", value) if is_mark else (repr(value).removesuffix(".0"), "")
        time = "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        writer.writerow((write_id(movie_id), *known, stars, mark, time))
    return file.getvalue()


def read_csv(content: str | bytes) -> Entries:
    """The ratings and marks of a CSV file.

    Raises
    ------
    ValueError
        If it is not UTF-8, has not the columns, or a line has no movie, no rating and no mark, or
        one that is not allowed; the message names the line.
    """
    table = read_delimited(content, strict=True)
    entries, now, number = Entries(), datetime.now(UTC), 1
    try:
        columns = [name.strip().lower() for name in table.header]
        if "movie_id" not in columns or not {"rating", "mark"} & {*columns}:
            there = ", ".join(filter(None, map(str.strip, table.header)))
            raise ValueError(
                f"the columns movie_id and rating (or mark) are needed; found: {there}"
            )
        for number, cells in table.rows:
            line = dict(zip(columns, map(str.strip, cells), strict=False))
            _add(entries, line, table.delimiter, now + number * MICROSECOND)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    return entries


def _add(entries: Entries, line: dict[str, str], delimiter: str, now: datetime) -> None:
    movie = read_id(line.get("movie_id", ""))
    rating, mark = line.get("rating", ""), line.get("mark", "")
    at = _read_time(line.get("time", "")) or now
    if bool(rating) == bool(mark):
        both = "both" if rating else "neither"
        raise ValueError(f"movie {movie!r} needs a rating or a mark, and has {both}")
    if mark:
        if mark not in list(Mark):
            raise ValueError(f"mark must be one of {', '.join(Mark)}, not {mark!r}")
        _put_last(entries.marks[Mark(mark)], movie, at)
        opposite = Mark(mark).opposite
        if opposite is not None:
            entries.marks[opposite].pop(movie, None)
        return
    number = rating if delimiter == "," else rating.replace(",", ".")
    _put_last(entries.ratings, movie, Rating(checked_stars(number, movie), at))


def _put_last(movies: dict[MovieId, Any], movie: MovieId, value: Any) -> None:
    movies.pop(movie, None)
    movies[movie] = value


def _read_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time must be such as 2024-05-31T20:15:00Z, not {text!r}") from None
    return checked_time(time if time.tzinfo else time.replace(tzinfo=UTC))


def write_id(movie: MovieId) -> str:
    """An id as text; a str that could be read as another id as JSON, in quotes."""
    if isinstance(movie, int):
        return str(movie)
    odd = not movie or movie != movie.strip() or movie[0] == '"' or _WHOLE_NUMBER.fullmatch(movie)
    return json.dumps(movie) if odd or not movie.isprintable() else movie


def read_id(text: str) -> MovieId:
    """The inverse of :func:`write_id`; a ValueError says what is wrong."""
    if not text:
        raise ValueError("movie_id is empty")
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            raise ValueError(f"movie_id has an odd quotation mark: {text}") from None
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
