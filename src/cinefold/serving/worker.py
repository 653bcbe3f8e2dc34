"""A process in which the app works: ``python -m cinefold.serving.worker FOLDER``.

The folder has what to work on, and gets the outcome. Standard input brings the order as a line of
JSON, then perhaps "stop"; when it ends, so does the process, as nobody is left to take the outcome.
Standard output gets a line of JSON for each record of progress, and for an error.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

STOP = "stop"

_ending = threading.Lock()  # held to write into the folder, and from when it is removed on
_alone = threading.Event()


def main(folder: Path) -> None:
    """Work as standard input says."""
    # Without a buffer, whose lock the other thread would hold when Python ends.
    told, tell = open(0, "rb", buffering=0), sys.stdout  # noqa: SIM115
    order = told.readline()
    if not order.endswith(b"\n"):
        _end(folder)
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(told, stopped, folder), daemon=True).start()
    with contextlib.redirect_stdout(sys.stderr):  # the other one is not for people
        _give_way()
        try:
            _work(
                folder,
                json.loads(order),
                stopped,
                lambda **what: print(json.dumps(what), file=tell, flush=True),
            )
        except BrokenPipeError:  # seen here before the other thread has seen it
            _end(folder)
    _ending.acquire()
    if _alone.is_set():  # and the other thread waits
        _remove(folder)


def _work(
    folder: Path, order: dict[str, Any], stopped: threading.Event, tell: Callable[..., None]
) -> None:
    # Only now, so that threads which it starts give way as well.
    from cinefold.serving import tasks

    def record(entry: dict[str, Any]) -> bool:
        tell(record=entry)
        return stopped.is_set()

    try:
        save = tasks.TASKS[order.pop("task")](folder, record, **order)
        with _ending:  # what comes into a folder that is being removed would stay
            save()
    except MemoryError:
        tell(error="there is not enough memory")
    except (ValueError, ArithmeticError, OSError) as error:
        tell(error=str(error) or type(error).__name__)


def _listen(told: IO[bytes], stopped: threading.Event, folder: Path) -> None:
    for line in told:
        if line.decode().strip() == STOP:
            stopped.set()
    _alone.set()
    _end(folder)


def _end(folder: Path) -> NoReturn:
    _ending.acquire()
    _remove(folder)


def _remove(folder: Path) -> NoReturn:
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)  # whatever is being computed


def _give_way() -> None:
    """Takes what time is left over, and leaves a core to the pages where there are several.

    Where the system does not allow this, it works all the same.
    """
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(19)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        # Time may be shared among sessions first (autogroups): priorities count only within one.
        if os.getsid(0) == os.getpid():  # a session of its own
            with contextlib.suppress(OSError):
                Path("/proc/self/autogroup").write_text("19")
        with contextlib.suppress(OSError):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, cores[1:] or cores)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
