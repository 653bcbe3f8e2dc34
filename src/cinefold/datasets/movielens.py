"""MovieLens data sets in memory: ratings, movies, and where they came from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cinefold.datasets import parsed_cache
from cinefold.datasets.archives import Files
from cinefold.datasets.catalogue import DatasetError, dataset_info, errors_name_file
from cinefold.datasets.fetch import default_data_dir, fetch, wished_checksum
from cinefold.datasets.movielens_formats import FORMATS, read_links, recognized
from cinefold.datasets.movies import Movie, MovieCatalog
from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from pathlib import PurePosixPath

    from cinefold.datasets.catalogue import DatasetSpec
    from cinefold.datasets.movielens_formats import MovieLensFormat

_LINKS = "links.csv"
# Of movies.csv and alike, which are read whole; those of MovieLens have up to 5 million bytes.
_MOST_BYTES = 64 << 20


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

    @classmethod
    def of(
        cls, name: str, interactions: Interactions, movies: Iterable[Movie], source: str
    ) -> Self:
        """With `movies` and those that are rated but not described, which are called by their ids.

        How often each is rated decides between titles that fit a search equally well.

        Parameters
        ----------
        name, source : str
        interactions : Interactions
        movies : iterable of Movie
        """
        ids, counts = interactions.item_ids.tolist(), interactions.item_counts().tolist()
        described = {movie.id: movie for movie in movies}
        others = [i for i in ids if i not in described]
        unknown = [Movie(i, i if isinstance(i, str) else f"Movie {i}") for i in others]
        catalog = MovieCatalog([*described.values(), *unknown], dict(zip(ids, counts, strict=True)))
        return cls(name, interactions, catalog, source)


def load_movielens(
    name: str = "ml-100k",
    *,
    path: str | PathLike[str] | None = None,
    data_dir: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> MovieData:
    """A MovieLens data set: cached, else fetched, verified and cached.

    Large ones are kept as they were parsed, too, until their files change: the next call maps them
    into memory.

    Parameters
    ----------
    name : str
        One of :func:`cinefold.datasets.list_datasets`.
    path : path, optional
        A local zip file or folder instead, in the format of the data set: ``u.data`` and ``u.item``
        or RecBole's ``ml-100k.inter`` and ``ml-100k.item`` (100K), ``ratings.dat`` and
        ``movies.dat`` (1M, 10M), or ``ratings.csv`` and ``movies.csv`` (the others; ``links.csv``
        gives the movies their IMDb and TMDB ids). Its checksum is not asked for.
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
    cache = Path(data_dir).expanduser() if data_dir else default_data_dir()
    checksum = "" if path is not None else wished_checksum()

    def is_kept(file: Path) -> bool:
        with suppress(DatasetError):
            kept, identity, *_ = _kept(spec, Files(file), cache, checksum)
            return parsed_cache.is_kept(kept, identity)
        return False

    if path is not None:
        files, source = Files(path), f"read from {path}"
    else:
        fetched = fetch(spec, data_dir=cache, progress=progress, verified=is_kept)
        files, source = Files(fetched.path), fetched.source
    kept, identity, found, folder = _kept(spec, files, cache, checksum)
    interactions, movies = parsed_cache.load_or_parse(
        kept, identity, lambda: _read(files, found, folder)
    )
    return MovieData.of(name, interactions, movies, source)


def _kept(
    spec: DatasetSpec, files: Files, cache: Path, checksum: str
) -> tuple[Path, str, MovieLensFormat, PurePosixPath]:
    """Where the content of the files is kept once it is parsed, what they are, and their format."""
    found, folder = recognized(spec, files)
    names = (found.ratings, found.movies, _LINKS)
    identity = files.identity(*(folder / name for name in names)) + checksum
    return parsed_cache.kept_file(cache, spec.name, files.path / folder), identity, found, folder


def _read(
    files: Files, found: MovieLensFormat, folder: PurePosixPath
) -> tuple[Interactions, list[Movie]]:
    with errors_name_file(files.path, found.ratings), files.open(folder / found.ratings) as stream:
        columns = found.read_ratings(stream)
        interactions = Interactions.from_arrays(
            columns.pop("user"),
            columns.pop("item"),
            columns.pop("rating"),
            timestamps=columns.pop("timestamp"),
        )
    with errors_name_file(files.path, found.movies):
        movies = found.read_movies(files.read(folder / found.movies, _MOST_BYTES) or b"")
    with errors_name_file(files.path, _LINKS):
        links = files.read(folder / _LINKS, _MOST_BYTES) if found is FORMATS["csv"] else None
        other_ids = read_links(links) if links else {}
    return interactions, [replace(movie, **other_ids.get(movie.id, {})) for movie in movies]
