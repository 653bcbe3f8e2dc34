"""A place in the cache for what is being fetched, and the removal of what killed runs left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".incoming-"
_OLD = 24 * 3600


@contextmanager
def download_folder(cache: Path) -> Iterator[Path]:
    """A new folder in `cache` to fetch something into; it is removed in the end.

    It is locked meanwhile, so that others know it from those of killed runs, which they remove.
    """
    cache.mkdir(parents=True, exist_ok=True)
    while True:
        with tempfile.TemporaryDirectory(
            dir=cache, prefix=_PREFIX, ignore_cleanup_errors=True
        ) as name:
            handle = os.open(name, os.O_RDONLY)
            try:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(handle, fcntl.LOCK_EX)
                if Path(name).exists():  # else another run has removed it before it was locked
                    yield Path(name)
                    return
            finally:
                os.close(handle)


def remove_leftovers(cache: Path) -> None:
    """Remove what killed runs left: folders that nobody holds.

    Where folders cannot be locked, what is older than a day counts as left.
    """
    for left in cache.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            except BlockingIOError:
                pass
            except OSError:
                if time.time() - left.stat().st_mtime > _OLD:
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(handle)
