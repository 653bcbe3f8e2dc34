"""Which column of a table is what, by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ITEMS = ("movieid", "itemid", "filmid", "item", "movie", "film", "iid", "mid", "productid", "asin")


@dataclass(frozen=True)
class Role:
    """What a column can be for, and the names it usually has.

    Attributes
    ----------
    argument, option : str
        How Python and the command line name a column for it.
    tiers : tuple of tuple of str
        Usual names, plain (see :func:`_plain`): the first tier with one among the columns decides.
    needed : bool
        Whether it is an error when there is no such column.
    """

    argument: str
    option: str
    tiers: tuple[tuple[str, ...], ...]
    needed: bool = False


USER = Role(
    "user", "--user-column",
    (("userid", "user", "uid", "visitorid", "visitor", "viewerid", "customerid", "customer",
      "reviewerid", "accountid", "memberid", "personid"),
     ("username", "userno", "usernumber")),
    needed=True,
)  # fmt: skip
ITEM = Role("item", "--item-column", (_ITEMS, ("title", "movietitle", "moviename")), needed=True)
RATING = Role(
    "rating", "--rating-column", (("rating", "ratings", "score", "stars", "star", "userrating"),)
)
TIMESTAMP = Role(
    "timestamp", "--timestamp-column",
    (("timestamp", "time", "date", "datetime", "ratedat", "createdat", "unixreviewtime"),),
)  # fmt: skip
ROLES = (USER, ITEM, RATING, TIMESTAMP)
# Of a file of titles, which is asked about as a whole.
TITLE_ID = Role("titles", "--titles", (_ITEMS, ("id",)), needed=True)
TITLE = Role("titles", "--titles", (("title", "movietitle", "moviename", "name"),), needed=True)
YEAR = Role("titles", "--titles", (("year", "releaseyear"),))
GENRES = Role("titles", "--titles", (("genres", "genre"),))


def find_column(role: Role, columns: Sequence[str], given: str | None = None) -> str | None:
    """The column for `role`: the one `given`, else the one with a usual name; None if none has.

    Raises
    ------
    DatasetError
        When the column given is not there, when several have usual names, or when a needed one
        is missing: with the columns there are, and how to name one.
    """
    there = f"the columns are {', '.join(columns)}"
    if given is not None:
        if given not in columns:
            raise DatasetError(f"there is no column {given!r} ({role.option}); {there}")
        return given
    for tier in role.tiers:
        found = [column for column in columns if _plain(column) in tier]
        if len(found) > 1:
            raise DatasetError(
                f"{' and '.join(map(repr, found))} may each be the {_what(role)}; {_remedy(role)}"
            )
        if found:
            return found[0]
    if role.needed:
        raise DatasetError(f"no column looks like the {_what(role)}; {there}; {_remedy(role)}")
    return None


def _what(role: Role) -> str:
    return f"{role.argument}'s id" if role in (USER, ITEM) else f"column of {role.argument}"


def _remedy(role: Role) -> str:
    if role.argument == "titles":
        return "a file of titles has the columns id and title, and may have year and genres"
    return f"name it with {role.argument}= (on the command line: {role.option})"


def _plain(column: str) -> str:
    """ "user_id:token" and "User ID" as "userid"."""
    return re.sub(r"[^a-z0-9]", "", column.partition(":")[0].casefold())
