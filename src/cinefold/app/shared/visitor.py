"""Somebody new: what they say of movies, kept in a profile that outlives reloads and restarts."""

import contextlib
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from cinefold.app.shared.bring_along import bring_along, visited
from cinefold.app.shared.display import counted
from cinefold.app.shared.open_state import current_dataset, opened_state
from cinefold.profiles import (
    HIDING,
    Mark,
    Profile,
    ProfileEntries,
    ProfileNameError,
    ProfileStore,
    StoreError,
    UnknownProfileError,
)
from cinefold.serving.launch import shares_profiles

_KEY, _QUERY, _LOOKED_IN = "visitor", "profile", "profiles-looked-for-in"
_COOKIE, _FORGOTTEN, _TOLD = "cinefold_profiles", "forgotten", "browser-was-told"
_PROFILE_KEY = re.compile(r"[\w-]{22}")
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_GUEST = "guest"  # the setting of profiles that nobody has named
_BROWSERS = "browser"  # the setting of profiles that a browser began: their names open nothing
_DELETED = "The profile was deleted in another window. What you say now begins a new one."
_OTHER_MOVIES = "This profile is about other movies: choose them as the data set on Train."
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
    fails, what is said is kept for the session, and `trouble` says so.

    Attributes
    ----------
    profile : Profile or None
    ratings : dict of movie id to stars
        In the order in which they came.
    marks : dict of Mark to set of movie id
        Movies they say they have not seen (not asked about again), have seen without rating them,
        are not interested in, or keep for later (the last three are not recommended).
    keys : list of str
        Of the profiles that this browser opens, the last used first.
    suggested : list of movie id
        Movies that the page asks them to rate.
    skipped : list of movie id
        Movies that they did not want to say anything about.
    latest : movie id or None
        The movie that they have just given stars: it stays where they did, for another tap.
    trouble : str or None
        What is wrong with their profile, in a sentence.
    """

    dataset: str
    profile: Profile | None = None
    ratings: dict[Any, float] = field(default_factory=dict)
    marks: dict[Mark, set[Any]] = field(default_factory=lambda: {mark: set() for mark in Mark})
    keys: list[str] = field(default_factory=list)
    suggested: list[Any] = field(default_factory=list)
    skipped: list[Any] = field(default_factory=list)
    latest: Any = None
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
            self.latest = movie_id if movie_id in self.ratings else None

    def add(self, entries: ProfileEntries) -> None:
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

    def unmark(self, movie_id: Any, mark: Mark) -> None:
        """Take a mark back."""
        self.marks[mark].discard(movie_id)
        self._write(lambda store, profile: store.unmark(profile, movie_id, mark))

    def clear(self) -> None:
        """Take back everything; `undo` brings it back."""
        self._show(ProfileEntries())
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
        return {movie for mark in HIDING for movie in self.marks[mark]}

    @property
    def said_something(self) -> bool:
        return bool(self.ratings or any(self.marks.values()))

    # -- their profile ------------------------------------------------------------------------

    def profiles(self) -> list[Profile]:
        """Those to choose from: this browser's, or all where the app was started so."""
        with self.noting_trouble():
            if shares_profiles():
                return profile_store().profiles(self.dataset)
            return profile_store().opened_by(self.dataset, self.keys)
        return []

    @property
    def owns_profile(self) -> bool:
        """Whether the profile is this browser's, rather than one that everybody here may open."""
        return self.profile is not None and self.profile.key in self.keys

    def open(self, profile: Profile | None, *, own: bool = False) -> None:
        """Go on as `profile`, or as somebody who has not said anything.

        With `own`, this browser opens it from now on.
        """
        self.profile = profile
        self.suggested, self.latest = [], None
        if own and profile is not None:
            self.keys = [profile.key, *(key for key in self.keys if key != profile.key)]
        self._show(ProfileEntries())
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
        if self.profile is not None and self.profile.settings.get(_GUEST):
            self.profile = store.rename(self.profile.id, name)
            store.update_settings(self.profile.id, {_GUEST: None})
            self.profile = store.get(self.profile.id)
        else:
            self.open(store.create(self.dataset, name, settings={_BROWSERS: True}), own=True)

    def refresh(self) -> None:
        """Read the profile again: another window may have changed it."""
        if self.profile is not None:
            with self.noting_trouble():
                try:
                    self.profile = profile_store().get(self.profile.id)
                    self._show(profile_store().entries(self.profile.id))
                except UnknownProfileError:
                    self.open(None)
                    self.trouble = _DELETED

    @contextlib.contextmanager
    def noting_trouble(self) -> Iterator[None]:
        """An error of the store is kept as `trouble`."""
        try:
            yield
        except StoreError as error:
            self.trouble = f"Your ratings are only kept until you close this page: {error}"

    def _show(self, entries: ProfileEntries) -> None:
        """All of it that is about movies of the model: there are others that nobody has rated."""
        if (state := opened_state(self.dataset)) is not None:
            entries = entries.among(state.recommender.model.interactions_.item_ids)
        self.ratings = entries.stars
        self.marks = {mark: set(movies) for mark, movies in entries.marks.items()}

    def _write(self, change: Callable[[ProfileStore, int], object]) -> None:
        self.latest = None
        with self.noting_trouble():
            store = profile_store()
            if self.profile is None:
                settings = {_GUEST: True, _BROWSERS: True}
                name = f"Guest {secrets.token_hex(4)}"  # for the command line
                self.profile = store.create(self.dataset, name, settings=settings)
                self.keys.insert(0, self.profile.key)
            try:
                change(store, self.profile.id)
                self.trouble = None
            except UnknownProfileError:
                self.open(None)
                self.trouble = _DELETED


