"""Somebody new: what they say of movies, kept in a profile that outlives reloads and restarts."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from cinefold.app.shared.display import counted
from cinefold.app.shared.open_state import current_dataset
from cinefold.app.shared.widgets import button, show_in_address
from cinefold.datasets import Movie
from cinefold.profiles import (
    Entries,
    Mark,
    Profile,
    ProfileNameError,
    ProfileStore,
    StoreError,
    UnknownProfileError,
)

_KEY, _QUERY = "visitor", "profile"
_GUEST = "Guest"
_PATIENCE = 5.0  # seconds that a click may wait for a database that is busy


@st.cache_resource(show_spinner=False)
def profile_store() -> ProfileStore:
    """Where profiles are kept.

    Raises
    ------
    StoreError
        If the database cannot be used.
    """
    return ProfileStore(timeout=_PATIENCE)


@dataclass
class Visitor:
    """A new user of the movies of one data set.

    Every change is written to their profile, which is made at the first one. When the database
    fails, what is said is kept for the session, and `trouble` says why.

    Attributes
    ----------
    profile : Profile or None
    ratings : dict of movie id to stars
        In the order in which they came.
    marks : dict of Mark to set of movie id
        Movies they say they have not seen (not asked about again), have seen without rating them,
        or are not interested in (the last two are not recommended).
    suggested : list of movie id
        Movies that the page asks them to rate.
    trouble : str or None
        Why nothing can be kept at the moment.
    """

    dataset: str
    profile: Profile | None = None
    ratings: dict[Any, float] = field(default_factory=dict)
    marks: dict[Mark, set[Any]] = field(default_factory=lambda: {mark: set() for mark in Mark})
    suggested: list[Any] = field(default_factory=list)
    trouble: str | None = None

    # -- what they say ------------------------------------------------------------------------

    def rate(self, movie_id: Any, stars: float | None) -> None:
        """Give a movie `stars`; None takes its rating back."""
        if stars is None:
            self.ratings.pop(movie_id, None)
            self._write(lambda store, profile: store.unrate(profile, movie_id))
        else:
            self.ratings[movie_id] = stars
            self._write(lambda store, profile: store.rate(profile, movie_id, stars))

    def add(self, entries: Entries) -> None:
        """Ratings and marks from elsewhere, as one change."""
        self.ratings |= entries.stars
        for mark, movies in entries.marks.items():
            self.marks[mark].update(movies)
        self._write(lambda store, profile: store.add(profile, entries))

    def mark(self, movie_id: Any, mark: Mark) -> None:
        """Not seen, seen, or not interested."""
        self.marks[mark].add(movie_id)
        if mark.opposite is not None:
            self.marks[mark.opposite].discard(movie_id)
        self._write(lambda store, profile: store.mark(profile, movie_id, mark))

    def clear(self) -> None:
        """Take back everything; `undo` brings it back."""
        self._show(Entries())
        self._write(lambda store, profile: store.clear(profile))

    def undo(self) -> None:
        """Take the last change back."""
        self._write(lambda store, profile: store.undo(profile))
        self.refresh()

    @property
    def not_seen(self) -> set[Any]:
        return self.marks[Mark.NOT_SEEN]

    @property
    def hidden(self) -> set[Any]:
        """Movies not to recommend although they have no stars."""
        return self.marks[Mark.SEEN] | self.marks[Mark.NOT_INTERESTED]

    @property
    def said_something(self) -> bool:
        return bool(self.ratings or any(self.marks.values()))

    # -- their profile ------------------------------------------------------------------------

    def open(self, profile: Profile | None) -> None:
        """Go on as `profile`, or as somebody who has not said anything."""
        self.profile = profile
        self.suggested = []
        self._show(Entries())
        show_in_address(_QUERY, profile and profile.id)
        self.refresh()

    def start(self, name: str) -> None:
        """A profile of this name, which takes over what an unnamed visitor has said so far.

        Raises
        ------
        ProfileNameError
            If the name breaks the rules or is taken.
        StoreError
        """
        store = profile_store()
        if self.profile is not None and self.profile.settings.get("guest"):
            self.profile = store.rename(self.profile.id, name)
            store.update_settings(self.profile.id, {"guest": None})
            self.profile = store.get(self.profile.id)
        else:
            self.open(store.create(self.dataset, name))

    def refresh(self) -> None:
        """Read the profile again: another window may have changed it."""
        if self.profile is not None:
            with self.noting_trouble():
                try:
                    self.profile = profile_store().get(self.profile.id)
                    self._show(profile_store().entries(self.profile.id))
                except UnknownProfileError:
                    self.open(None)

    @contextlib.contextmanager
    def noting_trouble(self) -> Iterator[None]:
        """An error of the store is kept as `trouble`."""
        try:
            yield
        except StoreError as error:
            self.trouble = str(error)

    def _show(self, entries: Entries) -> None:
        self.ratings = dict(entries.stars)
        self.marks = {mark: set(movies) for mark, movies in entries.marks.items()}

    def _write(self, change: Callable[[ProfileStore, int], object]) -> None:
        with self.noting_trouble():
            store = profile_store()
            if self.profile is None:
                self.profile = _new_guest(store, self.dataset)
                st.query_params[_QUERY] = str(self.profile.id)
            try:
                change(store, self.profile.id)
                self.trouble = None
            except UnknownProfileError:
                self.open(None)
                self.trouble = "The profile was deleted in another window."


def _new_guest(store: ProfileStore, dataset: str) -> Profile:
    """A profile with the first name of "Guest", "Guest 2", … that is free."""
    taken = {profile.name for profile in store.profiles(dataset)}
    for number in itertools.count(1):
        name = _GUEST if number == 1 else f"{_GUEST} {number}"
        if name not in taken:
            with contextlib.suppress(ProfileNameError):  # somebody else's window was faster
                return store.create(dataset, name, settings={"guest": True})
    raise AssertionError("there is always another number")


def open_visitor() -> Visitor:
    """The visitor of this session, as their profile now is; pages call it once, at their start.

    The profile is that of the address (?profile=3), so that a reload finds it again.
    """
    known = visitor()
    asked = st.query_params.get(_QUERY)
    if known.profile is not None and asked in (None, str(known.profile.id)):
        st.query_params[_QUERY] = str(known.profile.id)
        known.refresh()
    elif asked is not None:
        known.open(_find(asked, known.dataset))
    return known


def _find(asked: str, dataset: str) -> Profile | None:
    profile = None
    if asked.isdecimal():
        with contextlib.suppress(StoreError, ValueError):  # unknown, or too many digits for Python
            profile = profile_store().get(int(asked))
    if profile is None or profile.dataset != dataset:
        st.toast("There is no such profile here.", icon=":material/person_off:")
        return None
    return profile


def visitor() -> Visitor:
    """The visitor of this session."""
    dataset = current_dataset()
    known: Visitor = st.session_state.setdefault(f"{_KEY}-{dataset}", Visitor(dataset))
    return known


def profile_label(profile: Profile) -> str:
    """A profile in a list to choose from."""
    return f"{profile.name} · {counted(profile.n_ratings, 'rating')}"


_MARKS = {Mark.NOT_SEEN: "Not seen", Mark.SEEN: "Seen it", Mark.NOT_INTERESTED: "Not for me"}


def mark_buttons(movie: Movie, place: str, *marks: Mark) -> None:
    """Buttons that mark `movie`; `place` tells apart the places of a page."""
    for mark in marks:
        key = f"{place}-{mark}-{movie.id}"
        button(_MARKS[mark], visitor().mark, movie.id, mark, key=key, type="tertiary")


def rating_stars(movie: Movie, place: str) -> None:
    """Stars for `movie`; a click rates it, a click on the same star takes the rating back.

    `place` tells apart the places of a page in which one movie has stars.
    """
    name = f"stars-{place}-{movie.id}"
    given = visitor().ratings.get(movie.id)
    star = None if given is None else max(round(given), 1) - 1
    number, before = _shown().get(name, (0, star))
    if star != before:  # changed elsewhere, on this page or another
        number += 1
    _shown()[name] = number, star
    key = f"{name}.{number}" if number else name
    st.session_state[key] = star
    st.feedback("stars", key=key, on_change=_take, args=(key, name, number, movie.id))


def _shown() -> dict[str, tuple[int, int | None]]:
    """By name, which stars were last shown: how often they changed elsewhere, and what they said.

    With a fast second click the browser sends all other stars, too, as they were before the first:
    also those that this has changed or taken away, for which that would look like clicks.
    """
    shown: dict[str, tuple[int, int | None]] = st.session_state.setdefault("stars-shown", {})
    return shown


def _take(key: str, name: str, number: int, movie_id: Any) -> None:
    star = st.session_state[key]
    latest, before = _shown()[name]
    if number != latest or star == before:
        return
    _shown()[name] = number, star
    visitor().rate(movie_id, None if star is None else star + 1)
