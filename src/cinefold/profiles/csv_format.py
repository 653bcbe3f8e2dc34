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
lines on one film the last one counts. Semicolons or tabs may separate (then 4,5 is 4.5), and a byte
order mark may come first.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cinefold.profiles.records import (
    MICROSECOND,
    Entries,
    Mark,
    MovieId,
    Rating,
    checked_stars,
    checked_time,
)

if TYPE_CHECKING:
    from cinefold.datasets import MovieCatalog

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
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(movie: MovieId, stars: str, mark: str, at: datetime) -> None:
        film = movies[movie] if movies is not None and movie in movies else None
        known = ("", "") if film is None else (film.title, film.year or "")
        time = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        writer.writerow((_written_id(movie), *known, stars, mark, time))

    for movie, rating in entries.ratings.items():
        write(movie, repr(rating.stars).removesuffix(".0"), "", rating.at)
    for mark, films in entries.marks.items():
        for movie, at in films.items():
            write(movie, "", mark.value, at)
    return file.getvalue()


def read_csv(content: str | bytes) -> Entries:
    """The ratings and marks of a CSV file.

    Raises
    ------
    ValueError
        If it is not UTF-8, has not the columns, or a line has no movie, no rating and no mark, or
        one that is not allowed; the message names the line.
    """
    text = _decoded(content) if isinstance(content, bytes) else content.removeprefix("\ufeff")
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    entries, now = Entries(), datetime.now(UTC)
    try:
        columns = _columns(next(reader, []))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                line = {
                    name: cells[place].strip() if place < len(cells) else ""
                    for name, place in columns.items()
                }
                _take(entries, line, delimiter, now + reader.line_num * MICROSECOND)
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
    except ValueError as error:
        raise ValueError(f"line {max(reader.line_num, 1)}: {error}") from None
    return entries


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: this is not UTF-8 text") from None


def _columns(header: list[str]) -> dict[str, int]:
    places = {name.strip().lower(): place for place, name in reversed([*enumerate(header)])}
    if "movie_id" not in places or not {"rating", "mark"} & places.keys():
        found = ", ".join(filter(None, map(str.strip, header))) or "none"
        raise ValueError(f"the columns movie_id and rating (or mark) are needed; found: {found}")
    return {name: places[name] for name in ("movie_id", "rating", "mark", "time") if name in places}


def _take(entries: Entries, line: dict[str, str], delimiter: str, now: datetime) -> None:
    movie = _read_id(line["movie_id"])
    rating, mark = line.get("rating", ""), line.get("mark", "")
    at = _read_time(line.get("time", "")) or now
    if bool(rating) == bool(mark):
        raise ValueError(f"movie {movie!r} needs a rating or a mark, and has {_both(rating)}")
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


def _both(rating: str) -> str:
    return "both" if rating else "neither"


def _put_last(films: dict[MovieId, Any], movie: MovieId, value: Any) -> None:
    films.pop(movie, None)
    films[movie] = value


def _read_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time must be such as 2024-05-31T20:15:00Z, not {text!r}") from None
    return checked_time(time if time.tzinfo else time.replace(tzinfo=UTC))


def _written_id(movie: MovieId) -> str:
    """A str that could be read as another id is written as JSON, in quotes."""
    if isinstance(movie, int):
        return str(movie)
    odd = not movie or movie != movie.strip() or movie[0] == '"' or _WHOLE_NUMBER.fullmatch(movie)
    return json.dumps(movie) if odd or not movie.isprintable() else movie


def _read_id(text: str) -> MovieId:
    if not text:
        raise ValueError("movie_id is empty")
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            raise ValueError(f"movie_id has an odd quotation mark: {text}") from None
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
