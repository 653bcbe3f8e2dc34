"""The search: try, choose by validation parts, and test the choice once. Needs Optuna."""

from __future__ import annotations

import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from cinefold._signals import ctrl_c_sets
from cinefold.als.iterations import available_threads
from cinefold.evaluation import evaluate_per_user
from cinefold.interactions.splits import seed_from
from cinefold.models import Popularity, WeightedMatrixFactorization, checks
from cinefold.tuning.initial_points import initial_points, nearest_points, untuned_model
from cinefold.tuning.results import INTERRUPTED, Trial, TuningResult, ranked
from cinefold.tuning.search_data import SearchData
from cinefold.tuning.space import Coordinates, Space, default_space
from cinefold.tuning.study import ENDED, open_study, plan_next, quiet
from cinefold.tuning.trial import TrialObjective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import optuna

    from cinefold.evaluation import Ranker
    from cinefold.interactions import Interactions
    from cinefold.interactions.splits import RandomState


def tune(
    interactions: Interactions,
    *,
    n_trials: int = 50,
    timeout: float | None = None,
    metric: str = "ndcg_at_10",
    space: Mapping[str, Any] | None = None,
    max_iter: int = 16,
    patience: int = 2,
    warm_starts: Iterable[Mapping[str, Any]] = (),
    validation: Interactions | None = None,
    test: Interactions | None = None,
    validation_fraction: float = 0.1,
    test_fraction: float = 0.1,
    n_validations: int | None = None,
    random_state: RandomState = 0,
    storage: str | Path | None = None,
    study_name: str = "cinefold",
    n_jobs: int = 1,
    n_threads: int | None = None,
    callbacks: Iterable[Callable[[Trial], bool | None]] = (),
    progress: bool | None = None,
    keep_interrupted: bool = False,
) -> TuningResult:
    """Search for the parameters whose model does best on held-out ratings.

    Each trial is a fit of at most `max_iter` iterations, evaluated after every one; its value is
    the best of that curve, so that the number of iterations needs no search. Trials that are not in
    the better half at their 3rd, 6th, 12th ... iteration are pruned (successive halving). The first
    trials are the default model and, with few factors and at most six iterations, points that are
    known to be good. Then three of four are next to the best; the others are random points, and
    later suggestions of Optuna's tree-structured Parzen estimator. Of those with few factors the
    best quarter is tried again with the default's number, or the best trial's, and the best so far
    with twice its own, as long as that helps.

    Parameters
    ----------
    interactions : Interactions
        All ratings; the training part if `validation` is given.
    n_trials : int
        End when the study has so many finished trials, those of earlier calls counted.
    timeout : float, optional
        End after so many seconds: the running trial, after its iteration, with what it has reached.
        The first is not cut short.
    metric : str
        ``ndcg_at_k`` or ``recall_at_k`` with any k, to be maximized, or ``rmse``, to be minimized
        (it searches explicit models with biases, from the preset "stars").
    space : mapping, optional
        Changes to the search space, by name: see `cinefold.tuning.Space`.
    max_iter, patience : int
        A trial ends after so many iterations, or so many without a better value (for lists, by
        half a percent).
    warm_starts : iterable of mapping
        Parameters of models to try first, as an earlier result's ``best_parameters``.
    validation, test : Interactions, optional
        Parts to choose by and to test on, with the ids of `interactions`, instead of random ones.
        Parts loaded separately have ids of their own; a training part that knows those of all is
        made by `cinefold.evaluation.Division`::

            train = Division.of_parts(train, validation).training
            train = Division.of_parts(train, test).training
    validation_fraction, test_fraction : float
        Shares of each user's ratings, of all of them; a `test_fraction` of 0 tests nothing.
    n_validations : int, optional
        How many random validation parts each trial is fitted and evaluated beside, its curve being
        the mean: chance helps no model on all of them. By default 3, and 1 from 5,000 users on. Of
        each part up to 5,000 users are evaluated.
    random_state : int, Generator, RandomState or None
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
        By default as of :class:`~cinefold.WeightedMatrixFactorization`.
    callbacks : iterable of callable
        ``callback(trial)`` after each trial of this call; a true return value ends the search.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.
    keep_interrupted : bool
        Ctrl-C returns what was found so far, with ``stop_reason`` "interrupted".

    Returns
    -------
    TuningResult

    Raises
    ------
    ValueError, TypeError
        For arguments out of range, for a study that was begun with other data, metric or space, and
        if every trial failed.
    KeyboardInterrupt
        On Ctrl-C, which ends the running iterations; `storage` keeps the trials.
    """
    started = time.monotonic()
    seed = seed_from(random_state)
    counts = {"n_trials": n_trials, "max_iter": max_iter, "patience": patience, "n_jobs": n_jobs}
    for name, value in counts.items():
        checks.integer(name, value, 1)
    if n_validations is not None:
        checks.integer("n_validations", n_validations, 1, 1 if validation is not None else None)
    if timeout is not None:
        checks.number("timeout", timeout)
    if not re.fullmatch(r"rmse|(ndcg|recall)_at_[1-9]\d*", metric):
        raise ValueError(
            f"metric must be ndcg_at_k or recall_at_k with a number k, or rmse, not {metric!r}"
        )
    if validation is not None:
        data = SearchData.given(interactions, validation, test)
    elif test is not None:
        raise ValueError("a test part was given without a validation part")
    else:
        data = SearchData.random(
            interactions, validation_fraction, test_fraction, n_validations, seed
        )
    training = data.folds[0][0]
    search_space = Space(space, default_space(training, metric))
    if metric == "rmse" and search_space.dimensions["target"] != "rating":
        raise ValueError("metric rmse needs target='rating': other targets predict no stars")
    coordinates = Coordinates(training)
    conditions = {
        "data set or seed": [
            part.fingerprint() for part in (data.rest, data.test) if part is not None
        ],
        "validation part": [validation.fingerprint() for _, validation in data.folds],
        "metric": metric,
        "space": search_space.described(),
        "iterations": {"max_iter": max_iter, "patience": patience},
    }
    stop = threading.Event()
    with quiet(), threadpool_limits(1, user_api="blas"), ctrl_c_sets(stop):
        first = initial_points(search_space, coordinates, metric)
        study = open_study(
            storage,
            study_name,
            maximize=metric != "rmse",
            conditions=conditions,
            warm_starts=nearest_points(search_space, coordinates, warm_starts),
            initial_points=first,
            space=search_space,
            seed=seed,
        )
        threads = max(1, available_threads(n_threads) // n_jobs)
        deadline = None if timeout is None else started + timeout
        objective = TrialObjective(
            data, search_space, coordinates, metric, max_iter, patience, threads, stop, deadline
        )
        stop_reason = _optimize(
            study,
            objective,
            usual=int(first[0].get("n_factors", 0)) if first else 0,
            n_trials=n_trials if search_space.free() else 1,
            n_jobs=n_jobs,
            callbacks=list(callbacks),
            progress=sys.stderr.isatty() if progress is None else progress,
        )
        trials = tuple(map(Trial.from_optuna, study.get_trials(states=ENDED)))
        best = next(iter(ranked(trials, metric)), None)
        if best is None and stop_reason != "interrupted":
            raise ValueError(f"every trial failed; the last one: {trials[-1].error}")
        tested: dict[str, dict[str, float]] = {}
        if best and data.test and stop_reason != "interrupted":
            try:
                tested = _tested(best, data.test, objective, n_threads)
            except KeyboardInterrupt:
                stop_reason = "interrupted"
    if best is None or (stop_reason == "interrupted" and not keep_interrupted):
        raise KeyboardInterrupt
    return TuningResult(
        metric=metric,
        best_parameters=best.parameters,
        best_value=float(best.value or 0.0),
        best_trial=best,
        trials=trials,
        test=tested,
        splits=data.splits,
        stop_reason=stop_reason,
        seconds=time.monotonic() - started,
        conditions=conditions,
    )


def _optimize(
    study: optuna.Study,
    objective: TrialObjective,
    *,
    usual: int,
    n_trials: int,
    n_jobs: int,
    callbacks: list[Callable[[Trial], bool | None]],
    progress: bool,
) -> str:
    """Run trials until the study has `n_trials`, or something else ends it; returns what.

    `usual` is the number of factors of the first point.
    """
    lock, reasons = threading.Lock(), []

    def n_left() -> int:
        ended = study.get_trials(deepcopy=False, states=ENDED)
        return n_trials - sum(INTERRUPTED not in trial.user_attrs for trial in ended)

    def after_trial(study: optuna.Study, frozen: optuna.trial.FrozenTrial) -> None:
        with lock:
            answers = [callback(Trial.from_optuna(frozen)) for callback in callbacks]
        if any(answers):
            reasons.append("callback")
        elif n_left() <= 0:  # others may share the study
            reasons.append("trials")
        elif objective.is_late():
            reasons.append("timeout")
        if reasons or objective.stop.is_set():
            study.stop()
        else:
            with lock:
                plan_next(study, objective.space, usual)

    if (left := n_left()) > 0:
        plan_next(study, objective.space, usual)  # an interrupt may have come before it
        try:
            study.optimize(
                objective,
                left,
                n_jobs=n_jobs,
                catch=(ValueError,),
                callbacks=[after_trial],
                show_progress_bar=progress,
            )
        except KeyboardInterrupt:
            objective.stop.set()
    return "interrupted" if objective.stop.is_set() else next(iter(reasons), "trials")


def _tested(
    best: Trial, test: Interactions, objective: TrialObjective, n_threads: int | None
) -> dict[str, dict[str, float]]:
    """The chosen model, the untuned one and popularity, fitted on all but the test part, on it."""
    rest, metric, stop = objective.data.rest, objective.metric, objective.stop
    models: dict[str, Ranker] = {}
    for name, model in {
        "tuned": WeightedMatrixFactorization(**best.parameters),
        "default": untuned_model(metric),
    }.items():
        model.set_params(n_threads=n_threads)
        models[name] = model.fit(rest, callbacks=[lambda *_: stop.is_set()], progress=False)
        if stop.is_set():
            raise KeyboardInterrupt
    models["popularity"] = Popularity().fit(rest)
    ks = sorted({10, *map(int, re.findall(r"\d+", metric))})
    return {name: evaluate_per_user(model, test, ks=ks).means for name, model in models.items()}
