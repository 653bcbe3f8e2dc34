"""Training with evaluation: split, fit, compare with popularity.

The command line and the app train here, so that both mean the same by "validation" and "default".
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold._cache import cached
from cinefold._signals import keep_on_interrupt
from cinefold._version import __version__
from cinefold.datasets import default_data_dir
from cinefold.evaluation import evaluate
from cinefold.interactions.splits import seed_from
from cinefold.metrics.accuracy import rmse
from cinefold.models import Popularity, WeightedMatrixFactorization
from cinefold.models.rating_predictor import StarPredictor
from cinefold.serving.training_run import TrainingRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from cinefold.datasets import MovieData
    from cinefold.interactions import Interactions

    Record = dict[str, Any]
    Callback = Callable[[WeightedMatrixFactorization, Record], bool | None]

logger = logging.getLogger(__name__)

DEFAULT_VALIDATION_FRACTION = 0.1
DEFAULT_SPLIT_SEED = 0

MOST_IN_STARS = 100_000
"""Of so many ratings of each part, evenly chosen, the learning curve has the RMSE in stars."""
_CURVES = "RMSE in stars"  # what a run has since the version of the library alone does not tell


def train(
    interactions: Interactions,
    model: WeightedMatrixFactorization,
    *,
    validation_fraction: float = DEFAULT_VALIDATION_FRACTION,
    random_state: int = DEFAULT_SPLIT_SEED,
    refit: bool = False,
    unfinished: bool = False,
    keep_interrupted: bool = False,
    callbacks: Iterable[Callback] = (),
    progress: bool | None = None,
) -> TrainingRun:
    """Fit `model` on a part of `interactions` and evaluate it on the rest.

    Parameters
    ----------
    interactions : Interactions
    model : WeightedMatrixFactorization
        Fitted in place.
    validation_fraction : float
        Share of every user's ratings that is held out (``split("per-user")``), below 1; 0 holds
        nothing out and evaluates nothing.
    random_state : int
        Seed of the split.
    refit : bool
        After measuring, fit a copy on all ratings, for as many iterations: the model to use.
    unfinished : bool
        Leave that, and the measuring, to `finish`.
    keep_interrupted : bool
        Ctrl-C ends the fit, and what was learnt is measured and returned, with ``stop_reason``
        "interrupted" and not refitted.
    callbacks : iterable of callable
        ``callback(model, record)`` after every iteration of the measured fit; a true return value
        ends it.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.

    Returns
    -------
    TrainingRun

    Raises
    ------
    ValueError
        If the fraction or a parameter of the model is out of range.
    KeyboardInterrupt
        On Ctrl-C; `model` keeps what it has learnt.
    """
    started = time.perf_counter()
    split: dict[str, Any] = {
        "method": "per-user",
        "fraction": validation_fraction,
        "random_state": seed_from(random_state),
    }
    training, held_out = interactions, None
    if validation_fraction != 0:
        training, held_out = replace(interactions, timestamps=None).split(**split)
        held_out = held_out if held_out.n_ratings else None
    watching = (_note_stars(training, held_out), *callbacks)
    with keep_on_interrupt(lambda: keep_interrupted and model.__sklearn_is_fitted__()):
        model.fit(training, validation=held_out, callbacks=watching, progress=progress)
    run = TrainingRun(
        model=model,
        stars=None if held_out is None else _stars(model, held_out),
        history=model.history_,
        metrics={},
        baseline={},
        parameters=model.get_params(),
        split=split,
        stop_reason=model.stop_reason_,
        refitted=False,
        seconds=time.perf_counter() - started,
    )
    return run if unfinished else _finished(run, interactions, held_out, refit, progress)


def finish(run: TrainingRun, interactions: Interactions) -> TrainingRun:
    """What is left to do of an `unfinished` run of `train`, with `refit`."""
    held_out = replace(interactions, timestamps=None).split(**run.split)[1]
    return _finished(run, interactions, held_out, refit=True, progress=False)


def _finished(
    run: TrainingRun,
    interactions: Interactions,
    held_out: Interactions | None,
    refit: bool,
    progress: bool | None,
) -> TrainingRun:
    """Measured on all users, and fitted again."""
    started, model, learnt, stars = time.perf_counter(), run.model, run.model, run.stars
    metrics: dict[str, float] = {}
    baseline: dict[str, float] = {}
    if held_out is not None:
        logger.info("measuring the lists of %s users", f"{held_out.n_users:,}")
        metrics = evaluate(model, held_out)
        del metrics["rmse"]  # of u.v
        if stars is not None:
            metrics["rmse"] = stars.cross_validated_rmse(held_out)
        baseline = evaluate(Popularity().fit(model.interactions_), held_out)
        if stars is None:
            del baseline["rmse"]
    if refit := refit and run.stop_reason != "interrupted":
        learnt = _refitted(model, interactions, progress)
        stars = stars and stars.refitted(learnt)
    return replace(
        run,
        model=learnt,
        stars=stars,
        metrics=metrics,
        baseline=baseline,
        refitted=refit,
        seconds=run.seconds + time.perf_counter() - started,
    )


def _note_stars(training: Interactions, held_out: Interactions | None) -> Callback:
    """Adds RMSE in stars to the records of a fit whose target is the root: of u.v squared.

    So that learning curves of both targets have one unit; of very many ratings, some of them.
    """
    parts = {"train": training, "validation": held_out}
    pairs = {name: _pairs(part) for name, part in parts.items() if part is not None}

    def note(model: WeightedMatrixFactorization, record: Record) -> None:
        if model.objective_.target == "sqrt":
            factors = model._factors
            users = factors.user_vectors()
            for name, (rows, columns, stars) in pairs.items():
                predicted = np.square(factors.predict(users, rows, columns).clip(min=0))
                record[f"{name}_rmse_in_stars"] = rmse(predicted, stars)

    return note


def _pairs(interactions: Interactions) -> tuple[NDArray[Any], ...]:
    """Rows, columns and stars of the ratings; of very many, evenly chosen ones."""
    by_user = interactions.by_user
    chosen = np.arange(0, by_user.nnz, -(-by_user.nnz // MOST_IN_STARS))
    rows = np.searchsorted(by_user.indptr, chosen, side="right") - 1
    return rows, by_user.indices[chosen], by_user.data[chosen]


def _stars(model: WeightedMatrixFactorization, held_out: Interactions) -> StarPredictor | None:
    ratings = model.interactions_.by_user.data
    return None if ratings.min() == ratings.max() else StarPredictor(model).fit(held_out)


def _refitted(
    model: WeightedMatrixFactorization, interactions: Interactions, progress: bool | None
) -> WeightedMatrixFactorization:
    """A copy fitted on all `interactions` for as many iterations as `model` was best after."""
    parameters = model.get_params()
    length = {"max_iter": model.best_iteration_, "tol": 0.0, "early_stopping": None}
    copy = type(model)(**{**parameters, **length})
    return copy.fit(interactions, progress=progress).set_params(**parameters)


def load_or_train(
    data: MovieData,
    *,
    parameters: Mapping[str, Any] | None = None,
    cache_dir: str | Path | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | None = None,
    trainer: Callable[[Interactions, WeightedMatrixFactorization], TrainingRun] | None = None,
) -> TrainingRun:
    """The default model for `data`, trained on all ratings: from the cache, or trained now.

    The cache is keyed by the ratings themselves, the parameters and the version of this library,
    so that it never answers for something else. Threads and processes may call it at once.

    Parameters
    ----------
    data : MovieData
    parameters : mapping, optional
        Of the model, where they are not the defaults.
    cache_dir : path, optional
        By default ``models`` in the data folder.
    callbacks, progress
        As in `train`; unused when the cache answers.
    trainer : callable, optional
        What trains, in place of `train` with `refit`. What it leaves unfinished is not kept.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C while training; nothing is cached then.
    """
    model = WeightedMatrixFactorization(**(parameters or {}))
    root = Path(cache_dir) if cache_dir is not None else default_data_dir() / "models"
    folder = root / _cache_key(data, model)

    def make() -> TrainingRun:
        logger.info("%s: training a model, to be kept in %s", data.name, folder)
        usual = partial(train, refit=True, callbacks=callbacks, progress=progress)
        return (trainer or usual)(data.interactions, model)

    def save(run: TrainingRun, folder: Path) -> None:
        if run.refitted:
            run.save(folder)

    return cached(folder, load=TrainingRun.load, make=make, save=save)


def _cache_key(data: MovieData, model: WeightedMatrixFactorization) -> str:
    parameters = model.get_params()
    del parameters["n_threads"]
    settings = [
        __version__,
        _CURVES,
        parameters,
        DEFAULT_VALIDATION_FRACTION,
        DEFAULT_SPLIT_SEED,
        data.interactions.fingerprint(),
    ]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', data.name)}-{digest[:16]}"
