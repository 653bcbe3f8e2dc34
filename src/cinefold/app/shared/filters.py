"""The filters of a list of recommendations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.open_state import opened_state
from cinefold.app.shared.widgets import button, choose_one
from cinefold.datasets import Movie, MovieCatalog
from cinefold.recommender import MovieFilter, SortBy

# Percentiles of the number of ratings.
_POPULARITY = {
    "Any": (0.0, 100.0),
    "Well known": (80.0, 100.0),
    "Less obvious": (40.0, 80.0),
    "Little known": (0.0, 60.0),
}
_ADVENTURE = ("Familiar", "A little further", "Further", "Far", "Adventurous")
_LENGTHS = (10, 20, 50)
_ORDERS: dict[str, SortBy] = {"Best fit": "fit", "Most stars": "stars"}
_NAMED = 5
_MEANING = {
    "fit": "The likeliest next pick first. ★: the stars it would get.",
    "stars": "Of the 50 that fit best, those that would get most ★ first.",
}
_FURTHER = "Familiar ones first, then less known ones that fit."


@dataclass(frozen=True)
class ListChoice:
    """What to list, how much of it and how, and the filters in words."""

    filters: MovieFilter = field(default_factory=MovieFilter)
    length: int = 10
    adventure: float = 0.0
    sort_by: SortBy = "fit"
    summary: str = ""
    n_passing: int | None = None


def choose_filters(catalog: MovieCatalog, place: str, *, ordered: bool = True) -> ListChoice:
    """A button that opens the filters and the number of movies; `place` tells pages apart.

    With `ordered`, also what the list is sorted by, and a slider from familiar to adventurous.
    """
    with st.popover("Filters", icon=":material/tune:", key=f"{place}-filters"):
        wanted = _genres("Only these genres", catalog, f"{place}-genres")
        unwanted = _genres("None of these genres", catalog, f"{place}-not-genres")
        span = _span(catalog)
        years = span and _years(span, f"{place}-years")
        popularity = choose_one(
            "How well known",
            list(_POPULARITY),
            f"{place}-fame",
            bind="query-params",
            help="By number of ratings. Well known: the most rated fifth of all movies. "
            "Less obvious: the two fifths below. Little known: the least rated three fifths.",
        )
        least = st.number_input(
            "Number of ratings, at least", 0, step=10, key=f"{place}-least", bind="query-params"
        )
        length = choose_one("Length of the list", _LENGTHS, f"{place}-length", bind="query-params")
        filters = MovieFilter(wanted, unwanted, years, _POPULARITY[popularity], least)
        n_passing = _count(filters)
        with st.container(horizontal=True, vertical_alignment="center"):
            none = filters == MovieFilter()
            key = f"{place}-reset"
            button("Reset", _reset, place, span, icon="restart_alt", disabled=none, key=key)
            if n_passing is not None:
                st.caption(f"{n_passing:,} of {len(catalog):,} movies pass")
    summary = [
        *([" or ".join(wanted)] if wanted else []),
        *(f"no {genre}" for genre in unwanted),
        *([f"{years[0]} to {years[1]}"] if years else []),
        *([popularity.lower()] if popularity != "Any" else []),
        *([f"{least} ratings or more"] if least else []),
    ]
    words = ", ".join(summary)
    if not ordered:
        return ListChoice(filters, length, 0.0, "fit", words, n_passing)
    order = choose_one("Sort by", list(_ORDERS), f"{place}-order", bind="query-params")
    return ListChoice(filters, length, _choose_adventure(place), _ORDERS[order], words, n_passing)


def _count(filters: MovieFilter) -> int | None:
    """How many movies pass; None before there is a recommender."""
    state = opened_state()
    return None if state is None else len(state.recommender.candidates(filters=filters))


def _reset(place: str, span: tuple[int, int] | None) -> None:
    """Let all movies pass."""
    cleared: dict[str, Any] = {
        "genres": [],
        "not-genres": [],
        "years": span,
        "fame": "Any",
        "least": 0,
    }
    for name, value in cleared.items():
        if value is not None:
            st.session_state[f"{place}-{name}"] = value


def _choose_adventure(place: str) -> float:
    chosen: str = st.select_slider(
        "From familiar to adventurous",
        _ADVENTURE,
        key=f"{place}-adventure",
        bind="query-params",
        width=260,
    )
    return _ADVENTURE.index(chosen) / (len(_ADVENTURE) - 1)


def draw_order(choice: ListChoice, new: Sequence[Movie] = ()) -> None:
    """What is `new` in the list, else its order in words; and the filters."""
    further = choice.adventure and choice.sort_by == "fit"
    order = _FURTHER if further else _MEANING[choice.sort_by]
    named = ", ".join(literal(movie.title) for movie in new[:_NAMED])
    with st.container(key="list-order"):
        st.caption(f"**{len(new)} new:** {named}" if new else order)
    draw_summary(choice)


def draw_summary(choice: ListChoice) -> None:
    """The filters in words, where there are any."""
    if choice.summary:
        count = "" if choice.n_passing is None else f" ({counted(choice.n_passing, 'movie')})"
        st.caption(f"Filtered: {literal(choice.summary)}{count}")


def say_nothing_passes(choice: ListChoice) -> None:
    """Why a list is empty: the filters, or that there is nothing left."""
    filtered = "No movie passes these filters. Loosen one of them."
    st.info(filtered if choice.summary else "No movie is left to list.", icon=":material/tune:")


def _genres(label: str, catalog: MovieCatalog, key: str) -> tuple[str, ...]:
    return tuple(st.multiselect(label, catalog.genres, key=key, bind="query-params"))


def _span(catalog: MovieCatalog) -> tuple[int, int] | None:
    """The first and the last year of the movies; None where there is no choice."""
    first, last = catalog.years or (0, 0)
    return (first, last) if first < last else None


def _years(span: tuple[int, int], key: str) -> tuple[int, int] | None:
    """The years chosen; None for all of them, which lets movies without a year pass."""
    chosen: tuple[int, int] = st.slider(
        "Years", *span, span, format="%d", key=key, bind="query-params"
    )
    return None if chosen == span else chosen
