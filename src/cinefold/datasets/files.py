"""Finding files in a folder or zip file."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError)


class Files:
    """Members of a zip file or folder, found by file name at any depth; nothing is extracted."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        if not self.path.exists():
            raise DatasetError(f"there is no file or folder {self.path}")

    @contextmanager
    def open(self, filename: str) -> Iterator[IO[bytes] | None]:
        """The file called `filename` that lies highest, to read from; None if there is none.

        A zip file's member is unpacked as it is read, so that it never is in memory as a whole.
        """
        inside = self._from_folder if self.path.is_dir() else self._from_zip
        try:
            with inside(filename) as stream:
                yield stream
        except _UNREADABLE as error:
            kind = "folder" if self.path.is_dir() else "zip file"
            raise DatasetError(f"{self.path} is not a readable {kind}: {error}") from error

    def has(self, filename: str) -> bool:
        """Whether there is a file called `filename`."""
        with self.open(filename) as stream:
            return stream is not None

    def read(self, filename: str) -> bytes | None:
        """Content of the file called `filename` that lies highest; None if there is none."""
        with self.open(filename) as stream:
            return None if stream is None else stream.read()

    @contextmanager
    def _from_folder(self, filename: str) -> Iterator[IO[bytes] | None]:
        found = [path.relative_to(self.path).as_posix() for path in self.path.rglob(filename)]
        highest = _highest(found)
        if highest is None:
            yield None
            return
        with (self.path / highest).open("rb") as stream:
            yield stream

    @contextmanager
    def _from_zip(self, filename: str) -> Iterator[IO[bytes] | None]:
        with zipfile.ZipFile(self.path) as archive:
            names = archive.namelist()
            highest = _highest(name for name in names if PurePosixPath(name).name == filename)
            if highest is None:
                yield None
                return
            with archive.open(highest) as stream:
                yield stream


def _highest(names: Iterable[str]) -> str | None:
    # __MACOSX holds resource forks under the names of the files they belong to.
    real = [name for name in names if "__MACOSX" not in name.split("/")]
    return min(real, key=lambda name: (name.count("/"), name), default=None)
