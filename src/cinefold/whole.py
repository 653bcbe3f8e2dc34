"""Folders and files that others see whole or not at all, however many write them at once."""

from __future__ import annotations

import contextlib
import errno
import shutil
import uuid
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

_T = TypeVar("_T")


def beside(path: Path) -> Path:
    """A name next to `path` that nobody else uses: of another thread or process."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")


@contextlib.contextmanager
def put_whole(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """A new folder to write into, which is put in the place of `folder` in the end.

    Parameters
    ----------
    folder : path
        An earlier one goes away.
    names : collection of str
        What an earlier one may hold.

    Raises
    ------
    FileExistsError
        If it holds anything else: that is not to be lost.
    """
    folder = folder.absolute()
    _check_replaceable(folder, names)
    new = beside(folder)
    new.mkdir(parents=True)
    try:
        yield new
        _put(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _check_replaceable(folder: Path, names: Collection[str]) -> None:
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        unfinished = entry.name.startswith(".") and entry.name.endswith(".tmp")
        if entry.name not in names and not unfinished:
            raise FileExistsError(f"{folder} holds other files, as {entry.name}: name a new folder")


def _put(new: Path, folder: Path) -> None:
    while True:
        try:
            new.rename(folder)  # onto nothing, or an empty folder
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return
        old = beside(folder)
        with contextlib.suppress(FileNotFoundError):  # another writer has just moved it
            folder.rename(old)
            shutil.rmtree(old, ignore_errors=True)


def unmixed(folder: Path, read: Callable[[], _T]) -> _T:
    """What `read` finds in `folder`; again, if another one was put there while it read."""
    while True:
        before = _identity(folder)
        try:
            found = read()
        except (OSError, ValueError):
            if _is(folder, before):
                raise
        else:
            if _is(folder, before):
                return found


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_ino, status.st_mtime_ns


def _is(folder: Path, identity: tuple[int, int]) -> bool:
    try:
        return _identity(folder) == identity
    except FileNotFoundError:
        return False
