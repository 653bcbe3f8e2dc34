"""Copies a profile to another data set, whose movies have other ids."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from cinefold.profiles.errors import ProfileNameError
from cinefold.profiles.importing.exported_ratings import ExportLine
from cinefold.profiles.importing.matching import SURE, Matcher
from cinefold.profiles.profile import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cinefold.datasets import Movie, MovieCatalog
    from cinefold.profiles.profile import MovieId, Profile, ProfileEntries
    from cinefold.profiles.store import ProfileStore

_FROM, WITHOUT_COUNTERPART = "carried_from", "without_counterpart"
"""Settings of a profile: the id of the earlier one, and labels of its movies that are not here."""


@dataclass(frozen=True)
class Transferred:
    """What was transferred.

    Attributes
    ----------
    profile : Profile
        In the other data set.
    n_movies : int
        That it has from the earlier one.
    left : tuple of str
        Labels of the movies without a counterpart; the earlier profile still has them.
    """

    profile: Profile
    n_movies: int
    left: tuple[str, ...]


def counterparts(movies: Iterable[Movie], catalog: MovieCatalog) -> dict[MovieId, MovieId]:
    """By the id of each of `movies`, that of the same movie in another catalogue, if it has it.

    By IMDb or TMDb id, else by title and year, as imports are matched.

    Parameters
    ----------
    movies : iterable of Movie
    catalog : MovieCatalog

    Returns
    -------
    dict
    """
    given = list(movies)
    lines = [
        ExportLine("", number, m.title, m.year, imdb_id=m.imdb_id, tmdb_id=m.tmdb_id, is_movie=True)
        for number, m in enumerate(given)
    ]
    found = zip(given, Matcher(catalog).match(lines), strict=True)
    return {m.id: best[0].movie.id for m, best in found if best and best[0].confidence >= SURE}


def shown_in(
    store: ProfileStore, profile: Profile, old: MovieCatalog, dataset: str, new: MovieCatalog
) -> tuple[ProfileEntries, tuple[str, ...]]:
    """What `profile` says of the movies of `dataset`, and labels of its others; nothing is kept.

    Parameters and errors are those of `transfer`.

    Returns
    -------
    ProfileEntries
        If the profile has been transferred, what it says there.
    tuple of str
    """
    if (there := _transferred(store, profile, dataset)) is not None:
        return store.entries(there.id), tuple(there.settings.get(WITHOUT_COUNTERPART, ()))
    return _translated(store.entries(profile.id), old, new)


def transfer(
    store: ProfileStore, profile: Profile, old: MovieCatalog, dataset: str, new: MovieCatalog
) -> Transferred:
    """The profile for the movies of `dataset`: with all that `profile` says of those there are.

    It is made the first time, with the same name; later, what is new in `profile` is added. Movies
    without a counterpart are named in its settings.

    Parameters
    ----------
    store : ProfileStore
    profile : Profile
        Of another data set, whose movies are `old`; it stays as it is.
    dataset : str
    old, new : MovieCatalog

    Returns
    -------
    Transferred

    Raises
    ------
    StoreError
        If the database cannot be used.
    """
    fresh, left = _translated(store.entries(profile.id), old, new)
    n_movies = len(fresh.movies)
    target = _transferred(store, profile, dataset) or _copy(store, profile, dataset)
    known = store.entries(target.id)
    for movie in known.ratings:
        fresh.ratings.pop(movie, None)
    for movie, mark, _ in known.marked:
        fresh.marks[mark].pop(movie, None)
    if len(fresh):
        store.add(target.id, fresh)
    store.update_settings(target.id, {WITHOUT_COUNTERPART: left or None})
    return Transferred(store.get(target.id), n_movies, left)


def _translated(
    said: ProfileEntries, old: MovieCatalog, new: MovieCatalog
) -> tuple[ProfileEntries, tuple[str, ...]]:
    """What is said of movies of `new`, and labels of the others."""
    same = counterparts([old[movie] for movie in said.movies if movie in old], new)
    left = (movie for movie in said.movies if movie not in same)
    return said.with_ids(same), tuple(old[m].label if m in old else f"movie {m}" for m in left)


def _transferred(store: ProfileStore, profile: Profile, dataset: str) -> Profile | None:
    """The profile that `transfer` made."""
    others = (p for p in store.profiles(dataset) if p.settings.get(_FROM) == profile.id)
    return next(others, None)


def _copy(store: ProfileStore, profile: Profile, dataset: str) -> Profile:
    settings = {**profile.settings, _FROM: profile.id}
    for number in count(1):
        suffix = "" if number == 1 else f" {number}"
        name = f"{profile.name[: LONGEST_NAME - len(suffix)]}{suffix}"
        with suppress(ProfileNameError):  # it is taken
            return store.create(dataset, name, settings=settings)
    raise AssertionError("there is always another number")
