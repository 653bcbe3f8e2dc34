"""Functions of the library that others do not have to wait for: each in a process of its own.

An exception here, such as that of a page that is left, ends the process.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.profiles.importing import ImportReview, StarScale
from cinefold.serving import tasks
from cinefold.serving.background import Job, TrainingJob
from cinefold.serving.training import DEFAULT_SPLIT_SEED, DEFAULT_VALIDATION_FRACTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from cinefold.datasets import MovieData
    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization
    from cinefold.serving.training import TrainingRun


def train_apart(
    interactions: Interactions,
    model: WeightedMatrixFactorization,
    *,
    refit: bool = True,
    callbacks: Iterable[Callable[[WeightedMatrixFactorization, dict[str, Any]], object]] = (),
    progress: bool | None = None,
) -> TrainingRun:
    """As `training.train`; callbacks get `model` as it is, not fitted, and end nothing.

    Raises
    ------
    JobError
        If there is no outcome.
    """
    if not refit or progress:
        raise ValueError("another process trains on all ratings in the end, and without a bar")

    def tell(record: dict[str, Any]) -> None:
        for callback in callbacks:
            callback(model, record)

    return TrainingJob(
        interactions,
        model,
        validation_fraction=DEFAULT_VALIDATION_FRACTION,
        random_state=DEFAULT_SPLIT_SEED,
    ).finish(tell)


def lay_out_apart(
    directions: NDArray[np.float32], *, progress: Callable[[float], object] | None = None
) -> NDArray[np.float64]:
    """As `cinefold.recommender.movie_map.lay_out`.

    Raises
    ------
    JobError
        If there is no outcome.
    """

    def tell(record: dict[str, Any]) -> None:
        if progress is not None:
            progress(record["done"])

    def fill(folder: Path) -> None:
        np.save(folder / tasks.DIRECTIONS, directions)

    def take(folder: Path) -> NDArray[np.float64]:
        return np.asarray(np.load(folder / tasks.LAYOUT), np.float64)

    return Job("lay_out", {}, fill, take).finish(tell)


def review_apart(
    data: MovieData, content: bytes, name: str, progress: Callable[[int, int], object]
) -> ImportReview:
    """As `cinefold.profiles.importing.read_export` and then `review_for`.

    Raises
    ------
    JobError
        If the file cannot be imported, or there is no outcome.
    """

    def fill(folder: Path) -> None:
        (folder / tasks.EXPORT).write_bytes(content)
        tasks.save_films(folder / tasks.FILMS, data.movies)

    def take(folder: Path) -> ImportReview:
        return ImportReview.load(folder / tasks.OUTCOME, data.movies)

    scale = asdict(StarScale.of(data.interactions))
    order = {"file": name, "name": data.name, "scale": scale}
    return Job("review", order, fill, take).finish(
        lambda record: progress(record["done"], record["total"])
    )
