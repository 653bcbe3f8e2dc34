"""The lists of a visitor: what is for later, seen, or not for them; each can be taken back."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from cinefold.app.shared.cards import movie_row
from cinefold.app.shared.csv_export import movies_csv
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.rating_widgets import MARKS, rating_stars
from cinefold.app.shared.visitor import open_visitor, remember, visitor
from cinefold.app.shared.widgets import button, choose_one, csv_button
from cinefold.datasets import Movie, MovieCatalog
from cinefold.profiles import Mark

_LISTS = {MARKS[mark]: mark for mark in (Mark.LATER, Mark.SEEN, Mark.NOT_INTERESTED)}
_MEANING = {
    Mark.LATER: "Movies to watch: “Later” on a card puts one here.",
    Mark.SEEN: "Movies that you have seen and not rated: they are not recommended.",
    Mark.NOT_INTERESTED: "Movies that are not for you: they are not recommended.",
}


def draw_list(movies: Sequence[Movie], mark: Mark) -> None:
    st.caption(_MEANING[mark])
    if not movies:
        st.info("There is nothing here yet.", icon=":material/bookmark:")
        return
    with st.container(key="listed"):
        for movie in movies:
            movie_row(movie, partial(_foot, mark=mark))
    csv_button("This list as CSV", movies_csv(movies), f"cinefold-{mark}")


def _foot(movie: Movie, mark: Mark) -> None:
    rating_stars(movie, "list")
    key, help_ = f"take-back-{movie.id}", f"Take it out of “{MARKS[mark]}”"
    button("", visitor().unmark, movie.id, mark, icon="close", key=key, type="tertiary", help=help_)


@st.fragment
def draw(catalogue: MovieCatalog) -> None:
    open_visitor()
    options = {"label_visibility": "collapsed", "bind": "query-params"}
    name = choose_one("List", list(_LISTS), "list", **options)
    draw_list(_listed(catalogue, _LISTS[name]), _LISTS[name])
    remember("remember-lists")


def _listed(catalogue: MovieCatalog, mark: Mark) -> list[Movie]:
    """Those with stars are among the ratings instead."""
    marked = visitor().marks[mark]
    return sorted(
        (movie for movie in catalogue if movie.id in marked - visitor().ratings.keys()),
        key=lambda movie: movie.title,
    )


state = open_state()
st.title("Your lists", anchor=False)
draw(state.recommender.data.movies)
