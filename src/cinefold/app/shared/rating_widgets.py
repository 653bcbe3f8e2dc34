"""Stars and marks that a visitor gives to movies."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.visitor import Visitor, visitor
from cinefold.app.shared.widgets import button, say_later, say_now
from cinefold.datasets import Movie
from cinefold.profiles import Mark

MARKS = {
    Mark.NOT_SEEN: "Not seen",
    Mark.LATER: "Later",
    Mark.SEEN: "Seen it",
    Mark.NOT_INTERESTED: "Not for me",
}


def mark_buttons(movie: Movie, place: str, *marks: Mark) -> None:
    """Buttons that mark `movie`, or take a mark back; `place` tells apart the places of a page."""
    say_now()  # where the movie that was marked last went
    you = visitor()
    for mark in marks:
        name, key = MARKS[mark], f"{place}-{mark}-{movie.id}"
        rated = mark is Mark.NOT_SEEN and movie.id in you.ratings
        if movie.id in you.marks[mark] and not rated:
            undo = {"icon": "undo", "key": f"{key}-back"}  # a second click on the mark is none here
            button(f"{name}: take back", you.unmark, movie.id, mark, **undo)
        else:
            button(name, _mark, you, movie, mark, key=key, type="tertiary", disabled=rated)


def _mark(you: Visitor, movie: Movie, mark: Mark) -> None:
    you.mark(movie.id, mark)
    if mark is not Mark.NOT_SEEN:  # its card goes
        where = f"{literal(movie.title)} is in your Lists now, under “{MARKS[mark]}”."
        say_later(where, ":material/bookmark_added:")


def rating_stars(movie: Movie, place: str) -> None:
    """Stars for `movie`: a click rates it, a second one on the same star takes half a star off, a
    third one the rating back.

    `place` tells apart the places of a page in which one movie has stars.
    """
    name = f"stars-{place}-{movie.id}"
    given = visitor().ratings.get(movie.id)
    halves = None if given is None else max(round(2 * given), 1)
    number, before = _shown().get(name, (0, halves))
    if halves != before:  # changed elsewhere, on this page or another
        number += 1
    _shown()[name] = number, halves
    key = f"{name}.{number}" if number else name
    if halves is not None and halves % 2:
        key += "-half"  # style.css draws the last star so
    st.session_state[key] = _star(halves)
    st.feedback("stars", key=key, on_change=_take, args=(key, name, number, movie.id))


def _star(halves: int | None) -> int | None:
    """The place of the last star, from 0, that half stars reach."""
    return None if halves is None else (halves - 1) // 2


def _shown() -> dict[str, tuple[int, int | None]]:
    """By name, which half stars were last shown: how often they changed otherwise, and how many.

    With a fast second click the browser sends all other stars, too, as they were before the first:
    also those that this has changed or taken away, for which that would look like clicks.
    """
    shown: dict[str, tuple[int, int | None]] = st.session_state.setdefault("stars-shown", {})
    return shown


def _take(key: str, name: str, number: int, movie_id: Any) -> None:
    if key not in st.session_state:  # it went with its data set
        return
    star = st.session_state[key]
    latest, before = _shown()[name]
    if number != latest or star == _star(before):
        return
    halves = None if star is None else 2 * star + 2
    if star is None and before is not None and before % 2 == 0:
        halves = before - 1
    # Half a star is drawn by another widget, as is what comes after it.
    number += bool((halves or 0) % 2 or (before or 0) % 2)
    _shown()[name] = number, halves
    visitor().rate(movie_id, None if halves is None else halves / 2)
