"""The map of the films that all visitors share, as the page draws it."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.recommender import MovieMap, movie_map
from cinefold.serving.apart import lay_out_apart
from cinefold.serving.background import JobError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cinefold.datasets import Movie
    from cinefold.recommender import MovieRecommender

COLOURED_GENRES = 7
OTHER = "Other"


class Spot(TypedDict):
    """A film at its place; the id as text."""

    id: str
    title: str
    x: float
    y: float


@dataclass(frozen=True)
class Atlas:
    """A map, and its films in the same order: by falling number of ratings.

    Attributes
    ----------
    map : MovieMap
    movies : tuple of Movie
    regions : tuple of str
        The genres that have a colour: those that the map keeps together best.
    region_of : tuple of str
        That of each film: of its genres with a colour the rarest, which says most; or `OTHER`.
    n_films : int
        Of the data set, on the map or not.
    """

    map: MovieMap
    movies: tuple[Movie, ...]
    regions: tuple[str, ...]
    region_of: tuple[str, ...]
    n_films: int
    _columns: dict[str, list[Any]]

    def columns(self, genre: str | None, names: Sequence[str]) -> dict[str, list[Any]]:
        """What the canvas draws: a list for each property, and the index in `names` as colour."""
        if genre is None:
            colours = [names.index(region) for region in self.region_of]
        else:
            colours = [0 if genre in movie.genres else 1 for movie in self.movies]
        return {**self._columns, "region": colours}

    def spot(self, recommender: MovieRecommender, movie: Movie) -> Spot:
        x, y = self.map.place(recommender, movie.id)
        return {"id": str(movie.id), "title": movie.title, "x": x, "y": y}

    def in_region(self, region: str) -> list[Movie]:
        """Its films, the most rated first."""
        pairs = zip(self.movies, self.region_of, strict=True)
        return [movie for movie, its_region in pairs if its_region == region]


@dataclass
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    atlases: weakref.WeakKeyDictionary[MovieRecommender, Atlas] = field(
        default_factory=weakref.WeakKeyDictionary
    )


@st.cache_resource(show_spinner=False)
def _shared() -> _Shared:
    return _Shared()


def open_atlas(recommender: MovieRecommender) -> Atlas:
    """The map of a model; whoever asks first waits for it with a progress bar."""
    shared = _shared()
    place = st.empty()  # always: what follows keeps its place on the page
    atlas = shared.atlases.get(recommender)
    if atlas is not None:
        return atlas
    bar = place.progress(0.0, "Opening the map …")
    films = counted(len(recommender.data.movies), "film")

    def show(done: float) -> None:
        bar.progress(done, f"Drawing the map of {films}, only once for this model …")

    try:
        with shared.lock:
            if recommender not in shared.atlases:  # another visitor may have come first
                placed = movie_map(recommender, progress=show, layout=lay_out_apart)
                shared.atlases[recommender] = _atlas(recommender, placed)
            atlas = shared.atlases[recommender]
    except JobError as error:
        _say_why_there_is_no_map(error)
    place.empty()
    return atlas


def _say_why_there_is_no_map(error: JobError) -> NoReturn:
    why = literal(str(error).rstrip("."))
    st.error(f"The map could not be drawn: {why}.", icon=":material/error:")
    st.button("Try again", icon=":material/refresh:", type="primary")
    st.stop()


def _atlas(recommender: MovieRecommender, placed: MovieMap) -> Atlas:
    data = recommender.data
    movies = tuple(data.movies[item] for item in placed.item_ids.tolist())
    regions = tuple(genre for genre, _ in placed.regions(data.movies)[:COLOURED_GENRES])
    frequency = {genre: sum(genre in movie.genres for movie in movies) for genre in regions}

    def region(genres: Iterable[str]) -> str:
        return min((g for g in genres if g in frequency), key=frequency.__getitem__, default=OTHER)

    counts = data.interactions.item_counts()
    ratings = counts[data.interactions.item_index(placed.item_ids)].tolist() if movies else []
    columns = {
        "id": [str(movie.id) for movie in movies],
        "x": [round(x, 4) for x in placed.positions[:, 0].tolist()],
        "y": [round(y, 4) for y in placed.positions[:, 1].tolist()],
        "title": [movie.title for movie in movies],
        "about": [_about(movie, count) for movie, count in zip(movies, ratings, strict=True)],
        "weight": [round(count / max(ratings), 4) for count in ratings],
    }
    region_of = tuple(region(movie.genres) for movie in movies)
    return Atlas(placed, movies, regions, region_of, len(data.movies), columns)


def _about(movie: Movie, n_ratings: int) -> str:
    """ "1977 · Action, Sci-Fi · 583 ratings"."""
    year = "" if movie.year is None else str(movie.year)
    parts = (year, ", ".join(movie.genres), counted(n_ratings, "rating"))
    return " · ".join(part for part in parts if part)


def movie_of(recommender: MovieRecommender, text: str | None) -> Any:
    """The id that `text`, of an address or of the map, stands for; None if there is none."""
    known = recommender.model.interactions_.item_ids.tolist()
    return next((item for item in known if str(item) == text), None)
