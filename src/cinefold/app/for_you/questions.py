"""Getting to know somebody: one movie at a time."""

from typing import Any

import streamlit as st

from cinefold.app.shared.cards import movie_row
from cinefold.app.shared.display import counted
from cinefold.app.shared.rating_widgets import rating_stars
from cinefold.app.shared.visitor import Visitor, visitor
from cinefold.app.shared.widgets import button
from cinefold.datasets import Movie
from cinefold.profiles import Mark
from cinefold.recommender import Interview, MovieRecommender

_KEY = "interview"
_ENOUGH = 5  # ratings, after which the list is somebody's own


def draw_questions(recommender: MovieRecommender) -> None:
    """The movie whose answer would improve their list most, with stars, "not seen" and "skip"."""
    interview = _interview(recommender)
    rated = len(interview.ratings)
    st.progress(
        min(rated / _ENOUGH, 1.0),
        f"{rated} of {_ENOUGH} ratings"
        if rated < _ENOUGH
        else f"{counted(rated, 'rating')}: this list is yours. More make it better.",
    )
    asked = interview.next()
    if not asked:
        st.info("There is no movie left to ask about.", icon=":material/check:")
        return
    with st.container(border=True, key="question"):
        st.markdown("**Have you seen this one?**")
        movie_row(asked[0])
        _draw_answers(interview, asked[0])
    you = visitor()
    if you.latest is not None:
        movie_row(recommender.data.movies[you.latest], _stars_again, show_genres=False)


def _stars_again(movie: Movie) -> None:
    rating_stars(movie, "answered")


def _draw_answers(interview: Interview, movie: Movie) -> None:
    you = visitor()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        key = f"answer-{movie.id}"
        st.feedback("stars", key=key, on_change=_rated, args=(you, interview, movie.id, key))
        options = {"key": f"not-seen-{movie.id}", "type": "tertiary"}
        button("Not seen", _not_seen, you, interview, movie.id, **options)
        button("Skip", interview.skip, movie.id, key=f"skip-{movie.id}", type="tertiary")


# -- answers --------------------------------------------------------------------------------------


def _interview(recommender: MovieRecommender) -> Interview:
    """That of this visitor; a new one when they have said something elsewhere, or are another."""
    you = visitor()
    known: Interview | None = st.session_state.get(_KEY)
    not_seen = you.not_seen - you.ratings.keys()  # stars have the last word
    said = you.ratings, not_seen
    if (
        known is None
        or known.recommender is not recommender
        or (known.ratings, set(known.not_seen_ids)) != said
    ):
        skipped = () if known is None else known.skipped_ids
        known = Interview(recommender, you.ratings, not_seen=not_seen, skipped=skipped)
        st.session_state[_KEY] = known
    return known


def _rated(you: Visitor, interview: Interview, movie_id: Any, key: str) -> None:
    star = st.session_state.get(key)
    if star is not None:
        interview.answer(movie_id, star + 1)
        you.rate(movie_id, float(star + 1))


def _not_seen(you: Visitor, interview: Interview, movie_id: Any) -> None:
    interview.not_seen(movie_id)
    you.mark(movie_id, Mark.NOT_SEEN)