def visitor() -> Visitor:
    """The visitor of this session: at first as the profile that their browser used last."""
    dataset = current_dataset()
    name = f"{_KEY}-{dataset}"
    if name not in st.session_state:
        keys = [key for other in visited(_KEY).values() for key in other.keys]
        st.session_state[name] = you = Visitor(dataset, keys=[*dict.fromkeys(keys + _kept_keys())])
        with you.noting_trouble():
            for profile in profile_store().opened_by(dataset, you.keys)[:1]:
                you.open(profile)
    known: Visitor = st.session_state[name]
    return known


def open_visitor() -> Visitor:
    """The visitor, as their profile now is; pages call it once, at their start."""
    (known := visitor()).refresh()
    if known.profile is None:
        with known.noting_trouble():
            if st.session_state.get(_LOOKED_IN) != known.dataset and opened_state() is not None:
                st.session_state[_LOOKED_IN] = known.dataset
                earlier = profile_store().opened_by(None, known.keys)
                if came := bring_along(profile_store(), earlier, known.dataset):
                    known.open(came, own=True)
    return known


# -- keys -----------------------------------------------------------------------------------------


def _kept_keys() -> list[str]:
    if _FORGOTTEN in st.session_state:
        return []
    kept = st.context.cookies.get(_COOKIE, "").split(".")
    return [key for key in kept if _PROFILE_KEY.fullmatch(key)]


def remember(place: str) -> None:
    """Have the browser keep the key of the profile in use, or forget all of them.

    `place` tells apart the places of a page that do so: a fragment does it by itself.
    """
    you = visitor()
    script = Path(__file__).with_name("remember.js").read_text(encoding="utf-8")
    use = you.profile.key if you.profile is not None and you.owns_profile else None
    keep = {"use": use, "forget": _FORGOTTEN in st.session_state}
    told, since = st.session_state.get(_TOLD, (None, 0.0))
    if keep != told:
        since = time.time()
        st.session_state[_TOLD] = keep, since
    st.components.v2.component("cinefold_remember", js=script)(
        data={**keep, "since": since}, height=1, key=place
    )


def forget() -> None:
    """Nobody has been here, as far as this browser knows; the profiles stay."""
    for name in list(st.session_state):
        if str(name).startswith(f"{_KEY}-"):
            del st.session_state[name]
    st.session_state[_FORGOTTEN] = True


def open_profile_in_address() -> Profile | None:
    """Open the profile whose key the address has (?profile=…), on any page.

    Returns
    -------
    Profile or None
        One whose list is shared with the visitor, by the key for that.
    """
    asked = st.query_params.get(_QUERY)
    if asked is None:
        return None
    you, missing = visitor(), "There is no such profile here."
    with you.noting_trouble():
        store = profile_store()
        own = store.opened_by(None, [asked])
        shared = None if own else store.shown_by(asked)
        if shared is not None:
            return shared
        if own and own[0].dataset != you.dataset:
            if opened_state() is None:
                return None  # until it can go along
            came = bring_along(store, own, you.dataset)
            own, missing = [came] if came else [], _OTHER_MOVIES
        if not own and may_open_by_name():
            with contextlib.suppress(ProfileNameError):
                named = store.find(you.dataset, asked)
                own = [named] if named and not named.settings.get(_BROWSERS) else []
        if own:
            you.open(own[0], own=True)
        else:
            st.toast(missing, icon=":material/person_off:")
    del st.query_params[_QUERY]  # a key is not to be looked at
    return None


def may_open_by_name() -> bool:
    """Whether only this machine, whose database it is, can reach the app, and through no proxy."""
    headers = st.context.headers
    host = urlsplit(f"//{headers.get('Host', _LOOPBACK[0])}").hostname
    alone = st.get_option("server.address") in _LOOPBACK and host in _LOOPBACK
    return alone and not any(name in headers for name in _FORWARDED)


def profile_link(key: str) -> str:
    """The address that opens or shows the profile of `key`."""
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}/?{_QUERY}={key}"


def shown_name(profile: Profile, unnamed: str = "My list") -> str:
    """Its name, if somebody gave it one."""
    return unnamed if profile.settings.get(_GUEST) else profile.name


def profile_label(profile: Profile) -> str:
    """A profile in a list to choose from."""
    whose = "A list without a name" if shares_profiles() else "My list"
    return f"{shown_name(profile, whose)} · {counted(profile.n_ratings, 'rating')}"
