"""Reading the MovieLens files, in each of the forms they come in."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError, dataset_info
from cinefold.datasets.fetch import fetch
from cinefold.datasets.movies import Movie, MovieCatalog
from cinefold.datasets.titles import readable, split_year
from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    import polars as pl

# The 19 flags of u.item, in their order; "unknown" means no genre.
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance"),
    *("Sci-Fi", "Thriller", "War", "Western"),
)


@dataclass(frozen=True)
class MovieData:
    """A data set in memory.

    Attributes
    ----------
    name : str
    interactions : Interactions
        With timestamps.
    movies : MovieCatalog
    source : str
        One sentence on where it came from.
    """

    name: str
    interactions: Interactions
    movies: MovieCatalog
    source: str


def load_movielens(
    name: str = "ml-100k",
    *,
    path: str | PathLike[str] | None = None,
    data_dir: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> MovieData:
    """A MovieLens data set: cached, else fetched, verified and cached.

    Parameters
    ----------
    name : str
        One of :func:`cinefold.datasets.list_datasets`.
    path : path, optional
        A local zip file or folder instead, in the original form (``u.data``, ``u.item``) or
        RecBole's (``ml-100k.inter``, ``ml-100k.item``). Its checksum is not asked for.
    data_dir : path, optional
        Cache folder; by default CINEFOLD_DATA_DIR, or the platform's cache folder.
    progress : bool, optional
        Show download progress; by default when standard error is a terminal.

    Returns
    -------
    MovieData

    Raises
    ------
    DatasetError
        When it cannot be had or read.
    """
    spec = dataset_info(name)
    if path is not None:
        files, source = _Files(Path(path).expanduser()), f"read from {path}"
    else:
        fetched = fetch(spec, data_dir=Path(data_dir) if data_dir else None, progress=progress)
        files, source = _Files(fetched.path), fetched.source
    ratings, movies = _read(files)
    interactions = Interactions.from_dataframe(ratings, timestamp="timestamp")
    counts = dict(
        zip(interactions.item_ids.tolist(), interactions.item_counts().tolist(), strict=True)
    )
    missing = sorted(set(counts) - {movie.id for movie in movies})
    # A film that is rated but not described is still a film.
    movies += [Movie(movie_id, f"Movie {movie_id}") for movie_id in missing]
    return MovieData(name, interactions, MovieCatalog(movies, counts), source)


class _Files:
    """Members of a zip file or folder, found by file name at any depth; nothing is extracted."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise DatasetError(f"there is no file or folder {path}")
        self.path = path

    def read(self, filename: str) -> bytes | None:
        if self.path.is_dir():
            found = sorted(self.path.rglob(filename))
            return found[0].read_bytes() if found else None
        try:
            with zipfile.ZipFile(self.path) as archive:
                for member in archive.namelist():
                    if member.rpartition("/")[2] == filename:
                        return archive.read(member)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(f"{self.path} is not a readable zip file: {error}") from error
        return None


def _read(files: _Files) -> tuple[pl.DataFrame, list[Movie]]:
    forms: dict[tuple[str, str], tuple[_RatingReader, _MovieReader]] = {
        ("u.data", "u.item"): (_original_ratings, _original_movies),
        ("ml-100k.inter", "ml-100k.item"): (_recbole_ratings, _recbole_movies),
    }
    for names, readers in forms.items():
        contents = [files.read(name) for name in names]
        if contents[0] is not None and contents[1] is not None:
            try:
                return readers[0](contents[0]), readers[1](contents[1])
            except (ValueError, UnicodeDecodeError, IndexError) as error:
                raise DatasetError(
                    f"{names[0]} or {names[1]} in {files.path} is damaged: {error}"
                ) from error
    wanted = " or ".join(" and ".join(names) for names in forms)
    raise DatasetError(f"{files.path} has no MovieLens 100K in it: {wanted} must be there")


if TYPE_CHECKING:
    _RatingReader = Callable[[bytes], pl.DataFrame]
    _MovieReader = Callable[[bytes], list[Movie]]

_RATING_COLUMNS = ("user_id", "item_id", "rating", "timestamp")


def _tab_separated(content: bytes, *, header: bool) -> pl.DataFrame:
    import polars as pl  # not needed before data is read

    try:
        table = pl.read_csv(
            io.BytesIO(content),
            separator="\t",
            has_header=header,
            new_columns=list(_RATING_COLUMNS),
            quote_char=None,
            schema_overrides=[pl.Int64, pl.Int64, pl.Float64, pl.Float64],
        )
    except pl.exceptions.PolarsError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return table.with_columns(pl.col("timestamp").cast(pl.Int64), pl.col("rating").cast(pl.Float32))


def _original_ratings(content: bytes) -> pl.DataFrame:
    return _tab_separated(content, header=False)


def _recbole_ratings(content: bytes) -> pl.DataFrame:
    return _tab_separated(content, header=True)


def _original_movies(content: bytes) -> list[Movie]:
    movies = []
    for line in content.decode("latin-1").splitlines():
        fields = line.split("|")
        if len(fields) < 5 + len(_GENRES):
            if line.strip():
                raise ValueError(f"u.item has a line of {len(fields)} fields: {line[:60]!r}")
            continue
        title, year = split_year(fields[1])
        flags = fields[5 : 5 + len(_GENRES)]
        genres = tuple(genre for genre, flag in zip(_GENRES, flags, strict=True) if flag == "1")
        movies.append(_movie(int(fields[0]), title, year, genres))
    return movies


def _recbole_movies(content: bytes) -> list[Movie]:
    movies = []
    for line in content.decode("utf-8").splitlines()[1:]:
        movie_id, title, year, genres = line.split("\t")
        # Without a year, the year column holds what stood in the title's last brackets.
        known = (title.strip(), int(year)) if year.isdecimal() else split_year(title)
        names = set(genres.split())
        ordered = tuple(genre for genre in _GENRES if genre in names)
        title = "unknown" if known[0] == "unkonwn" else known[0]  # misspelt in this form
        movies.append(_movie(int(movie_id), title, known[1], ordered))
    return movies


def _movie(movie_id: int, title: str, year: int | None, genres: tuple[str, ...]) -> Movie:
    known = tuple(genre for genre in genres if genre != "unknown")
    return Movie(movie_id, readable(title), year, known)
