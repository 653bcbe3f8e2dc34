"""The formats of MovieLens data: from the bytes of its files to ratings and movies."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from reprlib import repr as short
from typing import IO, TYPE_CHECKING, Any

from cinefold.datasets.catalogue import DatasetError, list_datasets
from cinefold.datasets.movies import MOVIE_COLUMNS, Movie, parsed_movie
from cinefold.interactions.column_names import find_column, find_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from cinefold.datasets.archives import Files
    from cinefold.datasets.catalogue import DatasetSpec

    # The line on which a row begins, from 1, and its cells.
    Row = tuple[int, list[str]]

# The 19 flags of u.item, in their order.
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance"),
    *("Sci-Fi", "Thriller", "War", "Western"),
)
_ROLES = ("user", "item", "rating", "timestamp")
_RATING_COLUMNS = ("user_id", "item_id", "rating", "timestamp")
_LINK_COLUMNS = {"id": MOVIE_COLUMNS["id"], "imdb": (("imdbid",),), "tmdb": (("tmdbid",),)}
_BOM = b"\xef\xbb\xbf"
_BLOCK = 4 << 20
_LONGEST_LINE = 1 << 16
_TOO_LONG = f"more than {_LONGEST_LINE:,} characters; is a double quote left open?"
_MOST_COLUMNS = 1000
_LARGEST_ID = 2**31 - 1
_LARGEST_TIME = 2**63 - 1024  # as floats are, too
# Where columns have no names, a larger number is not a rating.
_LARGEST_UNNAMED = 100
_REMEDY = "it must have the user's id, the item's id, rating and timestamp"
_OTHER_ID = re.compile(r"(?:tt)?([0-9]{0,10})(?:\.0)?")


@dataclass(frozen=True)
class MovieLensFormat:
    """One way to store a data set: a file of ratings and a file of movies.

    Each may begin with the names of its columns, which then may be in any order and among others.
    Without names, the columns are those of the original files: user, item, rating and timestamp,
    and `movie_columns`.
    """

    ratings: str
    movies: str
    separator: str
    movie_separator: str
    encodings: tuple[str, ...]
    movie_columns: tuple[str, ...] = ("movieId", "title", "genres")

    def read_ratings(self, stream: IO[bytes]) -> dict[str, NDArray[Any]]:
        """Arrays of user, item, rating and timestamp, read block by block.

        Neither the text nor wide columns are in memory as a whole. ValueError names the line.
        """
        import polars as pl  # not needed before data is read

        columns: _RatingColumns | None = None
        tables = []
        for number, block in _blocks(stream):
            if columns is None:
                rows = _rows(self._decoded(block), self.separator, number)
                columns = _RatingColumns(_named(rows, _RATING_COLUMNS)[0])
                if columns.named:  # an empty line takes the place of the names
                    block = block.replace(next(filter(bytes.strip, block.split(b"\n"))), b"", 1)
            table = columns.quickly(block, self.separator)
            if table is None:
                rows = _rows(self._decoded(block), self.separator, number)
                table = columns.carefully(rows)
            tables.append(table)
        table = pl.concat(tables)
        # One after the other, so that little of the data is in memory twice.
        return {role: table.drop_in_place(role).to_numpy() for role in _ROLES}

    def read_movies(self, content: bytes) -> list[Movie]:
        """The movies, in the order of the file; ValueError names the line."""
        movies: dict[int | str, Movie] = {}
        text = self._decoded(content.removeprefix(_BOM))
        names, rows = _named(_rows(text, self.movie_separator), self.movie_columns)
        at = _positions(names, MOVIE_COLUMNS, "id", "title")
        plain = [name.casefold() for name in names]
        flags = [(plain.index(g.casefold()), g) for g in _GENRES if g.casefold() in plain]

        def add(cells: list[str]) -> None:
            number = _number("the id", cells[at["id"]], int, _LARGEST_ID)
            title, year = cells[at["title"]], cells[at["year"]] if "year" in at else ""
            genres = cells[at["genres"]].split("|") if "genres" in at else []
            if self.movie_separator == "\t":  # RecBole's: divided by spaces, and in any order
                genres = sorted(" ".join(genres).split(), key=_position)
                title = "unknown" if title.strip() == "unkonwn" else title
            genres += [genre for position, genre in flags if cells[position] == "1"]
            if not {cells[position] for position, _ in flags} <= {"0", "1"}:
                raise ValueError("a genre flag is neither 0 nor 1")
            movie = parsed_movie(number, title, year if year.isdecimal() else "", genres)
            if movies.setdefault(number, movie) is not movie:
                raise ValueError(f"id {number} is there twice")

        _read(rows, names, add)
        return list(movies.values())

    def _decoded(self, content: bytes) -> str:
        for encoding in self.encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise ValueError(f"it is not in {' or '.join(self.encodings)}")


class _RatingColumns:
    """Where in a file of ratings the user, item, rating and timestamp are."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.named = names is not _RATING_COLUMNS
        self._largest = 3e38 if self.named else _LARGEST_UNNAMED
        self._at = [*range(4)]
        if self.named:
            found = find_columns(names, dict.fromkeys(_ROLES), _REMEDY)
            if len(found) < len(_ROLES):
                raise ValueError(f"the columns are {', '.join(names)}; {_REMEDY}")
            self._at = [names.index(found[role]) for role in _ROLES]

    def quickly(self, block: bytes, separator: str) -> pl.DataFrame | None:
        """The values in a block of lines; None if there are others than plain numbers."""
        import polars as pl

        schema: dict[str, Any] = {str(i): pl.String for i in range(len(self.names))}
        schema |= {str(i): kind for i, kind in zip(self._at, _types(), strict=True)}
        # Polars takes separators of one byte only; numbers may be quoted.
        plain = block.replace(separator.encode(), separator[:1].encode())
        if b'"' in plain:
            quoted = rf'(?m)(^|{separator[0]})"([^"\n{separator[0]}]*)"(?=[{separator[0]}\r]|$)'
            plain = re.sub(quoted.encode(), rb"\1\2", plain)
        try:
            table = pl.read_csv(
                io.BytesIO(plain),
                separator=separator[0],
                has_header=False,
                schema=schema,
                quote_char=None,
            )
        except pl.exceptions.PolarsError:
            return None
        table = table.select(pl.col(str(i)).alias(r) for i, r in zip(self._at, _ROLES, strict=True))
        usual = (table["rating"].abs() <= self._largest).all()
        return table if usual and not sum(table.null_count().row(0)) else None

    def carefully(self, rows: Iterable[Row]) -> pl.DataFrame:
        """The same of what is written in other ways; ValueError names the line that cannot be."""
        import polars as pl

        values: list[tuple[float, ...]] = []
        limits = (_LARGEST_ID, _LARGEST_ID, self._largest, _LARGEST_TIME)
        kinds: tuple[Callable[[str], float], ...] = (int, int, float, _time)
        parts = [*zip(self._at, kinds, limits, strict=True)]

        def add(cells: list[str]) -> None:
            values.append(
                tuple(_number(self.names[i], cells[i], kind, limit) for i, kind, limit in parts)
            )

        _read(rows, self.names, add)
        return pl.DataFrame(values, dict(zip(_ROLES, _types(), strict=True)), orient="row")


