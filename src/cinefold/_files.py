"""Files and folders that are replaced in one step, and files that are read within bounds."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from os import PathLike
from pathlib import Path
from typing import IO, Any, TypeVar

_T = TypeVar("_T")

_MOST_PARSED = 10 * 2**20
_PATIENCE = 5.0  # seconds


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
        If it cannot be written; the error names `path`, not the temporary file. Nobody reading a
        FIFO within five seconds is one.
    """
    path, mode = Path(path), None
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    try:
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
        if mode is not None and (not stat.S_ISREG(mode) or _is_descriptor(path)):
            with tempfile.TemporaryDirectory() as folder:
                temporary = Path(folder, f"file{path.suffix}")
                yield temporary
                with temporary.open("rb") as content, _open_to_append(path) as file:
                    shutil.copyfileobj(content, file)
            return
        temporary.touch()
        mode = temporary.stat().st_mode if mode is None else mode
        yield temporary
        temporary.chmod(mode)  # some writers make files of their own, and private
        temporary.replace(target)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _open_to_append(path: Path) -> IO[bytes]:
    """Without waiting for ever for somebody who reads a FIFO."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "ab")


def _is_descriptor(path: Path) -> bool:
    """Whether it is an open file of a process, as ``/dev/stdout`` and ``/proc/self/fd/1`` are."""
    while path.is_symlink():
        if path.parent.resolve().match("/proc/*/fd"):
            return True
        path = path.parent / path.readlink()
    return False


def check_regular(path: str | PathLike[str]) -> None:
    """Refuse what might never end, or hang when it is opened: a FIFO, a device.

    Pipes that the process was given (``/dev/stdin``, the ``<(command)`` of a shell) are fine.

    Raises
    ------
    ValueError
    OSError
        If it is a folder or cannot be found.
    """
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode) and not (stat.S_ISFIFO(mode) and _is_descriptor(Path(path))):
        raise ValueError(f"{path} is a device or a pipe, not a regular file")


def read_file(path: str | PathLike[str], most: int) -> bytes:
    """The content of a regular file (`check_regular`) of at most `most` bytes.

    Raises
    ------
    ValueError
        If it has more, or is no regular file.
    OSError
        If it cannot be read.
    """
    check_regular(path)
    with Path(path).open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} has more than {most / 2**20:.3g} MB")
    return content


def read_parsed(path: str | PathLike[str], parse: Callable[[str], Any], kind: str) -> Any:
    """What `parse`, such as `json.loads`, makes of a UTF-8 file of at most 10 MB.

    Raises
    ------
    ValueError
        If it is no file of this `kind`, with a word for that: damaged, nested too deeply.
    OSError
        If it cannot be read.
    """
    content = read_file(path, _MOST_PARSED)
    try:
        return parse(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ValueError(f"{path} is no {kind} file: {reason}") from None


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
