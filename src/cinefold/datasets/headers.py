"""The columns of a file, by what was said about them or else by their usual names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError
from cinefold.interactions.column_names import ITEM_NAMES, Role, usual_column

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of a file of titles, which is asked about as a whole.
TITLE_ID = Role("titles", (ITEM_NAMES, ("id",)), needed=True)
TITLE = Role("titles", (("title", "movietitle", "moviename", "name"),), needed=True)
YEAR = Role("titles", (("year", "releaseyear"),))
GENRES = Role("titles", (("genres", "genre"),))


def find_column(role: Role, columns: Sequence[str], given: str | None = None) -> str | None:
    """The column for `role`: the one `given`, else the one with a usual name; None if none has.

    Raises
    ------
    DatasetError
        When the column given is not there, when several have usual names, or when a needed one
        is missing: with the columns there are, and how to name one.
    """
    option = f"--{role.argument}-column"
    if given is not None:
        if given not in columns:
            there = ", ".join(columns)
            raise DatasetError(f"there is no column {given!r} ({option}); the columns are {there}")
        return given
    try:
        return usual_column(role, columns)
    except ValueError as error:
        remedy = f"name it with {role.argument}= (on the command line: {option})"
        if role.argument == "titles":
            remedy = "a file of titles has the columns id and title, and may have year and genres"
        raise DatasetError(f"{error}; {remedy}") from None