def _types() -> tuple[Any, ...]:
    import polars as pl

    return pl.Int32, pl.Int32, pl.Float32, pl.Int64


def read_links(content: bytes) -> dict[int | str, dict[str, Any]]:
    """Of links.csv, movie id -> ``imdb_id`` and ``tmdb_id`` of its Movie.

    ValueError names the line.
    """
    links: dict[int | str, dict[str, Any]] = {}
    text = content.removeprefix(_BOM).decode(errors="replace")
    names, rows = _named(_rows(text, ","), ("movieId", "imdbId", "tmdbId"))
    at = _positions(names, _LINK_COLUMNS, *_LINK_COLUMNS)

    def add(cells: list[str]) -> None:
        movie = _number("the id", cells[at["id"]], int, _LARGEST_ID)
        imdb, tmdb = (_OTHER_ID.fullmatch(cells[at[key]].strip()) for key in ("imdb", "tmdb"))
        if imdb is None or tmdb is None:
            raise ValueError(f"{short(','.join(cells))} has an id that is not a number")
        links[movie] = {
            "imdb_id": f"tt{int(imdb[1]):07}" if imdb[1] else None,
            "tmdb_id": int(tmdb[1]) if tmdb[1] else None,
        }

    _read(rows, names, add)
    return links


# -- rows of any of the files -------------------------------------------------------------------


