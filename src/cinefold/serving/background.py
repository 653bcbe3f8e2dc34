"""Work in the background, in processes of their own: pages stay fast, and can stop it."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cinefold.models.persistence import save_interactions
from cinefold.serving import tasks, worker
from cinefold.serving.training import TrainingRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization
    from cinefold.serving.run_history import RunHistory

logger = logging.getLogger(__name__)

_SECONDS_TO_END, _SECONDS_TO_TELL = 30.0, 0.2

Outcome = TypeVar("Outcome")


class JobError(Exception):
    """Work without an outcome; the message says why."""


class Job(Generic[Outcome]):
    """One piece of work, see `cinefold.serving.tasks`.

    Parameters
    ----------
    task : str
        The name of a function there.
    order : dict
        What it is told, as JSON.
    fill : callable
        Puts what it works on into a folder.
    take : callable
        Reads its outcome from the folder.

    Attributes
    ----------
    records : list of dict
        What it has told of its progress so far.
    outcome
        None until the work is over, and if it failed.
    error : str or None
        Why it failed.
    """

    _for_less_memory = ""

    def __init__(
        self,
        task: str,
        order: Mapping[str, Any],
        fill: Callable[[Path], object],
        take: Callable[[Path], Outcome],
    ) -> None:
        self.records: list[dict[str, Any]] = []
        self.outcome: Outcome | None = None
        self.error: str | None = None
        self._order = {"task": task, **order}
        self._fill, self._take = fill, take
        self._process: subprocess.Popen[str] | None = None
        self._stop, self._abandoned = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"cinefold-{task}", daemon=True)

    def start(self) -> None:
        with _lock:
            _started.add(self)
        self._thread.start()

    def stop(self) -> None:
        """End early, with what there is."""
        self._stop.set()
        if self._process is not None:
            self._tell(self._process, worker.STOP)

    def abandon(self) -> None:
        """End at once, without an outcome."""
        self._abandoned.set()
        if self._process is not None:
            self._process.kill()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Until it is over, but no longer than `seconds`."""
        self._thread.join(seconds)

    def finish(self, record: Callable[[dict[str, Any]], object]) -> Outcome:
        """Start it, wait for its outcome and call `record` with what it tells.

        An exception here, such as one of `record`, ends it.

        Raises
        ------
        JobError
            If there is no outcome.
        """
        self.start()
        told, over = 0, False
        try:
            while not over:
                self.wait(_SECONDS_TO_TELL)
                over = not self.running
                for entry in self.records[told:]:
                    told += 1
                    record(entry)
        finally:
            self.abandon()
        if self.outcome is None:
            raise JobError(self.error)
        return self.outcome

    def _work(self) -> None:
        try:
            with tempfile.TemporaryDirectory(
                prefix="cinefold-", ignore_cleanup_errors=True
            ) as folder:
                self._work_in(Path(folder))
        except MemoryError:
            self.error = "there is not enough memory"
        except (OSError, ValueError) as error:
            self.error = str(error) or type(error).__name__
        if self._abandoned.is_set():
            self.error = None

    def _work_in(self, folder: Path) -> None:
        self._fill(folder)
        process = subprocess.Popen(  # noqa: S603 - our own
            # "-P": whatever files are in the current folder, they are not taken for modules.
            [sys.executable, "-P", "-m", worker.__name__, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the app, which ends it
        )
        with contextlib.suppress(BrokenPipeError), process:  # it may end without having listened
            self._tell(process, json.dumps(self._order))
            self._process = process
            if self._stop.is_set():  # before there was a process
                self.stop()
            if self._abandoned.is_set():
                self.abandon()
            self._listen(process.stdout or ())
        if process.returncode and self.error is None:
            self.error = _why(process.returncode, self._for_less_memory)
        if self.error is None and not self._abandoned.is_set():
            self.outcome = self._take(folder)

    def _listen(self, lines: Iterable[str]) -> None:
        for line in lines:
            told = json.loads(line)
            if "record" in told:
                self.records.append(told["record"])
            else:
                self.error = told["error"]

    @staticmethod
    def _tell(process: subprocess.Popen[str], line: str) -> None:
        if process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it has just ended
                process.stdin.write(line + "\n")  # at once, as two threads may tell something
                process.stdin.flush()


class TrainingJob(Job[TrainingRun]):
    """One training, measured on held-out ratings and then repeated on all of them.

    Its records are the iterations, as in ``history_``.

    Attributes
    ----------
    token : str
        With which `find_job` finds it while it runs.
    run_id : str or None
        In the history, where the outcome is kept.
    """

    _for_less_memory = "; fewer factors need less"

    def __init__(
        self,
        interactions: Interactions,
        model: WeightedMatrixFactorization,
        *,
        validation_fraction: float,
        random_state: int,
        history: RunHistory | None = None,
    ) -> None:
        order = {
            "parameters": model.get_params(),
            "validation_fraction": validation_fraction,
            "random_state": random_state,
        }
        super().__init__(
            "train",
            order,
            lambda folder: save_interactions(folder / tasks.RATINGS, interactions),
            lambda folder: self._keep(folder / tasks.OUTCOME),
        )
        self.model = model
        self.token = secrets.token_urlsafe(8)
        self.run_id: str | None = None
        self._history = history

    def _keep(self, folder: Path) -> TrainingRun:
        run = TrainingRun.load(folder)
        if self._history is not None:
            try:
                self.run_id = self._history.take(folder)
            except OSError as error:  # it can be used all the same
                logger.warning("the run could not be kept: %s", error)
        return run


def _why(code: int, for_less_memory: str) -> str:
    """What to say of a process that ended with this code, and without a word."""
    if code == -signal.SIGKILL:
        return f"the system ended it, most likely because the memory ran out{for_less_memory}"
    if code < 0:
        return f"its process was ended by the signal {signal.Signals(-code).name}"
    return f"its process ended with the code {code}; the app's log may say why"


def find_job(token: str | None) -> TrainingJob | None:
    """The training of this token, as long as it runs or somebody holds it."""
    trainings = (job for job in _jobs() if isinstance(job, TrainingJob))
    return next((job for job in trainings if job.token == token), None)


_started: weakref.WeakSet[Job[Any]] = weakref.WeakSet()
_lock = threading.Lock()  # while it is added to or gone through


def _jobs() -> list[Job[Any]]:
    with _lock:
        return list(_started)


@atexit.register
def _end_all() -> None:
    """Let the processes go, and what they have written."""
    running = [job for job in _jobs() if job.running]
    for job in running:
        job.abandon()
    for job in running:
        job.wait(_SECONDS_TO_END)
