"""The work of one process in a study: begin trials, follow their curves, tell what came of them."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.trial import TrialState
from tqdm.auto import tqdm

from cinefold._signals import ctrl_c_waits
from cinefold.models import WeightedMatrixFactorization
from cinefold.tuning import study as studies
from cinefold.tuning.results import Trial
from cinefold.tuning.trial import Curve, Interrupted, Measure

if TYPE_CHECKING:
    from collections.abc import Callable

    import optuna

    from cinefold.interactions import Interactions
    from cinefold.tuning.divisions import Parts
    from cinefold.tuning.space import Coordinates, Space

    Callback = Callable[[Trial], bool | None]

logger = logging.getLogger(__name__)


class Worker:
    """The share of one call in a study."""

    def __init__(
        self,
        study: optuna.Study,
        parts: Parts,
        space: Space,
        coordinates: Coordinates,
        metric: str,
        *,
        n_trials: int,
        deadline: float | None,
        max_iter: int,
        patience: int,
        n_threads: int,
        callbacks: list[Callback],
    ) -> None:
        self.study, self.parts, self.space = study, parts, space
        self.coordinates, self.metric = coordinates, metric
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
                    # In short waits: libraries install handlers of Ctrl-C that let waits go on.
                    while wait(workers, timeout=0.1, return_when=FIRST_EXCEPTION).not_done:
                        if any(worker.done() and worker.exception() for worker in workers):
                            break
                    for worker in workers:
                        if worker.done():
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
                answers = [callback(trial) for callback in self.callbacks]
                if any(answers):
                    self._end("callback")

    # Ctrl-C in the middle of it would leave a trial that nobody ends, or the storage locked.
    @ctrl_c_waits()
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
        trial: optuna.Trial | None = None
        try:
            with ctrl_c_waits():
                trial = self.study.ask()
                point = studies.suggest(trial, self.space)
            try:
                self._fit(trial, point)
            except ValueError as error:
                self._fail(trial, error)
            return self._ended(trial)
        except (KeyboardInterrupt, Interrupted):
            if trial is not None:
                studies.put_back(self.study, trial)
            raise

    @ctrl_c_waits()
    def _fail(self, trial: optuna.Trial, error: ValueError) -> None:
        trial.set_user_attr("error", str(error))
        self.study.tell(trial, state=TrialState.FAIL)
        logger.warning("trial %d failed: %s", trial.number, error)

    @ctrl_c_waits()
    def _ended(self, trial: optuna.Trial) -> Trial:
        told = ended_trial(self.study.get_trials(deepcopy=False)[trial.number])
        assert told is not None  # noqa: S101 - it has ended
        return told

    def _fit(self, trial: optuna.Trial, point: dict[str, Any]) -> None:
        started = time.monotonic()
        parameters = self.coordinates.parameters(point)
        (training, validation), *others = self.parts.folds
        measure = Measure(self.metric, validation)
        first = Curve(measure, self._stop, trial=trial, patience=self.patience)
        self._follow(first, training, parameters, self.max_iter)
        curves = [first]
        for training, validation in [] if first.pruned else others:
            curve = Curve(Measure(self.metric, validation), self._stop)
            self._follow(curve, training, parameters, len(first.values))
            curves.append(curve)
        values = np.mean([curve.until(len(first.values)) for curve in curves], axis=0).tolist()
        best = measure.best(values)
        model = WeightedMatrixFactorization(**parameters, max_iter=best + 1, tol=0.0)
        kept = {k: v for k, v in model.get_params().items() if k != "n_threads"}
        facts = {"parameters": kept, "curve": values, "seconds": time.monotonic() - started}
        self._tell(trial, facts, None if first.pruned else values[best])

    @ctrl_c_waits()
    def _tell(self, trial: optuna.Trial, facts: dict[str, Any], value: float | None) -> None:
        for name, fact in facts.items():
            trial.set_user_attr(name, fact)
        if value is None:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, value)

    def _follow(
        self, curve: Curve, training: Interactions, parameters: dict[str, Any], max_iter: int
    ) -> None:
        """Fit a model whose validation `curve` follows."""
        model = WeightedMatrixFactorization(
            **parameters, max_iter=max_iter, tol=0.0, n_threads=self.n_threads
        )
        validation = curve.measure.in_fit
        model.fit(training, validation=validation, callbacks=[curve], progress=False)
        if self._stop.is_set():
            raise Interrupted

    @ctrl_c_waits()
    def _show(self, bar: tqdm[Any]) -> None:
        trials = self.study.get_trials(deepcopy=False)
        bar.n = min(sum(map(_counts, trials)), self.n_trials)
        if any(trial.state == TrialState.COMPLETE for trial in trials):
            best = self.study.best_trial
            bar.set_postfix_str(f"best {self.metric} {best.value:.4f} (trial {best.number})")
        bar.refresh()


def _counts(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether it has ended, and not by Ctrl-C."""
    return trial.state.is_finished() and studies.INTERRUPTED not in trial.user_attrs


_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def ended_trial(frozen: optuna.trial.FrozenTrial) -> Trial | None:
    """What came of a trial; None while it runs or waits."""
    if not frozen.state.is_finished():
        return None
    attributes = frozen.user_attrs
    parameters = attributes.get("parameters", {})
    curve = tuple(attributes.get("curve", ()))
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
