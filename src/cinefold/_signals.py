"""The rule for Ctrl-C.

What was learnt is kept, and the KeyboardInterrupt goes on to the caller. A caller that goes on with
what was kept (``cinefold train`` measures it) asks for that: ``keep_on_interrupt``. Work that must
not end half done, or whose compiled code would lose the exception, delays it: ``ctrl_c_waits``.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Interruption:
    """Whether Ctrl-C ended a block."""

    happened: bool = False


@contextlib.contextmanager
def keep_on_interrupt(is_something_kept: Callable[[], bool]) -> Iterator[Interruption]:
    """Ctrl-C ends the block, and goes no further if there is something to go on with.

    Examples
    --------
    >>> results = []
    >>> with keep_on_interrupt(lambda: len(results) > 0) as interruption:
    ...     for n in range(5):
    ...         results.append(n)
    >>> interruption.happened
    False
    """
    interruption = Interruption()
    try:
        yield interruption
    except KeyboardInterrupt:
        if not is_something_kept():
            raise
        interruption.happened = True


@contextlib.contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C comes after the block, whose compiled code would swallow it with a traceback.

    In other threads than the main one, where it never comes, this does nothing; nor where it is
    not for Python to handle.
    """
    elsewhere = threading.current_thread() is not threading.main_thread()
    if elsewhere or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    pressed: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if pressed:
            signal.raise_signal(pressed[0])
