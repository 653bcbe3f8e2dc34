"""Anybody's ratings, from a CSV, TSV or Parquet file."""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, cast

from cinefold.datasets.catalogue import DatasetError, list_datasets
from cinefold.datasets.movielens import MovieData
from cinefold.datasets.movies import MOVIE_COLUMNS, Movie, parsed_movie
from cinefold.datasets.readers import TableFile, collect, open_table, read_errors
from cinefold.interactions import Interactions
from cinefold.interactions.column_names import find_column, find_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    import polars as pl

logger = logging.getLogger(__name__)

# As integers are written: 7, not 007 or 7.0, which are other ids.
_INTEGER = r"^(?:0|-?[1-9][0-9]*)$"
_LINE = "line in the file"
_LONGEST_ID = 1000
_MOST_DIGITS = 19  # of 64 bits
_ROWS = 1 << 22  # of Parquet that are in memory at a time
_SOME_ROWS = 10_000  # that tell what a column holds


@dataclass(frozen=True)
class RatingsFile:
    """A file of ratings and its columns: the arguments of :func:`load_ratings`."""

    path: str
    user: str | None = None
    item: str | None = None
    rating: str | None = None
    timestamp: str | None = None
    titles: str | None = None

    @property
    def name(self) -> str:
        """What the data set is called; never as one of the catalogue, whose profiles differ."""
        file = Path(self.path)
        taken = {spec.name for spec in list_datasets()}
        return file.name if file.stem in taken else file.stem

    def load(self) -> MovieData:
        """Read it."""
        return load_ratings(**asdict(self), name=self.name)


def load_ratings(
    path: str | PathLike[str],
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    timestamp: str | None = None,
    titles: str | PathLike[str] | None = None,
    name: str | None = None,
) -> MovieData:
    """Ratings of your own, from a CSV, TSV or Parquet file with named columns, or Parquet files.

    Columns that are not given are found by their usual names (``userId``, ``movie_id``, ``stars``,
    ``date`` ...), and a log line says which they are. Text files may be divided by comma, semicolon
    (with decimal commas), tab or ``|``, and come with or without a byte order mark.

    Parquet may be larger than memory: its row groups are read in turn, and 12 to 20 bytes of each
    rating are kept.

    Parameters
    ----------
    path : path
        A file, or a folder of Parquet files with the same columns.
    user, item : str, optional
        Columns of ids: integers or text.
    rating : str, optional
        Column of ratings. Where there is none, every row counts as 1; "" says so where a column
        looks like one.
    timestamp : str, optional
        Column of times: numbers, or ISO dates with or without time (as microseconds since 1970,
        UTC where they name no other zone). May be missing.
    titles : path, optional
        A CSV, TSV or Parquet file of the movies: their ids (``movieId``, ``item``, ``id`` ...),
        ``title``, and optionally ``year`` (else from titles such as "Heat (1995)") and ``genres``
        (divided by ``|``). Movies without a title are called by their ids.
    name : str, optional
        Of the data set; by default the file's.

    Returns
    -------
    MovieData

    Raises
    ------
    DatasetError
        Naming the file, the column, and what was found: columns that are missing or that may be
        meant both, values that are no numbers or times, missing ids.
    """
    table = open_table(path)
    with read_errors(table.path):
        columns = _columns(table, {"user": user, "item": item, "rating": rating,
                                   "timestamp": timestamp})  # fmt: skip
        interactions = _interactions(table, columns)
    movies = [] if titles is None else _read_titles(open_table(titles), interactions)
    if titles is not None:
        n_found = len({movie.id for movie in movies} & {*interactions.item_ids.tolist()})
        level = logging.INFO if n_found else logging.WARNING
        logger.log(level, "%s: titles for %d of %d items", titles, n_found, interactions.n_items)
    return MovieData.of(name or table.path.stem, interactions, movies, f"read from {path}")


