"""Small data sets in the true formats of MovieLens: GroupLens' own, and that of RecBole's wheel.

All formats hold the same movies and ratings, with every oddity of the originals; all titles are
invented. People and movies belong to one of a few tastes, so that a model can learn something.

    as_zip(original_files(), folder / "ml-100k.zip")
    as_folder(recbole_files(), folder)
    write_wheel(folder)
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance"),
    *("Sci-Fi", "Thriller", "War", "Western"),
)
N_USERS = 60
_TASTES = {
    "Sci-Fi": ("Galaxy", "Android", "Comet", "Starship"),
    "Romance": ("Kiss", "Wedding", "Letter", "Summer"),
    "Horror": ("Cellar", "Scream", "Vampire", "Grave"),
    "Comedy": ("Cousin", "Waiter", "Parrot", "Holiday"),
    "Western": ("Saloon", "Sheriff", "Canyon", "Rider"),
}
_ADJECTIVES = ("Last", "Hidden", "Golden", "Silent", "Broken")


@dataclass(frozen=True)
class Movie:
    """A movie as the files store it, and its title as people read it."""

    id: int
    stored: str
    year: int | None
    genres: tuple[str, ...]
    readable: str
    video: bool = False
    trailing: str = ""


# What is odd about each: (stored, readable, year, genres).
_ODDITIES: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    ("Aurore, L'", "L'Aurore", 1931, ("Drama",)),
    ("Zug nach Norden, Der", "Der Zug nach Norden", 1962, ("War",)),
    ("Gare oubliée, La (Forgotten Station, The)", "La Gare oubliée (The Forgotten Station)", 1958,
     ("Drama", "Mystery")),
    ("Snowfield, The (Campo di neve, Il)", "The Snowfield (Il Campo di neve)", 1971, ("War",)),
    ("Élan vital", "Élan vital", 1988, ("Drama",)),
    ("Ísland í dag (Iceland Today)", "Ísland í dag (Iceland Today)", 1994, ("Documentary",)),
    ("Ohio, Ohio", "Ohio, Ohio", 1977, ("Musical",)),
    ("Quick, the Slow and the Late, The", "The Quick, the Slow and the Late", 1966, ("Western",)),
    ("2084", "2084", 1984, ("Sci-Fi",)),
    ("Rain & Thunder, A", "A Rain & Thunder", 1949, ("Film-Noir", "Thriller")),
    ("Nameless Genre", "Nameless Genre", 1970, ()),
    ("Harbour Lights, The", "The Harbour Lights", 1997, ("Drama",)),
    ("Harbour Lights, The", "The Harbour Lights", 1997, ("Drama",)),
    ("Double Bill", "Double Bill", 1941, ("Crime",)),
    ("Double Bill", "Double Bill", 1993, ("Action", "Crime")),
    ("Spinning \"Tops\" in 50% of Towns", "Spinning \"Tops\" in 50% of Towns", 1990, ("Comedy",)),
)  # fmt: skip


@cache
def movies() -> tuple[Movie, ...]:
    """All movies, by id: 100 of five tastes, then the odd ones."""
    rows = []
    for taste, nouns in _TASTES.items():
        for number, noun in enumerate(nouns):
            for offset, adjective in enumerate(_ADJECTIVES):
                name, year = f"{adjective} {noun}", 1950 + 10 * number + offset
                rows.append((f"{name}, The", f"The {name}", year, (taste,)))
    ordinary = [
        Movie(number, stored, year, genres, title)
        for number, (stored, title, year, genres) in enumerate([*rows, *_ODDITIES], start=1)
    ]
    n = len(ordinary)
    odd = (
        Movie(n + 1, "unknown", None, (), "unknown"),
        Movie(n + 2, "Puppet Island III", 1995, ("Animation", "Children's"), "Puppet Island III",
             video=True),
        Movie(n + 3, "Marie: A Shadow", 1996, ("Documentary",), "Marie: A Shadow", trailing=" "),
        Movie(n + 4, "Tiny Circus, The", 1969, ("Children's",), "The Tiny Circus", trailing="  "),
    )  # fmt: skip
    return (*ordinary, *odd)


@cache
def ratings() -> tuple[tuple[int, int, int, int], ...]:
    """(user, movie, rating, time): 23 movies of each of 60 users, their own taste liked more."""
    generator = np.random.default_rng(1)
    genre_of = {movie.id: movie.genres for movie in movies()}
    tastes, rows = list(_TASTES), []
    for user in range(1, N_USERS + 1):
        taste = tastes[user % len(tastes)]
        own = [movie for movie, genres in genre_of.items() if taste in genres]
        others = [movie for movie, genres in genre_of.items() if taste not in genres]
        chosen = [*generator.choice(own, 12, replace=False), *generator.choice(others, 11, False)]
        stars = [*generator.integers(4, 6, 12), *generator.integers(1, 4, 11)]
        times = 880_000_000 + generator.choice(10_000_000, len(chosen), replace=False)
        rows += [
            (user, int(movie), int(star), int(time))
            for movie, star, time in zip(chosen, stars, times, strict=True)
        ]
    order = generator.permutation(len(rows))
    return tuple(rows[position] for position in order)


# -- the two formats ------------------------------------------------------------------------------


def original_files() -> dict[str, bytes]:
    """Member name -> content, as in GroupLens' archive."""
    return {
        "ml-100k/README": b"A small invented data set in the format of MovieLens 100K.\n",
        "ml-100k/u.item": "".join(map(_original_line, movies())).encode("latin-1"),
        "ml-100k/u.data": _rating_lines().encode("ascii"),
    }


