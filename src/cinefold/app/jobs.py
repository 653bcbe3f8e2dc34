"""Training in the background, so that the page stays alive and can stop it."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from cinefold.training import train

if TYPE_CHECKING:
    from cinefold.interactions import Interactions
    from cinefold.model import WeightedMatrixFactorization
    from cinefold.runs import RunHistory
    from cinefold.training import TrainingRun

logger = logging.getLogger(__name__)

_SECONDS_TO_END = 5.0
_NICENESS = 10


class _AbandonedError(Exception):
    """Nobody wants the outcome any more."""


class TrainingJob:
    """One training, measured on held-out ratings and then repeated on all of them.

    Attributes
    ----------
    token : str
        With which `find_job` finds it while it runs.
    records : list of dict
        The iterations so far, as in ``history_``.
    run : TrainingRun or None
        The outcome; None until the training is over, and if it failed.
    run_id : str or None
        In the history, where the outcome is kept.
    error : Exception or None
        Why it failed.
    """

    def __init__(
        self,
        interactions: Interactions,
        model: WeightedMatrixFactorization,
        *,
        validation_fraction: float,
        random_state: int,
        history: RunHistory | None = None,
    ) -> None:
        self.model = model
        self.token = secrets.token_urlsafe(8)
        self.run_id: str | None = None
        self._history = history
        self.records: list[dict[str, Any]] = []
        self.run: TrainingRun | None = None
        self.error: Exception | None = None
        self._interactions = interactions
        self._validation_fraction = validation_fraction
        self._random_state = random_state
        self._stop, self._abandoned = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="cinefold-training", daemon=True)

    def start(self) -> None:
        _started.add(self)
        self._thread.start()

    def stop(self) -> None:
        """End after the iteration under way; what was learnt is measured and kept."""
        self._stop.set()

    def abandon(self) -> None:
        """End after the iteration under way, without an outcome."""
        self._abandoned.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Until it is over, but no longer than `seconds`."""
        self._thread.join(seconds)

    def _work(self) -> None:
        _give_way()
        try:
            run = train(
                self._interactions,
                self.model,
                validation_fraction=self._validation_fraction,
                random_state=self._random_state,
                refit=True,
                callbacks=[self._record],
                progress=False,
            )
            self.run_id = self._keep(run)
            self.run = run
        except _AbandonedError:
            return
        except (ValueError, ArithmeticError, MemoryError) as error:
            self.error = error

    def _keep(self, run: TrainingRun) -> str | None:
        if self._history is None:
            return None
        try:
            return self._history.add(run)
        except OSError as error:  # it can be used all the same
            logger.warning("the run could not be kept: %s", error)
            return None

    def _record(self, model: WeightedMatrixFactorization, record: dict[str, Any]) -> bool:
        del model
        if self._abandoned.is_set():
            raise _AbandonedError
        self.records.append(record)
        return self._stop.is_set()


def _give_way() -> None:
    """Lets pages go first: this thread, and those that it starts, take what time is left over."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def find_job(token: str | None) -> TrainingJob | None:
    """The training of this token, as long as it runs or somebody holds it."""
    return next((job for job in list(_started) if job.token == token), None)


_started: weakref.WeakSet[TrainingJob] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """A thread that comes back from native code while Python ends would abort the process."""
    running = [job for job in _started if job.running]
    for job in running:
        job.abandon()
    for job in running:
        job.wait(_SECONDS_TO_END)