def _columns(table: TableFile, given: dict[str, str | None]) -> dict[str, str]:
    """Role -> column, of the roles for which there is one; said in one log line."""
    remedy = "name it with {0}= (on the command line: --{0}-column)"
    none = 'give "" there if it is none'
    chosen = find_columns(table.columns, given, remedy, partial(_least, table), none)
    named = ", ".join(f"{role} is {column!r}" for role, column in chosen.items())
    ones = "" if "rating" in chosen else "; there are no ratings, so every row counts as 1"
    logger.info("%s: %s%s", table.path.name, named, ones)
    return chosen


def _least(table: TableFile, column: str) -> float | None:
    """The least number in the first rows of a column, if most of them are numbers."""
    import polars as pl

    kind = table.rows.collect_schema()[column]
    if not (kind.is_numeric() or kind == pl.String):
        return None
    given, number = pl.col(column).alias("given"), _typed(table, "rating", column)
    some = collect(table, table.rows.select(given, number).head(_SOME_ROWS))
    is_number = some["rating"].count() * 2 > some["given"].count()
    return cast("float | None", some["rating"].min()) if is_number else None


# -- ratings ------------------------------------------------------------------------------------


def _interactions(table: TableFile, columns: dict[str, str]) -> Interactions:
    with _duplicates_as_log(table):
        return Interactions.from_batches(
            _batches(table, columns),
            user="user",
            item="item",
            rating="rating" if "rating" in columns else None,
            timestamp="timestamp" if "timestamp" in columns else None,
        )


def _batches(table: TableFile, columns: dict[str, str]) -> Iterator[pl.DataFrame]:
    """The columns of the roles, typed: all rows of text, and of Parquet some at a time."""
    import polars as pl

    n = 0
    for rows in table.batches(_ROWS):
        if table.is_text:
            rows = rows.filter(~pl.all_horizontal(pl.all().is_null()))  # without blank lines
        frame = collect(table, rows.select(_typed(table, *chosen) for chosen in columns.items()))
        for role in columns:
            if frame[role].null_count():
                raise _first_gap(table, role, columns[role])
        if table.is_text:
            frame = frame.with_columns(ids_as_written(frame[role]) for role in ("user", "item"))
        n += len(frame)
        yield frame
    if not n:
        raise DatasetError("there are no ratings in it")


def _typed(table: TableFile, role: str, name: str) -> pl.Expr:
    """The column of a role, as what it is for; null where its text is nothing of the kind."""
    import polars as pl

    kind = table.rows.collect_schema()[name]
    column = pl.col(name).str.strip_chars() if table.is_text else pl.col(name)
    if role == "rating":
        column = _number(column, table, pl.Float32)
    elif role == "timestamp" and table.is_text:
        number = _number(column, table, pl.Float64).cast(pl.Int64, strict=False)
        # Not both: they would be in different units.
        is_number = number.is_not_null().sum() * 2 >= column.count()
        column = pl.when(is_number).then(number).otherwise(_time(column))
    elif role == "timestamp" and kind == pl.String:
        column = _time(column)
    elif role == "timestamp" and isinstance(kind, pl.Date | pl.Datetime):
        column = _microseconds(column, kind)
    elif role != "timestamp" and isinstance(kind, pl.String | pl.Categorical | pl.Enum):
        text = column.cast(pl.String)
        column = pl.when(text.str.len_chars().is_between(1, _LONGEST_ID)).then(text)
    return column.alias(role)


def _number(column: pl.Expr, table: TableFile, kind: Any) -> pl.Expr:
    if table.is_text and table.delimiter != ",":
        column = column.str.replace(",", ".", literal=True)
    number = column.cast(kind, strict=False)
    import polars as pl

    return pl.when(number.is_finite()).then(number)


def _microseconds(column: pl.Expr, kind: Any) -> pl.Expr:
    """Dates and datetimes since 1970; null where they have no room in 64 bits."""
    import polars as pl

    number, unit = column.to_physical().cast(pl.Int64), getattr(kind, "time_unit", "days")
    if unit == "ns":
        return number // 1000
    size = {"days": 86_400_000_000, "ms": 1000, "us": 1}[unit]
    most = 2**62 // size
    return pl.when(number.is_between(-most, most)).then(number * size)


