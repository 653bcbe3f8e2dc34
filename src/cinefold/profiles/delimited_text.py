"""Tables of text that people bring: encoding and delimiter are found out, and all is bounded."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice

from cinefold.datasets.readers import encoding_of, find_delimiter

MAX_BYTES = 32 * 2**20
"""Largest file that is read, also when it is unpacked."""
MAX_LINES, MAX_ROWS, MAX_CELLS, MAX_COLUMNS = 1_000_000, 100_000, 4_000_000, 1_000
_LONGEST_LINE = 2**20  # characters; no cell has more than `csv.field_size_limit`
_SHOWN = 400  # of a line with a longer cell


@dataclass(frozen=True)
class DelimitedText:
    """The cells of a CSV file or its like.

    Attributes
    ----------
    delimiter : str
    header : tuple of str
        Cells of the first line that is not empty.
    rows : tuple of (int, list of str)
        The line on which each row begins, from 1, and its cells, few or many; without empty rows.
        Of a line that is too long for cells, its beginning in each column.
    """

    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]


def read_delimited(content: str | bytes, *, strict: bool = False) -> DelimitedText:
    """Read delimited text.

    Parameters
    ----------
    content : str or bytes
    strict : bool
        Take UTF-8 only, no characters behind a quoted cell, and no cell that is too long.

    Returns
    -------
    DelimitedText

    Raises
    ------
    ValueError
        If it is empty, damaged or beyond a limit; the message names the line and the limit.
    """
    check_size(len(content))
    text = content if isinstance(content, str) else _decoded(content, strict)
    stream = islice(io.StringIO(text.removeprefix("\ufeff"), newline=""), MAX_LINES + 1)
    lines = [line[:_LONGEST_LINE].replace("\0", "") for line in stream]
    first = next((place for place, line in enumerate(lines) if _is_cells(line)), len(lines))
    delimiter = find_delimiter(lines[first]) if lines[first:] else ","
    reader = csv.reader(lines[first:], delimiter=delimiter, strict=strict)
    rows: list[tuple[int, list[str]]] = []
    n_cells, begin = 0, first
    try:
        _check(len(lines), MAX_LINES, "lines")
        while begin < len(lines):
            try:
                cells = next(reader)
            except csv.Error:  # a double quote that is left open takes other lines along
                if strict or not rows or first + reader.line_num > begin + 1:
                    raise
                cells = [lines[begin][:_SHOWN]] * len(rows[0][1])
            end = first + reader.line_num
            if end == len(lines) > begin + 1:  # an error if it ends within a cell
                list(csv.reader(lines[begin:], delimiter=delimiter, strict=True))
            if any(map(str.strip, cells)):
                rows.append((begin + 1, cells))
                n_cells += len(cells)
                _check(len(cells), MAX_COLUMNS, "columns")
                _check(len(rows) - 1, MAX_ROWS, "rows")
                _check(n_cells, MAX_CELLS, "cells")
            begin = end
    except csv.Error as error:
        raise ValueError(f"line {begin + 1}: {error}; is a double quote left open?") from None
    except ValueError as error:
        raise ValueError(f"line {begin + 1}: {error}") from None
    if not rows:
        raise ValueError("it is empty")
    return DelimitedText(delimiter, tuple(rows[0][1]), tuple(rows[1:]))


def _decoded(content: bytes, strict: bool) -> str:
    try:
        return content.decode() if strict else content.decode(encoding_of(content), "replace")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: this is not UTF-8 text") from None


def check_size(n_bytes: int) -> None:
    """A ValueError if a file is too large to be read."""
    if n_bytes > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 2**20} MB, which is all that is read")


def _check(n: int, most: int, what: str) -> None:
    if n > most:
        raise ValueError(f"there are more than {most:,} {what}, which is all that is read")


def _is_cells(line: str) -> bool:
    """Whether a line has text, other than Excel's "sep=;"."""
    text = line.strip("\r\n ").lower()
    return bool(text.strip()) and not (text.startswith("sep=") and len(text) == 5)
