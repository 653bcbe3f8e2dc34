"""From a file, or its bytes, to tables of text: zip archives, encodings, separators, quotes."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_BYTES = 256 * 2**20
"""Largest file that is read, unpacked."""

_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x9f]")  # no name of a column has these
_MEMBERS = ("ratings.csv", "watched.csv")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class ImportFileError(ValueError):
    """A file that cannot be imported; the message says what was found and what is needed."""


@dataclass(frozen=True)
class Table:
    """The text of one CSV file.

    Attributes
    ----------
    name : str
        Of the file, without folders.
    encoding, delimiter : str
    header : tuple of str
    rows : tuple of (int, list of str)
        The line on which each row begins, from 1, and its cells; without empty rows.
    """

    name: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]


def read_tables(source: str | Path | bytes, name: str | None = None) -> list[Table]:
    """The tables of a CSV file, or those of ratings and watched films in a zip archive.

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
        return [_table(part, member) for member, part in _members(content, name)]
    return [_table(content, name)]


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise ImportFileError(
            f"{name} has {size / 2**20:,.0f} MB; at most {MAX_BYTES // 2**20} MB are read"
        )


def _members(content: bytes, name: str) -> list[tuple[str, bytes]]:
    """The tables of an export that lie least deep, with their names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found: dict[str, zipfile.ZipInfo] = {}
            by_depth = sorted(archive.infolist(), key=lambda info: info.filename.count("/"))
            for info in by_depth:
                path = PurePosixPath(info.filename)
                if path.name.lower() in _MEMBERS and "__MACOSX" not in path.parts:
                    found.setdefault(path.name.lower(), info)
            if not found:
                held = ", ".join(info.filename for info in by_depth[:5]) or "nothing"
                raise ImportFileError(
                    f"{name} is a zip archive without {' or '.join(_MEMBERS)}; it holds {held}"
                    f"{' ...' if len(by_depth) > 5 else ''}. Save a spreadsheet as CSV first"
                )
            # Deeper ones are of other accounts or lists: those of Letterboxd have "deleted".
            depth = min(info.filename.count("/") for info in found.values())
            chosen = [
                (member, found[member])
                for member in _MEMBERS
                if member in found and found[member].filename.count("/") == depth
            ]
            _check_size(sum(info.file_size for _, info in chosen), name)
            return [(member, archive.read(info)) for member, info in chosen]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ImportFileError(f"{name} is a zip archive that cannot be opened: {error}") from None


def _table(content: bytes, name: str) -> Table:
    text, encoding = _decoded(content)
    text = text.replace("\0", "")
    if not text.strip():
        raise ImportFileError(f"{name} is empty")
    first = 1
    hint, _, rest = text.partition("\n")
    if hint.strip().lower().startswith("sep=") and len(hint.strip()) == 5:  # Excel's
        text, first = rest, 2
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, begin = [], first
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((begin, cells))
            begin = first + reader.line_num
    except csv.Error as error:
        raise ImportFileError(
            f"{name}, line {begin}: {error}; is a double quote left open?"
        ) from None
    if not rows:
        raise ImportFileError(f"{name} is empty")
    if any(_CONTROL.search(cell) for cell in rows[0][1]):
        raise ImportFileError(f"{name} is not a text file")
    header = tuple(" ".join(cell.split()) for cell in rows[0][1])
    return Table(name, encoding, delimiter, header, tuple(rows[1:]))


def _decoded(content: bytes) -> tuple[str, str]:
    """The text and its encoding: by byte order mark, else UTF-8, else Windows' Western one."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace"), encoding
    start = content[:400]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) / 2:
            return content.decode(encoding, "replace"), encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "latin-1"


def _delimiter(text: str) -> str:
    """What separates the cells of the first line that has any, outside quotes."""
    line = next(line for line in text.splitlines() if line.strip())
    outside = "".join(line.split('"')[::2])
    return max(",;\t|", key=outside.count)
