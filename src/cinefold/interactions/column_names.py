"""Which column of a table is what, by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ITEM_NAMES = (
    *("movieid", "itemid", "filmid", "item", "movie", "film", "iid", "mid", "productid", "asin"),
)
TITLE_NAMES = ("title", "movietitle", "moviename")
# Normalized (see `_normalized`); of several lists, the first with one among the columns decides.
_USUAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "user": (
        ("userid", "user", "uid", "visitorid", "visitor", "viewerid", "customerid", "customer",
         "reviewerid", "accountid", "memberid", "personid"),
        ("username", "userno", "usernumber"),
    ),
    "item": (ITEM_NAMES, TITLE_NAMES),
    "rating": (("rating", "ratings", "score", "stars", "star", "userrating"),),
    "timestamp": (
        ("timestamp", "time", "date", "datetime", "ratedat", "createdat", "unixreviewtime"),
    ),
    "weight": (("weight", "weights", "confidence"),),
}  # fmt: skip
_NEEDED = ("user", "item")


def find_columns(
    columns: Sequence[str], given: Mapping[str, str | None], remedy: str = "name it with {}="
) -> dict[str, str]:
    """The column of each role among `columns`: the one given, or the one with a usual name.

    Parameters
    ----------
    columns : sequence of str
        Names of a table's columns.
    given : mapping
        The roles to look for ("user", "item", "rating", "timestamp", "weight"), each with its
        column, or None where its usual names decide.
    remedy : str
        What errors advise, with ``{}`` for the role.

    Returns
    -------
    dict of str to str
        Role to column, without roles for which there is none.

    Raises
    ------
    ValueError
        If a column given is not there, several have usual names of one role, one column has two
        roles, or there is none for "user" or "item"; the message lists the columns.
    """
    found: dict[str, str] = {}
    for role, name in given.items():
        what = f"the {role}'s id" if role in _NEEDED else f"the column of {role}"
        if name is not None and name not in columns:
            raise ValueError(
                f"there is no column {name!r} for {role}; the columns are {', '.join(columns)}"
            )
        column = name or find_column(columns, _USUAL[role], what, remedy.format(role))
        if column is not None:
            if column in found.values():
                other = next(role for role in found if found[role] == column)
                raise ValueError(f"column {column!r} cannot be {other} and {role} at once")
            found[role] = column
        elif role in _NEEDED:
            raise ValueError(
                f"no column looks like {what}; the columns are {', '.join(columns)}; "
                f"{remedy.format(role)}"
            )
    return found


def find_column(
    columns: Sequence[str], usual: Sequence[Sequence[str]], what: str, remedy: str
) -> str | None:
    """The one column with a name in the first of the lists `usual` that has any; or None.

    Raises
    ------
    ValueError
        If several columns have one; the message says what they may be, and the remedy.
    """
    for names in usual:
        found = [column for column in columns if _normalized(column) in names]
        if len(found) > 1:
            raise ValueError(f"{' and '.join(map(repr, found))} may each be {what}; {remedy}")
        if found:
            return found[0]
    return None


def _normalized(column: str) -> str:
    """ "user_id:token" and "User ID" as "userid"."""
    return re.sub(r"[^a-z0-9]", "", column.partition(":")[0].casefold())
