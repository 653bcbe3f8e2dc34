"""Interactions as research repositories carry them: adjacency lists, pairs, or tables."""

from __future__ import annotations

from itertools import islice
from os import PathLike
from pathlib import Path

from cinefold._files import check_regular
from cinefold.datasets.catalogue import DatasetError
from cinefold.datasets.ratings import ids_as_written, load_ratings
from cinefold.interactions import Interactions
from cinefold.interactions.column_names import find_columns

_TABLE_WIDTHS = ({3}, {4})  # user, item, rating, perhaps a time
_HEAD = 50  # lines that tell what a file is


def load_interactions(path: str | PathLike[str]) -> Interactions:
    """Who interacted with what, from a file of any of three kinds, which is found out.

    - Adjacency lists (as of NGCF and LightGCN): a user in each line, and then their items, divided
      by white space. Users may come in several lines, or without items.
    - Pairs: a user and an item in each line, divided by white space or a comma.
    - Tables with named columns, as :func:`load_ratings` reads them.

    Interactions of the first two kinds have the rating 1. Ids are integers if all of them are.

    Parameters
    ----------
    path : path
        A file in UTF-8, a Parquet file, or a folder of those.

    Returns
    -------
    Interactions

    Raises
    ------
    DatasetError
        Naming the file: it is empty, or has columns of ratings without names.
    """
    import polars as pl

    file = Path(path)
    if file.is_dir():  # of Parquet files
        return load_ratings(file).interactions
    start = _lines(file, _HEAD)
    head = [_cells(line) for line in start or ()]
    if start is None or (start and _has_names(file, start[0], head)):
        return load_ratings(file).interactions
    widths = {len(row) for row in head}
    repeat = len({row[0] for row in head}) < len(head)  # as in a table, and seldom in lists
    is_wide = len(head) > 1 and widths in _TABLE_WIDTHS
    if is_wide and (repeat or _are_ratings([row[2] for row in head])):
        raise DatasetError(
            f"{file} has columns without names; put a line such as user,item,rating above them, or "
            "leave two columns, user and item"
        )
    rows = [row for row in map(_cells, _lines(file) or ()) if len(row) > 1]
    if not rows:
        raise DatasetError(
            f"{file} has no interactions; a line is a user and their items, divided by white space "
            "or a comma"
        )
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


def _has_names(file: Path, first: str, head: list[list[str]]) -> bool:
    """Whether the first line names columns."""
    names = first.rstrip("\n").replace(";", ",").replace("\t", ",").replace("|", ",").split(",")
    try:
        find_columns(names, dict.fromkeys(("user", "item")), "name them user and item")
    except ValueError as error:
        others = [cell.isdecimal() for row in head[1:] for cell in row]
        if others and all(others) and not any(cell.isdecimal() for cell in head[0]):
            raise DatasetError(f"{file}: {error}") from None
        return False
    return True


def _are_ratings(texts: list[str]) -> bool:
    try:
        values = {float(text) for text in texts}
    except ValueError:
        return False
    return max(values) <= 10 and all(value * 2 == round(value * 2) for value in values)
