"""Finding files in a folder or zip file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError)


class Files:
    """Members of a zip file or folder, found by file name at any depth; nothing is extracted."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        if not self.path.exists():
            raise DatasetError(f"there is no file or folder {self.path}")

    def read(self, filename: str) -> bytes | None:
        """Content of the file called `filename` that lies highest; None if there is none."""
        try:
            return self._from_folder(filename) if self.path.is_dir() else self._from_zip(filename)
        except _UNREADABLE as error:
            kind = "folder" if self.path.is_dir() else "zip file"
            raise DatasetError(f"{self.path} is not a readable {kind}: {error}") from error

    def _from_folder(self, filename: str) -> bytes | None:
        found = [path.relative_to(self.path).as_posix() for path in self.path.rglob(filename)]
        highest = _highest(found)
        return None if highest is None else (self.path / highest).read_bytes()

    def _from_zip(self, filename: str) -> bytes | None:
        with zipfile.ZipFile(self.path) as archive:
            names = archive.namelist()
            highest = _highest(name for name in names if PurePosixPath(name).name == filename)
            return None if highest is None else archive.read(highest)


def _highest(names: Iterable[str]) -> str | None:
    # __MACOSX holds resource forks under the names of the files they belong to.
    real = [name for name in names if "__MACOSX" not in name.split("/")]
    return min(real, key=lambda name: (name.count("/"), name), default=None)
