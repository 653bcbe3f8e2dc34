"""Which column of a table is what, by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEM_NAMES = (
    "movieid", "itemid", "filmid", "item", "movie", "film", "iid", "mid", "productid", "asin",
)  # fmt: skip


@dataclass(frozen=True)
class Role:
    """What a column can be for, and the names it usually has.

    Attributes
    ----------
    argument : str
        How Python's functions name a column for it.
    tiers : tuple of tuple of str
        Usual names, plain (see :func:`_plain`): the first tier with one among the columns decides.
    needed : bool
        Whether it is an error when there is no such column.
    """

    argument: str
    tiers: tuple[tuple[str, ...], ...]
    needed: bool = False


USER = Role(
    "user",
    (("userid", "user", "uid", "visitorid", "visitor", "viewerid", "customerid", "customer",
      "reviewerid", "accountid", "memberid", "personid"),
     ("username", "userno", "usernumber")),
    needed=True,
)  # fmt: skip
ITEM = Role("item", (ITEM_NAMES, ("title", "movietitle", "moviename")), needed=True)
RATING = Role("rating", (("rating", "ratings", "score", "stars", "star", "userrating"),))
TIMESTAMP = Role(
    "timestamp",
    (("timestamp", "time", "date", "datetime", "ratedat", "createdat", "unixreviewtime"),),
)
WEIGHT = Role("weight", (("weight", "weights", "confidence", "sampleweight"),))


def usual_column(role: Role, columns: Sequence[str]) -> str | None:
    """The column with a usual name for `role`; None if none has.

    Raises
    ------
    ValueError
        When several have usual names, or when a needed one is missing: with the columns there are.
    """
    what = f"{role.argument}'s id" if role in (USER, ITEM) else f"column of {role.argument}"
    for tier in role.tiers:
        found = [column for column in columns if _plain(column) in tier]
        if len(found) > 1:
            raise ValueError(f"{' and '.join(map(repr, found))} may each be the {what}")
        if found:
            return found[0]
    if role.needed:
        raise ValueError(f"no column looks like the {what}; the columns are {', '.join(columns)}")
    return None


def _plain(column: str) -> str:
    """ "user_id:token" and "User ID" as "userid"."""
    return re.sub(r"[^a-z0-9]", "", column.partition(":")[0].casefold())
