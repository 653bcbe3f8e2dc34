"""Finding files in a folder or zip file: nothing is extracted, and sizes are bounded."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import IO

from cinefold.datasets.catalogue import DatasetError, errors_name_file, short_message

_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError)
# What zipfile makes of damaged directories and headers.
_UNOPENABLE = (*_UNREADABLE, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError)
_MOST_FILES = 100_000
# Ratings shrink to a fifth; what shrinks to less than a hundredth was made to fill the memory.
_LARGEST_RATIO = 100
_SMALL = 64 << 20


class Files:
    """Files in a zip file or folder.

    Raises
    ------
    DatasetError
        If it is neither, cannot be read, or holds more than 100,000 files.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        with errors_name_file(self.path):
            self._is_folder = self.path.is_dir()
            if not self._is_folder and not self.path.is_file():
                kind = "regular file or folder called" if self.path.exists() else "file or folder"
                raise DatasetError(f"there is no {kind} {self.path}")
        with self._naming(_UNOPENABLE):
            if self._is_folder:
                names = self._in_folder()
            else:
                with zipfile.ZipFile(self.path) as archive:
                    names = [m.filename for m in archive.infolist() if not m.is_dir()]
            # __MACOSX holds resource forks under the names of the files they belong to.
            paths = map(PurePosixPath, names)
            self._names = [name for name in paths if "__MACOSX" not in name.parts]

    def _in_folder(self) -> list[str]:
        names: list[str] = []
        for folder, _, files in os.walk(self.path):
            names += (os.path.relpath(Path(folder, file), self.path) for file in files)
            if len(names) > _MOST_FILES:
                raise ValueError(f"it holds over {_MOST_FILES:,} files; name the one of the data")
        return names

    def folders_with(self, *filenames: str) -> list[PurePosixPath]:
        """The folders that have all these files; of those, the ones that lie highest."""
        each = ({path.parent for path in self._names if path.name == name} for name in filenames)
        found = sorted(set.intersection(*each))
        highest = min((len(folder.parts) for folder in found), default=0)
        return [folder for folder in found if len(folder.parts) == highest]

    def identity(self, *names: PurePosixPath) -> str:
        """Another one once the zip file, or one of these files of a folder, is another.

        Its size, time of change and place on the disk.
        """
        files = [self.path / name for name in names] if self._is_folder else [self.path]
        stats = [file.stat() for file in files if file.exists()]
        return json.dumps([[s.st_size, s.st_mtime_ns, s.st_ino, s.st_dev] for s in stats])

    @contextmanager
    def open(self, name: PurePosixPath) -> Iterator[IO[bytes]]:
        """The file of this name, to read from; a zip file's member is unpacked as it is read."""
        with ExitStack() as opened:
            with self._naming(_UNOPENABLE):
                if self._is_folder:
                    file = self.path / name
                    if not file.is_file():
                        raise ValueError(f"{name} is not a regular file")
                    stream: IO[bytes] = opened.enter_context(file.open("rb"))
                else:
                    archive = opened.enter_context(zipfile.ZipFile(self.path))
                    stream = opened.enter_context(archive.open(_member(archive, name)))
            with self._naming(_UNREADABLE):
                yield stream

    def read(self, name: PurePosixPath, at_most: int) -> bytes | None:
        """Content of the file of this name, None if there is none; ValueError if it is larger."""
        if name not in self._names:
            return None
        with self.open(name) as stream:
            content = stream.read(at_most + 1)
        if len(content) > at_most:
            raise ValueError(f"it has more than {at_most:,} bytes")
        return content

    @contextmanager
    def _naming(self, errors: tuple[type[Exception], ...]) -> Iterator[None]:
        try:
            yield
        except errors as error:
            kind = "folder" if self._is_folder else "zip file"
            why = short_message(error)
            raise DatasetError(f"{self.path} is not a readable {kind}: {why}") from error


def _member(archive: zipfile.ZipFile, name: PurePosixPath) -> zipfile.ZipInfo:
    """The one member of this name, unless it could be two things or fill the memory."""
    found = [member for member in archive.infolist() if PurePosixPath(member.filename) == name]
    if len(found) > 1:
        raise ValueError(f"{name} is in it {len(found)} times")
    member = found[0]
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in another way than by deflate")
    if member.file_size > max(_SMALL, _LARGEST_RATIO * member.compress_size):
        raise ValueError(
            f"{name} unpacks from {member.compress_size:,} to {member.file_size:,} bytes, more "
            f"than {_LARGEST_RATIO} times"
        )
    return member
