"""The filters of a list of recommendations."""

from dataclasses import dataclass

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.widgets import choose_one
from cinefold.datasets import MovieCatalog
from cinefold.recommender import MovieFilter, SortBy

# Percentiles of the number of ratings.
_POPULARITY = {
    "Any": (0.0, 100.0),
    "Well known": (80.0, 100.0),
    "Less obvious": (40.0, 80.0),
    "Hidden": (0.0, 60.0),
}
_ADVENTURE = ("Familiar", "A little further", "Further", "Far", "Adventurous")
_LENGTHS = (10, 20, 50)
_ORDERS: dict[str, SortBy] = {"Best fit": "fit", "Most stars": "stars"}


@dataclass(frozen=True)
class Choice:
    """What to list, how much of it and how, and the filters in words."""

    filters: MovieFilter
    length: int
    adventure: float
    sort_by: SortBy
    summary: str


def choose_filters(catalog: MovieCatalog, place: str, *, ordered: bool = True) -> Choice:
    """A button that opens the filters and the number of movies; `place` tells pages apart.

    With `ordered`, also what the list is sorted by, and a slider from familiar to adventurous.
    """
    with st.popover("Filters", icon=":material/tune:", key=f"{place}-filters"):
        wanted = _genres("Only these genres", catalog, f"{place}-genres")
        unwanted = _genres("None of these genres", catalog, f"{place}-not-genres")
        years = _years(catalog, f"{place}-years")
        popularity = choose_one(
            "How well known",
            list(_POPULARITY),
            f"{place}-fame",
            bind="query-params",
            help="By number of ratings. Well known: the most rated fifth of all movies. "
            "Less obvious: the two fifths below. Hidden: the least rated three fifths.",
        )
        least = st.number_input(
            "Rated at least so often", 0, step=10, key=f"{place}-least", bind="query-params"
        )
        length = choose_one("Number of movies", _LENGTHS, f"{place}-length", bind="query-params")
    summary = [
        *wanted,
        *(f"no {genre}" for genre in unwanted),
        *([f"{years[0]} to {years[1]}"] if years else []),
        *([popularity.lower()] if popularity != "Any" else []),
        *([f"rated {least} times or more"] if least else []),
    ]
    filters = MovieFilter(wanted, unwanted, years, _POPULARITY[popularity], least)
    words = ", ".join(summary)
    if not ordered:
        return Choice(filters, length, 0.0, "fit", words)
    order = choose_one("Sort by", list(_ORDERS), f"{place}-order", bind="query-params")
    return Choice(filters, length, _adventure(place), _ORDERS[order], words)


def _adventure(place: str) -> float:
    chosen: str = st.select_slider(
        "From familiar to adventurous",
        _ADVENTURE,
        key=f"{place}-adventure",
        bind="query-params",
        help="Further to the right, less known movies take the places of those that everybody "
        "watches: half of the list in the middle, all but the first at the right end.",
        width=260,
    )
    return _ADVENTURE.index(chosen) / (len(_ADVENTURE) - 1)


def draw_summary(choice: Choice) -> None:
    """The filters in words, where there are any."""
    if choice.summary:
        st.caption(f"Only: {literal(choice.summary)}")


def say_nothing_passes(choice: Choice) -> None:
    """Why a list is empty: the filters, or that there is nothing left."""
    filtered = "No movie passes these filters. Loosen one of them."
    st.info(filtered if choice.summary else "No movie is left to list.", icon=":material/tune:")


def _genres(label: str, catalog: MovieCatalog, key: str) -> tuple[str, ...]:
    return tuple(st.multiselect(label, catalog.genres, key=key, bind="query-params"))


def _years(catalog: MovieCatalog, key: str) -> tuple[int, int] | None:
    """The years chosen; None for all of them, which lets movies without a year pass."""
    known = [movie.year for movie in catalog if movie.year is not None]
    if not known or min(known) == max(known):
        return None
    everything = min(known), max(known)
    chosen: tuple[int, int] = st.slider(
        "Years", *everything, everything, format="%d", key=key, bind="query-params"
    )
    return None if chosen == everything else chosen
