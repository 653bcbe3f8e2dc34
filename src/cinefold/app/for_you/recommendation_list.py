"""A list of recommendations with its filters and its order, whoever it is for."""

from collections.abc import Callable, Sequence

import streamlit as st

from cinefold.app.shared.cards import draw_cards, headed, listed_reasons
from cinefold.app.shared.csv_export import recommendations_csv
from cinefold.app.shared.display import genre_badges
from cinefold.app.shared.filters import ListChoice, choose_filters, draw_order, say_nothing_passes
from cinefold.app.shared.widgets import csv_button
from cinefold.datasets import Movie
from cinefold.recommender import MovieRecommender, Recommendation

List = Sequence[Recommendation]


def draw_list(
    recommender: MovieRecommender,
    recommend: Callable[..., List],
    whose: str,
    *,
    filtered: bool = True,
    because: str = "Because they rated",
    foot: Callable[[Movie], object] | None = None,
    since_last: Callable[[List], tuple[List, Sequence[Movie]]] = lambda found: (found, ()),
) -> None:
    """The list that `recommend` makes, with filters unless it is nobody's yet.

    `foot` draws the end of a card; `since_last` says what to show of a list, and what is new in it.
    """
    choice = ListChoice()
    if filtered:
        with st.container(horizontal=True, key="list-controls"):
            choice = choose_filters(recommender.data.movies, "for-you")
    found = recommend(
        k=choice.length,
        filters=choice.filters,
        adventure=choice.adventure,
        sort_by=choice.sort_by,
    )
    shown, new = since_last(found) if found else (found, ())
    if filtered:
        draw_order(choice, new)
    if not found:
        say_nothing_passes(choice)
        return

    def text(entry: Recommendation) -> str:
        stars = "" if entry.stars is None else f":orange-badge[★ {entry.stars:.1f}] "
        why = f"\n\n:small[{because} {listed_reasons(entry.reasons)}]" if entry.reasons else ""
        return f"{headed(entry)}{stars}{genre_badges(entry.movie)}{why}"

    draw_cards(shown, "recommendations", text, foot)
    csv_button("Recommendations as CSV", recommendations_csv(found), f"cinefold-for-{whose}")
