"""From a file, a zip archive or bytes to tables of text."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

from cinefold._files import read_file
from cinefold.profiles.delimited_text import (
    MAX_BYTES,
    DelimitedText,
    check_size,
    read_delimited,
)

MAX_MEMBERS = 10_000
MAX_RATIO = 100
_ALWAYS_UNPACKED = 2**20  # bytes: so small that its ratio does not matter
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError),
    *(EOFError, OSError, ValueError, OverflowError),
)
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x9f]")  # no name of a column has these
_MEMBERS = ("ratings.csv", "watched.csv")
# In the archive of Letterboxd: what was taken back, accounts that are gone, lists of movies.
_OTHER_FOLDERS = {"deleted", "orphaned", "lists", "likes", "__macosx"}
_LIST_BANNER, _LIST_HEADER = "Letterboxd list export", "Position"
_OTHER_FORMATS = {
    b"<": "XML or a web page",
    b"{": "JSON",
    b"[": "JSON",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of Excel",
    b"%PDF": "a PDF",
}


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
    name = name or ("the file" if isinstance(source, bytes) else Path(source).name)
    try:
        content = source if isinstance(source, bytes) else read_file(source, MAX_BYTES)
        check_size(len(content))
        packed = content.startswith((b"PK\x03\x04", b"PK\x05\x06"))
        parts = _members(content) if packed else [(name, content)]
    except ValueError as error:
        raise ImportFileError(f"{name}: {error}") from None
    return [(part, _table(text, part)) for part, text in parts]


def _members(content: bytes) -> list[tuple[str, bytes]]:
    """The tables of an export that lie least deep, with their names."""
    if content.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise ValueError(f"a zip archive of more than {MAX_MEMBERS:,} files is not opened")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        paths = {info: PurePosixPath(info.filename.replace("\\", "/")) for info in archive.filelist}
    except _DAMAGED as error:
        raise ValueError(f"it is a zip archive that cannot be opened: {error}") from None
    found = [
        (len(path.parts), path.name.lower(), info)
        for info, path in paths.items()
        if path.name.lower() in _MEMBERS and not info.is_dir()
        if _OTHER_FOLDERS.isdisjoint(map(str.lower, path.parts[:-1]))
    ]
    if not found:
        names = ", ".join(str(path)[:60] for path in [*paths.values()][:5]) or "nothing"
        raise ValueError(
            f"it is a zip archive without {' or '.join(_MEMBERS)}; it holds {names}"
            f"{' ...' if len(paths) > 5 else ''}. What is in folders such as deleted, orphaned and "
            "lists is not imported; save a spreadsheet as CSV first"
        )
    # Deeper ones are of other accounts.
    lowest = min(depth for depth, *_ in found)
    least = [(name, info) for depth, name, info in found if depth == lowest]
    top = dict(least)
    if len(top) < len(least):
        names = ", ".join(info.filename[:60] for _, info in least[:4])
        raise ValueError(f"it is a zip archive with several tables that may be meant: {names}")
    check_size(sum(info.file_size for info in top.values()))
    return [(member, _unpacked(archive, top[member])) for member in _MEMBERS if member in top]


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > max(MAX_RATIO * member.compress_size, _ALWAYS_UNPACKED):
        raise ValueError(
            f"{member.filename[:60]} in it unpacks to more than {MAX_RATIO} times its size, "
            "which is all that is read"
        )
    try:
        with archive.open(member) as stream:
            return stream.read(member.file_size)
    except _DAMAGED as error:
        raise ValueError(f"{member.filename[:60]} cannot be unpacked: {error}") from None


def _table(content: bytes, name: str) -> DelimitedText:
    start = content[:400].removeprefix(b"\xef\xbb\xbf").lstrip()
    what = next((what for sign, what in _OTHER_FORMATS.items() if start.startswith(sign)), None)
    try:
        if what is not None:
            raise ValueError(f"it is {what}; export or save it as CSV")
        table = read_delimited(content)
        if any(_CONTROL.search(cell) for cell in table.header):
            raise ValueError("it is not a text file")
        if table.header[0].startswith(_LIST_BANNER):
            table = _after_banner(table)
    except ValueError as error:
        raise ImportFileError(f"{name}: {error}") from None
    return replace(table, header=tuple(" ".join(cell.split()) for cell in table.header))


def _after_banner(table: DelimitedText) -> DelimitedText:
    """The movies of a list of Letterboxd, above which its name and description stand."""
    for place, (_, cells) in enumerate(table.rows):
        if cells[0] == _LIST_HEADER:
            return DelimitedText(table.delimiter, tuple(cells), table.rows[place + 1 :])
    raise ValueError(f"the list has no line with its columns, which begins with {_LIST_HEADER}")
