"""The first page: a start for somebody new, then their own list."""

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.for_you.import_panel import draw_import
from cinefold.app.for_you.others import draw_shared, draw_user, try_as_somebody
from cinefold.app.for_you.profile_bar import draw_profile_bar
from cinefold.app.for_you.questions import draw_questions
from cinefold.app.for_you.recommendation_list import List, draw_list
from cinefold.app.shared.cards import movie_row
from cinefold.app.shared.csv_export import ratings_csv
from cinefold.app.shared.display import counted
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.people import asked_user
from cinefold.app.shared.rating_widgets import mark_buttons, rating_stars
from cinefold.app.shared.visitor import open_profile_in_address, open_visitor, remember, visitor
from cinefold.app.shared.widgets import (
    button,
    choose_one,
    csv_button,
    say_now,
    search_movies,
)
from cinefold.datasets import Movie, MovieData
from cinefold.profiles import Mark
from cinefold.recommender import MovieRecommender

_FOUND, _SUGGESTED = 6, 3
_WAYS = (_RATE, _QUESTIONS, _IMPORT) = ("Rate", "Get to know me", "Import")
_RATINGS_A_PAGE, _LISTED = 6, "for-you-listed"
_START = "Rate three movies, get your list"
_LARGEST_UNTIL = 2023  # years of the movies in the largest data set


def draw_title() -> None:
    """What to do, or whose list this is; of one height, so that stars stay under a finger."""
    st.title("For you" if visitor().said_something else _START, anchor=False)


def draw_about(data: MovieData) -> None:
    """What this is, and what it knows."""
    years = data.movies.years
    newest = f" end in {years[1]}" if years else " are your own"
    more = f": [Train](train) has those until {_LARGEST_UNTIL}"
    if not years or years[1] >= _LARGEST_UNTIL:
        more = ""
    st.caption(
        f"A movie recommender that learned from {data.interactions.n_users:,} people. "
        f"Its {counted(len(data.movies), 'movie')}{newest}{more}."
    )


def draw_ways(recommender: MovieRecommender) -> None:
    """Ways to tell what you like."""
    options = {"label_visibility": "collapsed", "bind": "query-params"}
    way = choose_one("How to tell what you like", _WAYS, "way", **options)
    if way == _QUESTIONS:
        draw_questions(recommender)
    elif way == _IMPORT:
        draw_import(recommender.data)
    else:
        for movie_id in suggestions(recommender):
            movie_row(recommender.data.movies[movie_id], _suggestion_foot, show_genres=False)
        draw_search(recommender)


def draw_search(recommender: MovieRecommender) -> None:
    movies, known = recommender.data.movies, recommender.model.interactions_.item_ids
    found = search_movies("Find movies you know", "search", movies, _FOUND, known)
    with st.container(key="search-found"):
        for movie in found:
            movie_row(movie, partial(rating_stars, place="search"))


def suggestions(recommender: MovieRecommender) -> list[Any]:
    """Movies to rate. One that is answered makes room for another; the rest stay in place.

    So none moves away from a finger that is on its way. One that has just got its stars stays, too:
    another tap takes half a star off.
    """
    you = visitor()
    answered = (you.ratings.keys() | you.not_seen) - {you.latest}
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
        if you.profile is None:  # nothing is kept
            favourites = recommender.taste_for(you.ratings).favourites
            csv_button("Ratings as CSV", ratings_csv(favourites), "cinefold-my-ratings")
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


def since_last(found: List) -> tuple[List, list[Movie]]:
    """The list, and what was not in it when it was last drawn (nothing in the first one).

    The movie in it that has just got its stars stays where it was.
    """
    before, latest = st.session_state.get(_LISTED, []), visitor().latest
    known = {entry.movie for entry in before}
    new, shown = [entry.movie for entry in found if before and entry.movie not in known], [*found]
    for place, entry in enumerate(before):
        if entry.movie.id == latest:
            shown.insert(place, replace(entry, rank=0, stars=None, reasons=()))
    st.session_state[_LISTED] = shown
    return shown, new


def draw_recommendations(recommender: MovieRecommender) -> None:
    """Their list; before they have said anything, what most people like."""
    you = visitor()
    said = you.said_something
    st.subheader("What to watch next" if said else "What most people like", anchor=False)
    if not said:
        st.caption("Give stars to a movie you know, and this list becomes yours.")
    hidden = you.hidden if said else suggestions(recommender)
    draw_list(
        recommender,
        partial(recommender.recommend_for, you.ratings, exclude=hidden),
        "me",
        filtered=said,
        because="Because you rated",
        foot=_recommendation_foot,
        since_last=since_last,
    )


def _recommendation_foot(movie: Movie) -> None:
    rating_stars(movie, "recommended")
    mark_buttons(movie, "recommended", Mark.LATER, Mark.SEEN, Mark.NOT_INTERESTED)


@st.fragment
def draw(recommender: MovieRecommender, heading: Any) -> None:
    """Everything that a rating changes: a click redraws this and no more."""
    say_now()
    you = open_visitor()
    with heading:
        draw_title()
    # On a phone one below the other; else the list is on the right of both (style.css).
    with st.container(key="home"):
        ways, list_, more = (st.container(key=f"home-{part}") for part in ("ways", "list", "more"))
    with list_:  # first, as this is what a click waits for
        draw_recommendations(recommender)
    with ways:
        draw_ways(recommender)
    with more:
        draw_ratings(recommender)
        draw_profile_bar(you, recommender.data.movies)
        remember("remember-for-you")


recommender = open_state().recommender
users = recommender.data.interactions.user_ids.tolist()
user, shared = asked_user(users), open_profile_in_address()
if shared is not None:
    draw_shared(recommender, shared)
elif user is None:
    with st.container(horizontal=True, vertical_alignment="center", key="home-top"):
        with st.container(gap="xsmall"):
            heading = st.empty()
            draw_about(recommender.data)
        try_as_somebody(users)
    draw(recommender, heading)
else:
    draw_user(recommender, user)
