"""Somebody new: they rate a few movies and get recommendations at once."""

from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.new_here.import_panel import draw_import
from cinefold.app.new_here.profile_bar import draw_profile_bar
from cinefold.app.new_here.questions import draw_questions
from cinefold.app.shared.cards import movie_row, recommendation_cards
from cinefold.app.shared.csv_export import ratings_csv, recommendations_csv
from cinefold.app.shared.display import counted
from cinefold.app.shared.filters import choose_filters, draw_summary, say_nothing_passes
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.visitor import mark_buttons, open_visitor, rating_stars, visitor
from cinefold.app.shared.widgets import (
    button,
    choose_one,
    csv_button,
    recommendations_heading,
    say_now,
    search_movies,
)
from cinefold.datasets import Movie
from cinefold.profiles import Mark
from cinefold.recommender import MovieRecommender

_FOUND, _SUGGESTED = 6, 4
_WAYS = (_SEARCH, _QUESTIONS, _IMPORT) = ("Search", "Get to know me", "Import")
_RATINGS_A_PAGE = 6


def draw_search(recommender: MovieRecommender) -> None:
    found = search_movies("Find movies you know", "search", recommender.data.movies, _FOUND)
    for movie in found:
        movie_row(movie, partial(rating_stars, place="search"))


def draw_suggestions(recommender: MovieRecommender) -> None:
    suggested = _suggestions(recommender)
    if not suggested:
        return
    st.markdown("**Or rate these:** they would tell most about your taste.")
    for movie_id in suggested:
        movie_row(recommender.data.movies[movie_id], _suggestion_foot)


def _suggestions(recommender: MovieRecommender) -> list[Any]:
    """Movies to rate. One that is answered makes room for another; the rest stay in place.

    So none moves away from a finger that is on its way.
    """
    you = visitor()
    answered = you.ratings.keys() | you.not_seen
    kept = [movie_id for movie_id in you.suggested if movie_id not in answered]
    if wanted := _SUGGESTED - len(kept):
        found = recommender.suggest_to_rate(you.ratings, wanted, skip=you.not_seen, never=kept)
        fresh = iter([movie.id for movie in found])
        places = [movie_id if movie_id in kept else next(fresh, None) for movie_id in you.suggested]
        you.suggested = [movie_id for movie_id in [*places, *fresh] if movie_id is not None]
    return you.suggested


def _suggestion_foot(movie: Movie) -> None:
    rating_stars(movie, "suggested")
    mark_buttons(movie, "suggested", Mark.NOT_SEEN)


def draw_ratings(recommender: MovieRecommender) -> None:
    you = visitor()
    if not you.ratings:
        return
    st.subheader(f"Your ratings ({len(you.ratings)})", anchor=False)
    latest = list(reversed(you.ratings))
    for movie_id in latest[_ratings_page(len(latest))]:
        movie_row(recommender.data.movies[movie_id], _rating_foot, show_genres=False)
    with st.container(horizontal=True):
        csv_button(
            "Ratings as CSV",
            lambda: ratings_csv(recommender.taste_for(you.ratings).favourites),
            "cinefold-my-ratings",
        )
        button("Clear all", you.clear, icon="delete")


def _ratings_page(n_ratings: int) -> slice:
    """Which of the latest ratings to draw: a click redraws them, so they are few at a time."""
    n_pages = -(-n_ratings // _RATINGS_A_PAGE)
    page = st.pagination(n_pages, key="ratings-page", max_visible_pages=5) if n_pages > 1 else 1
    return slice((page - 1) * _RATINGS_A_PAGE, page * _RATINGS_A_PAGE)


def _rating_foot(movie: Movie) -> None:
    rating_stars(movie, "rated")
    options = {"key": f"remove-{movie.id}", "type": "tertiary", "help": "Take this rating back"}
    button("", visitor().rate, movie.id, None, icon="close", **options)


def draw_recommendations(recommender: MovieRecommender) -> None:
    you = visitor()
    heading = recommendations_heading()
    if not you.said_something:
        st.info(
            "Give stars to a movie you know, and recommendations appear here. "
            "With three or four they begin to fit.",
            icon=":material/star:",
        )
        return
    with heading:
        choice = choose_filters(recommender.data.movies, "new-here")
    found = recommender.recommend_for(
        you.ratings,
        choice.length,
        filters=choice.filters,
        exclude=you.hidden,
        adventure=choice.adventure,
        sort_by=choice.sort_by,
    )
    draw_summary(choice)
    if not found:
        say_nothing_passes(choice)
        return
    recommendation_cards(found, _recommendation_foot)
    csv_button("Recommendations as CSV", recommendations_csv(found), "cinefold-for-me")


def _recommendation_foot(movie: Movie) -> None:
    rating_stars(movie, "recommended")
    mark_buttons(movie, "recommended", Mark.SEEN, Mark.NOT_INTERESTED)


@st.fragment
def draw(recommender: MovieRecommender) -> None:
    """Everything that a rating changes: a click redraws this and no more."""
    say_now()
    you = open_visitor()
    top = st.container()
    left, right = st.columns([2, 3], gap="medium")
    with right:  # first, as this is what a click waits for
        draw_recommendations(recommender)
    with top:
        draw_profile_bar(you, recommender.data.movies)
    with left:
        options = {"label_visibility": "collapsed", "bind": "query-params"}
        way = choose_one("How to tell what you like", _WAYS, "way", **options)
        if way == _QUESTIONS:
            draw_questions(recommender)
        elif way == _IMPORT:
            draw_import(recommender.data)
        else:
            draw_search(recommender)
            draw_suggestions(recommender)
        draw_ratings(recommender)


recommender = open_state().recommender
st.title("New here", anchor=False)
st.caption(
    "Rate movies you know: each rating gives new recommendations at once. "
    f"There are {counted(len(recommender.data.movies), 'movie')}."
)
draw(recommender)
