"""Work in processes of their own, so that it holds up nobody's page.

A job is a function and its arguments; these, the records of progress and the outcome go through
pipes as pickles. `multiprocessing` would run the script of ``__main__`` again in the new process:
with Streamlit, that is a page.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

from cinefold._cache import PickledWithoutCaches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Record = Callable[[Any], bool]

PRIORITY = "CINEFOLD_BACKGROUND_PRIORITY"
"""The variable that is "normal" where work would never end on what time is left over."""

_SECONDS_BETWEEN_RECORDS = 0.2
_AWAITED = "awaited"

Outcome = TypeVar("Outcome")


class BackgroundError(Exception):
    """Work without an outcome; the message says why, in one line."""


class BackgroundJob(Generic[Outcome]):
    """One call of a function in a process of its own, which ends when this one does.

    It begins at once.

    Parameters
    ----------
    function : callable
        Of a module. Called as ``function(*arguments, record)``, it tells of its progress by
        ``record(entry)``, which returns whether to end early.
    *arguments
        What can be pickled.
    keep : callable, optional
        Called here with the outcome, before the job is over.
    awaited : bool
        Somebody looks at a progress bar until it is done: it has the priority of the pages, and all
        cores. Other jobs take what time the pages leave over.

    Attributes
    ----------
    records : list
        What it has told of its progress so far.
    outcome
        What it returned; None until then, and if it failed.
    error : str or None
        Why it failed.
    process : Popen or None
        None until the function has its arguments.
    """

    def __init__(
        self,
        function: Callable[..., Outcome],
        *arguments: Any,
        keep: Callable[[Outcome], object] | None = None,
        awaited: bool = False,
    ) -> None:
        self.records: list[Any] = []
        self.outcome: Outcome | None = None
        self.error: str | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._call, self._keep = (function, arguments), keep
        self._options = [_AWAITED] if awaited else []
        self._stop, self._abandoned = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End early, with what there is."""
        self._stop.set()
        if self.process is not None and self.records:  # otherwise the first record does it
            self.process.send_signal(signal.SIGUSR1)

    def abandon(self) -> None:
        """End at once, without an outcome."""
        self._abandoned.set()
        if self.process is not None:
            self.process.kill()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Until it is over, but no longer than `seconds`."""
        self._thread.join(seconds)

    def finish(
        self, record: Callable[[Any], object], waiting: Callable[[], object] = lambda: None
    ) -> Outcome:
        """Wait for the outcome, and call `record` with what the function tells.

        Some times a second it calls `waiting`.

        An exception here, such as one of `record`, ends the job.

        Raises
        ------
        BackgroundError
            If there is no outcome.
        """
        told, running = 0, True
        try:
            while running:
                self.wait(_SECONDS_BETWEEN_RECORDS)
                running = self.running
                waiting()
                for entry in self.records[told:]:
                    told += 1
                    record(entry)
        finally:
            self.abandon()
        if self.outcome is None:
            raise BackgroundError(self.error)
        return self.outcome

    def _work(self) -> None:
        try:
            outcome = self._run()
            if outcome is not None and not self._abandoned.is_set():
                if self._keep is not None:
                    self._keep(outcome)
                self.outcome = outcome
        except (MemoryError, OSError, ValueError) as error:
            self.error = _line(error)
        if self._abandoned.is_set():
            self.error = None

    def _run(self) -> Outcome | None:
        # "-P": whatever files are in the current folder, they are not taken for modules.
        # A session of its own: Ctrl-C is for the app alone.
        process: Any = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-P", "-m", __name__, *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        outcome = None
        # It may end without having listened, and without having said all.
        with contextlib.suppress(BrokenPipeError, EOFError), process:
            pickle.dump(self._call, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            self.process = process
            if self._abandoned.is_set():  # before there was a process
                process.kill()
            while True:
                kind, told = _Unpickler(process.stdout, self._call[1]).load()
                if kind == "record":
                    self.records.append(told)
                    if self.stopping:
                        self.stop()
                elif kind == "error":
                    self.error = told
                else:
                    outcome = told
        if outcome is None and self.error is None:
            self.error = _why(process.returncode)
        return outcome


def _why(code: int) -> str:
    """What to say of a process that ended with this code, and without a word."""
    if code == -signal.SIGKILL:
        return "the system ended it, most likely because the memory ran out"
    if code < 0:
        return f"its process was ended by the signal {signal.Signals(-code).name}"
    return f"its process ended with the code {code}; the app's log may say why"


def _line(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    return str(error) or type(error).__name__


class _Pickler(pickle.Pickler):
    """Of large data among `arguments`, it says which these are: the app has them."""

    def __init__(self, stream: IO[bytes], arguments: Sequence[Any]) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self._arguments = arguments

    def persistent_id(self, value: Any) -> int | None:
        if not isinstance(value, PickledWithoutCaches):
            return None
        return next((n for n, own in enumerate(self._arguments) if own is value), None)


class _Unpickler(pickle.Unpickler):
    """Of our own process."""

    def __init__(self, stream: IO[bytes], arguments: Sequence[Any]) -> None:
        super().__init__(stream)
        self._arguments = arguments

    def persistent_load(self, number: int) -> Any:
        return self._arguments[number]


# -- the process ----------------------------------------------------------------------------------


def _main() -> None:
    """Call the function that standard input has, and tell of it on standard output."""
    stopped = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stopped.set())
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed is for the log

    def tell(kind: str, told: Any) -> None:
        _Pickler(answers, arguments).dump((kind, told))
        answers.flush()

    def record(entry: Any) -> bool:
        tell("record", entry)
        return stopped.is_set()

    if _AWAITED not in sys.argv and os.environ.get(PRIORITY) != "normal":
        _lower_priority()  # before modules are loaded: the threads that they start have it too
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the app
    over = threading.Event()
    threading.Thread(target=_end_with_the_app, args=(over,), daemon=True).start()
    try:
        tell("outcome", function(*arguments, record))
    except BrokenPipeError:
        raise
    except (MemoryError, ValueError, ArithmeticError, OSError) as error:
        tell("error", _line(error))
    over.set()  # before the answers are closed, after which the app closes this process's input


def _end_with_the_app(over: threading.Event) -> None:
    os.read(0, 1)  # nothing comes any more
    if not over.is_set():
        os._exit(1)  # whatever is being computed


def _lower_priority() -> None:
    """Take what time is left over, and leave a core to the pages where there are several.

    Where the system does not allow this, it works all the same.
    """
    with contextlib.suppress(OSError):
        os.nice(19)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.suppress(OSError):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, cores[1:] or cores)
        # Time may be shared among sessions first (autogroups): priorities count only within one.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("19")


if __name__ == "__main__":
    with contextlib.suppress(
        BrokenPipeError, EOFError, pickle.UnpicklingError
    ):  # the app has ended
        _main()
