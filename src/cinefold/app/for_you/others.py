"""Somebody else's list: that of a user of the data, or one that was shared."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.for_you.recommendation_list import List, draw_list
from cinefold.app.shared.bring_along import draw_left, movies_of
from cinefold.app.shared.csv_export import ratings_csv
from cinefold.app.shared.display import counted, literal, stars, title
from cinefold.app.shared.people import choose_user, show_user
from cinefold.app.shared.visitor import profile_store, shown_name
from cinefold.app.shared.widgets import button, csv_button, show_in_address
from cinefold.profiles import Profile
from cinefold.profiles.transfer import shown_in
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
        _draw_list(recommender, partial(recommender.recommend, user), f"user-{user}")
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


def draw_shared(recommender: MovieRecommender, profile: Profile) -> None:
    """The list of a profile, to somebody who got the link for it."""
    name = literal(shown_name(profile, ""))
    st.title(f"For {name}" if name else "A list shared with you", anchor=False)
    st.markdown(f"{name or 'Somebody'} shows you this list. You can look, and change nothing.")
    button("To my own list", show_in_address, "profile", None, icon="arrow_back", type="primary")
    store, here = profile_store(), recommender.data
    if profile.dataset == here.name:
        entries = store.entries(profile.id)
    elif (old := movies_of(profile.dataset)) is not None:
        entries, left = shown_in(store, profile, old, here.name, here.movies)
        draw_left(left)
    else:
        st.info("It is a list of other movies than these: choose them as the data set on Train.")
        return
    entries = entries.among(recommender.model.interactions_.item_ids)
    recommend = partial(recommender.recommend_for, entries.stars, exclude=entries.hidden)
    _draw_list(recommender, recommend, "shared")


@st.fragment
def _draw_list(recommender: MovieRecommender, recommend: Callable[..., List], whose: str) -> None:
    st.subheader("What to watch next", anchor=False)
    draw_list(recommender, recommend, whose)


def _draw_taste(taste: Taste, user: Any) -> None:
    st.subheader("What they like", anchor=False)
    favourites = taste.favourites[:_FAVOURITES_SHOWN]
    st.markdown("  \n".join(f":orange[{stars(f.rating)}] {title(f.movie)}" for f in favourites))
    address = {"user": str(user)}
    st.page_link(
        "taste/page.py",
        label="Beside everybody else",
        icon=":material/palette:",
        query_params=address,
    )
    csv_button("All ratings as CSV", ratings_csv(taste.favourites), f"cinefold-user-{user}-ratings")
