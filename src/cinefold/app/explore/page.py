"""The map of the movies: find one, see what lies near it, hop on."""

from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.explore.coloured_map import OTHER_GENRES, ColouredMap, open_map
from cinefold.app.explore.map_canvas import chosen_on_map, draw_map
from cinefold.app.shared.cards import movie_row
from cinefold.app.shared.display import counted, genre_badges, literal, title
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.rating_widgets import mark_buttons, rating_stars
from cinefold.app.shared.visitor import open_visitor, remember, visitor
from cinefold.app.shared.widgets import button, introduction, search_movies, show_in_address
from cinefold.datasets import Movie
from cinefold.profiles import Mark
from cinefold.recommender import Recommendation

_CHOSEN, _VIEW = "explore-movie", "explore-view"
_NOWHERE = None, 0
_ALL_GENRES = "Every genre"
_FOUND, _STARTS, _NEIGHBOURS, _PER_GENRE = 5, 4, 8, 4
_CLOSE_UP = 4.0  # times the whole map


def chosen() -> Any:
    """The id of the movie that this session has chosen on the map, or None."""
    return st.session_state.get(_CHOSEN)


# -- moving ---------------------------------------------------------------------------------------


def choose(movie_id: Any | None) -> None:
    """The movie of this id, where the view is."""
    st.session_state[_CHOSEN] = movie_id
    show_in_address("movie", movie_id)


def take_to(target: dict[str, float] | None) -> None:
    """Where the page takes the view, and how often it did so; None is all of the map.

    Where a hand has moved it since is known to the browser alone.
    """
    _, flights = st.session_state.get(_VIEW, _NOWHERE)
    st.session_state[_VIEW] = target, flights + 1


def centre_on_movie(shown: ColouredMap, movie_id: Any) -> None:
    """Choose a movie and bring it into the middle."""
    choose(movie_id)
    x, y = shown.map.place(shown.recommender, movie_id)
    take_to({"x": x, "y": y, "zoom": _CLOSE_UP})
    st.session_state["explore-search"] = ""


def show_whole_map() -> None:
    """No movie, and the whole map."""
    choose(None)
    take_to(None)


def take_click(shown: ColouredMap) -> None:
    """A click on the map chooses a movie and leaves the view as it is."""
    movie_id = shown.movie_id(chosen_on_map())
    if movie_id is not None:
        choose(movie_id)


def choose_movie_in_address(shown: ColouredMap) -> None:
    """?movie=50 chooses that movie; coming back without it, the address is that of the choice."""
    asked = st.query_params.get("movie")
    if asked is None:
        choose(chosen())
    elif asked != str(chosen()):
        movie_id = shown.movie_id(asked)
        if movie_id is not None:
            centre_on_movie(shown, movie_id)
        else:
            text = f"There is no movie {literal(f'{asked:.60}')}."
            st.warning(text, icon=":material/search_off:")


# -- drawing --------------------------------------------------------------------------------------


def draw_search(shown: ColouredMap) -> None:
    recommender = shown.recommender
    known = recommender.model.interactions_.item_ids
    found = search_movies(
        "Fly to a movie", "explore-search", recommender.data.movies, _FOUND, known
    )
    if found:
        with st.container(horizontal=True, gap="xsmall", key="explore-found"):
            for movie in found:
                fly_button(shown, movie, "found")


def fly_button(shown: ColouredMap, movie: Movie, place: str, **options: Any) -> None:
    key = f"fly-{place}-{movie.id}"
    button(
        literal(movie.label), centre_on_movie, shown, movie.id, icon="near_me", key=key, **options
    )


def choose_genre(shown: ColouredMap) -> str | None:
    genre = st.selectbox(
        "Colour",
        [_ALL_GENRES, *shown.recommender.data.movies.genres],
        key="explore-genre",
        persist_state="session",
        help="Every genre: the genres that the map keeps together best have a colour each, and a "
        "movie of several that of the rarest. Or see one genre alone.",
    )
    return None if genre == _ALL_GENRES else genre


