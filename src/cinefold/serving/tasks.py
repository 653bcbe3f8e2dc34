"""What takes its time: a worker process does it, so that it holds up nobody's page.

Each task gets a folder with what to work on, tells of its progress by ``record(entry)``, which
returns whether to end early, and returns what puts its outcome into the folder.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.datasets import Movie, MovieCatalog
from cinefold.models import WeightedMatrixFactorization
from cinefold.models.persistence import load_interactions
from cinefold.profiles.importing import StarScale, read_export, review
from cinefold.recommender.movie_map import lay_out
from cinefold.serving.training import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Record = Callable[[dict[str, Any]], bool]
    Save = Callable[[], object]

RATINGS, OUTCOME = "ratings.safetensors", "outcome"
DIRECTIONS, LAYOUT = "directions.npy", "layout.npy"
FILMS, EXPORT = "films.jsonl", "export"


def _train(folder: Path, record: Record, *, parameters: dict[str, Any], **options: Any) -> Save:
    run = train(
        load_interactions(folder / RATINGS),
        WeightedMatrixFactorization(**parameters),
        refit=True,
        callbacks=[lambda _, entry: record(entry)],
        progress=False,
        **options,
    )
    return partial(run.save, folder / OUTCOME)


def _lay_out(folder: Path, record: Record) -> Save:
    directions = np.load(folder / DIRECTIONS)
    layout = lay_out(directions, progress=lambda done: record({"done": done}))
    return partial(np.save, folder / LAYOUT, layout)


def _review(folder: Path, record: Record, *, file: str, name: str, scale: dict[str, float]) -> Save:
    export = read_export((folder / EXPORT).read_bytes(), name=file)
    found = review(
        export,
        load_films(folder / FILMS),
        scale=StarScale(**scale),
        name=name,
        progress=lambda done, total: record({"done": done, "total": total}),
    )
    return partial(found.save, folder / OUTCOME)


TASKS: dict[str, Callable[..., Save]] = {"train": _train, "lay_out": _lay_out, "review": _review}


def save_films(file: Path, movies: MovieCatalog) -> None:
    """What matching needs to know of them."""
    with file.open("w", encoding="utf-8") as lines:
        for movie in movies:
            known = (movie.id, movie.title, movie.year, (), movie.imdb_id, movie.tmdb_id)
            lines.write(json.dumps((known, movies.popularity(movie.id))) + "\n")


def load_films(file: Path) -> MovieCatalog:
    with file.open(encoding="utf-8") as lines:
        films = [(Movie(*known), ratings) for known, ratings in map(json.loads, lines)]
    return MovieCatalog(
        (movie for movie, _ in films), {movie.id: ratings for movie, ratings in films}
    )
