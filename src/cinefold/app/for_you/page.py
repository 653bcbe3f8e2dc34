"""An existing user: what they like, and what to watch next."""

from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.for_you.charts import genre_chart
from cinefold.app.shared.cards import recommendation_cards
from cinefold.app.shared.csv_export import ratings_csv, recommendations_csv
from cinefold.app.shared.display import literal, stars, title
from cinefold.app.shared.filters import choose_filters, draw_summary, say_nothing_passes
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.people import choose_user
from cinefold.app.shared.widgets import button, csv_button, recommendations_heading
from cinefold.datasets import Movie
from cinefold.recommender import MovieRecommender, Taste

_FAVOURITES_SHOWN = 8


# -- what is said of movies on behalf of a user of the data, for this session ---------------------


def hidden_for(user: Any) -> list[Any]:
    """Movies that were marked as seen or not wanted, in the order in which they were."""
    hidden: list[Any] = st.session_state.setdefault(f"hidden-for-{user}", [])
    return hidden


def mark_buttons(user: Any, movie: Movie) -> None:
    """Buttons that take the movie out of the list at once."""
    for label in ("Seen it", "Not for me"):
        key = f"for-you-{label}-{movie.id}"
        button(label, hidden_for(user).append, movie.id, key=key, type="tertiary")


def draw_undo(user: Any) -> None:
    """Brings the movie back that was taken out last."""
    hidden = hidden_for(user)
    if hidden:
        meaning = (
            "Brings back what you marked as seen or not for you. As you look at somebody "
            "else's list, the marks are kept until you close the page; on New here they last."
        )
        button(f"Undo ({len(hidden)})", hidden.pop, icon="undo", key="for-you-undo", help=meaning)


# -- drawing --------------------------------------------------------------------------------------


def draw_numbers(taste: Taste) -> None:
    with st.container(horizontal=True, gap="small"):
        st.metric("Movies rated", f"{taste.n_ratings:,}", border=True, width="content")
        st.metric("Mean rating", f"{taste.mean_rating:.1f} ★", border=True, width="content")
        if taste.genres:
            favourite = literal(taste.genres[0].genre)
            st.metric("Rated most", favourite, border=True, width="content")


@st.fragment
def draw_recommendations(recommender: MovieRecommender, user: Any) -> None:
    with recommendations_heading():
        draw_undo(user)
        choice = choose_filters(recommender.data.movies, "for-you")
    found = recommender.recommend(
        user,
        choice.length,
        filters=choice.filters,
        exclude=hidden_for(user),
        adventure=choice.adventure,
        sort_by=choice.sort_by,
    )
    draw_summary(choice)
    if not found:
        say_nothing_passes(choice)
        return
    recommendation_cards(found, partial(mark_buttons, user))
    csv_button("Recommendations as CSV", recommendations_csv(found), f"cinefold-for-user-{user}")


def draw_taste(taste: Taste, user: Any) -> None:
    st.subheader("What you like", anchor=False)
    favourites = taste.favourites[:_FAVOURITES_SHOWN]
    st.markdown("  \n".join(f":orange[{stars(f.rating)}] {title(f.movie)}" for f in favourites))
    genre_chart(taste.genres)
    csv_button("All ratings as CSV", ratings_csv(taste.favourites), f"cinefold-user-{user}-ratings")


recommender = open_state().recommender
st.title("For you", anchor=False)
user = choose_user(recommender.data.interactions.user_ids.tolist(), "for-you")
taste = recommender.taste(user)
draw_numbers(taste)
left, right = st.columns([2, 1], gap="medium")
with left:
    draw_recommendations(recommender, user)
with right:
    draw_taste(taste, user)
