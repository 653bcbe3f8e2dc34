"""Which movies may appear in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import Movie


@dataclass(frozen=True)
class MovieFilter:
    """Which movies may appear. The default lets all pass; conditions add up.

    Attributes
    ----------
    genres : tuple of str
        At least one of these (empty: any).
    exclude_genres : tuple of str
        None of these.
    years : tuple of (int or None, int or None), optional
        First and last year, both included, None for open. Movies without a year do not pass.
    popularity : tuple of (float, float)
        Percentiles of the number of ratings, 0 (least rated) to 100 (most rated), both included.
    min_ratings : int
        Least number of ratings.
    """

    genres: tuple[str, ...] = ()
    exclude_genres: tuple[str, ...] = ()
    years: tuple[int | None, int | None] | None = None
    popularity: tuple[float, float] = (0.0, 100.0)
    min_ratings: int = 0

    def __post_init__(self) -> None:
        first, last = self.years or (None, None)
        if first is not None and last is not None and first > last:
            raise ValueError(f"years must go from the first to the last, not {first} to {last}")
        low, high = self.popularity
        if not 0 <= low <= high <= 100:
            raise ValueError(f"popularity must be percentiles from 0 to 100, not {low} to {high}")
        if self.min_ratings < 0:
            raise ValueError(f"min_ratings must be 0 or more, not {self.min_ratings}")


class Features:
    """What filters ask about, as arrays in the model's order of movies."""

    def __init__(self, movies: Sequence[Movie], counts: NDArray[np.int64]) -> None:
        self.counts = counts
        self.percentiles = 100 * np.searchsorted(np.sort(counts), counts, "right") / len(counts)
        self._years = np.array([np.nan if m.year is None else m.year for m in movies])
        self._genres, self._has_genre = memberships([movie.genres for movie in movies])

    def passing(self, filters: MovieFilter) -> NDArray[np.bool_]:
        """Whether each movie passes, shape (n_items,)."""
        low, high = filters.popularity
        passing = (self.percentiles >= low) & (self.percentiles <= high)
        passing &= self.counts >= filters.min_ratings
        if filters.genres:
            passing &= self._any_of(filters.genres)
        if filters.exclude_genres:
            passing &= ~self._any_of(filters.exclude_genres)
        if filters.years is not None:
            first, last = filters.years
            # Of a movie without a year both are false.
            passing &= self._years >= (-np.inf if first is None else first)
            passing &= self._years <= (np.inf if last is None else last)
        return passing

    def _any_of(self, genres: tuple[str, ...]) -> NDArray[np.bool_]:
        columns = {genre.casefold(): column for column, genre in enumerate(self._genres)}
        unknown = [genre for genre in genres if genre.casefold() not in columns]
        if unknown:
            raise ValueError(
                f"there is no genre {', '.join(map(repr, unknown))}; genres are "
                f"{', '.join(self._genres)}"
            )
        wanted = [columns[genre.casefold()] for genre in genres]
        return np.asarray(self._has_genre[:, wanted].any(axis=1))


def memberships(
    categories: Sequence[tuple[str, ...]],
) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """All names, sorted, and which movie is in which, (n_items, n_names)."""
    names = tuple(sorted({name for movie in categories for name in movie}))
    member = [[name in movie for name in names] for movie in categories]
    return names, np.array(member, np.bool_).reshape(len(categories), len(names))