def _blocks(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some megabytes at a time, and the number of the first one; none if blank."""
    number, rest, blank = 1, b"", True
    while block := stream.read(_BLOCK):
        if number == 1 and not rest:
            block = block.removeprefix(_BOM)
        lines, newline, tail = (rest + block).rpartition(b"\n")
        rest = tail
        if lines := lines + newline:
            blank = blank and not lines.strip()
            if not blank:
                yield number, lines
            number += lines.count(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ValueError(f"line {number}: {_TOO_LONG}")
    if rest.strip():
        yield number, rest
    elif blank:
        raise ValueError("it is empty")


def _rows(text: str, separator: str, first: int = 1) -> Iterator[Row]:
    """The rows that are not blank."""
    # Only line feeds count in the older formats: titles may hold the other ends of lines.
    if separator != ",":
        split = (line.rstrip("\r").split(separator) for line in text.split("\n"))
        rows: Iterator[Row] = enumerate(split, start=first)
    else:
        rows = _csv_rows(text, first)
    for line, cells in rows:
        if sum(map(len, cells)) > _LONGEST_LINE:
            raise ValueError(f"line {line}: {_TOO_LONG}")
        if len(cells) > 1 or "".join(cells).strip():
            yield line, cells


def _csv_rows(text: str, line: int) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""))
    first = line
    try:
        for cells in reader:
            yield line, cells
            line = first + reader.line_num
    except csv.Error:  # a cell beyond csv's own limit
        raise ValueError(f"line {line}: {_TOO_LONG}") from None


def _named(rows: Iterator[Row], usual: Sequence[str]) -> tuple[Sequence[str], Iterator[Row]]:
    """The names of the columns, from the first row unless that has numbers, and the other rows."""
    first = next(rows, None)
    if first is None:
        raise ValueError("it is empty")
    if any(map(_is_number, first[1])):
        return usual, chain([first], rows)
    names = [cell.strip() for cell in first[1]]
    if len(names) > _MOST_COLUMNS:
        raise ValueError(
            f"line {first[0]}: {len(names):,} columns; up to {_MOST_COLUMNS} are allowed"
        )
    return names, rows


def _read(rows: Iterable[Row], names: Sequence[str], read: Callable[[list[str]], None]) -> None:
    """Call `read` with each row's cells; ValueError says on which line it failed."""
    for line, cells in rows:
        try:
            if len(cells) != len(names):
                raise ValueError(f"{len(cells)} fields, not {len(names)}")
            read(cells)
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None


def _positions(names: Sequence[str], usual: Mapping[str, Any], *needed: str) -> dict[str, int]:
    """Key -> column, of the keys of `usual` for which there is one."""
    remedy = f"the file must have {', '.join(needed)}"
    found = {
        key: find_column(names, of, f"the column of {key}", remedy) for key, of in usual.items()
    }
    if any(found[key] is None for key in needed):
        raise ValueError(f"the columns are {', '.join(names)}; {remedy}")
    return {key: names.index(name) for key, name in found.items() if name is not None}


def _number(name: str, text: str, kind: Callable[[str], float], largest: float) -> Any:
    """As the kind reads it, unless it is not finite or above what is allowed."""
    try:
        value = kind(text)
    except (ValueError, OverflowError):
        value = math.nan
    if value in (math.inf, -math.inf) or value != value or "_" in text:
        raise ValueError(
            f"{name} is {short(text)}, not {'an integer' if kind is int else 'a number'}"
        )
    if abs(value) > largest:
        raise ValueError(f"{name} is {short(text)}, above {largest:.10g}")
    return value


def _time(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int(float(text))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _position(genre: str) -> int:
    return _GENRES.index(genre) if genre in _GENRES else len(_GENRES)


# Latin-1 takes any bytes, so it comes last; its accents are hardly ever valid UTF-8.
_ANY = ("utf-8", "latin-1")
_FLAGS = ("movie id", "movie title", "release date", "video release date", "IMDb URL", *_GENRES)
_OF_RECBOLE = ("item_id", "movie_title", "release_year", "class")
FORMATS = {
    "flags": MovieLensFormat("u.data", "u.item", "\t", "|", _ANY, _FLAGS),
    "recbole": MovieLensFormat(
        "ml-100k.inter", "ml-100k.item", "\t", "\t", ("utf-8",), _OF_RECBOLE
    ),
    "colons": MovieLensFormat("ratings.dat", "movies.dat", "::", "::", _ANY),
    "csv": MovieLensFormat("ratings.csv", "movies.csv", ",", ",", ("utf-8",)),
}


def recognized(spec: DatasetSpec, files: Files) -> tuple[MovieLensFormat, PurePosixPath]:
    """The format of the data set that the files have, and the folder with them."""
    there = {
        name: folders
        for name, found in FORMATS.items()
        if (folders := files.folders_with(found.ratings, found.movies))
    }
    for name in spec.formats:
        folders = there.get(name, [])
        chosen = [folder for folder in folders if folder.name == spec.name] or folders
        if len(chosen) > 1:
            names = ", ".join(map(str, chosen[:5]))
            raise DatasetError(f"{files.path} has {FORMATS[name].ratings} in {names}: name one")
        if chosen:
            return FORMATS[name], chosen[0]
    wanted = (f"{FORMATS[name].ratings} and {FORMATS[name].movies}" for name in spec.formats)
    message = f"{files.path} has no {spec.title} in it: {' or '.join(wanted)} must be there"
    for name in there:
        others = ", ".join(other.name for other in list_datasets() if name in other.formats)
        message += (
            f"; {FORMATS[name].ratings} and {FORMATS[name].movies} are, the format of {others}: "
            "name the one it is (on the command line: --dataset)"
        )
        break
    raise DatasetError(message)
