"""Files in the true forms of what people export elsewhere; all movies are invented."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

from cinefold.datasets import Movie, MovieCatalog

if TYPE_CHECKING:
    from collections.abc import Iterable

LETTERBOXD = ("Date", "Name", "Year", "Letterboxd URI", "Rating")
WATCHED = LETTERBOXD[:4]
IMDB = (
    *("Const", "Your Rating", "Date Rated", "Title", "Original Title", "URL", "Title Type"),
    *("IMDb Rating", "Runtime (mins)", "Year", "Genres", "Num Votes", "Release Date", "Directors"),
)

MOVIES = (
    Movie(1, "The Golden Comet", 1952, ("Sci-Fi",), "tt0000101", 11),
    Movie(2, "Double Bill", 1941, ("Crime",), "tt0000102", 12),
    Movie(3, "Double Bill", 1993, ("Crime",), "tt0000103", 13),
    Movie(4, "La Gare oubliée (The Forgotten Station)", 1958, ("Drama",), "tt0000104", 14),
    Movie(5, "The Harbour Lights", 1997, ("Drama",), "tt0000105", 15),
    Movie(6, "The Harbour Lights", 1997, ("Drama",), "tt0000105", 15),  # two ids of one movie
    Movie(7, "Rider of the Lost Canyon II", 1964, ("Western",), "tt0000107", 17),
    Movie(8, "The Silent Starship", 1977, ("Sci-Fi",), "tt0000108", 18),
    Movie(9, "unknown", None, ()),
    Movie(10, "Élan & Raison", 1988, ("Drama",), "tt0000110", 20),
    Movie(11, "The Broken Waiter: A Tale of Soup", 1970, ("Comedy",), "tt0000111", 21),
)
POPULARITY = {5: 3, 6: 40}


def catalog(*, ids: bool = True) -> MovieCatalog:
    """The movies, with or without their IMDb and TMDb ids."""
    if ids:
        return MovieCatalog(MOVIES, POPULARITY)
    movies = (Movie(movie.id, movie.title, movie.year, movie.genres) for movie in MOVIES)
    return MovieCatalog(movies, POPULARITY)


def table(header: Iterable[str], *rows: Iterable[Any], delimiter: str = ",") -> bytes:
    """A CSV file in UTF-8, quoted as spreadsheets do."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode()


def letterboxd(*rows: tuple[Any, Any, Any], date: str = "2024-05-01") -> bytes:
    """ratings.csv of (name, year, rating)."""
    lines = [(date, name, year, "https://boxd.it/x", rating) for name, year, rating in rows]
    return table(LETTERBOXD, *lines)


def imdb(*rows: tuple[str, Any, str, str, Any], date: str = "2024-05-01") -> bytes:
    """ratings.csv of (const, rating, title, type, year)."""
    lines = [
        (const, rating, date, title, title, f"https://www.imdb.com/title/{const}/", kind,
         7.1, 101, year, "Drama", 1234, f"{year}-02-03", "Somebody")
        for const, rating, title, kind, year in rows
    ]  # fmt: skip
    return table(IMDB, *lines)


def archive(members: dict[str, bytes]) -> bytes:
    """A zip file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


RATED = letterboxd(("The Golden Comet", 1952, 4.5), ("Élan & Raison", 1988, 3))


def movies(export):
    return [(line.title, line.year, line.rating) for line in export.lines]


def problems(export):
    return [line.problem for line in export.lines]
