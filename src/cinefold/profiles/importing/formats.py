"""Whose export a table is, by its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cinefold.datasets.titles import plain
from cinefold.profiles.importing.export_files import ImportFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cinefold.datasets.readers import DelimitedText

# What a column may be called, without case, accents, spaces and signs; the best name first.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "title": (
        *("title", "name", "film", "movie", "movietitle", "filmtitle", "filmname", "moviename"),
        *("primarytitle", "titel", "titre", "titulo", "titolo"),
    ),
    "original_title": ("originaltitle",),
    "year": ("year", "releaseyear", "yearofrelease", "movieyear", "jahr", "annee", "ano", "anno"),
    "rating": (
        *("yourrating", "myrating", "userrating", "rating", "stars", "rating10", "yourscore"),
        *("myscore", "bewertung", "puntuacion", "voto"),
    ),
    "movie_id": ("movieid", "itemid"),
    "imdb_id": ("const", "imdbid", "tconst", "imdb"),
    "tmdb_id": ("tmdbid", "tmdb"),
    "date": ("daterated", "ratedat", "time", "timestamp", "watcheddate", "date"),
    "type": ("titletype",),
    "mark": ("mark",),
    "user": ("userid", "user"),
}
_IDS = ("imdb_id", "tmdb_id", "movie_id")


@dataclass(frozen=True)
class Format:
    """How to read a table.

    Attributes
    ----------
    name : str
        Whose export it is, for people.
    columns : dict of str to int
        Place of each column that is there.
    highest : float, optional
        The best rating of its scale; None where the ratings must show it.
    lowest : float
        The least; 0 is no rating in any of them.
    exact : bool
        Whether its ratings are Cinefold's own stars, which are not rounded.
    unrated : {"seen", "wanted"}
        What a movie without rating was: watched, or listed only.
    """

    name: str
    columns: dict[str, int]
    highest: float | None = None
    lowest: float = 0.5
    exact: bool = False
    unrated: str = "seen"


def recognize(name: str, table: DelimitedText) -> Format:
    """The format of the table in the file called `name`.

    Raises
    ------
    ImportFileError
        If no column has titles or ids of movies; the message names the columns there are.
    """
    names = [re.sub(r"[\s_]+", "", plain(cell)) for cell in table.header]
    columns = _places(names)
    if not {"title", *_IDS} & columns.keys():
        raise ImportFileError(
            f"{name} has no column with titles of movies; its columns are "
            f"{_listed(table.header)}; needed is title or name (better with year), and rating"
        )
    unrated = "wanted" if "watchlist" in name.lower() else "seen"
    known = set(names)
    if {"rank", "movieid", "becauseof"} <= known:
        columns.pop("rating", None)
        return Format("Cinefold recommendations", columns, unrated="wanted")
    if {"letterboxduri", "name"} <= known:
        return Format("Letterboxd", columns, 5.0, unrated=unrated)
    if {"const", "titletype"} <= known:
        in_a_list = "wanted" if "position" in known else unrated
        return Format("IMDb", columns, 10.0, lowest=1.0, unrated=in_a_list)
    if not {"rating", "mark"} & columns.keys() and not known <= {"movieid", "title", "year"}:
        raise ImportFileError(
            f"{name} has no column with ratings; its columns are {_listed(table.header)}; "
            "needed is rating (it may be empty for movies that were only seen)"
        )
    # MovieLens has "movieId" in its data sets, and "average_rating" in what its site exports.
    if "movieid" in known and "averagerating" not in known and "movie_id" in table.header:
        return Format("Cinefold", columns, 5.0, exact=True, unrated=unrated)
    if "movieid" in known:
        return Format("MovieLens", columns, 5.0)
    return Format("a table of ratings", columns, unrated=unrated)


def _places(names: Sequence[str]) -> dict[str, int]:
    places = {name: place for place, name in reversed([*enumerate(names)])}
    return {
        role: next(places[name] for name in allowed if name in places)
        for role, allowed in _COLUMNS.items()
        if not places.keys().isdisjoint(allowed)
    }


def _listed(header: Sequence[str]) -> str:
    shown = [repr(cell[:40]) for cell in header[:12] if cell]
    return (", ".join(shown) or "unnamed") + (" ..." if len(header) > 12 else "")
