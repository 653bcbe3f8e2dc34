"""The map of the films that the pages share, and what is drawn of it."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import streamlit as st

from cinefold.app.wording import counted
from cinefold.recommender import MovieMap, movie_map

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from cinefold.recommender import MovieRecommender

COLOURED_GENRES = 7
OTHER = "Other"
WIDEST, NARROWEST = 1.04, 0.1  # half the width of what is shown, in units of the map

# What a label takes on a chart of this size (pixels), so that none covers another.
_CHART_HEIGHT, _LETTER, _LINE = 480, 6.6, 17
_CHART_WIDTHS = (330, 480, 640, 900)
_LABELS = 40


@dataclass(frozen=True)
class View:
    """What part of the map is shown: its middle, and half its width."""

    x: float = 0.0
    y: float = 0.0
    half: float = WIDEST

    def zoomed(self, factor: float) -> View:
        half = float(np.clip(self.half * factor, NARROWEST, WIDEST))
        return View() if half == WIDEST else View(self.x, self.y, half)


@dataclass(frozen=True)
class Atlas:
    """A map, and its films as a table.

    Attributes
    ----------
    map : MovieMap
    films : polars.DataFrame
        id (as text), x, y, title, year, genres, region, ratings; by falling number of ratings.
    regions : tuple of str
        The genres that have a colour: those that the map keeps together best.
    n_films : int
        Of the data set, on the map or not.
    """

    map: MovieMap
    films: pl.DataFrame
    regions: tuple[str, ...]
    n_films: int

    def highlighted(self, genre: str) -> pl.DataFrame:
        """The table with `genre` and all others as regions."""
        has = pl.col("genres").str.split(", ").list.contains(genre)
        return self.films.with_columns(region=pl.when(has).then(pl.lit(genre)).otherwise(pl.lit(OTHER)))

    def labels(self, view: View, first: Iterable[tuple[float, float, str]]) -> pl.DataFrame:
        """Titles to write, none over another: x, y, text, and the narrowest chart with room.

        `first` come before the films with the most ratings, and are always written.
        """
        chosen = list(first)
        inside = self.films.filter(
            ((pl.col("x") - view.x).abs() < view.half) & ((pl.col("y") - view.y).abs() < view.half)
        )
        known = {text for _, _, text in chosen}
        candidates = chosen + [
            row for row in inside.head(4 * _LABELS).select("x", "y", "title").rows()
            if row[2] not in known
        ]
        spots = np.array([(x, y, len(text)) for x, y, text in candidates], np.float64).reshape(-1, 3)
        narrowest = _widths_with_room(spots, view, len(chosen))
        rows = [
            {"x": x, "y": y, "text": text, "from_width": width}
            for (x, y, text), width in zip(candidates, narrowest.tolist(), strict=True)
            if np.isfinite(width)
        ]
        schema = {"x": pl.Float64, "y": pl.Float64, "text": pl.String, "from_width": pl.Float64}
        return pl.DataFrame(rows[: len(chosen) + _LABELS], schema=schema)


def _widths_with_room(
    spots: NDArray[np.float64], view: View, n_certain: int
) -> NDArray[np.float64]:
    """For each label (x, y, letters) the least chart width at which it has room; inf for none."""
    least = np.full(len(spots), np.inf)
    for width in reversed(_CHART_WIDTHS):
        x = (spots[:, 0] - view.x) / (2 * view.half) * width
        y = (spots[:, 1] - view.y) / (2 * view.half) * _CHART_HEIGHT
        half = spots[:, 2] * _LETTER / 2
        taken: list[int] = []
        for k in range(len(spots)):
            # A label with room here but not on a wider chart would come and go.
            if width < max(_CHART_WIDTHS) and np.isinf(least[k]):
                continue
            free = all(
                abs(x[k] - x[j]) > half[k] + half[j] or abs(y[k] - y[j]) > _LINE for j in taken
            )
            if k < n_certain or (free and abs(x[k]) + half[k] < width / 2):
                taken.append(k)
        least[:] = np.inf
        least[taken] = width
    least[:n_certain] = 0
    return least


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
    atlas = shared.atlases.get(recommender)
    if atlas is not None:
        return atlas
    place = st.empty()
    bar = place.progress(0.0, "Opening the map …")
    films = counted(len(recommender.data.movies), "film")

    def show(done: float) -> None:
        bar.progress(done, f"Drawing the map of {films}, only once for this model …")

    with shared.lock:
        if recommender not in shared.atlases:  # another visitor may have come first
            shared.atlases[recommender] = _atlas(recommender, movie_map(recommender, progress=show))
        atlas = shared.atlases[recommender]
    place.empty()
    return atlas


def _atlas(recommender: MovieRecommender, placed: MovieMap) -> Atlas:
    data = recommender.data
    regions = tuple(genre for genre, _ in placed.regions(data.movies)[:COLOURED_GENRES])
    movies = [data.movies[item] for item in placed.item_ids.tolist()]
    ratings = data.interactions.item_counts()[data.interactions.item_index(placed.item_ids)]
    frequency = {genre: sum(genre in movie.genres for movie in movies) for genre in regions}

    def region(genres: Iterable[str]) -> str:
        # Of several, the rarest says most.
        return min((g for g in genres if g in frequency), key=frequency.__getitem__, default=OTHER)

    films = pl.DataFrame(
        {
            "id": [str(movie.id) for movie in movies],
            "x": placed.positions[:, 0].astype(np.float64),
            "y": placed.positions[:, 1].astype(np.float64),
            "title": [movie.title for movie in movies],
            "year": ["" if movie.year is None else str(movie.year) for movie in movies],
            "genres": [", ".join(movie.genres) for movie in movies],
            "region": [region(movie.genres) for movie in movies],
            "ratings": ratings,
        }
    )
    return Atlas(placed, films, regions, len(data.movies))


def movie_of(recommender: MovieRecommender, text: str) -> Any:
    """The id that `text`, of an address or of the chart, stands for; None if there is none."""
    return next((i for i in recommender.model.interactions_.item_ids.tolist() if str(i) == text), None)
