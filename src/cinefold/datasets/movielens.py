"""MovieLens data sets in memory: ratings, movies, and where they came from."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from cinefold.datasets.catalogue import DatasetError, dataset_info, list_datasets
from cinefold.datasets.fetch import fetch
from cinefold.datasets.files import Files
from cinefold.datasets.movielens_formats import FORMS, Form, read_links
from cinefold.datasets.movies import Movie, MovieCatalog
from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from cinefold.datasets.catalogue import DatasetSpec

_LINKS = "links.csv"


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
        A local zip file or folder instead, in the form of the data set: ``u.data`` and ``u.item``
        or RecBole's ``ml-100k.inter`` and ``ml-100k.item`` (100K), ``ratings.dat`` and
        ``movies.dat`` (1M, 10M), or ``ratings.csv`` and ``movies.csv`` (the others; ``links.csv``
        gives the films their IMDb and TMDB ids). Its checksum is not asked for.
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
    form = _form(spec, files)
    with _blaming(form.ratings, files), files.open(form.ratings) as stream:
        columns = form.read_ratings(cast("IO[bytes]", stream))
        interactions = Interactions.from_arrays(
            columns.pop("user_id"),
            columns.pop("item_id"),
            columns.pop("rating"),
            timestamps=columns.pop("timestamp"),
        )
    with _blaming(form.movies, files):
        movies = form.read_movies(files.read(form.movies) or b"")
    links = files.read(_LINKS) if form is FORMS["csv"] else None
    if links is not None:
        with _blaming(_LINKS, files):
            movies = _linked(movies, read_links(links))
    return interactions, movies


def _form(spec: DatasetSpec, files: Files) -> Form:
    """The form of the data set that the files have."""
    there = [name for name, form in FORMS.items() if _has(form, files)]
    for name in spec.forms:
        if name in there:
            return FORMS[name]
    wanted = " or ".join(f"{FORMS[name].ratings} and {FORMS[name].movies}" for name in spec.forms)
    message = f"{files.path} has no {spec.title} in it: {wanted} must be there"
    if there:
        form = FORMS[there[0]]
        others = [other.name for other in list_datasets() if there[0] in other.forms]
        message += (
            f"; {form.ratings} and {form.movies} are, the form of {', '.join(others)}: name the "
            "one it is (on the command line: --dataset)"
        )
    raise DatasetError(message)


def _has(form: Form, files: Files) -> bool:
    return files.has(form.ratings) and files.has(form.movies)


def _linked(movies: list[Movie], links: dict[int, tuple[str | None, int | None]]) -> list[Movie]:
    nowhere = (None, None)
    return [
        replace(movie, imdb_id=imdb, tmdb_id=tmdb)
        for movie in movies
        for imdb, tmdb in [links.get(int(movie.id), nowhere)]
    ]


@contextmanager
def _blaming(filename: str, files: Files) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DatasetError(f"{filename} in {files.path} is damaged: {error}") from error
