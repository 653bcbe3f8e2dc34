"""What a person rated elsewhere, as their export says it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cinefold.datasets.titles import readable, split_year
from cinefold.profiles.csv_format import read_id
from cinefold.profiles.importing.export_files import ImportFileError, read_tables
from cinefold.profiles.importing.formats import Format, recognize
from cinefold.profiles.importing.scales import scale_of

if TYPE_CHECKING:
    from pathlib import Path

    from cinefold.datasets.readers import DelimitedText

_LONGEST_TITLE = 400
# IMDb writes it in the language of the account, and earlier as "tvEpisode".
_NO_MOVIE = re.compile(r"seri|episod|épisod|game|spiel|juego|podcast|music\s?video", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_YEAR = re.compile(r"(?<!\d)(18|19|20)\d\d(?!\d)")
_IMDB_ID = re.compile(r"(?:tt)?0*(\d{1,10})", re.IGNORECASE)
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

    Raises
    ------
    ImportFileError
        If the file is empty, damaged, too large, has no column with movies, or ratings of several
        people.
    """
    if highest is not None and not (math.isfinite(highest) and highest > 0):
        raise ValueError(f"highest must be above 0, got {highest}")
    tables = read_tables(source, name)
    formats = [recognize(*table) for table in tables]
    first = formats[0]
    lines = [
        line for table, found in zip(tables, formats, strict=True) for line in _lines(*table, found)
    ]
    if highest is None:
        highest = first.highest or scale_of(e.rating for e in lines if e.rating)
    lines = [_in_scale(line, first.lowest, highest) for line in lines]
    return Export(first.name, highest, tuple(lines), first.exact, first.unrated)


def _lines(file: str, table: DelimitedText, found: Format) -> list[ExportLine]:
    place = found.columns.get("user")
    if place is not None:
        people = {cells[place].strip() for _, cells in table.rows if place < len(cells)}
        if len(people) > 1:
            raise ImportFileError(
                f"{file} has the ratings of {len(people):,} users in its column "
                f"{table.header[place]!r}; give a file with one person's"
            )
    return [_line(file, number, cells, found) for number, cells in table.rows]


def _line(file: str, number: int, cells: list[str], found: Format) -> ExportLine:
    def cell(name: str) -> str:
        place = found.columns.get(name)
        if place is None or place >= len(cells):
            return ""
        return " ".join(_CONTROL.sub(" ", cells[place]).split())

    title, year = cell("title"), _year(cell("year"))
    if not found.exact:  # others write "Comet, The (1952)"
        title, year = (title, year) if year else split_year(title)
        title = readable(title)
    rating, problem = _rating(cell("rating"))
    movie_id, imdb_id = _movie_id(cell("movie_id")), _imdb_id(cell("imdb_id"))
    tmdb_id = int(cell("tmdb_id")) if re.fullmatch(r"\d{1,12}", cell("tmdb_id"), re.A) else None
    if not title and not (movie_id or imdb_id or tmdb_id):
        problem = "no title"
    elif len(title) > _LONGEST_TITLE:
        title, problem = f"{title[:60]}...", "the title is too long; is a double quote left open?"
    elif _NO_MOVIE.search(cell("type")):
        problem = f"not a movie but: {cell('type')}"
    elif cell("mark") not in ("", _SEEN):
        problem = f"marked {cell('mark').replace('_', ' ')}, not rated"
    original = cell("original_title")
    return ExportLine(
        file,
        number,
        title,
        year,
        rating,
        _time(cell("date")),
        (original,) if original and original != title else (),
        movie_id,
        imdb_id,
        tmdb_id,
        problem,
    )


def _in_scale(line: ExportLine, lowest: float, highest: float) -> ExportLine:
    if line.rating is None or line.problem or lowest <= line.rating <= highest:
        return line
    scale = f"{lowest:g} to {highest:g}"
    return replace(line, problem=f"the rating {line.rating:g} is not from {scale}")


def _rating(text: str) -> tuple[float | None, str]:
    if not text:
        return None, ""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return None, f"the rating {text[:20]!r} is not a number"
    return value, ""


def _year(text: str) -> int | None:
    match = _YEAR.search(text)
    return int(match[0]) if match else None


def _movie_id(text: str) -> str | None:
    """An id as text, without the quotes that Cinefold may write around it."""
    try:
        found = str(read_id(text))
    except ValueError:
        found = text.strip('"')
    return None if _CONTROL.search(found) else found or None


def _imdb_id(text: str) -> str | None:
    match = _IMDB_ID.fullmatch(text)
    return f"tt{int(match[1]):07d}" if match else None


def _time(text: str) -> datetime | None:
    """A time as ISO 8601, seconds since 1970, or as C writes it; None for others."""
    if not text:
        return None
    try:
        if text.isdecimal() and len(text) in (9, 10):
            return datetime.fromtimestamp(int(text), UTC)
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        try:
            time = datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except ValueError:
            return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
