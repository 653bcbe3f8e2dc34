"""The map of the films: find one, see what lies near it, hop on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from cinefold.app.explore.atlas import OTHER, Atlas, movie_of, open_atlas
from cinefold.app.explore.map_canvas import chosen_on_map, draw_map
from cinefold.app.shared.cards import similar_cards
from cinefold.app.shared.display import counted, genre_badges, literal, title
from cinefold.app.shared.studio import open_studio
from cinefold.app.shared.visitor import open_visitor, rating_stars, visitor
from cinefold.profiles import Mark

if TYPE_CHECKING:
    from cinefold.datasets import Movie
    from cinefold.recommender import MovieRecommender, Recommendation

_STATE = "explore"
_ALL_GENRES = "Every genre"
_FOUND, _STARTS, _NEIGHBOURS, _PER_REGION = 5, 4, 8, 4
_CLOSE = 0.8  # of the best match's score: what fits much worse is not shown beside it
_CLOSE_UP = 4.0  # times the whole map


@dataclass
class Journey:
    """Where on the map this session is.

    Attributes
    ----------
    movie : movie id or None
        The chosen film.
    target : (x, y, zoom) or None
        Where the page last took the view; None is the whole map. Where a hand has moved it since
        is the browser's alone.
    flights : int
        How often the page took it somewhere.
    before : list of movie id
        The films chosen before this one.
    """

    movie: Any = None
    target: tuple[float, float, float] | None = None
    flights: int = 0
    before: list[Any] = field(default_factory=list)

    def choose(self, movie_id: Any) -> None:
        """The film of this id, where the view is."""
        if self.movie is not None and movie_id != self.movie:
            self.before.append(self.movie)
        self.movie = movie_id
        st.query_params["movie"] = str(movie_id)

    def take_to(self, target: tuple[float, float, float] | None) -> None:
        self.target = target
        self.flights += 1


def journey() -> Journey:
    known: Journey = st.session_state.setdefault(_STATE, Journey())
    return known


# -- moving ---------------------------------------------------------------------------------------


def fly(recommender: MovieRecommender, atlas: Atlas, movie_id: Any) -> None:
    """Choose a film and bring it into the middle."""
    here = journey()
    here.choose(movie_id)
    here.take_to((*atlas.map.place(recommender, movie_id), _CLOSE_UP))
    st.session_state["explore-search"] = ""


def go_back(recommender: MovieRecommender, atlas: Atlas) -> None:
    here = journey()
    here.movie, earlier = None, here.before.pop()
    fly(recommender, atlas, earlier)


def leave() -> None:
    """No film, and the whole map."""
    here = journey()
    here.movie = None
    here.before.clear()
    here.take_to(None)
    st.query_params.pop("movie", None)


def take_click(recommender: MovieRecommender) -> None:
    """A click on the map chooses a film and leaves the view as it is."""
    movie_id = movie_of(recommender, chosen_on_map())
    if movie_id is not None:
        journey().choose(movie_id)


def follow_address(recommender: MovieRecommender, atlas: Atlas) -> None:
    """?movie=50 chooses that film; coming back without it, the address is that of the choice."""
    here, asked = journey(), st.query_params.get("movie")
    if asked is None:
        if here.movie is not None:
            st.query_params["movie"] = str(here.movie)
    elif asked != str(here.movie):
        movie_id = movie_of(recommender, asked)
        if movie_id is None:
            st.warning(f"There is no film {literal(asked)}.", icon=":material/search_off:")
        else:
            fly(recommender, atlas, movie_id)


# -- drawing --------------------------------------------------------------------------------------


def draw_search(recommender: MovieRecommender, atlas: Atlas) -> None:
    query = st.text_input(
        "Fly to a film",
        type="search",
        live=True,
        key="explore-search",
        placeholder="A title or a part of it, typos allowed",
    )
    if not (query or "").strip():
        return
    matches = recommender.data.movies.search(query or "", _FOUND)
    matches = [m for m in matches if m.movie.id in recommender.model.interactions_.item_ids]
    if not matches:
        st.caption("No film has a title like that. Try another part of it.")
    with st.container(horizontal=True, gap="xsmall", key="explore-found"):
        for match in matches:
            if match.score >= _CLOSE * matches[0].score:
                fly_button(recommender, atlas, match.movie, "found")


def fly_button(recommender: MovieRecommender, atlas: Atlas, movie: Movie, place: str) -> None:
    st.button(
        literal(movie.label),
        key=f"fly-{place}-{movie.id}",
        icon=":material/near_me:",
        on_click=fly,
        args=(recommender, atlas, movie.id),
    )


def choose_genre(recommender: MovieRecommender) -> str | None:
    genre = st.selectbox(
        "Colour",
        [_ALL_GENRES, *recommender.data.movies.genres],
        key="explore-genre",
        persist_state="session",
        help="Every genre: the genres that the map keeps together best have a colour each, and a "
        "film of several that of the rarest. Or see one genre alone.",
    )
    return None if genre == _ALL_GENRES else genre


def draw_canvas(
    recommender: MovieRecommender, atlas: Atlas, genre: str | None, near: list[Recommendation]
) -> None:
    here, movies = journey(), recommender.data.movies
    draw_map(
        atlas,
        genre=genre,
        chosen=None if here.movie is None else atlas.spot(recommender, movies[here.movie]),
        near=[atlas.spot(recommender, entry.movie) for entry in near],
        target=here.target,
        flight=here.flights,
        on_choose=lambda: take_click(recommender),
        description=f"Map of {counted(len(atlas.map), 'film')}. Films that the same people like "
        "lie near each other. Arrow keys go from film to film, Enter chooses one, plus and minus "
        "zoom. The page also has it as text: the film chosen, what is near it, the map in words.",
    )
    hidden = atlas.n_films - len(atlas.map)
    why = (
        f"the {atlas.map.max_movies:,} most rated"
        if len(atlas.map) == atlas.map.max_movies
        else f"those with {atlas.map.min_ratings} ratings or more"
    )
    others = f" The search finds the other {hidden:,}, too." if hidden else ""
    st.caption(
        f"{len(atlas.map):,} of {atlas.n_films:,} films: {why}.{others} The larger a dot, the more "
        "ratings. The axes mean nothing, only nearness does."
    )


def draw_chosen(recommender: MovieRecommender, atlas: Atlas) -> None:
    movie = recommender.data.movies[journey().movie]
    with st.container(border=True, key="explore-chosen"):
        st.subheader(f"{literal(movie.title)} :gray[{movie.year or ''}]", anchor=False)
        if movie.genres:
            st.markdown(genre_badges(movie))
        items = recommender.data.interactions
        ratings = items.by_item[[items.item_index(movie.id)]].data
        mean = f", {ratings.mean():.1f} ★ on average" if len(ratings) else ""
        st.caption(counted(len(ratings), "rating") + mean)
        if movie.id not in atlas.map:
            st.caption(
                "Too few ratings for a dot of its own: the ring is amid the films most like it."
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("Your stars")
            rating_stars(movie, "explore")
        here = journey()
        with st.container(horizontal=True, gap="xsmall"):
            if here.before:
                earlier = recommender.data.movies[here.before[-1]]
                st.button(
                    f"Back to {literal(earlier.title)}",
                    icon=":material/undo:",
                    on_click=go_back,
                    args=(recommender, atlas),
                )
            st.button("Leave it", icon=":material/close:", type="tertiary", on_click=leave)


def draw_start(recommender: MovieRecommender, atlas: Atlas) -> None:
    """Nothing is chosen yet: what one can do here."""
    with st.container(border=True):
        st.subheader("Find your way around", anchor=False)
        st.markdown(
            "Every dot is a film. Those that the same people like lie near each other: the map was "
            "made from ratings alone, and knows no genres. Choose a dot or search for a film, and "
            "see its neighbours. Drag to move; pinch, double-click or turn the wheel to zoom."
        )
        st.markdown("Or start at")
        with st.container(horizontal=True, gap="xsmall"):
            for region in atlas.regions[:_STARTS]:
                fly_button(recommender, atlas, atlas.in_region(region)[0], "start")


def draw_neighbours(
    recommender: MovieRecommender, atlas: Atlas, near: list[Recommendation]
) -> None:
    chosen = recommender.data.movies[journey().movie]
    st.subheader(f"Near {literal(chosen.title)}", anchor=False)
    st.caption(
        "The films that the model holds most alike. The number is the cosine of their vectors: 1 "
        "is the same taste, 0 nothing in common."
    )

    def foot(movie: Movie) -> None:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.button(
                "More like this",
                key=f"hop-{movie.id}",
                icon=":material/near_me:",
                on_click=fly,
                args=(recommender, atlas, movie.id),
            )
            if visitor().ratings:
                _draw_opinion(movie)

    similar_cards(near, foot)


def _draw_opinion(movie: Movie) -> None:
    rating_stars(movie, "near")
    st.button(
        "Not for me",
        key=f"near-unwanted-{movie.id}",
        type="tertiary",
        on_click=visitor().mark,
        args=(movie.id, Mark.NOT_INTERESTED),
    )


def draw_in_words(atlas: Atlas) -> None:
    """The map for those who do not see it."""
    with st.expander("The map in words", icon=":material/notes:"):
        st.markdown("The genres with a colour, and the best known films of each:")
        lines = []
        for region in (*atlas.regions, OTHER):
            films = atlas.in_region(region)
            if films:
                known = ", ".join(title(movie) for movie in films[:_PER_REGION])
                lines.append(f"- {literal(region)}, {counted(len(films), 'film')}: {known}")
        st.markdown("\n".join(lines))


@st.fragment
def draw(recommender: MovieRecommender, atlas: Atlas) -> None:
    """Everything: a click redraws this and no more."""
    follow_address(recommender, atlas)
    chosen = journey().movie
    near = []
    if chosen is not None:
        near = recommender.similar(chosen, _NEIGHBOURS + len(visitor().hidden))
        near = [entry for entry in near if entry.movie.id not in visitor().hidden][:_NEIGHBOURS]
    left, right = st.columns([3, 1], gap="medium")
    with left:
        search, colour = st.columns([3, 1], gap="small")
        with search:
            draw_search(recommender, atlas)
        with colour:
            genre = choose_genre(recommender)
        draw_canvas(recommender, atlas, genre, near)
    with right:
        if chosen is None:
            draw_start(recommender, atlas)
        else:
            draw_chosen(recommender, atlas)
    if chosen is not None:
        draw_neighbours(recommender, atlas, near)
    draw_in_words(atlas)


recommender = open_studio().recommender
open_visitor()
st.title("Explore", anchor=False)
draw(recommender, open_atlas(recommender))
