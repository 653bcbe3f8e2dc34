"""The search: try, measure, choose, and test the choice once. Needs Optuna."""

from __future__ import annotations

import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from cinefold.evaluation import Popularity, evaluate
from cinefold.model import WeightedMatrixFactorization, checks
from cinefold.model.fitting import available_threads
from cinefold.training import default_model, fingerprint
from cinefold.tuning import study as studies
from cinefold.tuning.fits import Curve, Interrupted, Measure
from cinefold.tuning.parts import Parts
from cinefold.tuning.results import Trial, TuningResult
from cinefold.tuning.space import Coordinates, Space, default_space
from cinefold.tuning.starts import complete, known_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import optuna

    from cinefold.interactions import Interactions

    Callback = Callable[[Trial], bool | None]

logger = logging.getLogger(__name__)

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
    random_state: int = 0,
    storage: str | Path | None = None,
    study_name: str = DEFAULT_STUDY,
    n_jobs: int = 1,
    n_threads: int | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | None = None,
) -> TuningResult:
    """Search for the parameters whose model does best on held-out ratings.

    Each trial is one fit of at most `max_iter` iterations, measured after every one; its value is
    the best of that curve, so that the number of iterations needs no search. Trials that stay below
    the median of earlier ones at the same iteration are given up. The first trials are the default
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
        (it searches models of the observed ratings alone, which predict stars).
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
    for name, value in (("n_trials", n_trials), ("max_iter", max_iter), ("patience", patience)):
        checks.integer(name, value, 1)
    checks.integer("n_jobs", n_jobs, 1)
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
        parts = Parts.random(interactions, validation_fraction, test_fraction, random_state)
    search_space = Space(space, default_space(parts.training, metric))
    if metric == "rmse" and search_space.dimensions["target"] != "rating":
        raise ValueError("metric rmse needs target='rating': other targets predict no stars")
    coordinates = Coordinates(parts.training)
    conditions = {
        "data": {
            "training": fingerprint(parts.training),
            "validation": fingerprint(parts.validation),
        },
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
            starts=known_good(search_space, coordinates),
            space=search_space,
            seed=random_state,
        )
        for parameters in warm_starts:
            point = search_space.nearest(coordinates.point(complete(parameters)))
            if point is not None:
                studies.add_trial(study, point)
        search = _Search(
            study,
            parts,
            search_space,
            coordinates,
            Measure(metric, parts.validation),
            n_trials=n_trials if search_space.free() else 1,
            deadline=None if timeout is None else started + timeout,
            max_iter=max_iter,
            patience=patience,
            n_threads=max(1, available_threads(n_threads) // n_jobs),
            callbacks=list(callbacks),
        )
        stop_reason = search.run(n_jobs, progress)
    trials = tuple(trial for trial in map(_trial, study.get_trials()) if trial is not None)
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


class _Search:
    """The share of one call in a study."""

    def __init__(
        self,
        study: optuna.Study,
        parts: Parts,
        space: Space,
        coordinates: Coordinates,
        measure: Measure,
        *,
        n_trials: int,
        deadline: float | None,
        max_iter: int,
        patience: int,
        n_threads: int,
        callbacks: list[Callback],
    ) -> None:
        self.study, self.parts, self.space = study, parts, space
        self.coordinates, self.measure = coordinates, measure
        self.n_trials, self.deadline = n_trials, deadline
        self.max_iter, self.patience, self.n_threads = max_iter, patience, n_threads
        self.callbacks = callbacks
        self._stop, self._lock, self._running = threading.Event(), threading.Lock(), 0
        self._stop_reason = "trials"

    def run(self, n_jobs: int, progress: bool | None) -> str:
        """Try models until something ends it; returns what."""
        hide_bar = None if progress is None else not progress
        bar = tqdm(total=self.n_trials, desc="Trials", unit="trial", disable=hide_bar)
        with bar, ThreadPoolExecutor(n_jobs) as pool:
            self._show(bar)
            try:
                if n_jobs == 1:
                    self._work(bar)
                else:
                    workers = [pool.submit(self._work, bar) for _ in range(n_jobs)]
                    for worker in workers:
                        worker.result()
            except (KeyboardInterrupt, Interrupted):
                self._stop_reason = "interrupted"
            finally:
                self._stop.set()
        return self._stop_reason

    def _work(self, bar: tqdm[Any]) -> None:
        while self._claim():
            try:
                trial = self._try()
            finally:
                with self._lock:
                    self._running -= 1
            with self._lock:
                self._show(bar)
                if any([callback(trial) for callback in self.callbacks]):
                    self._end("callback")

    def _claim(self) -> bool:
        """Whether there is another trial to begin; it then counts as running."""
        with self._lock:
            ended = sum(_counts(trial) for trial in self.study.get_trials(deepcopy=False))
            if self._stop.is_set() or ended + self._running >= self.n_trials:
                return False
            if self.deadline is not None and ended and time.monotonic() >= self.deadline:
                self._end("timeout")
                return False
            self._running += 1
            return True

    def _end(self, reason: str) -> None:
        self._stop_reason = reason
        self._stop.set()

    def _try(self) -> Trial:
        trial = self.study.ask()
        try:
            self._fit(trial)
        except (KeyboardInterrupt, Interrupted):
            trial.set_user_attr(studies.INTERRUPTED, True)
            self.study.tell(trial, state=studies.TrialState.FAIL)
            studies.add_trial(self.study, trial.params)
            raise
        except ValueError as error:
            trial.set_user_attr("error", str(error))
            self.study.tell(trial, state=studies.TrialState.FAIL)
            logger.warning("trial %d failed: %s", trial.number, error)
        told = _trial(self.study.get_trials(deepcopy=False)[trial.number])
        assert told is not None  # noqa: S101 - it has ended
        return told

    def _fit(self, trial: optuna.Trial) -> None:
        started = time.monotonic()
        parameters = self.coordinates.parameters(studies.suggest(trial, self.space))
        curve = Curve(trial, self.measure, self.patience, self._stop)
        model = default_model(
            **parameters, max_iter=self.max_iter, tol=0.0, n_threads=self.n_threads
        )
        model.fit(
            self.parts.training,
            self.parts.validation if self.measure.is_in_records else None,
            callbacks=[curve],
            progress=False,
        )
        if model.stop_reason_ == "interrupted" or (self._stop.is_set() and not curve.has_ended):
            raise Interrupted
        iteration = curve.best + 1
        found = {**model.get_params(), "max_iter": iteration}
        del found["n_threads"]
        trial.set_user_attr("parameters", found)
        trial.set_user_attr("seconds", time.monotonic() - started)
        if curve.pruned:
            self.study.tell(trial, state=studies.TrialState.PRUNED)
        else:
            self.study.tell(trial, curve.values[curve.best])

    def _show(self, bar: tqdm[Any]) -> None:
        trials = self.study.get_trials(deepcopy=False)
        bar.n = min(sum(map(_counts, trials)), self.n_trials)
        if any(trial.state == studies.TrialState.COMPLETE for trial in trials):
            best = self.study.best_trial
            bar.set_postfix_str(f"best {self.measure.name} {best.value:.4f} (trial {best.number})")
        bar.refresh()


def _counts(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether it has ended, and not by Ctrl-C."""
    return trial.state.is_finished() and studies.INTERRUPTED not in trial.user_attrs


