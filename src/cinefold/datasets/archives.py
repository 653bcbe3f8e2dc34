"""Finding files in a folder or zip file."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
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
        is_folder = self.path.is_dir()
        try:
            with ExitStack() as opened:
                if is_folder:
                    found = [p.relative_to(self.path).as_posix() for p in self.path.rglob(filename)]
                else:
                    archive = opened.enter_context(zipfile.ZipFile(self.path))
                    found = [n for n in archive.namelist() if PurePosixPath(n).name == filename]
                # __MACOSX holds resource forks under the names of the files they belong to.
                real = [name for name in found if "__MACOSX" not in name.split("/")]
                name = min(real, key=lambda name: (name.count("/"), name), default=None)
                if name is None:
                    yield None
                else:
                    stream = (self.path / name).open("rb") if is_folder else archive.open(name)
                    yield opened.enter_context(stream)
        except _UNREADABLE as error:
            kind = "folder" if is_folder else "zip file"
            raise DatasetError(f"{self.path} is not a readable {kind}: {error}") from error

    def has(self, filename: str) -> bool:
        """Whether there is a file called `filename`."""
        with self.open(filename) as stream:
            return stream is not None

    def read(self, filename: str) -> bytes | None:
        """Content of the file called `filename` that lies highest; None if there is none."""
        with self.open(filename) as stream:
            return None if stream is None else stream.read()
