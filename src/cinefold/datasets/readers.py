"""Tables from files that nobody has described: delimited text, and Parquet."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

_DELIMITERS = ",;\t|"
_HEAD = 1 << 16
_PARQUET = b"PAR1"


# -- delimited text ------------------------------------------------------------------------------


def find_delimiter(line: str) -> str:
    """What separates the cells of a line, outside quotes."""
    outside = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _first_line(text: str) -> str:
    return next((line for line in io.StringIO(text, newline=None) if line.strip()), "")


def encoding_of(content: bytes) -> str:
    """By byte order mark or zeros, else UTF-8, else Windows' Western encoding, else Latin-1."""
    if content.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = content[:400]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) / 2:
            return encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _decoded(content: bytes) -> str:
    return content.decode(encoding_of(content), "replace")


# -- large tables --------------------------------------------------------------------------------


@dataclass(frozen=True)
class TableFile:
    """A file as a Polars query, which reads it in pieces.

    Attributes
    ----------
    path : Path
    rows : LazyFrame
        Of a text file, every column is text, with null where nothing stands.
    delimiter : str or None
        Of a text file; None for Parquet, whose columns have types.
    """

    path: Path
    rows: pl.LazyFrame
    delimiter: str | None

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.rows.collect_schema().names()

    @property
    def is_text(self) -> bool:
        """Whether it is CSV or alike, not Parquet."""
        return self.delimiter is not None


def open_table(path: str | PathLike[str]) -> TableFile:
    """The table in a CSV, TSV or Parquet file; of text, encoding and delimiter are found out.

    Raises
    ------
    DatasetError
        When it is none of these, is empty, or has no line with the names of its columns.
    """
    import polars as pl

    file = Path(path).expanduser()
    if not file.is_file():
        raise DatasetError(f"there is no file {file}")
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    delimiter = None
    try:
        if head.startswith(_PARQUET):
            rows = pl.scan_parquet(file)
        else:
            delimiter = _checked_delimiter(file, head)
            # Only UTF-8 can be read in pieces; Excel's other ways to save come as small files.
            source = file if _is_utf8(file) else io.BytesIO(_decoded(file.read_bytes()).encode())
            rows = pl.scan_csv(source, separator=delimiter, infer_schema=False)
        rows.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        kind = "a readable Parquet file" if delimiter is None else "a readable table"
        raise DatasetError(f"{file} is not {kind}: {error}") from None
    return TableFile(file, rows, delimiter)


def collect(table: TableFile, rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows that a query on the table gives; only a part of the file's text at a time."""
    import polars as pl

    try:
        return rows.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = _first_misfit(table) or str(error).splitlines()[0]
        raise DatasetError(f"{table.path} is damaged: {reason}") from None


def _first_misfit(table: TableFile) -> str | None:
    """The first line of a text file with more fields than columns."""
    if table.delimiter is None:
        return None
    with table.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=table.delimiter)
        n_columns = len(table.columns)
        for fields in reader:
            if len(fields) > n_columns:
                return f"line {reader.line_num}: {len(fields)} fields, not {n_columns}"
    return None


def _is_utf8(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8", newline="") as text:
            blocks = iter(lambda: text.read(1 << 22), "")
            return not any("\0" in block for block in blocks)  # UTF-16 without a byte order mark
    except UnicodeDecodeError:
        return False


def _checked_delimiter(file: Path, head: bytes) -> str:
    """The one that divides the line of column names."""
    text = _decoded(head).removeprefix("\ufeff")
    if "\0" in text:
        raise DatasetError(f"{file} is neither CSV, TSV nor Parquet")
    line = _first_line(text)
    if not line:
        raise DatasetError(f"{file} is empty")
    delimiter = find_delimiter(line)
    names = next(csv.reader([line], delimiter=delimiter))
    if len(names) == 1:
        raise DatasetError(
            f"{file} has one column, {line.strip()!r}; columns are divided by comma, semicolon, "
            "tab or |"
        )
    if all(_is_number(name) for name in names):
        raise DatasetError(
            f"the first line of {file} must name the columns, such as user, item, rating; it is "
            f"{line.strip()!r}"
        )
    return delimiter


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return not text.strip()
    return True
