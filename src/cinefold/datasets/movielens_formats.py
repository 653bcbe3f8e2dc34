"""The formats of MovieLens data: from the bytes of its files to ratings and movies."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from cinefold.datasets.movies import Movie
from cinefold.datasets.titles import readable, split_year

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl
    from numpy.typing import NDArray

# The 19 flags of u.item, in their order.
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance"),
    *("Sci-Fi", "Thriller", "War", "Western"),
)
_NO_GENRE = {"", "unknown", "(no genres listed)"}
_BOM = b"\xef\xbb\xbf"
_BLOCK = 4 << 20
_LARGEST_ID = 2**31 - 1
_COLUMNS = {"user_id": int, "item_id": int, "rating": float, "timestamp": float}


class DamageError(ValueError):
    """A file is not in its format; the message says where."""


@dataclass(frozen=True)
class MovieLensFormat:
    """One way to store a data set: a file of ratings and a file of movies."""

    ratings: str
    movies: str
    separator: str
    header: bool
    encodings: tuple[str, ...]
    to_movie: Callable[[str], Movie]

    def read_ratings(self, stream: IO[bytes]) -> dict[str, NDArray[Any]]:
        """Arrays of user_id, item_id, rating and timestamp, read block by block.

        Neither the text nor wide columns are in memory as a whole. DamageError names the line.
        """
        columns: dict[str, NDArray[Any]] = {}
        n = 0
        for number, block in _blocks(stream):
            table = self._table(block, number)
            if not columns:
                columns = {name: table[name].to_numpy().copy() for name in _COLUMNS}
            for name, column in columns.items():
                if n + len(table) > len(column):
                    # In place where the system can: large arrays need not be copied to grow.
                    column.resize(n + 8 * len(table), refcheck=False)
                column[n : n + len(table)] = table[name].to_numpy()
            n += len(table)
        if not columns:
            raise DamageError("it is empty")
        for column in columns.values():
            column.resize(n, refcheck=False)
        return columns

    def _table(self, block: bytes, number: int) -> pl.DataFrame:
        """The rows of a block of lines, the first of which has this number."""
        import polars as pl  # not needed before data is read

        skip = int(self.header and number == 1)
        block = block.removeprefix(_BOM) if number == 1 else block
        types = {
            "user_id": pl.Int32, "item_id": pl.Int32, "rating": pl.Float32, "timestamp": pl.Float64
        }  # fmt: skip
        try:
            table = pl.read_csv(
                # Polars takes separators of one byte only.
                io.BytesIO(block.replace(self.separator.encode(), self.separator[:1].encode())),
                separator=self.separator[0],
                has_header=False,
                skip_rows=skip,
                schema=types,
                quote_char=None,
            )
        except pl.exceptions.NoDataError:
            return pl.DataFrame(schema=types)
        except pl.exceptions.PolarsError as error:
            raise self._first_damage(block, number) or DamageError(str(error)) from None
        absent = table.select(pl.sum_horizontal(pl.all().is_null())).to_series()
        if ((absent > 0) & (absent < len(_COLUMNS))).any():
            raise self._first_damage(block, number) or DamageError("values are missing")
        table = table.filter(absent == 0)  # without blank lines
        return table.with_columns(pl.col("timestamp").cast(pl.Int64))

    def read_movies(self, content: bytes) -> list[Movie]:
        """The movies, in the order of the file; DamageError names the line."""
        if not content.strip():
            raise DamageError("it is empty")
        movies: dict[int | str, Movie] = {}
        for number, line in self._lines(content):
            try:
                movie = self.to_movie(line)
                if movie.id in movies:
                    raise ValueError(f"id {movie.id} is there twice")
            except ValueError as error:
                raise DamageError(f"line {number}: {error}") from None
            movies[movie.id] = movie
        return list(movies.values())

    def _lines(self, content: bytes, first: int = 1) -> Iterable[tuple[int, str]]:
        """Lines with text, and their numbers. Only line feeds count: titles may hold the rest."""
        lines = enumerate(self._decoded(content).split("\n"), start=first)
        return ((number, line) for number, line in lines if line.strip() and number > self.header)

    def _decoded(self, content: bytes) -> str:
        for encoding in self.encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise DamageError(f"it is not in {' or '.join(self.encodings)}")

    def _first_damage(self, block: bytes, first: int) -> DamageError | None:
        for number, line in self._lines(block, first):
            fields = line.rstrip("\r").split(self.separator)
            if len(fields) != len(_COLUMNS):
                return DamageError(f"line {number}: {len(fields)} fields, not {len(_COLUMNS)}")
            for (name, kind), field in zip(_COLUMNS.items(), fields, strict=True):
                try:
                    value = kind(field)
                except ValueError:
                    return DamageError(f"line {number}: {name} is {field!r}, not a number")
                if kind is int and abs(value) > _LARGEST_ID:
                    return DamageError(f"line {number}: {name} is {field}, above {_LARGEST_ID}")
        return None


def _blocks(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some megabytes at a time, and the number of the first one; none if blank."""
    number, rest, blank = 1, b"", True
    while block := stream.read(_BLOCK):
        lines, newline, tail = (rest + block).rpartition(b"\n")
        rest = tail
        if lines := lines + newline:
            blank = blank and not lines.strip()
            if not blank:
                yield number, lines
            number += lines.count(b"\n")
    if rest.strip():
        yield number, rest


