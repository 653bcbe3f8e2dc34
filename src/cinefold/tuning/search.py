"""The search: try, measure, choose, and test the choice once. Needs Optuna."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from cinefold.als.iterations import available_threads
from cinefold.evaluation import evaluate
from cinefold.models import Popularity, WeightedMatrixFactorization, checks
from cinefold.tuning import study as studies
from cinefold.tuning.divisions import Parts
from cinefold.tuning.initial_points import complete, known_good, reference
from cinefold.tuning.results import Trial, TuningResult
from cinefold.tuning.space import Coordinates, Space, default_space
from cinefold.tuning.worker import Worker, ended_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import optuna

    from cinefold.evaluation import Ranker
    from cinefold.interactions import Interactions


DEFAULT_TRIALS = 50
DEFAULT_METRIC = "ndcg_at_10"
DEFAULT_MAX_ITER = 16
DEFAULT_PATIENCE = 5
DEFAULT_FRACTION = 0.1
DEFAULT_STUDY = "cinefold"

_METRIC = re.compile(r"rmse|(?:ndcg|recall)_at_([1-9]\d*)")


def tune(
    interactions: Interactions,
    *,
    n_trials: int = DEFAULT_TRIALS,
    timeout: float | None = None,
    metric: str = DEFAULT_METRIC,
    space: Mapping[str, Any] | None = None,
    max_iter: int = DEFAULT_MAX_ITER,
    patience: int = DEFAULT_PATIENCE,
    warm_starts: Iterable[Mapping[str, Any]] = (),
    validation: Interactions | None = None,
    test: Interactions | None = None,
    validation_fraction: float = DEFAULT_FRACTION,
    test_fraction: float = DEFAULT_FRACTION,
    n_validations: int | None = None,
    random_state: int = 0,
    storage: str | Path | None = None,
    study_name: str = DEFAULT_STUDY,
    n_jobs: int = 1,
    n_threads: int | None = None,
    callbacks: Iterable[Callable[[Trial], bool | None]] = (),
    progress: bool | None = None,
) -> TuningResult:
    """Search for the parameters whose model does best on held-out ratings.

    Each trial is a fit of at most `max_iter` iterations, measured after every one; its value is the
    best of that curve, so that the number of iterations needs no search. Trials that stay below the
    median of earlier ones at the same iteration are given up. The first trials are the default
    model and regions that are known to be good; then come points that fill the space evenly, then
    the suggestions of Optuna's tree-structured Parzen estimator.

    Parameters
    ----------
    interactions : Interactions
        All ratings; the training part if `validation` is given.
    n_trials : int
        End when the study has so many finished trials, those of earlier calls counted.
    timeout : float, optional
        Begin no trial after so many seconds, except the first.
    metric : str
        ``ndcg_at_k`` or ``recall_at_k`` with any k, to be maximized, or ``rmse``, to be minimized
        (it searches explicit models with biases, from the preset "stars").
    space : mapping, optional
        Changes to the search space, by name: see `cinefold.tuning.Space`.
    max_iter, patience : int
        A trial ends after so many iterations, or so many without a better value.
    warm_starts : iterable of mapping
        Parameters of models to try first, as an earlier result's ``best_parameters``.
    validation, test : Interactions, optional
        Parts to choose by and to test on, with the ids of `interactions`, instead of random ones.
    validation_fraction, test_fraction : float
        Shares of each user's ratings, of all of them; a `test_fraction` of 0 tests nothing.
    n_validations : int, optional
        How many random validation parts each trial is fitted and measured beside, its curve being
        the mean: chance helps no model on all of them. By default 3, and 1 from 10,000 users on.
    random_state : int
        Seed of the splits and of the search. With one job the search is reproducible; also when it
        is interrupted and continued.
    storage : path or URL, optional
        Keeps the trials, to be continued or shared by several processes: a file, or a database URL
        as Optuna takes it.
    study_name : str
        Of the study in `storage`.
    n_jobs : int
        Trials at a time, which share `n_threads`.
    n_threads : int, optional
        By default all cores that this process may use.
    callbacks : iterable of callable
        ``callback(trial)`` after each trial of this call; a true return value ends the search.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.

    Returns
    -------
    TuningResult
        Ctrl-C returns what was found so far, with ``stop_reason`` "interrupted".

    Raises
    ------
    ValueError, TypeError
        For arguments out of range, for a study that was begun with other data, metric or space, and
        if every trial failed.
    KeyboardInterrupt
        On Ctrl-C before any trial was complete.
    """
    started = time.monotonic()
    counts = {"n_trials": n_trials, "max_iter": max_iter, "patience": patience, "n_jobs": n_jobs}
    for name, value in counts.items():
        checks.integer(name, value, 1)
    if n_validations is not None:
        checks.integer("n_validations", n_validations, 1, 1 if validation is not None else None)
    if timeout is not None:
        checks.number("timeout", timeout)
    if not _METRIC.fullmatch(metric):
        raise ValueError(
            f"metric must be ndcg_at_k or recall_at_k with a number k, or rmse, not {metric!r}"
        )
    if validation is not None:
        parts = Parts.given(interactions, validation, test)
    elif test is not None:
        raise ValueError("a test part was given without a validation part")
    else:
        parts = Parts.random(
            interactions, validation_fraction, test_fraction, n_validations, random_state
        )
    search_space = Space(space, default_space(parts.training, metric))
    if metric == "rmse" and search_space.dimensions["target"] != "rating":
        raise ValueError("metric rmse needs target='rating': other targets predict no stars")
    coordinates = Coordinates(parts.training)
    conditions = {
        "data set or seed": [
            part.fingerprint() for part in (parts.rest, parts.test) if part is not None
        ],
        "validation part": [validation.fingerprint() for _, validation in parts.folds],
        "metric": metric,
        "space": search_space.described(),
        "iterations": {"max_iter": max_iter, "patience": patience},
    }
    with studies.quiet(), threadpool_limits(1, user_api="blas"):
        study = studies.open_study(
            storage,
            study_name,
            maximize=metric != "rmse",
            conditions=conditions,
            starts=known_good(search_space, coordinates, reference(metric)),
            space=search_space,
            seed=random_state,
        )
        for parameters in warm_starts:
            point = search_space.nearest(coordinates.point(complete(parameters)))
            if point is not None:
                studies.add_trial(study, point)
        worker = Worker(
            study,
            parts,
            search_space,
            coordinates,
            metric,
            n_trials=n_trials if search_space.free() else 1,
            deadline=None if timeout is None else started + timeout,
            max_iter=max_iter,
            patience=patience,
            n_threads=max(1, available_threads(n_threads) // n_jobs),
            callbacks=list(callbacks),
        )
        stop_reason = worker.run(n_jobs, progress)
    trials = tuple(trial for trial in map(ended_trial, study.get_trials()) if trial is not None)
    best = _best(trials, study, stop_reason)
    tested: dict[str, dict[str, float]] = {}
    if parts.test is not None and stop_reason != "interrupted":
        try:
            tested = _tested(best.parameters, parts.rest, parts.test, metric, n_threads)
        except KeyboardInterrupt:
            stop_reason = "interrupted"
    return TuningResult(
        metric=metric,
        best_parameters=best.parameters,
        best_value=float(best.value or 0.0),
        best_trial=best,
        trials=trials,
        test=tested,
        splits=parts.splits,
        stop_reason=stop_reason,
        seconds=time.monotonic() - started,
        conditions=conditions,
    )


def _best(trials: tuple[Trial, ...], study: optuna.Study, stop_reason: str) -> Trial:
    if any(trial.state == "complete" for trial in trials):
        number = study.best_trial.number
        return next(trial for trial in trials if trial.number == number)
    if stop_reason == "interrupted":
        raise KeyboardInterrupt
    raise ValueError(f"every trial failed; the last one: {trials[-1].error}")


def _tested(
    parameters: Mapping[str, Any],
    rest: Interactions,
    test: Interactions,
    metric: str,
    n_threads: int | None,
) -> dict[str, dict[str, float]]:
    """The chosen model, the default one and popularity, fitted on the rest, on the test part."""
    models: dict[str, Ranker] = {
        "tuned": WeightedMatrixFactorization(**parameters, n_threads=n_threads).fit(
            rest, progress=False
        ),
        "default": reference(metric).set_params(n_threads=n_threads).fit(rest, progress=False),
        "popularity": Popularity().fit(rest),
    }
    match = _METRIC.fullmatch(metric)
    depths = sorted({10, int(match[1])} if match and match[1] else {10})
    return {
        name: {key: value for k in depths for key, value in evaluate(model, test, k=k).items()}
        for name, model in models.items()
    }
