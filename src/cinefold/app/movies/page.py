"""A movie: what it is, what people gave it, why it is for you, what is like it."""

from functools import partial
from urllib.parse import quote

import numpy as np
import streamlit as st

from cinefold.app.shared.cards import draw_cards, headed, listed_reasons, movie_row
from cinefold.app.shared.display import counted, genre_badges, literal
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.posters import picture
from cinefold.app.shared.rating_widgets import MARKS, mark_buttons, rating_stars
from cinefold.app.shared.visitor import open_visitor, remember, visitor
from cinefold.app.shared.widgets import search_movies
from cinefold.datasets import Movie
from cinefold.profiles import Mark
from cinefold.recommender import MovieRecommender, NewUser
from cinefold.recommender.reasons import reasons_of_list

_ALIKE = _FOUND = 6


def asked_movie(recommender: MovieRecommender) -> Movie | None:
    """The movie that the address names (?movie=50)."""
    asked = st.query_params.get("movie")
    return next((movie for movie in recommender.data.movies if str(movie.id) == asked), None)


def links(movie: Movie) -> str:
    """Markdown of links to other sites: by id where the data has it, else to a search there."""
    named = quote(movie.label)
    addresses = {
        "IMDb": f"https://www.imdb.com/title/{movie.imdb_id}/"
        if movie.imdb_id
        else f"https://www.imdb.com/find/?s=tt&q={named}",
        "TMDB": f"https://www.themoviedb.org/movie/{movie.tmdb_id}"
        if movie.tmdb_id
        else f"https://www.themoviedb.org/search/movie?query={quote(movie.title)}",
        "Letterboxd": f"https://letterboxd.com/imdb/{movie.imdb_id}/"
        if movie.imdb_id
        else f"https://letterboxd.com/search/films/{named}/",
    }
    return " · ".join(f"[{site}]({address})" for site, address in addresses.items())


def draw_ratings(recommender: MovieRecommender, movie: Movie) -> None:
    """What the people of the data gave it."""
    _, given = recommender.data.interactions.item_ratings(movie.id)
    st.markdown(f"**{given.mean():.1f} ★** from {counted(len(given), 'rating')}")
    values, counts = np.unique(given, return_counts=True)
    pairs = zip(values.tolist(), (counts / len(given)).tolist(), strict=True)
    shares = [f"{value:g} ★ {share:.0%}" for value, share in pairs]
    st.caption(" · ".join(reversed(shares)))


def draw_own_rating(recommender: MovieRecommender, movie: Movie) -> None:
    """The stars you would give and why, and what you can say of it."""
    you = visitor()
    known = recommender.model.interactions_.item_ids
    if you.ratings and movie.id not in you.ratings:
        # Reasons are those that tell this movie from those like it.
        alike = [entry.movie.id for entry in recommender.similar(movie.id, _ALIKE)]
        viewer, items = NewUser(recommender, you.ratings), np.array([movie.id, *alike], known.dtype)
        stars, why = viewer.predicted_stars(items)[0], viewer.explain(items)
        reasons = reasons_of_list(why, recommender.data.movies, recommender.middle_rating)[0]
        if stars is not None:
            st.markdown(f":orange-badge[★ {stars:.1f}] is what you would give it.")
        if reasons:
            st.markdown(f":small[Because you rated {listed_reasons(reasons)}]")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Your stars")
        rating_stars(movie, "movie")
    with st.container(horizontal=True, gap="small"):
        mark_buttons(movie, "movie", Mark.LATER, Mark.SEEN, Mark.NOT_INTERESTED)


def draw_lists(recommender: MovieRecommender, movie: Movie) -> None:
    """In which of the visitor's lists it is."""
    you = visitor()
    names = [name for mark, name in MARKS.items() if movie.id in you.marks[mark]]
    if you.ratings:
        listed = recommender.recommend_for(you.ratings, exclude=you.hidden)
        names += [f"For you, number {e.rank}" for e in listed if e.movie.id == movie.id]
    if names:
        st.markdown(f"In your lists: {', '.join(names)}")


@st.fragment
def draw(recommender: MovieRecommender, movie: Movie) -> None:
    is_known = movie.id in set(recommender.model.interactions_.item_ids.tolist())
    left, right = st.columns([1, 3], gap="medium")
    with left:
        st.image(picture(movie), width=200, alt="")
    with right:
        if movie.genres:
            st.markdown(genre_badges(movie))
        if is_known:
            draw_ratings(recommender, movie)
            draw_own_rating(recommender, movie)
            draw_lists(recommender, movie)
        else:
            st.caption("Nobody has rated it yet: it cannot be recommended.")
        st.markdown(links(movie))
        st.page_link(
            "explore/page.py",
            label="Its place on the map",
            icon=":material/explore:",
            query_params={"movie": str(movie.id)},
            width="content",
        )
    if is_known:
        st.subheader("Movies like it", anchor=False)
        near = recommender.similar(movie.id, _ALIKE)
        draw_cards(
            near,
            "alike",
            lambda entry: f"{headed(entry)}{genre_badges(entry.movie)}",
            partial(rating_stars, place="alike"),
        )
    remember("remember-movie")


recommender = open_state().recommender
open_visitor()
movie = asked_movie(recommender)
if movie is None:
    st.title("There is no such movie", anchor=False)
    for found in search_movies("Find a movie", "movie-search", recommender.data.movies, _FOUND):
        movie_row(found)
else:
    st.title(f"{literal(movie.title)} :gray[{movie.year or ''}]", anchor=False)
    draw(recommender, movie)
