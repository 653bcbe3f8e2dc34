"""How commands talk: tables and JSON to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cinefold._files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.text import Text

_WIDTH_OF_A_PIPE = 160


@dataclass
class Settings:
    """Options that hold for every command."""

    quiet: bool = False

    @property
    def progress(self) -> bool | None:
        """The library's ``progress``: none when quiet, else wherever there is a terminal."""
        return False if self.quiet else None


settings = Settings()


def output() -> Console:
    """Standard output; wide when it is no terminal, so that what reads it gets whole lines."""
    # Whatever COLUMNS says: a Python that has loaded readline tells it to all that it starts.
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(width=width, highlight=False, markup=False)


def say(message: str) -> None:
    """A message for the person, on standard error."""
    if not settings.quiet:
        print(message, file=sys.stderr)


def complain(message: str, hint: str = "") -> None:
    """An error, on standard error."""
    ending = f" ({hint})" if hint else ""
    print(f"cinefold: {message.rstrip('.')}{ending}", file=sys.stderr)


def print_json(value: Any) -> None:
    """`value` as JSON on standard output."""
    print(as_json(value))


def as_json(value: Any) -> str:
    """`value` as JSON; NaN, which JSON lacks, as null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, default=_plain)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
    table = Table(title=title, title_justify="left", header_style="bold", show_header=any(columns))
    for column in columns:
        justify: Any = "right" if column in numbers else "left"
        table.add_column(column, justify=justify, overflow="fold")  # no digit is left out
    for row in rows:
        table.add_row(*row)
    output().print(table)


def write(file: Path, text: str) -> None:
    """Write `text`, its line ends as they are, in place of what the file held."""
    with replace_file(file) as new:
        new.write_text(text, encoding="utf-8", newline="")
