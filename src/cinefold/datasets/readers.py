"""Tables from files that nobody has described: delimited text, and Parquet."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import sys
import tempfile
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

from cinefold._memory import check_memory
from cinefold.datasets.catalogue import DatasetError, errors_name_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    import polars as pl

_DELIMITERS = ",;\t|"
_HEAD = 1 << 16
_LONGEST_LINE = 1 << 22
_TOO_LONG = f"has over {csv.field_size_limit():,} characters; is a double quote left open?"
_BATCH = 100_000
_LARGEST_OTHER = 1 << 28
_MOST_COLUMNS = 1000
# A Parquet file of more rows than both has nothing but repetitions in it.
_MANY_ROWS = 10_000_000
_ROWS_PER_BYTE = 8
_BYTES_A_ROW = 12  # of two ids and a rating, which stay
_LARGEST_HELD = 1 << 28
_PARQUET = b"PAR1"
_STANDARD_ERROR = threading.Lock()


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
    n_rows : int
        Of Parquet.
    """

    path: Path
    rows: pl.LazyFrame
    delimiter: str | None
    n_rows: int = 0

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.rows.collect_schema().names()

    @property
    def is_text(self) -> bool:
        """Whether it is CSV or alike, not Parquet."""
        return self.delimiter is not None

    def batches(self, size: int) -> Iterator[pl.LazyFrame]:
        """All rows of text; of Parquet `size` at a time, of which only theirs are read."""
        if self.is_text:
            yield self.rows
        for begin in range(0, self.n_rows, size):
            yield self.rows.slice(begin, size)


def open_table(path: str | PathLike[str]) -> TableFile:
    """The table in a CSV, TSV or Parquet file, or in a folder of Parquet files.

    Of text, encoding and delimiter are found out.

    Raises
    ------
    DatasetError
        When it is none of these or no regular file, is empty, has no line with the names of its
        columns, or more of something than is allowed: the message says of what.
    """
    import polars as pl

    file, n_rows = Path(path).expanduser(), 0
    with read_errors(file):
        files = sorted(file.glob("*.parquet")) if file.is_dir() else [file]
        if not files:
            raise DatasetError(f"there is no file in the folder {file} that ends in .parquet")
        if not all(part.is_file() for part in files):
            kind = "regular file called" if file.exists() else "file"
            raise DatasetError(f"there is no {kind} {file}")
        with files[0].open("rb") as stream:
            head = stream.read(_HEAD)
        if head.startswith(_PARQUET):
            delimiter, size = None, sum(part.stat().st_size for part in files)
            # Polars maps files into memory, which ends the process if one shrinks meanwhile.
            held = size <= _LARGEST_HELD
            source: Any = [io.BytesIO(part.read_bytes()) for part in files] if held else files
            rows = pl.scan_parquet(source, glob=False)
            with _without_traces():
                n_rows = rows.select(pl.len()).collect().item()
            if n_rows > max(_MANY_ROWS, _ROWS_PER_BYTE * size):
                raise DatasetError(f"{file} unpacks to {n_rows:,} rows, too many for its size")
            check_memory(_BYTES_A_ROW * n_rows, "it")
        else:
            delimiter = _checked_delimiter(file, head)
            rows = _text_rows(file, delimiter)
        rows.collect_schema()
    return TableFile(file, rows, delimiter, n_rows)


