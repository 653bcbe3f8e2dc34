"""The rule for Ctrl-C.

What was learnt is kept, and the KeyboardInterrupt goes on to the caller. A caller that goes on with
what was kept (``cinefold train`` measures it) asks for that: ``keep_on_interrupt``. Work that must
not end half done delays it (``ctrl_c_waits``), or looks whether it was pressed (``ctrl_c_sets``).
"""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended."""


@contextlib.contextmanager
def keep_on_interrupt(is_something_kept: Callable[[], bool]) -> Iterator[threading.Event]:
    """Ctrl-C ends the block, sets the event, and goes no further if something is kept.

    Examples
    --------
    >>> results = []
    >>> with keep_on_interrupt(lambda: len(results) > 0) as interrupted:
    ...     for n in range(5):
    ...         results.append(n)
    >>> interrupted.is_set()
    False
    """
    interrupted = threading.Event()
    try:
        yield interrupted
    except KeyboardInterrupt:
        if not is_something_kept():
            raise
        interrupted.set()


@contextlib.contextmanager
def ctrl_c_sets(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C in the block sets `stop` and raises nothing; a second one is as usual.

    In other threads than the main one, or where Ctrl-C is ignored, this does nothing.
    """
    elsewhere = threading.current_thread() is not threading.main_thread()
    if elsewhere or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return

    def note(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, usual)

    usual = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextlib.contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """The first Ctrl-C in the block comes after it: its work must not end half done."""
    pressed = threading.Event()
    try:
        with ctrl_c_sets(pressed):
            yield
    finally:
        if pressed.is_set():
            signal.raise_signal(signal.SIGINT)
