"""From a file, a zip archive or bytes to tables of text."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from cinefold.datasets.readers import DelimitedText, read_delimited

MAX_BYTES = 256 * 2**20
"""Largest file that is read, unpacked."""

_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x9f]")  # no name of a column has these
_MEMBERS = ("ratings.csv", "watched.csv")


class ImportFileError(ValueError):
    """A file that cannot be imported; the message says what was found and what is needed."""


def read_tables(
    source: str | Path | bytes, name: str | None = None
) -> list[tuple[str, DelimitedText]]:
    """The table of a CSV file, or those of ratings and watched movies in a zip archive, by name.

    Raises
    ------
    ImportFileError
        If it is too large, empty, damaged, or a zip archive without either table.
    OSError
        If the file cannot be read.
    """
    if isinstance(source, bytes):
        content, name = source, name or "the file"
    else:
        path = Path(source)
        name = name or path.name
        _check_size(path.stat().st_size, name)
        content = path.read_bytes()
    _check_size(len(content), name)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return [(member, _table(part, member)) for member, part in _members(content, name)]
    return [(name, _table(content, name))]


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise ImportFileError(
            f"{name} has {size / 2**20:,.0f} MB; at most {MAX_BYTES // 2**20} MB are read"
        )


def _members(content: bytes, name: str) -> list[tuple[str, bytes]]:
    """The tables of an export that lie least deep, with their names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = archive.infolist()
            found = [info for info in held if _is_table(PurePosixPath(info.filename))]
            if not found:
                names = ", ".join(info.filename for info in held[:5]) or "nothing"
                raise ImportFileError(
                    f"{name} is a zip archive without {' or '.join(_MEMBERS)}; it holds {names}"
                    f"{' ...' if len(held) > 5 else ''}. Save a spreadsheet as CSV first"
                )
            # Deeper ones are of other accounts or lists: those of Letterboxd have "deleted".
            depth = min(info.filename.count("/") for info in found)
            top = [info for info in reversed(found) if info.filename.count("/") == depth]
            by_name = {PurePosixPath(info.filename).name.lower(): info for info in top}
            _check_size(sum(info.file_size for info in by_name.values()), name)
            return [
                (member, archive.read(by_name[member])) for member in _MEMBERS if member in by_name
            ]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ImportFileError(f"{name} is a zip archive that cannot be opened: {error}") from None


def _is_table(path: PurePosixPath) -> bool:
    return path.name.lower() in _MEMBERS and "__MACOSX" not in path.parts


def _table(content: bytes, name: str) -> DelimitedText:
    try:
        table = read_delimited(content)
    except ValueError as error:
        raise ImportFileError(f"{name}: {error}") from None
    if any(_CONTROL.search(cell) for cell in table.header):
        raise ImportFileError(f"{name} is not a text file")
    return replace(table, header=tuple(" ".join(cell.split()) for cell in table.header))