def collect(table: TableFile, rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows that a query on the table gives; only a part of the file's text at a time."""
    try:
        with nullcontext() if table.is_text else _without_traces():
            return rows.collect(engine="streaming")
    except Exception:
        if table.delimiter is not None:
            _rows_by_csv(_source(table.path)[0], table.delimiter)  # says which row is too long
        raise


@contextmanager
def read_errors(file: Path) -> Iterator[None]:
    """What is wrong with a file as a DatasetError, also where Polars says it.

    Polars' panics are no Exceptions.
    """
    import polars as pl

    with errors_name_file(file):
        try:
            yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise ValueError(f"it is damaged: {(str(error).splitlines() or [''])[0]}") from None


@contextmanager
def _without_traces() -> Iterator[None]:
    """Keep the traces that Polars' threads print when they panic from standard error.

    What others write there meanwhile comes at the end, unless there was a panic.
    """
    import polars as pl

    if sys.__stderr__ is None:  # closed: its number may be that of another file
        yield
        return
    with _STANDARD_ERROR, tempfile.TemporaryFile() as held:
        real = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except pl.exceptions.PanicException:
            held.truncate(0)
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            os.write(2, held.read())


def _text_rows(file: Path, delimiter: str) -> pl.LazyFrame:
    """The rows of delimited text, all cells as text, null where nothing stands.

    Polars, which is faster, takes every double quote for the begin or end of a cell that is quoted;
    Python's csv, as pandas and spreadsheets, only one at the begin.
    """
    import polars as pl

    source, plain = _source(file)
    cell = f'(?:[^"\r{delimiter}]*|"(?:[^"]|"")*")'
    other = f"(?:{re.escape(delimiter)}{cell})*"
    line = pl.col("line").str.strip_suffix("\r")
    odd = line.str.contains('["\r]') & ~line.str.contains(f"^{cell}{other}$")
    lines = pl.scan_csv(
        source,
        separator="\0",
        quote_char=None,
        has_header=False,
        schema={"line": pl.String},
        glob=False,
    )
    if plain or lines.filter(odd).head(1).collect(engine="streaming").is_empty():
        return pl.scan_csv(source, separator=delimiter, infer_schema=False, glob=False)
    return _rows_by_csv(source, delimiter)


def _rows_by_csv(source: Path | io.BytesIO, delimiter: str) -> pl.LazyFrame:
    """The rows as Python's csv reads them; ValueError names a line with too many or long cells."""
    import polars as pl

    raw = source.open("rb") if isinstance(source, Path) else io.BytesIO(source.getvalue())
    with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        try:
            names: list[str] = []
            for name in next(filter(None, reader)):  # made unique as Polars does
                names.append(f"{name}_duplicated_{len(names)}" if name in names else name)
            blank: list[str | None] = [None] * len(names)
            frames, begin = [], reader.line_num + 1
            rows = [blank] * (reader.line_num - 1)
            for cells in reader:
                if len(cells) > len(names):
                    raise ValueError(f"line {begin}: {len(cells)} fields, not {len(names)}")
                rows.append([cell or None for cell in cells] + blank[len(cells) :])
                rows += [blank] * (reader.line_num - begin)  # so that rows count as lines do
                begin = reader.line_num + 1
                if len(rows) > _BATCH:
                    frames.append(pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row"))
                    rows = []
            frames.append(pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row"))
        except csv.Error:
            raise ValueError(f"line {begin}: a cell {_TOO_LONG}") from None
    return pl.concat(frames).lazy()


def _source(file: Path) -> tuple[Path | io.BytesIO, bool]:
    """The file, if it is UTF-8; else, as UTF-8, its content; and whether it surely has no quotes.

    Only UTF-8 can be read in pieces; Excel's other ways to save come as small files.
    """
    try:
        plain = True
        with file.open(encoding="utf-8", newline="") as text:
            while block := text.read(_LONGEST_LINE):
                if "\0" in block:  # UTF-16 without a byte order mark
                    break
                if len(block) == _LONGEST_LINE and "\n" not in block and "\r" not in block:
                    raise DatasetError(f"{file} has a line of over {_LONGEST_LINE:,} characters")
                plain = plain and '"' not in block and "\r" not in block
            else:
                return file, plain
    except UnicodeDecodeError:
        pass
    if file.stat().st_size > _LARGEST_OTHER:
        raise DatasetError(
            f"{file} is not UTF-8 text, and larger than the {_LARGEST_OTHER:,} bytes that are read "
            "in other encodings"
        )
    return io.BytesIO(_decoded(file.read_bytes()).encode()), False


def _checked_delimiter(file: Path, head: bytes) -> str:
    """The one that divides the line of column names."""
    text = _decoded(head).removeprefix("\ufeff")
    if "\0" in text:
        raise DatasetError(f"{file} is neither CSV, TSV nor Parquet")
    line = _first_line(text)
    if not line:
        raise DatasetError(f"{file} is empty")
    if len(head) == _HEAD and len(line) == len(text.lstrip()):
        raise DatasetError(f"the first line of {file} is longer than {_HEAD:,} bytes")
    delimiter = find_delimiter(line)
    names = next(csv.reader([line], delimiter=delimiter))
    if len(names) > _MOST_COLUMNS:
        raise DatasetError(f"{file} has {len(names):,} columns, more than {_MOST_COLUMNS:,}")
    if len(names) == 1:
        raise DatasetError(
            f"{file} has one column, {short(line.strip())}; columns are divided by comma, "
            "semicolon, tab or |, and lists without names of columns (a user and their items in "
            "each line) are for cinefold evaluate --train, or load_interactions"
        )
    if repeated := [name for name in names if name and names.count(name) > 1]:
        raise DatasetError(f"{file} has {len(repeated)} columns called {repeated[0]!r}")
    if all(is_number(name) for name in names):
        raise DatasetError(
            f"the first line of {file} must name the columns, such as user, item, rating; it is "
            f"{short(line.strip())}"
        )
    return delimiter


def is_number(text: str) -> bool:
    """Whether nothing else is in a cell; it may be blank."""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return not text.strip()
    return True
