"""Getting to know somebody: one movie at a time."""

import streamlit as st

from cinefold.app.shared.cards import movie_row
from cinefold.app.shared.display import counted
from cinefold.app.shared.rating_widgets import mark_buttons, rating_stars
from cinefold.app.shared.visitor import visitor
from cinefold.app.shared.widgets import button
from cinefold.datasets import Movie
from cinefold.profiles import Mark
from cinefold.recommender import MovieRecommender

_ENOUGH = 5  # ratings, after which the list is somebody's own


def draw_questions(recommender: MovieRecommender) -> None:
    """The movie whose answer would improve their list most, with stars, "not seen" and "skip"."""
    you = visitor()
    rated = len(you.ratings)
    st.progress(
        min(rated / _ENOUGH, 1.0),
        f"{rated} of {_ENOUGH} ratings"
        if rated < _ENOUGH
        else f"{counted(rated, 'rating')}: this list is yours. More make it better.",
    )
    asked = recommender.suggest_to_rate(you.ratings, 1, skip=you.not_seen, never=you.skipped)
    if not asked:
        st.info("There is no movie left to ask about.", icon=":material/check:")
        return
    with st.container(border=True, key="question"):
        st.markdown("**Have you seen this one?**")
        movie_row(asked[0])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _stars(asked[0])
            mark_buttons(asked[0], "question", Mark.NOT_SEEN)
            skip, key = you.skipped.append, f"skip-{asked[0].id}"
            button("Skip", skip, asked[0].id, key=key, type="tertiary")
    if you.latest is not None:
        movie_row(recommender.data.movies[you.latest], _stars, show_genres=False)


def _stars(movie: Movie) -> None:
    """Of the movie asked about, and still after the answer: a second tap takes half a star off."""
    rating_stars(movie, "answered")