_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial | None:
    """What came of a trial; None while it runs or waits."""
    if not frozen.state.is_finished():
        return None
    attributes = frozen.user_attrs
    parameters = attributes.get("parameters", {})
    curve = tuple(frozen.intermediate_values[step] for step in sorted(frozen.intermediate_values))
    iteration = parameters.get("max_iter")
    interrupted = studies.INTERRUPTED in attributes
    return Trial(
        number=frozen.number,
        state="interrupted" if interrupted else _STATES[frozen.state.name],
        value=curve[iteration - 1] if iteration else None,
        iteration=iteration,
        curve=curve,
        point=dict(frozen.params),
        parameters=parameters,
        seconds=attributes.get("seconds"),
        error=attributes.get("error"),
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
    models = {
        "tuned": WeightedMatrixFactorization(**parameters, n_threads=n_threads),
        "default": default_model(n_threads=n_threads),
    }
    fitted = {name: model.fit(rest, progress=False) for name, model in models.items()}
    match = _METRIC.fullmatch(metric)
    depths = {10, int(match[1])} if match and match[1] else {10}
    return {
        name: {k: v for depth in sorted(depths) for k, v in evaluate(model, test, k=depth).items()}
        for name, model in {**fitted, "popularity": Popularity().fit(rest)}.items()
    }
