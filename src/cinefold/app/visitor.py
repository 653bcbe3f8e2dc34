"""Somebody new: what they have told the app in this session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from cinefold.datasets import Movie

_KEY = "visitor"


@dataclass
class Visitor:
    """A new user.

    Attributes
    ----------
    ratings : dict of movie id to stars
        In the order in which they came.
    unseen : set of movie id
        Films they have not seen: not suggested for rating again.
    unwanted : set of movie id
        Films they do not want recommended.
    cleared : dict of movie id to stars
        The ratings that `clear` took away last, in case it was by mistake.
    """

    ratings: dict[Any, float] = field(default_factory=dict)
    unseen: set[Any] = field(default_factory=set)
    unwanted: set[Any] = field(default_factory=set)
    cleared: dict[Any, float] = field(default_factory=dict)

    def rate(self, movie_id: Any, stars: float | None) -> None:
        """Give a film `stars`; None takes its rating back."""
        if stars is None:
            self.ratings.pop(movie_id, None)
        else:
            self.ratings[movie_id] = stars

    def clear(self) -> None:
        """Back to nothing."""
        self.cleared = self.ratings
        self.ratings = {}
        self.unseen.clear()
        self.unwanted.clear()

    def restore(self) -> None:
        """Give the cleared ratings again."""
        self.ratings = self.cleared | self.ratings
        self.cleared = {}


def visitor() -> Visitor:
    """The visitor of this session."""
    known: Visitor = st.session_state.setdefault(_KEY, Visitor())
    return known


def rating_stars(movie: Movie, place: str) -> None:
    """Stars for `movie`; a click rates it, a click on the same star takes the rating back.

    `place` tells apart the places of a page in which one film has stars.
    """
    key = f"stars-{place}-{movie.id}"
    given = visitor().ratings.get(movie.id)
    # The ratings are the truth: stars elsewhere on the page may have changed them.
    st.session_state[key] = None if given is None else round(given) - 1
    st.feedback("stars", key=key, on_change=_take, args=(key, movie.id))


def _take(key: str, movie_id: Any) -> None:
    star = st.session_state[key]
    visitor().rate(movie_id, None if star is None else star + 1)