# -- one line of each movie file ----------------------------------------------------------------


def _from_flags(line: str) -> Movie:
    fields = _split(line, "|", 5 + len(_GENRES))
    flags = fields[5:]
    if not set(flags) <= {"0", "1"}:
        raise ValueError("a genre flag is neither 0 nor 1")
    title, year = split_year(fields[1])
    genres = [genre for genre, flag in zip(_GENRES, flags, strict=True) if flag == "1"]
    return _movie(fields[0], title, year, genres)


def _from_recbole(line: str) -> Movie:
    number, title, year, genres = _split(line, "\t", 4)
    # Without a year, its column holds what stood in the title's last brackets.
    known = (title.strip(), int(year)) if year.isdecimal() else split_year(title)
    if known[0] == "unkonwn":  # misspelt in this format
        known = ("unknown", None)
    names = genres.split()
    return _movie(number, *known, sorted(names, key=_position))


def _from_double_colons(line: str) -> Movie:
    number, title, genres = _split(line, "::", 3)
    return _movie(number, *split_year(title), genres.split("|"))


def _from_csv(line: str) -> Movie:
    fields = next(csv.reader([line.rstrip("\r")]))
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields, not 3")
    return _movie(fields[0], *split_year(fields[1]), fields[2].split("|"))


def read_links(content: bytes) -> dict[int, tuple[str | None, int | None]]:
    """Of links.csv, movie id -> IMDb id ("tt0114709") and TMDB id; DamageError names the line."""
    links = {}
    text = content.decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.split("\n"), start=1):
        if number == 1 or not line.strip():
            continue
        fields = line.strip().split(",")
        if len(fields) != 3:
            raise DamageError(f"line {number}: {len(fields)} fields, not 3")
        if not fields[0].isdecimal() or not all(not part or part.isdecimal() for part in fields):
            raise DamageError(f"line {number}: {line.strip()!r} has an id that is not a number")
        movie, imdb, tmdb = fields
        links[int(movie)] = (f"tt{int(imdb):07}" if imdb else None, int(tmdb) if tmdb else None)
    return links


def _split(line: str, separator: str, n: int) -> list[str]:
    fields = line.rstrip("\r").split(separator)
    if len(fields) != n:
        raise ValueError(f"{len(fields)} fields, not {n}")
    return fields


def _position(genre: str) -> int:
    return _GENRES.index(genre) if genre in _GENRES else len(_GENRES)


def _movie(number: str, title: str, year: int | None, genres: Iterable[str]) -> Movie:
    if not number.isdecimal():
        raise ValueError(f"the id is {number!r}, not an integer")
    named = tuple(genre for genre in genres if genre not in _NO_GENRE)
    return Movie(int(number), readable(title), year, named)


# Latin-1 takes any bytes, so it comes last; its accents are hardly ever valid UTF-8.
_ANY = ("utf-8-sig", "latin-1")
_UTF_8 = ("utf-8-sig",)
FORMATS = {
    "flags": MovieLensFormat("u.data", "u.item", "\t", False, _ANY, _from_flags),
    "recbole": MovieLensFormat("ml-100k.inter", "ml-100k.item", "\t", True, _UTF_8, _from_recbole),
    "colons": MovieLensFormat("ratings.dat", "movies.dat", "::", False, _ANY, _from_double_colons),
    "csv": MovieLensFormat("ratings.csv", "movies.csv", ",", True, _UTF_8, _from_csv),
}