def draw_canvas(shown: ColouredMap, genre: str | None, near: list[Recommendation]) -> None:
    movies, n_shown = shown.recommender.data.movies, len(shown.movies)
    target, flight = st.session_state.get(_VIEW, _NOWHERE)
    draw_map(
        shown,
        genre,
        lambda: take_click(shown),
        chosen=None if chosen() is None else shown.placed(movies[chosen()]),
        near=[shown.placed(entry.movie) for entry in near],
        target=target,
        flight=flight,
        description=f"Map of {counted(n_shown, 'movie')}. Movies that the same people like "
        "lie near each other. Arrow keys go from movie to movie, Enter chooses one, plus and minus "
        "zoom. The page also has it as text: the movie chosen, what is near it, the map in words.",
    )
    why = (
        f"the {shown.map.max_movies:,} most rated"
        if n_shown == shown.map.max_movies
        else f"those with {shown.map.min_ratings} ratings or more"
    )
    n_hidden = len(movies) - n_shown
    others = f" The search finds the other {n_hidden:,}, too." if n_hidden else ""
    st.caption(
        f"{n_shown:,} of {len(movies):,} movies: {why}.{others} The larger a dot, the more "
        "ratings. The axes mean nothing, only nearness does."
    )


def draw_chosen(shown: ColouredMap) -> None:
    data = shown.recommender.data
    movie = data.movies[chosen()]
    with st.container(border=True, key="explore-chosen"):
        st.subheader(title(movie), anchor=False)
        if movie.genres:
            st.markdown(genre_badges(movie))
        _, ratings = data.interactions.item_ratings(movie.id)
        mean = f", {ratings.mean():.1f} ★ on average" if len(ratings) else ""
        st.caption(counted(len(ratings), "rating") + mean)
        if movie.id not in shown.map:
            st.caption(
                "Too few ratings for a dot of its own: the ring is amid the movies most like it."
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("Your stars")
            rating_stars(movie, "explore")
        button("Back to the whole map", show_whole_map, icon="zoom_out_map", type="tertiary")


def draw_start(shown: ColouredMap) -> None:
    """Nothing is chosen yet: what one can do here."""
    frame = introduction(
        "Find your way around",
        "Every dot is a movie. Those that the same people like lie near each other: the map was "
        "made from ratings alone, and knows no genres. Choose a dot or search for a movie, and see "
        "its neighbours. Drag to move; pinch, double-click or turn the wheel to zoom.\n\n"
        "Or start at",
    )
    with frame.container(horizontal=True, gap="xsmall"):
        for genre in shown.genres[:_STARTS]:
            fly_button(shown, shown.coloured_by(genre)[0], "start")


def draw_neighbours(shown: ColouredMap, near: list[Recommendation]) -> None:
    """Beside the map, so that they are in view with it."""
    with st.container(key="explore-near", gap="xsmall"):
        movie = shown.recommender.data.movies[chosen()]
        st.subheader(f"Like {literal(movie.title)}", anchor=False)
        st.caption("Liked by the same people, the most alike first.")
        for entry in near:
            movie_row(entry.movie, partial(_neighbour_foot, shown), show_genres=False)


def _neighbour_foot(shown: ColouredMap, movie: Movie) -> None:
    key, help_ = f"fly-near-{movie.id}", f"Go to {literal(movie.title)} on the map"
    button(
        "", centre_on_movie, shown, movie.id, icon="near_me", key=key, help=help_, type="tertiary"
    )
    if visitor().ratings:
        mark_buttons(movie, "near", Mark.NOT_INTERESTED)


def draw_text(shown: ColouredMap) -> None:
    """The map for those who do not see it."""
    with st.expander("The map in words", icon=":material/notes:"):
        st.markdown("The genres with a colour, and the best known movies of each:")
        lines = []
        for genre in (*shown.genres, OTHER_GENRES):
            movies = shown.coloured_by(genre)
            if movies:
                known = ", ".join(title(movie) for movie in movies[:_PER_GENRE])
                lines.append(f"- {literal(genre)}, {counted(len(movies), 'movie')}: {known}")
        st.markdown("\n".join(lines))


@st.fragment
def draw(shown: ColouredMap) -> None:
    """Everything: a click redraws this and no more."""
    choose_movie_in_address(shown)
    hidden, near = visitor().hidden, []
    if chosen() is not None:
        near = shown.recommender.similar(chosen(), _NEIGHBOURS + len(hidden))
        near = [entry for entry in near if entry.movie.id not in hidden][:_NEIGHBOURS]
    left, right = st.columns([3, 1], gap="medium")
    with left:
        search, colour = st.columns([3, 1], gap="small")
        with search:
            draw_search(shown)
        with colour:
            genre = choose_genre(shown)
        draw_canvas(shown, genre, near)
    with right:
        if chosen() is None:
            draw_start(shown)
        else:
            draw_chosen(shown)
            draw_neighbours(shown, near)
    draw_text(shown)
    remember("remember-explore")


recommender = open_state().recommender
open_visitor()
st.title("Explore", anchor=False)
draw(open_map(recommender))