def _time(column: pl.Expr) -> pl.Expr:
    """ISO dates and times as microseconds since 1970."""
    import polars as pl

    plain = column.str.replace("T", " ", literal=True).str.replace("Z", "+00:00", literal=True)
    dates = ("%Y-%m-%d", "%Y/%m/%d")
    times = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
    return pl.coalesce(
        plain.str.to_datetime(layout, time_unit="us", strict=False, time_zone="UTC")
        for layout in (*times, *dates, *(f"{time}%:z" for time in times))
    ).dt.timestamp("us")


def ids_as_written(texts: pl.Series) -> pl.Series:
    """As integers if all of them are written as such (7, not 007)."""
    import polars as pl

    if not texts.str.contains(_INTEGER).all():
        return texts
    numbers = texts.cast(pl.Int64, strict=False)
    if numbers.null_count():  # more digits than integers have
        return texts
    low, high = -(2**31), 2**31
    return numbers.cast(pl.Int32) if numbers.is_between(low, high, "left").all() else numbers


def _first_gap(table: TableFile, role: str, column: str) -> DatasetError:
    """Where the column first has nothing that its role could use."""
    import polars as pl

    # Text has a line for the names of the columns, and lines are counted from 1.
    rows = table.rows.with_row_index(_LINE, offset=2 if table.is_text else 0)
    if table.is_text:
        rows = rows.filter(~pl.all_horizontal(pl.exclude(_LINE).is_null()))
    bad = rows.filter(_typed(table, role, column).is_null()).select(_LINE, column)
    first = collect(table, bad.head(1)).with_columns(pl.col(column).to_physical())
    number, value = first.row(0)
    place = f"{'line' if table.is_text else 'row'} {number}: "
    if value is None or value == "":
        return DatasetError(f"{place}column {column!r} is empty")
    wanted = {
        "rating": "a number that float32 holds (up to 3.4e38)",
        "timestamp": "a number or an ISO date",
    }.get(role, f"an id of up to {_LONGEST_ID:,} characters")
    return DatasetError(f"{place}column {column!r} has {short(value)}, not {wanted}")


# -- titles -------------------------------------------------------------------------------------


def _read_titles(table: TableFile, interactions: Interactions) -> list[Movie]:
    import polars as pl

    with read_errors(table.path):
        remedy = "a file of titles has the columns id and title, and may have year and genres"
        found = {
            key: find_column(table.columns, usual, f"the column of {key}", remedy)
            for key, usual in MOVIE_COLUMNS.items()
        }
        if found["id"] is None or found["title"] is None:
            raise ValueError(f"the columns are {', '.join(table.columns)}; {remedy}")
        rows = table.rows.select(
            pl.col(column).cast(pl.String).str.strip_chars().alias(key)
            for key, column in found.items()
            if column is not None
        )
        integer_ids = interactions.item_ids.dtype.kind == "i"
        movies: dict[Any, Movie] = {}
        for number, row in enumerate(collect(table, rows).iter_rows(named=True), start=2):
            if not any(row.values()):
                continue
            try:
                movie = _movie(row, integer_ids)
                if movies.setdefault(movie.id, movie) is not movie:
                    raise ValueError(f"the id {row['id']!r} is there twice")
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return list(movies.values())


def _movie(row: dict[str, str | None], integer_ids: bool) -> Movie:
    text = row["id"] or ""
    if not text or (integer_ids and not (re.match(_INTEGER, text) and len(text) < _MOST_DIGITS)):
        kind = "an integer, as the ratings' are" if integer_ids else "an id"
        raise ValueError(f"the id is {short(text)}, not {kind}")
    genres = re.split(r"[|,;]", row.get("genres") or "")
    return parsed_movie(
        int(text) if integer_ids else text, row["title"] or "", row.get("year") or "", genres
    )


# -- errors and warnings ------------------------------------------------------------------------


@contextmanager
def _duplicates_as_log(table: TableFile) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        message = str(warning.message).removesuffix(" (see the duplicates option)")
        logger.warning("%s: %s", table.path.name, message)
