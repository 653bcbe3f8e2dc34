"""The formats of MovieLens data: from the bytes of its files to ratings and movies."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import partial
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
        import polars as pl

        table = pl.concat(self._table(block, number) for number, block in _blocks(stream))
        # One after the other, so that little of the data is in memory twice.
        return {name: table.drop_in_place(name).to_numpy() for name in _COLUMNS}

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

        def add(line: str) -> None:
            movie = self.to_movie(line)
            if movies.setdefault(movie.id, movie) is not movie:
                raise ValueError(f"id {movie.id} is there twice")

        _for_each_line(self._decoded(content), self.header, add)
        return list(movies.values())

    def _decoded(self, content: bytes) -> str:
        for encoding in self.encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise DamageError(f"it is not in {' or '.join(self.encodings)}")

    def _first_damage(self, block: bytes, first: int) -> DamageError | None:
        try:
            _for_each_line(self._decoded(block), self.header, self._check_rating, first)
        except DamageError as error:
            return error
        return None

    def _check_rating(self, line: str) -> None:
        fields = _split(line, self.separator, len(_COLUMNS))
        for (name, kind), field in zip(_COLUMNS.items(), fields, strict=True):
            try:
                value = kind(field)
            except ValueError:
                raise ValueError(f"{name} is {field!r}, not a number") from None
            if kind is int and abs(value) > _LARGEST_ID:
                raise ValueError(f"{name} is {field}, above {_LARGEST_ID}")


def _for_each_line(text: str, header: bool, read: Callable[[str], None], first: int = 1) -> None:
    """Call `read` with each line that is not blank; DamageError says on which one it failed."""
    # Only line feeds count: titles may hold the other characters that end lines.
    for number, line in enumerate(text.split("\n"), start=first):
        if line.strip() and number > header:
            try:
                read(line)
            except ValueError as error:
                raise DamageError(f"line {number}: {error}") from None


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
    elif blank:
        raise DamageError("it is empty")


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


def _from_three_fields(separator: str, line: str) -> Movie:
    number, title, genres = _split(line, separator, 3)
    return _movie(number, *split_year(title), genres.split("|"))


def read_links(content: bytes) -> dict[int | str, dict[str, Any]]:
    """Of links.csv, movie id -> ``imdb_id`` and ``tmdb_id`` of its Movie.

    DamageError names the line.
    """
    links: dict[int | str, dict[str, Any]] = {}

    def add(line: str) -> None:
        movie, imdb, tmdb = _split(line, ",", 3)
        if not movie.isdecimal() or not f"0{imdb}0{tmdb}".isdecimal():
            raise ValueError(f"{line.strip()!r} has an id that is not a number")
        links[int(movie)] = {
            "imdb_id": f"tt{int(imdb):07}" if imdb else None,
            "tmdb_id": int(tmdb) if tmdb else None,
        }

    _for_each_line(content.decode("utf-8-sig", errors="replace"), True, add)
    return links


def _split(line: str, separator: str, n: int) -> list[str]:
    line = line.rstrip("\r")
    fields = next(csv.reader([line])) if separator == "," else line.split(separator)
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
    "colons": MovieLensFormat(
        "ratings.dat", "movies.dat", "::", False, _ANY, partial(_from_three_fields, "::")
    ),
    "csv": MovieLensFormat(
        "ratings.csv", "movies.csv", ",", True, _UTF_8, partial(_from_three_fields, ",")
    ),
}
