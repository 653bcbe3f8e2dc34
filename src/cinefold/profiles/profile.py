"""What a store keeps, as values; and the rules for names, stars and times."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold.profiles.errors import ProfileNameError

MovieId = int | str
"""A movie's id in its data set; ``1`` and ``"1"`` are two movies."""

LOWEST_STARS, HIGHEST_STARS = 0.5, 5.0
LONGEST_NAME = 80
MICROSECOND = timedelta(microseconds=1)
"""The resolution of times that are kept."""


class Mark(StrEnum):
    """What somebody says of a movie without rating it.

    A movie is marked as seen or as not seen, never as both; either goes with the others.
    """

    NOT_INTERESTED = "not_interested"
    SEEN = "seen"
    NOT_SEEN = "not_seen"
    LATER = "later"

    @property
    def opposite(self) -> Mark | None:
        """The mark that this one replaces."""
        return {Mark.SEEN: Mark.NOT_SEEN, Mark.NOT_SEEN: Mark.SEEN}.get(self)


HIDING = (Mark.SEEN, Mark.NOT_INTERESTED, Mark.LATER)
"""Marks of movies that are not recommended (again)."""


@dataclass(frozen=True)
class Rating:
    """Stars from 0.5 to 5, and when they were given (UTC)."""

    stars: float
    at: datetime


@dataclass(frozen=True)
class Profile:
    """A person's profile for the movies of one data set.

    Attributes
    ----------
    id : int
        Never given again, not even after the profile is deleted.
    dataset : str
        The data set whose movie ids its ratings use.
    name : str
        As it was typed: plain text, to be escaped where it is shown.
    created_at, last_used_at : datetime
        UTC.
    n_ratings, n_marks : int
    key, share_key : str
        Random: who has `key` may do everything with the profile, who has `share_key` see its list.
    settings : dict
        What JSON can hold.
    """

    id: int
    dataset: str
    name: str
    created_at: datetime
    last_used_at: datetime
    n_ratings: int = 0
    n_marks: int = 0
    key: str = field(default="", repr=False)
    share_key: str = field(default="", repr=False)
    settings: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class ProfileEntries:
    """What a profile says of movies, each oldest first.

    Attributes
    ----------
    ratings : dict of movie id to Rating
    marks : dict of Mark to dict of movie id to datetime
        Every mark is a key; when each movie was marked.
    """

    ratings: dict[MovieId, Rating] = field(default_factory=dict)
    marks: dict[Mark, dict[MovieId, datetime]] = field(
        default_factory=lambda: {mark: {} for mark in Mark}
    )

    @property
    def stars(self) -> dict[MovieId, float]:
        """Movie id to stars: what a recommender takes."""
        return {movie: rating.stars for movie, rating in self.ratings.items()}

    @property
    def marked(self) -> list[tuple[MovieId, Mark, datetime]]:
        """Each movie with its mark and when it was marked, mark by mark."""
        return [(movie, mark, at) for mark in self.marks for movie, at in self.marks[mark].items()]

    @property
    def movies(self) -> list[MovieId]:
        """All movies that something is said of, each once."""
        return list(dict.fromkeys([*self.ratings, *(movie for movie, _, _ in self.marked)]))

    @property
    def hidden(self) -> set[MovieId]:
        """Movies not to recommend although they are not rated: seen, not interesting, or kept."""
        return {movie for mark in HIDING for movie in self.marks[mark]}

    def among(self, ids: NDArray[Any]) -> ProfileEntries:
        """What is said of these movies, such as those that a model knows.

        Parameters
        ----------
        ids : ndarray of int or of str

        Returns
        -------
        ProfileEntries
        """
        kind = int if ids.dtype.kind == "i" else str
        movies = [movie for movie in self.movies if isinstance(movie, kind)]
        return self.with_ids({movie: movie for movie in compress(movies, np.isin(movies, ids))})

    def with_ids(self, ids: Mapping[MovieId, MovieId]) -> ProfileEntries:
        """What is said of some movies, by other ids.

        Parameters
        ----------
        ids : mapping of movie id to movie id

        Returns
        -------
        ProfileEntries
        """
        return ProfileEntries(
            {ids[movie]: rating for movie, rating in self.ratings.items() if movie in ids},
            {
                mark: {ids[movie]: at for movie, at in marked.items() if movie in ids}
                for mark, marked in self.marks.items()
            },
        )

    def __len__(self) -> int:
        return len(self.ratings) + sum(map(len, self.marks.values()))


