"""How commands talk: tables and JSON to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cinefold._files import replace_file

_WIDTH_OF_A_PIPE = 160
_LONGEST_MESSAGE = 2000
# What moves the cursor, changes colours or the direction of text, or is no character: all but the
# end of a line.
_CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def displayed(text: str) -> str:
    """`text` as a terminal may show it: control characters as in JSON, ``\\u001b`` for instance.

    All that people bring passes here on its way to a terminal: titles, ids, names of files.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


class LogFormatter(logging.Formatter):
    """Records, and the places of errors, as a terminal may show them."""

    def format(self, record: logging.LogRecord) -> str:
        """As of any formatter."""
        return displayed(super().format(record))


@dataclass
class Verbosity:
    """Options that hold for every command."""

    quiet: bool = False

    @property
    def progress(self) -> bool | None:
        """The library's ``progress``: none when quiet, else wherever there is a terminal."""
        return False if self.quiet else None


settings = Verbosity()


def show(content: str | Table) -> None:
    """A result, on standard output."""
    # Whatever COLUMNS says: a Python that has loaded readline tells it to all that it starts.
    # Wide when it is no terminal, so that what reads it gets whole lines.
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    console.print(displayed(content) if isinstance(content, str) else content)


def say(message: str) -> None:
    """A message for the person, on standard error."""
    if not settings.quiet:
        tell(message)


def say_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """In place of `warnings.showwarning`, which shows a line of code and steers terminals."""
    say(" ".join(str(message).split()))


def complain(message: str, hint: str = "") -> None:
    """An error, as one line on standard error."""
    line = " ".join(message.split()).rstrip(".")
    if len(line) > _LONGEST_MESSAGE:
        line = f"{line[:_LONGEST_MESSAGE]} ..."
    tell(f"cinefold: {line}" + (f" ({hint})" if hint else ""))


def tell(message: str) -> None:
    """A message on standard error, quiet or not."""
    with contextlib.suppress(OSError):  # nobody listens
        print(displayed(message), file=sys.stderr)


def print_text(text: str) -> None:
    """Text for programs on standard output: as it is, unless a terminal shows it."""
    print(displayed(text) if sys.stdout.isatty() else text, end="")


def print_json(value: Any) -> None:
    """`value` as JSON on standard output."""
    print(to_json(value))


def to_json(value: Any) -> str:
    """`value` as JSON; NaN, which JSON lacks, as null."""
    finite = json.loads(json.dumps(value, default=_plain), parse_constant=lambda _: None)
    return displayed(json.dumps(finite, indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """A time as ISO 8601, a NumPy scalar as a Python one."""
    return value.isoformat() if isinstance(value, datetime) else value.item()


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str | None = None,
    numbers: Sequence[str] = (),
) -> None:
    """Print a table on standard output, the columns in `numbers` aligned to the right.

    Columns without names get no line for them.
    """
    title = title and displayed(title)
    table = Table(title=title, title_justify="left", header_style="bold", show_header=any(columns))
    for column in columns:
        justify: Any = "right" if column in numbers else "left"
        table.add_column(displayed(column), justify=justify, overflow="fold")  # all digits
    for row in rows:
        table.add_row(*(displayed(cell) if isinstance(cell, str) else cell for cell in row))
    show(table)


def print_list(
    columns: Mapping[str, Callable[[Any], str]], lines: Iterable[Any], **how: Any
) -> None:
    """As `print_table`, each column with what its cells show of a line."""
    rows = ([cell(line) for cell in columns.values()] for line in lines)
    print_table(tuple(columns), rows, **how)


def write(file: Path, text: str) -> None:
    """Write `text`, its line ends as they are, in place of what the file held."""
    with replace_file(file) as new:
        new.write_text(text, encoding="utf-8", newline="")
