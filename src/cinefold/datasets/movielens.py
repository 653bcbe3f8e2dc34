"""MovieLens data sets in memory: ratings, movies, and where they came from."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError, dataset_info
from cinefold.datasets.fetch import fetch
from cinefold.datasets.files import Files
from cinefold.datasets.forms import FORMS
from cinefold.datasets.movies import Movie, MovieCatalog
from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from cinefold.datasets.catalogue import DatasetSpec


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
        files, source = Files(path), f"read from {path}"
    else:
        fetched = fetch(
            spec, data_dir=Path(data_dir).expanduser() if data_dir else None, progress=progress
        )
        files, source = Files(fetched.path), fetched.source
    interactions, movies = _read(spec, files)
    counts = dict(
        zip(interactions.item_ids.tolist(), interactions.item_counts().tolist(), strict=True)
    )
    missing = sorted(set(counts) - {movie.id for movie in movies})
    # A film that is rated but not described is still a film.
    movies += [Movie(movie_id, f"Movie {movie_id}") for movie_id in missing]
    return MovieData(name, interactions, MovieCatalog(movies, counts), source)


def _read(spec: DatasetSpec, files: Files) -> tuple[Interactions, list[Movie]]:
    forms = [FORMS[name] for name in spec.forms]
    for form in forms:
        ratings, movies = files.read(form.ratings), files.read(form.movies)
        if ratings is not None and movies is not None:
            with _blaming(form.ratings, files):
                table = form.read_ratings(ratings)
                interactions = Interactions.from_dataframe(table, timestamp="timestamp")
            with _blaming(form.movies, files):
                return interactions, form.read_movies(movies)
    wanted = " or ".join(f"{form.ratings} and {form.movies}" for form in forms)
    raise DatasetError(f"{files.path} has no {spec.title} in it: {wanted} must be there")


@contextmanager
def _blaming(filename: str, files: Files) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DatasetError(f"{filename} in {files.path} is damaged: {error}") from error
