"""What a person rated elsewhere, as their export says it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cinefold.datasets.titles import readable, split_year
from cinefold.profiles.csv_format import FOUND, plain_cell, read_id
from cinefold.profiles.delimited_text import DelimitedText
from cinefold.profiles.importing.export_files import ImportFileError, read_tables
from cinefold.profiles.importing.formats import Format, listed_only, recognize
from cinefold.profiles.importing.media_types import kind_of
from cinefold.profiles.importing.scales import scale_of

_LONGEST_TITLE, _LONGEST_ID = 300, 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_YEAR = re.compile(r"(?<!\d)(18|19|20)\d\d(?!\d)")
_IMDB_ID = re.compile(r".*\btt0*(\d{1,10})\b.*|0*(\d{1,10})(?:\.0)?", re.IGNORECASE | re.ASCII)
_TMDB_ID = re.compile(r"(\d{1,12})(?:\.0)?", re.ASCII)
_NUMBER = r"(\d+(?:[.,]\d+)?)"  # "4.5", "4,5", "80 %", "4/5", "4 out of 5"
_RATING = re.compile(rf"([+-]?){_NUMBER}\s*(?:stars?|(%)|(?:/|of|out of)\s*{_NUMBER})?")
_STARS = re.compile("(★+)(½?)☆*|(½)")
_SEEN = "seen"


@dataclass(frozen=True, slots=True)
class ExportLine:
    """One movie of an export.

    Attributes
    ----------
    file, line : str, int
        Where it is; the line on which it begins, from 1.
    title : str
        May be empty where there is an id.
    year : int, optional
    rating : float, optional
        On the scale of the file; None for a movie without rating.
    rated_at : datetime, optional
        In UTC.
    other_titles : tuple of str
        The original title, where the file has one.
    movie_id, imdb_id, tmdb_id : optional
        ``movie_id`` as it is written; ``imdb_id`` like "tt0114709".
    is_movie : bool
        Whether the file says so; a series has its TMDb id in another numbering.
    problem : str
        Why the line cannot be used; empty if it can.
    """

    file: str
    line: int
    title: str
    year: int | None = None
    rating: float | None = None
    rated_at: datetime | None = None
    other_titles: tuple[str, ...] = ()
    movie_id: str | None = None
    imdb_id: str | None = None
    tmdb_id: int | None = None
    is_movie: bool = False
    problem: str = ""

    @property
    def label(self) -> str:
        """ "Fargo (1996)", as in a list."""
        title = self.title or self.imdb_id or f"movie {self.movie_id or self.tmdb_id or ''}".strip()
        return title if self.year is None else f"{title} ({self.year})"


@dataclass(frozen=True)
class Export:
    """The movies of an export.

    Attributes
    ----------
    format : str
        Whose it is: "Letterboxd", "IMDb", "Cinefold", ...
    highest : float
        Best rating of its scale.
    lines : tuple of ExportLine
    exact : bool
        Whether ratings are stars that need no conversion.
    unrated : {"seen", "wanted"}
        What movies without rating were: watched, or listed only.
    """

    format: str
    highest: float
    lines: tuple[ExportLine, ...]
    exact: bool = False
    unrated: str = _SEEN


def read_export(
    source: str | Path | bytes, *, name: str | None = None, highest: float | None = None
) -> Export:
    """Read the movies that a person rated or watched elsewhere.

    Parameters
    ----------
    source : path or bytes
        A CSV file of Letterboxd, IMDb, MovieLens, Cinefold or anybody who names columns title,
        year and rating; or the zip archive of Letterboxd.
    name : str, optional
        Of the file, where `source` is its bytes; a "watchlist.csv" has movies that were not seen.
    highest : float, optional
        Best rating of the file's scale, where it is another than its format has or its ratings
        show.

    Returns
    -------
    Export

    Raises
    ------
    ImportFileError
        If the file is empty, damaged, too large, has no column with movies, or ratings of several
        people.
    ValueError
        If `highest` is not above 0.
    OSError
        If the file cannot be read.
    """
    if highest is not None and not (math.isfinite(highest) and highest > 0):
        raise ValueError(f"highest must be above 0, got {highest}")
    tables = read_tables(source, name)
    formats = [recognize(*table) for table in tables]
    first = formats[0]
    read = [
        line for table, found in zip(tables, formats, strict=True) for line in _lines(*table, found)
    ]
    if highest is None:
        highest = first.highest or scale_of((line.rating, own) for line, own in read)
    lines = tuple(_in_scale(line, own, first.lowest, highest) for line, own in read)
    return Export(first.name, highest, lines, first.exact, first.unrated)


def _lines(file: str, table: DelimitedText, found: Format) -> list[tuple[ExportLine, float | None]]:
    """Each with the best rating of its own scale, where it has one: 5 of "4/5"."""
    place = found.columns.get("user")
    if place is not None:
        people = {cells[place].strip() for _, cells in table.rows if place < len(cells)}
        if len(people) > 1:
            raise ImportFileError(
                f"{file} has the ratings of {len(people):,} users in its column "
                f"{table.header[place]!r}; give a file with one person's"
            )
    return [_line(file, len(table.header), number, cells, found) for number, cells in table.rows]


def _line(
    file: str, n_columns: int, number: int, cells: list[str], found: Format
) -> tuple[ExportLine, float | None]:
    def cell(name: str) -> str:
        place = found.columns.get(name)
        if place is None or place >= len(cells) or not cells[place]:
            return ""
        text = plain_cell(cells[place])
        return " ".join((text if text.isprintable() else _CONTROL.sub(" ", text)).split())

    title, year = cell("title"), _year(cell("year"))
    original = cell("original_title")[:_LONGEST_TITLE]
    if not title:
        title, original = original, ""
    rating, own, wrong = _rating(cell("rating"))
    shifted = found.columns.get("title") == n_columns - 1 or bool(cell("year") and not year)
    problem = _misfit(title, shifted and any(map(str.strip, cells[n_columns:])))
    if problem:
        title, rating = title[:_LONGEST_TITLE], None
    elif not found.exact:  # others write "Comet, The (1952)"
        title, year = (title, year) if year else split_year(title)
        title = readable(title)
    ids = (
        _movie_id(cell("movie_id")),
        _imdb_id(cell("imdb_id")),
        int(match[1]) if (match := _TMDB_ID.fullmatch(cell("tmdb_id"))) else None,
    )
    part = cell("season") + cell("episode")
    kind, is_movie = kind_of(cell("type"), address=cell("url"), const=cell("imdb_id"), part=part)
    if problem:
        pass
    elif cell("outcome") not in ("", FOUND):
        problem = f"{cell('outcome')[:20]} in an earlier import"
    elif not title and not any(ids):
        problem = "no title"
    elif kind:
        problem = f"not a movie but: {kind}"
    elif cell("mark") not in ("", _SEEN):
        problem = f"marked {cell('mark')[:20].replace('_', ' ')}, not rated"
    elif rating is None and not wrong and listed_only(cell("status")):
        problem = "on a list to watch, not seen"
    others = (original,) if original and original != title else ()
    at, problem = _time(cell("date")), problem or wrong
    line = ExportLine(file, number, title, year, rating, at, others, *ids, is_movie, problem)
    return line, own


def _misfit(title: str, shifted: bool) -> str:
    if len(title) > _LONGEST_TITLE:
        return "the title is too long; is a double quote left open?"
    if shifted:
        return "more cells than columns; is a title with a comma not in double quotes?"
    return ""


def _in_scale(line: ExportLine, own: float | None, lowest: float, highest: float) -> ExportLine:
    if line.rating is None or line.problem:
        return line
    rating = line.rating if own is None else line.rating * highest / own
    if not lowest <= rating <= highest:
        scale = f"{lowest:g} to {highest:g}"
        return replace(line, problem=f"the rating {rating:g} is not from {scale}")
    return line if own is None else replace(line, rating=rating)


def _rating(text: str) -> tuple[float | None, float | None, str]:
    """A rating, the best one of the scale that is written with it, and what is wrong."""
    if not text:
        return None, None, ""
    if stars := _STARS.fullmatch(text):
        return len(stars[1] or "") + 0.5 * bool(stars[2] or stars[3]), 5.0, ""
    match = _RATING.fullmatch(text.replace("½", ".5"))
    sign, value, percent, of = match.groups() if match else ("", "nan", None, None)
    number = float(sign + value.replace(",", "."))
    own = 100.0 if percent else None if of is None else float(of.replace(",", "."))
    if not math.isfinite(number) or own == 0:
        return None, None, f"the rating {text[:20]!r} is not a number"
    return number, own, ""


def _year(text: str) -> int | None:
    match = _YEAR.search(text)
    return int(match[0]) if match else None


def _movie_id(text: str) -> str | None:
    """An id as text, without the quotes that Cinefold may write around it."""
    if not text:
        return None
    try:
        found = str(read_id(text))
    except ValueError:
        found = text.strip('"')
    return None if _CONTROL.search(found) or len(found) > _LONGEST_ID else found or None


def _imdb_id(text: str) -> str | None:
    match = _IMDB_ID.fullmatch(text[:_LONGEST_ID])
    return f"tt{int(match[1] or match[2]):07d}" if match else None


def _time(text: str) -> datetime | None:
    """A time as ISO 8601, seconds since 1970, or as C writes it; None for others."""
    if not text:
        return None
    try:
        if text.isdecimal() and len(text) in (9, 10):
            return datetime.fromtimestamp(int(text), UTC)
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):  # in UTC before year 1 or after 9999
        return None
