"""A profile that goes along to another data set, whose movies have other ids."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from cinefold.profiles.errors import ProfileNameError
from cinefold.profiles.importing.exported_ratings import ExportLine
from cinefold.profiles.importing.matching import SURE, Matcher
from cinefold.profiles.profile import LONGEST_NAME, ProfileEntries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cinefold.datasets import Movie, MovieCatalog
    from cinefold.profiles.profile import MovieId, Profile
    from cinefold.profiles.store import ProfileStore

_FROM, LEFT = "carried_from", "without_counterpart"
"""Settings of a profile: the id of the earlier one, and labels of its movies that are not here."""


@dataclass(frozen=True)
class Carried:
    """What went along.

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
    """
    given = list(movies)
    lines = [
        ExportLine("", number, m.title, m.year, imdb_id=m.imdb_id, tmdb_id=m.tmdb_id, is_movie=True)
        for number, m in enumerate(given)
    ]
    found = zip(given, Matcher(catalog).match(lines), strict=True)
    return {m.id: best[0].movie.id for m, best in found if best and best[0].confidence >= SURE}


def carry(
    store: ProfileStore, profile: Profile, old: MovieCatalog, dataset: str, new: MovieCatalog
) -> Carried:
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

    Raises
    ------
    StoreError
    """
    said = store.entries(profile.id)
    ids = dict.fromkeys([*said.ratings, *(movie for movie, _, _ in said.marked)])
    same = counterparts([old[movie] for movie in ids if movie in old], new)
    left = tuple(old[m].label if m in old else f"movie {m}" for m in ids if m not in same)
    others = (p for p in store.profiles(dataset) if p.settings.get(_FROM) == profile.id)
    target = next(others, None) or _copy(store, profile, dataset)
    known = store.entries(target.id)
    fresh = ProfileEntries({same[m]: r for m, r in said.ratings.items() if m in same})
    for movie in known.ratings:
        fresh.ratings.pop(movie, None)
    for movie, mark, at in said.marked:
        if movie in same and same[movie] not in known.marks[mark]:
            fresh.marks[mark][same[movie]] = at
    if len(fresh):
        store.add(target.id, fresh)
    store.update_settings(target.id, {LEFT: left or None})
    return Carried(store.get(target.id), len(set(same.values())), left)


def _copy(store: ProfileStore, profile: Profile, dataset: str) -> Profile:
    settings = {**profile.settings, _FROM: profile.id}
    for number in count(1):
        suffix = "" if number == 1 else f" {number}"
        name = f"{profile.name[: LONGEST_NAME - len(suffix)]}{suffix}"
        if store.find(dataset, name) is None:
            try:
                return store.create(dataset, name, settings=settings)
            except ProfileNameError:  # somebody was faster
                continue
    raise AssertionError("there is always another number")
