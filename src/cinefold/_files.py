"""Files and folders that are replaced in one step: a reader never finds half of one."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from os import PathLike

_T = TypeVar("_T")


@contextlib.contextmanager
def replace_file(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary file to write, which takes the place of `path` in the end.

    It stands in the same folder and has the same suffix. After an error, a full disk for instance,
    an earlier file is as it was and the temporary one is gone. The permissions are those of the
    earlier file, or of a new one. Symbolic links are followed. What is no regular file (a FIFO,
    ``/dev/stdout``) is not replaced: the temporary file is copied into it.

    Raises
    ------
    OSError
        If it cannot be written; an error about the temporary file names `path`.
    """
    path = Path(path)
    if path.exists() and (not path.is_file() or _is_descriptor(path)):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder, f"file{path.suffix}")
            yield temporary
            with temporary.open("rb") as content, path.open("ab") as file:
                shutil.copyfileobj(content, file)
        return
    target = path.resolve()
    temporary = _temporary(target)
    try:
        temporary.touch()
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some writers make files of their own, and private
        temporary.replace(target)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _is_descriptor(path: Path) -> bool:
    """Whether it is an open file of a process, as ``/dev/stdout`` and ``/proc/self/fd/1`` are."""
    while path.is_symlink():
        if path.parent.resolve().match("/proc/*/fd"):
            return True
        path = path.parent / path.readlink()
    return False


def _temporary(path: Path) -> Path:
    """A name next to `path` that no other thread or process uses."""
    return path.with_name(f".{uuid.uuid4().hex[:12]}.tmp{path.suffix}")


@contextlib.contextmanager
def replace_folder(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `folder` in the end.

    An earlier one is moved aside first, and removed when the new one is there. In the short moment
    between, there is none for those who look; a process that is killed just then leaves the earlier
    one beside, under a name with ``.tmp``. Symbolic links are followed.

    Parameters
    ----------
    folder : path
    names : collection of str
        What an earlier one may hold.

    Raises
    ------
    FileExistsError
        If it holds anything else: that is not to be lost.
    """
    folder = folder.resolve()
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.name not in names and not (entry.name.startswith(".") and ".tmp" in entry.name):
            raise FileExistsError(f"{folder} holds other files, as {entry.name}: name a new folder")
    new, old = _temporary(folder), _temporary(folder)
    new.mkdir(parents=True)
    try:
        yield new
        while True:
            try:
                new.rename(folder)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            shutil.rmtree(old, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):  # another writer has just moved it
                folder.rename(old)
    except BaseException:
        with contextlib.suppress(OSError):  # there is none, or another writer has put one there
            old.rename(folder)
        raise
    finally:
        for temporary in (new, old):
            shutil.rmtree(temporary, ignore_errors=True)


def read_folder(folder: Path, read: Callable[[], _T]) -> _T:
    """What `read` finds in `folder`; it is called again if the folder was replaced meanwhile."""
    while True:
        before = _identity(folder)
        try:
            found = read()
        except (OSError, ValueError):
            if _identity(folder) == before:
                raise
        else:
            if _identity(folder) == before:
                return found


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
