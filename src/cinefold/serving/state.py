"""What all visitors share: the data, and the model in use."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from cinefold.datasets import dataset_info, load_movielens
from cinefold.recommender import MovieRecommender, Population
from cinefold.serving.jobs import TrainingJob, finish_in_background
from cinefold.serving.launch import chosen_dataset, chosen_ratings
from cinefold.serving.run_history import RunHistory
from cinefold.serving.training import load_or_train

if TYPE_CHECKING:
    from collections.abc import Callable

    from cinefold.datasets import MovieData
    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization
    from cinefold.serving.training_run import TrainingRun

    Progress = Callable[[float, str], object]

T = TypeVar("T")

logger = logging.getLogger(__name__)
LARGE = 5_000_000
"""From so many ratings on, the model that was fitted first is used until it is finished, and other
trainings take what time the pages leave over."""
_SLOWLY = 60.0  # seconds in which a bar without news goes 63 % of what is left


class State:
    """The data, the default model, and the model in use: the default one or that of a kept run.

    Attributes
    ----------
    data : MovieData
    default : TrainingRun
    history : RunHistory
    run : TrainingRun
        The one in use.
    recommender : MovieRecommender
        With its model.
    """

    def __init__(self, data: MovieData, default: TrainingRun) -> None:
        self.data = data
        self.default = default
        self.history = RunHistory(data.name)
        self.use(default)
        active = self.history.active
        if active is not None:
            try:
                self.use(self.history.load(active))
            except (OSError, ValueError) as error:
                logger.warning("the default model is used: %s", error)

    def use(self, run: TrainingRun) -> None:
        """Recommend with `run`, to everybody, from now on."""
        _share_ratings(run, self.data.interactions)
        # One assignment, so that nobody sees a run and the recommender of another.
        self._in_use = run, MovieRecommender(self.data, run.model, run.stars)

    def activate(self, run_id: str | None) -> None:
        """Use a run of the history, after restarts too; None for the default model.

        Raises
        ------
        OSError, ValueError
            If it is gone or damaged.
        """
        self.use(self.default if run_id is None else self.history.load(run_id))
        self.history.activate(run_id)

    def finish_default(self) -> None:
        """Measure the default model, fit it on all ratings, in the background, and keep that.

        Raises
        ------
        BackgroundError
        """
        run = finish_in_background(self.default, self.data.interactions)
        load_or_train(self.data, trainer=lambda *_: run)
        was_used, self.default = self.uses_default, run
        if was_used:
            self.use(run)

    @property
    def run(self) -> TrainingRun:
        return self._in_use[0]

    @property
    def recommender(self) -> MovieRecommender:
        return self._in_use[1]

    @property
    def uses_default(self) -> bool:
        return self.run is self.default

    @cached_property
    def population(self) -> Population:
        """The users of the data, to compare one with."""
        return Population(self.data)


def _share_ratings(run: TrainingRun, known: Interactions) -> None:
    """Models of the data's own ratings have them from files of their own: once is enough."""
    for model in (run.model, *([run.stars.explicit_] if run.stars else ())):
        own = model.interactions_
        pairs = [(own.user_ids, known.user_ids), (own.item_ids, known.item_ids)]
        names = ("indptr", "indices", "data")
        pairs += [(getattr(own.by_user, name), getattr(known.by_user, name)) for name in names]
        if own is not known and own.weights is None and all(np.array_equal(*p) for p in pairs):
            model._state = replace(model._fitted, interactions=known)


def prepare_state(dataset: str, progress: Progress) -> State:
    """Load a data set and its default model, which is trained in the background if there is none.

    Parameters
    ----------
    dataset : str
        The one that the app was started with, or another of the catalogue.
    progress : callable
        Called with the share that is done and a text for people.

    Raises
    ------
    DatasetError
        If the data cannot be had.
    BackgroundError
        If there is no model.
    """
    data = _load_data(dataset, progress)
    progress(0.1, f"Preparing recommendations for {data.interactions.n_items:,} movies …")

    def train(interactions: Interactions, model: WeightedMatrixFactorization) -> TrainingRun:
        total, is_large = model.max_iter, interactions.n_ratings >= LARGE
        job = TrainingJob(interactions, model, awaited=True, unfinished=is_large)
        shown, done, since = 0.1, 0, time.monotonic()

        def show() -> None:
            """While an iteration lasts, the bar approaches its end slowly; so at the end."""
            nonlocal shown, done, since
            if len(job.records) != done:
                done, since = len(job.records), time.monotonic()
            reached, waited = 0.1 + 0.6 * done / total, time.monotonic() - since
            ahead = 0.6 / total if done < total else 1 - reached
            shown = max(shown, reached + ahead * (1 - math.exp(-waited / _SLOWLY)))
            text = (
                f"Training the model, only once: iteration {done + 1} of at most {total} …"
                if done < total
                else "Measuring the model, then training it on all ratings …"
            )
            progress(min(shown, 0.99), text)

        return job.finish(lambda _: None, show)

    return State(data, load_or_train(data, trainer=train))


class SharedWork(Generic[T]):
    """Work that visitors wait for together, in a thread of its own: it goes on when they leave.

    It begins at once.

    Parameters
    ----------
    make : callable
        Called with a function that takes the share that is done and a text for people.

    Attributes
    ----------
    progress : (float, str)
        The share that is done, and a text for people.
    since : float
        When it began, by ``time.monotonic``.
    value
        What `make` returned, or None.
    error : Exception or None
        Why there is no value; `start` tries again.
    """

    def __init__(self, make: Callable[[Progress], T]) -> None:
        self._make = make
        self.start()

    def start(self) -> None:
        self.progress: tuple[float, str] = (0.0, "Starting …")
        self.value: T | None = None
        self.error: Exception | None = None
        self.since = time.monotonic()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self.value is None and self.error is None

    def wait(self, seconds: float) -> None:
        """Until it is over, but no longer than `seconds`."""
        self._thread.join(seconds)

    def _work(self) -> None:
        def show(*progress: Any) -> None:
            self.progress = progress

        try:
            self.value = self._make(show)
        except Exception as error:  # the page that waits shows it or raises it
            self.error = error


class Preparation(SharedWork[State]):
    """A `State` on its way, as `prepare_state` makes it; then its model is finished.

    Parameters
    ----------
    dataset : str
    ready : callable, optional
        Called when the state is there, before anybody sees it.
    """

    def __init__(self, dataset: str, ready: Callable[[], object] = lambda: None) -> None:
        def make(show: Progress) -> State:
            state = prepare_state(dataset, show)
            state.recommender.recommend_for({})  # what the first click would wait for
            ready()
            return state

        super().__init__(make)

    def _work(self) -> None:
        super()._work()
        if self.value is not None:
            self.value.data.movies.search("the")  # makes the index
            if not self.value.default.refitted:
                try:
                    self.value.finish_default()
                except Exception as error:  # what is there can be used
                    logger.warning("the model in use has not seen all ratings: %s", error)


def _load_data(dataset: str, progress: Progress) -> MovieData:
    usual, path = chosen_dataset()
    path = path if dataset == usual else None
    ratings = chosen_ratings()
    if ratings is not None and dataset == usual:
        progress(0.0, f"Reading {dataset} from your file …")
        return ratings.load()
    spec = dataset_info(dataset)
    source = f"{spec.size / 1e6:.0f} MB, only once" if path is None else "from your file"
    progress(0.0, f"Getting {spec.title} ({source}) …")
    return load_movielens(dataset, path=path)
