"""A profile's ratings and marks as a CSV file, and back.

One line each, UTF-8, comma separated, with these columns:

========  ======================================================================================
movie_id  in the data set; text that reads like a whole number is put in double quotes twice
title     for people; empty where it is not known
year      likewise
rating    stars, or empty on the line of a mark
mark      ``not_interested``, ``seen``, ``not_seen``, ``later``; empty on that of a rating
time      ISO 8601 in UTC
========  ======================================================================================

Read are ``movie_id``, ``rating``, ``mark`` and ``time``, in any order and any case; other columns
are left alone. A line without a time was written now; a time without a zone is in UTC. Of several
lines on one movie the last one counts. Semicolons, tabs or bars may separate (then 4,5 is 4.5), and
a byte order mark may come first. Lines of a review (`cinefold.profiles.importing.review_csv`) whose
``outcome`` is another than "found" are passed over.

Text that a spreadsheet would take for a formula is written behind an apostrophe, and read without.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

from cinefold.profiles.delimited_text import read_delimited
from cinefold.profiles.profile import (
    MICROSECOND,
    Mark,
    MovieId,
    ProfileEntries,
    Rating,
    checked_stars,
    checked_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cinefold.datasets import MovieCatalog

COLUMNS = ("movie_id", "title", "year", "rating", "mark", "time")
FOUND = "found"
# https://owasp.org/www-community/attacks/CSV_Injection; numbers are none.
_FORMULA = re.compile(r"(?![+-]?[0-9]+(?:\.[0-9]+)?\Z)'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")
_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d*", re.ASCII)


def write_csv(entries: ProfileEntries, movies: MovieCatalog | None = None) -> str:
    """The CSV file, ratings first, each oldest first.

    Parameters
    ----------
    entries : ProfileEntries
    movies : MovieCatalog, optional
        For titles and years.

    Returns
    -------
    str
    """
    titles = {movie.id: (movie.title, movie.year) for movie in movies or ()}
    values: list[tuple[MovieId, float | Mark, datetime]] = [
        *((movie, rating.stars, rating.at) for movie, rating in entries.ratings.items()),
        *entries.marked,
    ]
    lines = [entry_cells(id_, *titles.get(id_, ("", None)), value, at) for id_, value, at in values]
    return csv_text((COLUMNS, *lines))


def entry_cells(
    movie_id: MovieId | None,
    title: str,
    year: int | None,
    value: float | Mark | None,
    at: datetime | None,
) -> tuple[object, ...]:
    """The cells under `COLUMNS` of a movie, its stars or mark, and the time if known."""
    is_mark = isinstance(value, Mark)
    stars = "" if value is None or is_mark else repr(float(value)).removesuffix(".0")
    time = "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    id_ = "" if movie_id is None else write_id(movie_id)
    return id_, title, year or "", stars, value if is_mark else "", time


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """A CSV file, the names of its columns first, that is safe to open in a spreadsheet."""
    lines: list[str] = []
    file = SimpleNamespace(write=lines.append)
    writer = csv.writer(file, lineterminator="\r\n")  # with which cells with either are quoted
    writer.writerows([_safe("" if cell is None else str(cell)) for cell in row] for row in rows)
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def _safe(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def plain_cell(cell: str) -> str:
    """The inverse of what `csv_text` does to a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def read_csv(content: str | bytes) -> ProfileEntries:
    """The ratings and marks of a CSV file.

    Parameters
    ----------
    content : str or bytes

    Returns
    -------
    ProfileEntries

    Raises
    ------
    ValueError
        If it is not UTF-8, has not the columns, or a line has no movie, no rating and no mark, or
        one that is not allowed; the message names the line.
    """
    table = read_delimited(content, strict=True)
    entries, now, number = ProfileEntries(), datetime.now(UTC), 1
    try:
        columns = [name.strip().lower() for name in table.header]
        if "movie_id" not in columns or not {"rating", "mark"} & {*columns}:
            there = ", ".join(filter(None, map(str.strip, table.header)))
            raise ValueError(
                f"the columns movie_id and rating (or mark) are needed; found: {there}"
            )
        for number, cells in table.rows:
            line = dict(zip(columns, (plain_cell(cell.strip()) for cell in cells), strict=False))
            if line.get("outcome", FOUND) == FOUND:
                _add(entries, line, table.delimiter, now + number * MICROSECOND)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    return entries


def _add(entries: ProfileEntries, line: dict[str, str], delimiter: str, now: datetime) -> None:
    movie = read_id(line.get("movie_id", ""))
    rating, mark = line.get("rating", ""), line.get("mark", "")
    at = _read_time(line.get("time", "")) or now
    if bool(rating) == bool(mark):
        both = "both" if rating else "neither"
        raise ValueError(f"movie {movie!r} needs a rating or a mark, and has {both}")
    if mark:
        if mark not in list(Mark):
            raise ValueError(f"mark must be one of {', '.join(Mark)}, not {mark!r}")
        entries.marks[Mark(mark)][movie] = at
        opposite = Mark(mark).opposite
        if opposite is not None:
            entries.marks[opposite].pop(movie, None)
        return
    number = rating if delimiter == "," else rating.replace(",", ".")
    entries.ratings[movie] = Rating(checked_stars(number, movie), at)


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
