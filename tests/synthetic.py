"""A small data set in the true form of MovieLens 100K, with tastes that a model can learn.

People and movies belong to one of a few tastes. People rate mostly movies of their own, and give
those 4 or 5 stars; others get 1 to 3.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = 19
_TASTES = {"Sci-Fi": 15, "Romance": 14, "Horror": 11, "Comedy": 5, "Western": 18}
_MOVIES_OF_A_TASTE, _PEOPLE_OF_A_TASTE = 24, 30
_ADJECTIVES = ("Last", "Hidden", "Golden", "Silent", "Broken", "Distant")
_NOUNS = {
    "Sci-Fi": ("Galaxy", "Android", "Comet", "Starship"),
    "Romance": ("Kiss", "Wedding", "Letter", "Summer"),
    "Horror": ("Cellar", "Scream", "Vampire", "Grave"),
    "Comedy": ("Cousin", "Waiter", "Parrot", "Holiday"),
    "Western": ("Saloon", "Sheriff", "Canyon", "Rider"),
}
# Titles that must be shown as they are, whatever they mean to Markdown or to Streamlit.
AWKWARD_TITLES = (
    "*batteries not included*",
    "[click](http://example.com) me",
    "$5 a Day and $6 a Night",
    "Say :smile: or :material/star:",
    "www.deadly.com -> <b>bold</b>",
    ":red[Alert] # 1. `code` & more_under_score",
)


@dataclass(frozen=True)
class SyntheticArchive:
    """A zip file as GroupLens serves it, and its MD5."""

    path: Path
    md5: str


def write_archive(folder: Path) -> SyntheticArchive:
    """Write ``ml-100k.zip`` into `folder`."""
    path = folder / "ml-100k.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-100k/u.item", _items().encode("latin-1"))
        archive.writestr("ml-100k/u.data", _ratings())
    return SyntheticArchive(path, hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest())


def movie_id(taste: str, number: int) -> int:
    """The id of a movie: the `number`-th of its taste, from 0."""
    return 1 + list(_TASTES).index(taste) * _MOVIES_OF_A_TASTE + number


def user_id(taste: str, number: int) -> int:
    """The id of a person: the `number`-th of their taste, from 0."""
    return 1 + list(_TASTES).index(taste) * _PEOPLE_OF_A_TASTE + number


def movie_title(taste: str, number: int) -> str:
    """The title of a movie, without its year."""
    noun, adjective = divmod(number, len(_ADJECTIVES))
    return f"The {_ADJECTIVES[adjective]} {_NOUNS[taste][noun]}"


def _items() -> str:
    lines = []
    for taste, flag in _TASTES.items():
        for number in range(_MOVIES_OF_A_TASTE):
            title = movie_title(taste, number).removeprefix("The ") + ", The"
            lines.append(_item(movie_id(taste, number), f"{title} ({1960 + number})", flag))
    first = len(lines) + 1
    lines += [_item(first + k, f"{title} (1999)", 5) for k, title in enumerate(AWKWARD_TITLES)]
    lines.append(_item(len(lines) + 1, "unknown", 0))
    return "".join(line + "\n" for line in lines)


def _item(number: int, title: str, flag: int) -> str:
    flags = "|".join("1" if column == flag else "0" for column in range(_FLAGS))
    return f"{number}|{title}|01-Jan-1995||http://example.com/{number}|{flags}"


def _ratings() -> str:
    generator = np.random.default_rng(1)
    tastes = list(_TASTES)
    awkward = range(
        1 + len(tastes) * _MOVIES_OF_A_TASTE,
        2 + len(tastes) * _MOVIES_OF_A_TASTE + len(AWKWARD_TITLES),
    )
    lines = []
    for taste in tastes:
        others = [movie_id(t, k) for t in tastes if t != taste for k in range(_MOVIES_OF_A_TASTE)]
        own = [movie_id(taste, k) for k in range(_MOVIES_OF_A_TASTE)]
        for person in range(_PEOPLE_OF_A_TASTE):
            liked = generator.choice(own, 14, replace=False)
            disliked = generator.choice(others, 6, replace=False)
            stars = [*generator.integers(4, 6, 14), *generator.integers(1, 4, 6), 3]
            movies = [*liked, *disliked, generator.choice(awkward)]
            user = user_id(taste, person)
            lines += [
                f"{user}\t{movie}\t{star}\t{880000000 + 60 * k}"
                for k, (movie, star) in enumerate(zip(movies, stars, strict=True))
            ]
    return "".join(line + "\n" for line in lines)
