"""The map of the movies that all visitors share, with its colours, as the page draws it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.open_state import wait_for
from cinefold.app.shared.widgets import button
from cinefold.datasets import Movie
from cinefold.recommender import MovieMap, MovieRecommender, movie_map
from cinefold.serving.background import BackgroundError
from cinefold.serving.jobs import lay_out_in_background
from cinefold.serving.state import SharedWork

COLOURED_GENRES = 7
OTHER_GENRES = "Other"


@dataclass(frozen=True)
class ColouredMap:
    """The map of a model, and its movies in the same order: by falling number of ratings.

    Attributes
    ----------
    recommender : MovieRecommender
    map : MovieMap
    movies : tuple of Movie
    genres : tuple of str
        Those that have a colour: the ones that the map keeps together best.
    colour_genres : tuple of str
        Of each movie the genre that gives its colour: of those with one the rarest, which says
        most; or `OTHER_GENRES`.
    """

    recommender: MovieRecommender
    map: MovieMap
    movies: tuple[Movie, ...]
    genres: tuple[str, ...]
    colour_genres: tuple[str, ...]
    _columns: dict[str, list[Any]]

    def columns(self, genre: str | None, names: Sequence[str]) -> dict[str, list[Any]]:
        """What the canvas draws: a list for each property, and the index in `names` as colour."""
        if genre is None:
            colours = [names.index(name) for name in self.colour_genres]
        else:
            colours = [0 if genre in movie.genres else 1 for movie in self.movies]
        return {**self._columns, "genre": colours}

    def placed(self, movie: Movie) -> dict[str, Any]:
        """A movie at its place, as the canvas takes it: the id as text."""
        x, y = self.map.place(self.recommender, movie.id)
        return {"id": str(movie.id), "title": movie.title, "x": x, "y": y}

    def coloured_by(self, genre: str) -> list[Movie]:
        """The movies with the colour of a genre, the most rated first."""
        pairs = zip(self.movies, self.colour_genres, strict=True)
        return [movie for movie, its_genre in pairs if its_genre == genre]

    def movie_id(self, text: str | None) -> Any:
        """The id that `text`, of an address or of the canvas, stands for; None if there is none."""
        known = self.recommender.model.interactions_.item_ids.tolist()
        return next((item for item in known if str(item) == text), None)


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs={MovieRecommender: id})
def _work(recommender: MovieRecommender) -> SharedWork[ColouredMap]:
    return SharedWork(partial(_drawn, recommender))


def open_map(recommender: MovieRecommender) -> ColouredMap:
    """The map of a model; who asks while it is drawn waits with a progress bar."""
    coming = _work(recommender)
    wait_for(st.empty(), coming, title="")  # always: what follows keeps its place on the page
    if isinstance(coming.error, BackgroundError):
        why = literal(str(coming.error).rstrip("."))
        st.error(f"The map could not be drawn: {why}.", icon=":material/error:")
        button("Try again", coming.start, icon="refresh", type="primary")
        st.stop()
    if coming.value is None:
        _work.clear()
        raise coming.error or AssertionError("there is neither a map nor an error")
    return coming.value


def _drawn(recommender: MovieRecommender, show: Callable[[float, str], object]) -> ColouredMap:
    show(0.0, "Opening the map …")
    movies = counted(len(recommender.data.movies), "movie")

    def progress(done: float) -> None:
        show(done, f"Drawing the map of {movies}, only once for this model …")

    layout = movie_map(recommender, progress=progress, layout=lay_out_in_background)
    return _coloured(recommender, layout)


def _coloured(recommender: MovieRecommender, layout: MovieMap) -> ColouredMap:
    data = recommender.data
    movies = tuple(data.movies[item] for item in layout.item_ids.tolist())
    genres = tuple(genre for genre, _ in layout.regions(data.movies)[:COLOURED_GENRES])
    rarest_first = sorted(genres, key=lambda genre: sum(genre in m.genres for m in movies))
    colour_genres = tuple(
        next((genre for genre in rarest_first if genre in movie.genres), OTHER_GENRES)
        for movie in movies
    )
    counts = data.interactions.item_counts()
    ratings = counts[data.interactions.item_index(layout.item_ids)].tolist() if movies else []
    columns = {
        "id": [str(movie.id) for movie in movies],
        "x": [round(x, 4) for x in layout.positions[:, 0].tolist()],
        "y": [round(y, 4) for y in layout.positions[:, 1].tolist()],
        "title": [movie.title for movie in movies],
        "about": [_about(movie, count) for movie, count in zip(movies, ratings, strict=True)],
        "weight": [round(count / max(ratings), 4) for count in ratings],
    }
    return ColouredMap(recommender, layout, movies, genres, colour_genres, columns)


def _about(movie: Movie, n_ratings: int) -> str:
    """ "1977 · Action, Sci-Fi · 583 ratings"."""
    year = "" if movie.year is None else str(movie.year)
    parts = (year, ", ".join(movie.genres), counted(n_ratings, "rating"))
    return " · ".join(part for part in parts if part)
