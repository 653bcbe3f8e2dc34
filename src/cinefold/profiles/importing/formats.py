"""Whose export a table is, by its columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cinefold.datasets.titles import plain
from cinefold.profiles.delimited_text import DelimitedText
from cinefold.profiles.importing.export_files import ImportFileError

_NOT_LETTERS = re.compile(r"[\W_]+")


def _key(cell: str) -> str:
    """The name of a column without case, accents, spaces and signs."""
    return _NOT_LETTERS.sub("", plain(cell))


# What a column may be called, the best name first.
_COLUMNS = {
    role: tuple(map(_key, names.split()))
    for role, names in {
        "title": "title name film movie movieTitle filmTitle filmName movieName primaryTitle titel "
        "titre titulo titolo tytuł plTitle tytułPolski filmTytuł название nameRus 标题 片名 电影名",
        "original_title": "originalTitle titreOriginal títuloOriginal titoloOriginale "
        "tytułOryginalny originalName nameEng оригинальноеНазвание 原名",
        "year": "year releaseYear yearOfRelease movieYear yearReleased jahr annee año ano anno rok "
        "rokProdukcji год 年份 releaseDate released premiere 上映日期",
        "rating": "yourRating youRated myRating userRating userVote yourScore myScore ratingYour "
        "ihreBewertung deineBewertung votreNote tuCalificación suCalificación tuVoto ilTuoVoto "
        "suaAvaliação suaNota twojaOcena mojaOcena мояОценка 我的评分 个人评分 rating stars "
        "rating10 score bewertung note puntuación calificación nota voto avaliação ocena "
        "оценка 评分",
        "movie_id": "movieId itemId",
        "imdb_id": "const imdbId tconst imdb",
        "tmdb_id": "tmdbId tmdb",
        "date": "dateRated ratedAt time timestamp watchedDate watchedAt voteDate dateOfRating "
        "bewertetAm dateReviewed date isoDate dataOceny 打分日期 创建时间 created",
        "type": "titleType type mediaType kind contentType titeltyp typ tipo rodzaj тип 类型 类别",
        "season": "season seasonNumber",
        "episode": "episode episodeNumber lastEpWatched",
        "url": "url link address",
        "status": "watchlist status listStatus",
        "mark": "mark",
        "outcome": "outcome",
        "user": "userId user",
    }.items()
}
_IDS = ("imdb_id", "tmdb_id", "movie_id")
_LISTED_ONLY = re.compile(r"watch.?list|wish.?list|want|plan", re.IGNORECASE)


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
        The least; 0 is no rating in most of them.
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


# Name, columns that it has all of, highest and lowest rating; the first that fits counts.
_SERVICES = (
    ("Letterboxd", "letterboxduri name", 5.0, 0.5),
    ("Letterboxd list", "position name year url", 5.0, 0.5),
    ("IMDb", "const", 10.0, 1.0),
    ("TMDb", "tmdbid type name", 10.0, 0.5),
    ("Trakt", "traktid", 10.0, 1.0),
    ("Simkl", "simklid", 10.0, 1.0),
    ("Filmweb", "uservote", 10.0, 1.0),
    ("Filmweb", "pltitle", 10.0, 1.0),
    ("Criticker", "filmname rating imdbid", 100.0, 0.0),
    ("Criticker", "filmname score", 100.0, 0.0),
    ("a table for Letterboxd", "rating10", 10.0, 1.0),
)


def recognize(name: str, table: DelimitedText) -> Format:
    """The format of the table in the file called `name`.

    Raises
    ------
    ImportFileError
        If no column has titles or ids of movies; the message names the columns there are.
    """
    columns, known = _places(table.header), set(map(_key, table.header))
    _check_repeated(name, table, columns.values())
    if not {"title", *_IDS} & columns.keys():
        raise ImportFileError(
            f"{name} has no column with titles of movies; its columns are "
            f"{_listed(table.header)}; needed is title or name (better with year), and rating"
        )
    unrated = "wanted" if {"position", "listedat"} & known or listed_only(name) else "seen"
    if {"rank", "movieid", "becauseof"} <= known:
        columns.pop("rating", None)
        return Format("Cinefold recommendations", columns, unrated="wanted")
    for service, needed, highest, lowest in _SERVICES:
        if known.issuperset(needed.split()):
            columns.pop("movie_id", None)  # a number of its own
            if service == "TMDb":
                unrated = "wanted"  # of its favourites or its watchlist
                if "yourrating" not in known:
                    columns.pop("rating", None)  # what others gave
            return Format(service, columns, highest, lowest, unrated=unrated)
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


def _check_repeated(name: str, table: DelimitedText, used: Iterable[int]) -> None:
    """An error if a column that is read has another one of its name beside it, unlike it."""
    keys = [*map(_key, table.header)]
    for first in used:
        for other in (place for place, key in enumerate(keys) if key == keys[first] != ""):
            if any(cells[first : first + 1] != cells[other : other + 1] for _, cells in table.rows):
                raise ImportFileError(
                    f"{name} has two columns {table.header[first]!r} that differ; remove one"
                )


def listed_only(text: str) -> bool:
    """Whether the name of a file or a status says that movies are wanted, not seen."""
    return _LISTED_ONLY.search(text) is not None


def _places(header: Sequence[str]) -> dict[str, int]:
    places = {_key(cell): place for place, cell in reversed([*enumerate(header)])}
    return {
        role: next(places[name] for name in allowed if name in places)
        for role, allowed in _COLUMNS.items()
        if not places.keys().isdisjoint(allowed)
    }


def _listed(header: Sequence[str]) -> str:
    shown = [repr(cell[:40]) for cell in header[:12] if cell]
    end = " ..." if len(header) > 12 else ""
    if not "".join(header).isascii():
        end += " (if these look wrong, save the file as UTF-8)"
    return (", ".join(shown) or "unnamed") + end
