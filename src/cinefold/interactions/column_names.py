"""Which column of a table is what, by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Normalized (see `_normalized`), from MovieLens, Amazon, Yelp, Netflix, HetRec, Last.fm, Goodreads,
# Book-Crossing, Jester, Steam, MyAnimeList, RetailRocket, KuaiRec and others. Of several lists,
# the first with one among the columns decides.
ITEM_IDS = (
    _names("movieid itemid filmid item movie film iid mid productid asin"),
    _names(
        "animeid appid articleid artistid bggid beerbeerid beerid bookid bookmarkid businessid "
        "courseid docid documentid gameid gmapid goodsid hotelid isbn itemidx jokeid listingid "
        "locationid movieidx newsid paperid parentasin pinid placeid poiid podcastid productcode "
        "recipeid restaurantid showid sid sku songid stockcode trackid venueid videoid wineid"
    ),
    _names("albumid anime app article artist book game joke profileid recipe song track video"),
)
TITLE_NAMES = _names("title movietitle moviename")
_USUAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "user": (
        _names(
            "userid user uid visitorid visitor viewerid customerid customer custid reviewerid "
            "accountid memberid personid clientid listenerid readerid playerid subscriberid "
            "steamid msno useridx userindex usersha1 usermboxsha1"
        ),
        _names("username userno usernumber reviewername profilename reviewprofilename"),
    ),
    "item": (
        *ITEM_IDS,
        TITLE_NAMES,
        _names("artistname beername booktitle gamename gametitle itemname productname songtitle"),
    ),
    "rating": (
        _names(
            "rating ratings score scores stars star overall userrating myrating yourrating "
            "starrating bookrating movierating filmrating itemrating reviewrating overallrating "
            "ratingval ratingvalue myscore userscore reviewscore reviewoverall"
        ),
        _names("grade preference value vote"),
        _names(
            "count hours hoursplayed listencount listens playcount plays playtimeforever quantity "
            "views watchratio"
        ),
    ),
    "timestamp": (
        _names("timestamp unixreviewtime unixtime ratingtimestamp utctimestamp"),
        _names("time date datetime ratedat createdat checkintime eventtime timems tdat"),
    ),
    "weight": (_names("weight weights confidence"),),
}
_NEEDED = ("user", "item")
# Words of names that tell of a rating, and of one that is not the user's.
_OF_RATINGS = re.compile(r"(?:.*(?:rating|score|wertung)|ratings|scores|stars|grade|vote)$")
_OF_OTHERS = set(_names("average avg content count critic helpful mean median num total"))
_NUMBERS_OF_OTHERS = re.compile(r"|unnamed|age|price|.*(?:id|index|key|year)")
EARLIEST_TIME = 1e8  # in 1973, in seconds since 1970; larger in finer units


def find_columns(
    columns: Sequence[Any],
    given: Mapping[str, Any],
    remedy: str = "name it with {}=",
    least: Callable[[Any], Any] = lambda _: None,
    none: str = "leave it out",
) -> dict[str, Any]:
    """The column of each role among `columns`: the one given, or the one with a usual name.

    Parameters
    ----------
    columns : sequence
        Names of a table's columns.
    given : mapping
        The roles to look for ("user", "item", "rating", "timestamp", "weight"), each with its
        column, None where its usual names decide, or "" where there is none. Without the role
        "weight", weights are ratings.
    remedy : str
        What errors advise, with ``{}`` for the role.
    least : callable
        The least number in one of `columns`; None of one that holds no numbers.
    none : str
        What errors advise where there are no ratings.

    Returns
    -------
    dict
        Role to column, without roles for which there is none.

    Raises
    ------
    ValueError
        If a column given is not there, several have usual names of one role, one column has two
        roles, there is none for "user" or "item", or none for "rating" but one that looks like it
        under another name; the message lists the columns.
    """
    found: dict[str, Any] = {}
    listed = f"the columns are {', '.join(map(str, columns)):.500}"
    for role, name in given.items():
        if name == "" and role not in _NEEDED:
            continue
        what = f"the {role}'s id" if role in _NEEDED else f"the column of {role}"
        if name is not None and name not in columns:
            raise ValueError(f"there is no column {name!r} for {role}; {listed}")
        usual = _USUAL[role]
        if role == "rating" and "weight" not in given:
            usual = (*usual, *_USUAL["weight"])
        column = find_column(columns, usual, what, remedy.format(role)) if name is None else name
        if column is not None:
            if column in found.values():
                other = next(role for role in found if found[role] == column)
                raise ValueError(f"column {column!r} cannot be {other} and {role} at once")
            found[role] = column
        elif role in _NEEDED:
            raise ValueError(f"no column looks like {what}; {listed}; {remedy.format(role)}")
    if given.get("rating", "") is None and "rating" not in found:
        for column in _like_ratings([c for c in columns if c not in found.values()], least):
            raise ValueError(
                f"column {column!r:.90} may be the rating; {remedy.format('rating')}, or {none}: "
                "then every row counts as 1"
            )
    return found


def _like_ratings(others: Sequence[Any], least: Callable[[Any], Any]) -> list[Any]:
    """Of columns without a role, those called like ratings; or the only one of such numbers."""
    called = [
        c for c in others if any(map(_OF_RATINGS.match, _words(c))) and not _OF_OTHERS & _words(c)
    ]
    if called:
        return called
    candidates = [c for c in others if not _NUMBERS_OF_OTHERS.fullmatch(_normalized(c))]
    found = [c for c in candidates if (low := least(c)) is not None and low < EARLIEST_TIME]
    return found if len(found) == 1 else []


def find_column(
    columns: Sequence[Any], usual: Sequence[Sequence[str]], what: str, remedy: str
) -> Any:
    """The one column with a name in the first of the lists `usual` that has any; or None.

    Raises
    ------
    ValueError
        If several columns have one; the message says what they may be, and the remedy.
    """
    for names in usual:
        found = [column for column in columns if _normalized(column) in names]
        if len(found) > 1:
            names_found = " and ".join(f"{column!r:.80}" for column in found[:5])
            raise ValueError(f"{names_found} may each be {what}; {remedy}")
        if found:
            return found[0]
    return None


def _normalized(column: Any) -> str:
    """ "user_id:token" and "User ID" as "userid"."""
    return re.sub(r"[^a-z0-9]", "", str(column).partition(":")[0].casefold())


def _words(column: Any) -> set[str]:
    """ "movieRating" and "movie_rating" as {"movie", "rating"}."""
    parts = re.sub(r"([a-z])([A-Z])", r"\1 \2", str(column))
    return set(re.split(r"[^a-z0-9]+", parts.casefold()))
