"""Tables of text that people bring: encoding and delimiter are found out, and all is bounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from cinefold.datasets.readers import encoding_of, find_delimiter

MAX_BYTES = 32 * 2**20
"""Largest file that is read, also when it is unpacked."""
MAX_LINES, MAX_ROWS, MAX_CELLS, MAX_COLUMNS = 1_000_000, 100_000, 4_000_000, 1_000
MAX_ROW_LENGTH = 2**20  # characters
_SHOWN = 400  # of a line that is too long
_END = "\0"  # which lines have not: in a cell, it says that a double quote was left open


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
    """Read delimited text; no more of it is in memory than the cells.

    Parameters
    ----------
    content : str or bytes
    strict : bool
        Take UTF-8 only, no characters behind a quoted cell, and no line that is too long.

    Raises
    ------
    ValueError
        If it is empty, damaged or beyond a limit; the message names the line and the limit.
    """
    check_size(len(content))
    stream: io.StringIO | io.TextIOWrapper
    if isinstance(content, str):
        stream = io.StringIO(content, newline="")
    else:
        encoding = _utf8(content) if strict else encoding_of(content)
        stream = io.TextIOWrapper(io.BytesIO(content), encoding, "replace", newline="")
    lines = _Lines(stream, strict=strict)
    first = next(filter(_is_cells, lines), "")
    begin, before, delimiter = lines.number, lines.number - 1, find_delimiter(first)
    reader = csv.reader(chain([first], lines, [_END]), delimiter=delimiter, strict=strict)
    rows: list[tuple[int, list[str]]] = []
    n_cells = 0
    try:
        while (cells := _next_row(reader, lines, before + reader.line_num, rows)) != [_END]:
            if any(map(str.strip, cells)):
                rows.append((begin, cells))
                n_cells += len(cells)
                _check(len(cells), MAX_COLUMNS, "columns")
                _check(len(rows) - 1, MAX_ROWS, "rows")
                _check(n_cells, MAX_CELLS, "cells")
            begin, lines.n_in_row = before + reader.line_num + 1, 0
    except csv.Error as error:
        raise ValueError(f"line {begin}: {error}; is a double quote left open?") from None
    except ValueError as error:
        raise ValueError(f"line {begin}: {error}") from None
    if not rows:
        raise ValueError("it is empty")
    return DelimitedText(delimiter, tuple(rows[0][1]), tuple(rows[1:]))


def _next_row(
    reader: Iterator[list[str]], lines: _Lines, before: int, rows: list[tuple[int, list[str]]]
) -> list[str]:
    try:
        cells = next(reader, [_END])
        if cells and cells != [_END] and cells[-1].endswith(_END):
            cells[-1] = cells[-1].removesuffix(_END)
            if lines.number > before + 1:
                raise csv.Error("the file ends within a cell")
    except csv.Error:
        # A double quote that is left open takes other lines along.
        if lines.strict or not rows or lines.number > before + 1:
            raise
        return [lines.last[:_SHOWN]] * len(rows[0][1])
    return cells


def check_size(n_bytes: int) -> None:
    """A ValueError if a file is too large to be read."""
    if n_bytes > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 2**20} MB, which is all that is read")


def _check(n: int, most: int, what: str) -> None:
    if n > most:
        raise ValueError(f"there are more than {most:,} {what}, which is all that is read")


class _Lines:
    """The lines of a stream without NUL, counted; `n_in_row` is for the reader to set back."""

    def __init__(self, stream: io.StringIO | io.TextIOWrapper, *, strict: bool) -> None:
        self._stream = stream
        self.strict = strict
        self.number = self.n_in_row = 0
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MAX_ROW_LENGTH + 1)
        if not line:
            raise StopIteration
        self.number += 1
        rest = line
        if len(line) > MAX_ROW_LENGTH and self.number > 1 and not (self.strict or self.n_in_row):
            line = line[:MAX_ROW_LENGTH]
            while rest and not rest.endswith(("\n", "\r")):
                rest = self._stream.readline(MAX_ROW_LENGTH)
        self.n_in_row += len(line) if line.strip() else 0
        _check(self.number, MAX_LINES, "lines")
        _check(self.n_in_row, MAX_ROW_LENGTH, "characters in a row (is a double quote left open?)")
        self.last = line.replace("\0", "").removeprefix("\ufeff" if self.number == 1 else "")
        return self.last


def _is_cells(line: str) -> bool:
    """Whether a line has text, other than Excel's "sep=;"."""
    text = line.strip("\r\n ").lower()
    return bool(text.strip()) and not (text.startswith("sep=") and len(text) == 5)


def _utf8(content: bytes) -> str:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: this is not UTF-8 text") from None
    return "utf-8"
