"""Interactions as research repositories carry them: adjacency lists, pairs, or tables."""

from __future__ import annotations

import re
from itertools import islice
from os import PathLike
from pathlib import Path
from reprlib import repr as short

from cinefold._files import check_regular
from cinefold.datasets.catalogue import DatasetError
from cinefold.datasets.ratings import ids_as_written, load_ratings
from cinefold.datasets.readers import find_delimiter, is_number
from cinefold.interactions import Interactions
from cinefold.interactions.column_names import EARLIEST_TIME, find_columns

_TABLE_WIDTHS = {3, 4}  # user, item, rating, perhaps a time
_HEAD = 50  # lines that tell what a file is
_OF_NO_ID = '"<>[]{}'  # but of JSON, HTML and quoted tables


def load_interactions(
    path: str | PathLike[str],
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    timestamp: str | None = None,
) -> Interactions:
    """Who interacted with what, from a file of any of three kinds, which is found out.

    - Adjacency lists (as of NGCF and LightGCN): a user in each line, and then their items, divided
      by white space. Users may come in several lines, or without items.
    - Pairs: a user and an item in each line, divided by white space or a comma.
    - Tables with named columns, as :func:`load_ratings` reads them: the first line is words where
      others have numbers, or has usual names.

    Interactions of the first two kinds have the rating 1. Ids are integers if all of them are.

    Parameters
    ----------
    path : path
        A file in UTF-8, a Parquet file, or a folder of those.
    user, item, rating, timestamp : str, optional
        Columns, as of :func:`load_ratings`; the file is a table, then.

    Returns
    -------
    Interactions
        With the ids of this file; ``cinefold.evaluation.Division.of_parts(train, test)`` makes
        parts with the ids of both.

    Raises
    ------
    DatasetError
        Naming the file: it is empty, is none of the three, or has columns of ratings without names.
    """
    import polars as pl

    file = Path(path)
    columns = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
    is_table = file.is_dir() or any(name is not None for name in columns.values())
    start = None if is_table else _lines(file, _HEAD)
    if start is None or (start and _has_names(start)):
        return load_ratings(file, **columns).interactions
    line_is = "a line is a user and their items, divided by white space or a comma"
    for line in start:
        if found := set(line) & set(_OF_NO_ID):
            raise DatasetError(f"{file} has {min(found)!r} in {short(line.strip())}; {line_is}")
    if _are_columns(start, [_cells(line) for line in start]):
        raise DatasetError(
            f"{file} has columns without names; put a line such as user,item,rating above them, "
            "leave two columns, user and item, or divide lists by spaces"
        )
    rows = [row for row in map(_cells, _lines(file) or ()) if len(row) > 1]
    if not rows:
        raise DatasetError(f"{file} has no interactions; {line_is}")
    lists = pl.DataFrame({"user": [row[0] for row in rows], "item": [row[1:] for row in rows]})
    ids = map(ids_as_written, lists.explode("item"))
    return Interactions.from_arrays(*ids, duplicates="max")


def _lines(file: Path, most: int | None = None) -> list[str] | None:
    """The first lines that are not blank; None of Parquet."""
    try:
        check_regular(file)
        with file.open("rb") as content:
            if content.read(4) == b"PAR1":
                return None
        with file.open(encoding="utf-8-sig") as text:
            return [*islice(filter(_cells, text), most)]
    except UnicodeDecodeError:
        raise DatasetError(f"{file} is neither UTF-8 text nor Parquet") from None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{file} cannot be read: {error}") from None


def _cells(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _has_names(lines: list[str]) -> bool:
    """Whether the first line names columns."""
    delimiter = find_delimiter(lines[0])
    divided = (line.split(delimiter if delimiter in lines[0] else None) for line in lines)
    names, *rows = ([cell.strip(' \r\n"') for cell in line] for line in divided)
    try:
        find_columns(names, dict.fromkeys(("user", "item")))
    except ValueError:
        start_as_ids = any(cell[:1].isdigit() or cell[:1] in [*_OF_NO_ID] for cell in names)
        # As far as the shortest line goes.
        return not start_as_ids and any(map(_is_header, names, zip(*rows, strict=False)))
    return True


def _is_header(name: str, cells: tuple[str, ...]) -> bool:
    """Whether there are numbers below a word, or words with digits below one that has none."""
    if all(map(is_number, cells)):
        return not is_number(name)
    return all(map(_has_digit, cells)) and not _has_digit(name)


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _are_columns(lines: list[str], rows: list[list[str]]) -> bool:
    """Whether they are a table rather than lists: a user, an item, and more; or cells of words."""
    with_commas = [line for line in lines if "," in line]
    if any(re.search(r"[^\s,]\s+[^\s,]", line) for line in with_commas):
        return True
    widths = {len(row) for row in rows}
    if len(rows) < 2 or len(widths) > 1 or max(widths) < 3:
        return False
    repeat = len({row[0] for row in rows}) < len(rows)  # as in a table, and seldom in lists
    is_usual = widths <= _TABLE_WIDTHS
    return bool(with_commas) or (
        is_usual and (repeat or _are_ratings_or_times([row[2] for row in rows]))
    )


def _are_ratings_or_times(texts: list[str]) -> bool:
    try:
        values = {float(text) for text in texts}
        halves = all(value * 2 == round(value * 2) for value in values)
    except (ValueError, OverflowError):  # as of infinity
        return False
    return min(values) >= EARLIEST_TIME or (max(values) <= 10 and halves)