def recbole_files() -> dict[str, bytes]:
    """Member name -> content, as in RecBole's wheel."""
    folder = "recbole/dataset_example/ml-100k"
    item_header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    rating_header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    items = item_header + "".join(map(_recbole_line, movies()))
    return {
        f"{folder}/ml-100k.item": items.encode("utf-8"),
        f"{folder}/ml-100k.inter": (rating_header + _rating_lines()).encode("ascii"),
    }


def _original_line(movie: Movie) -> str:
    if movie.year is None:
        return f"{movie.id}|{movie.stored}||||1" + "|0" * 18 + "\n"
    title = f"{movie.stored} ({movie.year})" + (" (V)" if movie.video else "") + movie.trailing
    genres = movie.genres or ("unknown",)
    flags = "|".join("1" if genre in genres else "0" for genre in GENRES)
    return f"{movie.id}|{title}|01-Jan-{movie.year}||http://example.com/{movie.id}|{flags}\n"


def _recbole_line(movie: Movie) -> str:
    genres = " ".join(movie.genres or ("unknown",))
    if movie.year is None:
        return f"{movie.id}\tunkonwn\tunkonwn\t{genres}\n"
    if movie.video:
        return f"{movie.id}\t{movie.stored} ({movie.year})\tV\t{genres}\n"
    return f"{movie.id}\t{movie.stored}\t{movie.year}\t{genres}\n"


def colons_files(folder: str = "ml-1m", encoding: str = "latin-1") -> dict[str, bytes]:
    """Member name -> content, as in GroupLens' archives of 1M and 10M."""
    movies_ = "".join(
        f"{movie.id}::{_csv_title(movie)}::{'|'.join(movie.genres) or '(no genres listed)'}\n"
        for movie in movies()
    )
    ratings_ = "".join(
        f"{user}::{movie}::{star}::{time}\n" for user, movie, star, time in ratings()
    )
    return {
        f"{folder}/movies.dat": movies_.encode(encoding),
        f"{folder}/ratings.dat": ratings_.encode(),
    }


def csv_files(folder: str = "ml-20m", newline: str = "\n") -> dict[str, bytes]:
    """Member name -> content, as in GroupLens' archives of the other data sets."""
    tables: dict[str, list[Sequence[object]]] = {
        "movies.csv": [
            ("movieId", "title", "genres"),
            *((movie.id, _csv_title(movie), "|".join(movie.genres) or "(no genres listed)")
              for movie in movies()),
        ],
        "ratings.csv": [("userId", "movieId", "rating", "timestamp"),
                        *((*row[:2], f"{row[2]:.1f}", row[3]) for row in ratings())],
        "links.csv": [("movieId", "imdbId", "tmdbId"), (1, "0114709", 862), (2, "10872600", "")],
    }  # fmt: skip
    contents = {}
    for name, rows in tables.items():
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=newline).writerows(rows)
        contents[f"{folder}/{name}"] = text.getvalue().encode()
    return contents


def _csv_title(movie: Movie) -> str:
    return movie.stored if movie.year is None else f"{movie.stored} ({movie.year})"


def _rating_lines() -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in ratings())


# -- on disk ------------------------------------------------------------------------------------


def as_folder(files: dict[str, bytes], folder: Path) -> Path:
    """Write `files` below `folder`, and return the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def as_zip(files: dict[str, bytes], path: Path) -> Path:
    """Write `files` into a zip file, the same bytes every time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            archive.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)
    return path


def write_wheel(folder: Path, name: str = "tinylens", version: str = "1.0") -> Path:
    """Write the RecBole form inside a wheel that pip takes for one."""
    info = f"{name}-{version}.dist-info"
    files = recbole_files() | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(f"{member},,\n" for member in (*files, f"{info}/RECORD"))
    return as_zip(
        files | {f"{info}/RECORD": record.encode()}, folder / f"{name}-{version}-py3-none-any.whl"
    )


def digest(path: Path, algorithm: str) -> str:
    """The checksum of a file."""
    return hashlib.new(algorithm, path.read_bytes(), usedforsecurity=False).hexdigest()
