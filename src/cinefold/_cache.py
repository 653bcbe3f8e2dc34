"""Caches of what takes long to make: on the disk, and in objects."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

_locks: dict[Path, threading.Lock] = {}


def cached(
    path: Path,
    *,
    load: Callable[[Path], _T],
    make: Callable[[], _T],
    save: Callable[[_T, Path], _T | None],
) -> _T:
    """What is kept at `path`, or made now and kept there.

    Threads that ask for one path at once wait for the first of them. A damaged entry is made again;
    where none can be written, a warning says so.

    Parameters
    ----------
    path : path
        Of a file or folder. Its name says what the content was made from.
    load : callable
        Reads it. Raises FileNotFoundError if there is none, OSError or ValueError if it is damaged.
    make : callable
        Makes it. What it raises comes through.
    save : callable
        Writes it in one step, so that other processes never find half of it. What it returns, if
        anything, takes the place of what was made: it may be on the disk rather than in memory.
    """
    with _locks.setdefault(path, threading.Lock()):
        try:
            return load(path)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be used and is made again (%s)", path, error)
        made = make()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = save(made, path) or made
        except OSError as error:
            logger.warning("%s could not be cached and will be made again: %s", path, error)
        return made


class PickledWithoutCaches:
    """Cached properties stay behind: they are large, and other threads may be filling them."""

    def __getstate__(self) -> dict[str, Any]:
        kind, state = type(self), self.__dict__.copy()
        cached = {name for name in state if isinstance(getattr(kind, name, 0), cached_property)}
        return {name: value for name, value in state.items() if name not in cached}
