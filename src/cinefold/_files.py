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

    An earlier one is moved aside first, and removed when the new one is there. In the short moment
    between, there is none for those who look; a process that is killed just then leaves the earlier
    one beside, under a name that ends with ``.tmp``. A symbolic link goes on leading there.

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
    folder = folder.resolve()
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
    while not _put_onto_nothing(new, folder):
        old = beside(folder)
        try:
            folder.rename(old)
        except FileNotFoundError:  # another writer has just moved it
            continue
        try:
            done = _put_onto_nothing(new, folder)
        except BaseException:
            with contextlib.suppress(OSError):  # another writer has put one there
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
        if done:
            return


def _put_onto_nothing(new: Path, folder: Path) -> bool:
    """Or onto an empty folder; False if there is anything else."""
    try:
        new.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


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
