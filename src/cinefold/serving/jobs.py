"""What the pages have done in the background (`cinefold.serving.background`)."""

from __future__ import annotations

import logging
import secrets
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cinefold.profiles.importing import ImportReview, read_export, review, review_options
from cinefold.recommender.movie_map import lay_out
from cinefold.serving.background import BackgroundJob
from cinefold.serving.training import finish, train
from cinefold.serving.training_run import TrainingRun

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from cinefold.datasets import MovieData
    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization
    from cinefold.serving.background import Record
    from cinefold.serving.run_history import RunHistory

logger = logging.getLogger(__name__)


class TrainingJob(BackgroundJob[TrainingRun]):
    """As `cinefold.serving.training.train`, and then on all ratings.

    Its records are the iterations, as in ``history_``.

    Parameters
    ----------
    interactions : Interactions
    model : WeightedMatrixFactorization
    history : RunHistory, optional
        Where the outcome is kept.
    awaited : bool
        As of `BackgroundJob`.
    **options
        Of `train`.

    Attributes
    ----------
    model : WeightedMatrixFactorization
        As it was: not fitted.
    token : str
        With which `find_training` finds it.
    run_id : str or None
        In the history; None if it is not kept there.
    """

    def __init__(
        self,
        interactions: Interactions,
        model: WeightedMatrixFactorization,
        history: RunHistory | None = None,
        *,
        awaited: bool = False,
        **options: Any,
    ) -> None:
        self.model, self._history = model, history
        self.run_id: str | None = None
        self.token = secrets.token_urlsafe(8)
        _trainings[self.token] = self
        kept = self._add_to_history
        ratings = replace(interactions, timestamps=None)  # half of what would travel
        super().__init__(_train, ratings, model, options, keep=kept, awaited=awaited)

    def _add_to_history(self, run: TrainingRun) -> None:
        if self._history is not None:
            try:
                self.run_id = self._history.add(run)
            except OSError as error:  # it can be used all the same
                logger.warning("the run could not be kept: %s", error)


_trainings: weakref.WeakValueDictionary[str, TrainingJob] = weakref.WeakValueDictionary()


def find_training(token: str | None) -> TrainingJob | None:
    """The training of this token, as long as it runs or somebody holds it."""
    return None if token is None else _trainings.get(token)


def finish_in_background(run: TrainingRun, interactions: Interactions) -> TrainingRun:
    """As `cinefold.serving.training.finish`; BackgroundError if there is no outcome."""
    ratings = replace(interactions, timestamps=None)
    return BackgroundJob(_finish, run, ratings).finish(lambda _: None)


def lay_out_in_background(
    directions: NDArray[np.float32], *, progress: Callable[[float], object]
) -> NDArray[np.float64]:
    """As `cinefold.recommender.movie_map.lay_out`.

    Raises
    ------
    BackgroundError
        If there is no outcome.
    """
    return BackgroundJob(_lay_out, directions, awaited=True).finish(progress)


def review_in_background(
    data: MovieData, content: bytes, name: str, progress: Callable[[int, int], object]
) -> ImportReview:
    """As `cinefold.profiles.importing.read_export` and then `review_for`.

    Raises
    ------
    BackgroundError
        If the file cannot be imported, or there is no outcome.
    """
    job = BackgroundJob(_review, content, name, review_options(data), awaited=True)
    return job.finish(lambda told: progress(*told))


# -- in the process -------------------------------------------------------------------------------


def _train(
    interactions: Interactions,
    model: WeightedMatrixFactorization,
    options: dict[str, Any],
    record: Record,
) -> TrainingRun:
    told = [lambda _, entry: record(entry)]
    return train(interactions, model, refit=True, callbacks=told, progress=False, **options)


def _finish(run: TrainingRun, interactions: Interactions, _: Record) -> TrainingRun:
    return finish(run, interactions)


def _lay_out(directions: NDArray[np.float32], record: Record) -> NDArray[np.float64]:
    return lay_out(directions, progress=record)


def _review(content: bytes, name: str, options: dict[str, Any], record: Record) -> ImportReview:
    export = read_export(content, name=name)
    return review(export, **options, progress=lambda *told: record(told))
