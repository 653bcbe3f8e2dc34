"""Whether movie ids of an export are those of the data: MovieLens has two numberings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import MovieData, list_datasets
from cinefold.datasets.catalogue import MOVIELENS
from cinefold.profiles.importing.export_files import ImportFileError
from cinefold.profiles.importing.exported_ratings import Export

_FIRST, _LAST_TIME, _N_MOVIES = 874_724_710, 893_286_638, 1_682  # of MovieLens 100K
_SMALL = "ml-100k"
_NAMES = {spec.name for spec in list_datasets() if spec.url.startswith(MOVIELENS)}


def ratings_of_1997_98(data: MovieData) -> NDArray[np.int64] | None:
    """Movie ids and times of the ratings from when MovieLens 100K was recorded, shape (n, 2).

    None where neither numbering is that of the data.
    """
    interactions = data.interactions
    times, items = interactions.timestamps, interactions.item_ids
    if data.name not in _NAMES or times is None or items.dtype.kind != "i":
        return None
    then = (times >= _FIRST) & (times <= _LAST_TIME)
    return np.column_stack((items[interactions.by_user.indices[then]], times[then]))


def check_ids(export: Export, name: str, rated: NDArray[np.int64] | None) -> None:
    """An ImportFileError if ids without titles are of the other numbering, most likely.

    Parameters
    ----------
    export : Export
    name : str
        Of the data set.
    rated : ndarray of int64, shape (n, 2), or None
        See `ratings_of_1997_98`.
    """
    alone = [line for line in export.lines if line.movie_id and not _named(line)]
    if export.format != "MovieLens" or name not in _NAMES or not alone:
        return
    given = {(line.movie_id, int(line.rated_at.timestamp())) for line in alone if line.rated_at}
    small = len(given) == len(alone) and all(
        _FIRST <= time <= _LAST_TIME and str(movie).isdecimal() and int(movie or 0) <= _N_MOVIES
        for movie, time in given
    )
    if not small and name != _SMALL:
        return
    known = {(str(movie), time) for movie, time in ([] if rated is None else rated.tolist())}
    if small and given <= known:
        return
    others = [spec.name for spec in list_datasets() if "csv" in spec.formats]
    likely = _SMALL if small and name != _SMALL else f"one of {', '.join(others)}"
    raise ImportFileError(
        f"{alone[0].file} has movie ids without titles, which mean other movies in {name}: they "
        f"are likely of {likely}. Choose that data set, or give a file with titles"
    )


def _named(line: Any) -> bool:
    return bool(line.title or line.imdb_id or line.tmdb_id)
