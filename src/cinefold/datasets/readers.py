"""Tables from files that nobody has described: CSV and its relatives, and Parquet."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

_SEPARATORS = (",", ";", "\t", "|")
_HEAD = 1 << 16
_PARQUET = b"PAR1"
_ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Table:
    """A file as a Polars query, which reads it in pieces.

    Attributes
    ----------
    path : Path
    rows : LazyFrame
        Of a text file, every column is text, with null where nothing stands.
    separator : str or None
        Of a text file; None for Parquet, whose columns have types.
    """

    path: Path
    rows: pl.LazyFrame
    separator: str | None

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.rows.collect_schema().names()

    @property
    def is_text(self) -> bool:
        """Whether it is CSV or alike, not Parquet."""
        return self.separator is not None


def open_table(path: str | PathLike[str]) -> Table:
    """The table in a CSV, TSV or Parquet file; of text, the separator is found out.

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
    if head.startswith(_PARQUET):
        try:
            rows = pl.scan_parquet(file)
            rows.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DatasetError(f"{file} is not a readable Parquet file: {error}") from None
        return Table(file, rows, None)
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DatasetError(f"{file} is neither CSV, TSV nor Parquet")
    encoding = next((name for bom, name in _ENCODINGS.items() if head.startswith(bom)), "utf-8")
    separator = _separator(file, head.decode(encoding, errors="replace"))
    try:
        rows = _scan(file, encoding, separator)
        rows.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DatasetError(f"{file} cannot be read: {error}") from None
    return Table(file, rows, separator)


def collect(table: Table, rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows that a query on the table gives; only a part of the file's text at a time."""
    import polars as pl

    try:
        return rows.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = _first_misfit(table) or str(error).splitlines()[0]
        raise DatasetError(f"{table.path} is damaged: {reason}") from None


def _first_misfit(table: Table) -> str | None:
    """The first line of a text file with more fields than columns."""
    if table.separator is None:
        return None
    with table.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=table.separator)
        n_columns = len(table.columns)
        for fields in reader:
            if len(fields) > n_columns:
                return f"line {reader.line_num}: {len(fields)} fields, not {n_columns}"
    return None


def _scan(file: Path, encoding: str, separator: str) -> pl.LazyFrame:
    import polars as pl

    if encoding.startswith("utf-8") and _is_utf8(file):
        return pl.scan_csv(file, separator=separator, infer_schema=False)
    # Only UTF-8 can be read in pieces; Excel's other ways to save come as small files.
    name = encoding if encoding == "utf-16" else "windows-1252"
    return pl.read_csv(file, separator=separator, infer_schema=False, encoding=name).lazy()


def _is_utf8(file: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator(file: Path, head: str) -> str:
    """The one that divides the line of column names."""
    line = next((line for line in head.splitlines() if line.strip()), None)
    if line is None:
        raise DatasetError(f"{file} is empty")
    names = {separator: next(csv.reader([line], delimiter=separator)) for separator in _SEPARATORS}
    best = max(_SEPARATORS, key=lambda separator: len(names[separator]))
    if len(names[best]) == 1:
        raise DatasetError(
            f"{file} has one column, {line.strip()!r}; columns are divided by comma, semicolon, "
            "tab or |"
        )
    if all(_is_number(name) for name in names[best]):
        raise DatasetError(
            f"the first line of {file} must name the columns, such as user, item, rating; it is "
            f"{line.strip()!r}"
        )
    return best


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return not text.strip()
    return True