@dataclass(frozen=True)
class Change:
    """A change that was undone, or can be.

    Attributes
    ----------
    action : str
        "rate", "unrate", "mark", "unmark", "clear" or "import".
    made_at : datetime
        UTC.
    movies : tuple of movie id
        The movies that it changed.
    """

    action: str
    made_at: datetime
    movies: tuple[MovieId, ...]


# -- rules --------------------------------------------------------------------------------------


def clean_name(name: str, what: str = "a profile's name") -> str:
    """`name` without white space around it.

    Raises
    ------
    ProfileNameError
        If nothing visible is left, it is longer than 80 characters, or it has control characters.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} is text, not {type(name).__name__}")
    trimmed = name.strip()
    kinds = {unicodedata.category(letter) for letter in trimmed}
    if not any(kind[0] in "LMNPS" for kind in kinds):
        raise ProfileNameError(f"{what} needs at least one visible character")
    if len(trimmed) > LONGEST_NAME:
        raise ProfileNameError(
            f"{what} has at most {LONGEST_NAME} characters, this one has {len(trimmed)}"
        )
    if kinds & {"Cc", "Cs"}:
        raise ProfileNameError(f"{what} may not hold control characters: {trimmed!r}")
    return trimmed


def name_key(name: str) -> str:
    """Equal for names that differ only in case or in how accents are encoded.

    Canonical caseless matching: The Unicode Standard, section 3.13, definition D145.
    """
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", folded)


def checked_movie(movie_id: Any) -> MovieId:
    """The id as Python's own int or str."""
    plain = movie_id.item() if isinstance(movie_id, np.generic) else movie_id
    if isinstance(plain, bool) or not isinstance(plain, int | str):
        raise TypeError(f"a movie id is an int or a str, not {type(plain).__name__}: {plain!r}")
    return plain


def checked_movies(movie_ids: MovieId | Iterable[MovieId]) -> list[MovieId]:
    """The ids, of which a single one may be given."""
    if isinstance(movie_ids, str) or not isinstance(movie_ids, Iterable):
        return [checked_movie(movie_ids)]
    return [checked_movie(movie) for movie in movie_ids]


def checked_stars(stars: Any, movie_id: MovieId) -> float:
    """The stars as a float."""
    try:
        value = float(stars)
    except (TypeError, ValueError):
        value = math.nan
    if not LOWEST_STARS <= value <= HIGHEST_STARS:
        raise ValueError(
            f"stars must be from {LOWEST_STARS:g} to {HIGHEST_STARS:g}, not {stars!r} "
            f"(movie {movie_id!r})"
        )
    return value


def checked_time(at: datetime | None) -> datetime:
    """The time in UTC; now if there is none."""
    if at is None:
        return datetime.now(UTC)
    if at.tzinfo is None:
        raise ValueError(f"a time needs its time zone: {at.isoformat()} has none")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(
            f"a time must be in the years 1 to 9999 of UTC: {at.isoformat()}"
        ) from None


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they will be read again."""
    for name in settings:
        if not isinstance(name, str):
            raise TypeError(f"the name of a setting is a str, not {type(name).__name__}: {name!r}")
    try:
        return dict(json.loads(json.dumps(dict(settings), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"settings must be what JSON can hold: {error}") from None


def timed_ratings(ratings: Mapping[Any, float | Rating]) -> dict[MovieId, Rating]:
    """The ratings with plain ids, checked stars and times.

    Those without a time are of now, a microsecond apart, so that their order is kept.
    """
    checked, now = {}, datetime.now(UTC)
    for number, (movie_id, given) in enumerate(ratings.items()):
        movie = checked_movie(movie_id)
        rating = given if isinstance(given, Rating) else Rating(given, now + number * MICROSECOND)
        checked[movie] = Rating(checked_stars(rating.stars, movie), checked_time(rating.at))
    return checked
