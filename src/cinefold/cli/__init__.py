"""The command line: ``cinefold``.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done; 1 the
data, a file or the app could not be had; 2 wrong input, said in one line; 130 ended by Ctrl-C.
"""

from __future__ import annotations

# Until Ctrl-C is heard it would end with a traceback: nothing that Python has not loaded already.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys

__all__ = ["main"]

_INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Run the command line and exit."""
    # An exception would be lost in some of the compiled modules, and come as an ImportError or with
    # a traceback out of others.
    heard = (
        signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    )  # not in the background of a script
    if heard:
        signal.signal(signal.SIGINT, _end_at_once)
    _open_closed_streams()
    import warnings

    from cinefold.cli.commands import run
    from cinefold.cli.console import say_warning

    warnings.showwarning = say_warning
    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
        if heard:
            signal.signal(signal.SIGINT, _end_at_once)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    _drop_unwritten()
    sys.exit(code)


def _end_at_once(*_: object) -> None:
    """Nothing has been begun, or all is done, so nothing is to be tidied up."""
    os.write(2, b"Ended by Ctrl-C.\n")
    os._exit(_INTERRUPTED)


def _open_closed_streams() -> None:
    """After ``>&-`` the next file that is opened would be taken for standard output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode))
        elif name != "stdin":
            getattr(sys, name).reconfigure(errors="backslashreplace")


def _drop_unwritten() -> None:
    """What nobody reads, or what a full disk does not take, was complained about already."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
