"""Somebody else's list: that of a user of the data."""

import random
from typing import Any

import streamlit as st

from cinefold.app.for_you.charts import genre_chart
from cinefold.app.shared.cards import recommendation_cards
from cinefold.app.shared.csv_export import ratings_csv, recommendations_csv
from cinefold.app.shared.display import counted, literal, stars, title
from cinefold.app.shared.filters import choose_filters, draw_summary, say_nothing_passes
from cinefold.app.shared.people import choose_user, show_user
from cinefold.app.shared.widgets import button, csv_button
from cinefold.recommender import MovieRecommender, Taste

_FAVOURITES_SHOWN, _GENRES_NAMED = 8, 3


def try_as_somebody(users: list[Any]) -> None:
    """A button that opens the list of one of the users of the data."""
    button(
        "Try as somebody else",
        lambda: show_user(random.choice(users)),  # noqa: S311 - not a secret
        icon="group",
        help="One of the people whose ratings this was learned from: see what they are told.",
    )


def draw_user(recommender: MovieRecommender, user: Any) -> None:
    """Who a user of the data is, their list, and what they like."""
    st.title("For somebody else", anchor=False)
    taste = recommender.taste(user)
    st.markdown(_line(user, taste, recommender.data.interactions.n_users))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        button("Back to me", show_user, None, icon="arrow_back", type="primary")
        choose_user(recommender.data.interactions.user_ids.tolist(), user)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _draw_list(recommender, user)
    with right:
        _draw_taste(taste, user)


def _line(user: Any, taste: Taste, n_users: int) -> str:
    """Who they are."""
    genres = ", ".join(literal(entry.genre) for entry in taste.genres[:_GENRES_NAMED])
    mostly = f", mostly {genres}" if genres else ""
    return (
        f"This is **user {literal(str(user))}**, one of the {n_users:,} people from whose ratings "
        f"Cinefold learned: {counted(taste.n_ratings, 'movie')} rated{mostly}; "
        f"{taste.mean_rating:.1f} :orange[★] on average."
    )


@st.fragment
def _draw_list(recommender: MovieRecommender, user: Any) -> None:
    st.subheader("What to watch next", anchor=False)
    with st.container(horizontal=True, key="list-controls"):
        choice = choose_filters(recommender.data.movies, "for-you")
    found = recommender.recommend(
        user,
        choice.length,
        filters=choice.filters,
        adventure=choice.adventure,
        sort_by=choice.sort_by,
    )
    draw_summary(choice)
    if not found:
        say_nothing_passes()
        return
    recommendation_cards(found, because="Because they rated")
    csv_button("Recommendations as CSV", recommendations_csv(found), f"cinefold-for-user-{user}")


def _draw_taste(taste: Taste, user: Any) -> None:
    st.subheader("What they like", anchor=False)
    favourites = taste.favourites[:_FAVOURITES_SHOWN]
    st.markdown("  \n".join(f":orange[{stars(f.rating)}] {title(f.movie)}" for f in favourites))
    genre_chart(taste.genres)
    csv_button("All ratings as CSV", ratings_csv(taste.favourites), f"cinefold-user-{user}-ratings")
