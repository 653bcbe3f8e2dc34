"""All users of the data as one average user, to compare somebody with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from cinefold.datasets import Movie, MovieData

# So many ratings with the mean of all films are added to a film's own, which keeps a single rating
# from speaking for everybody (Funk's damped mean).
_DAMPING = 5


@dataclass(frozen=True)
class CategoryComparison:
    """A genre or a decade in the ratings of somebody and of the average user.

    Attributes
    ----------
    name : str
    n_ratings : int
        Theirs.
    share, average_share : float
        Of the films they have rated, 0 to 1, and the mean of that share over all users. A film of
        two genres counts in both; films without a year are in no decade.
    mean_rating, average_rating : float
        Their mean of the group, and the mean of all ratings of it; NaN without any.
    liking : float
        Stars by which they like the group more than others do, beyond how generous they are:
        their mean of the group less their mean, less the same of all ratings.
    """

    name: str
    n_ratings: int
    share: float
    average_share: float
    mean_rating: float
    average_rating: float
    liking: float


@dataclass(frozen=True)
class RatingHabits:
    """How somebody rates, beside all users.

    Attributes
    ----------
    n_ratings, median_ratings : int, float
        Theirs, and the median over users.
    mean_rating, average_rating : float
        Theirs, and the mean over users of each one's mean.
    spread, average_spread : float
        Standard deviation of their ratings (stars), and its mean over users.
    popularity, average_popularity : float
        Median number of ratings of the films they have rated, and the mean of that over users.
    stars : tuple of (float, float, float)
        Each value of the scale, their share of it, and the mean share over users.
    """

    n_ratings: int
    median_ratings: float
    mean_rating: float
    average_rating: float
    spread: float
    average_spread: float
    popularity: float
    average_popularity: float
    stars: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class TasteComparison:
    """Somebody beside the average user: by genre (falling share), by decade, and as a rater."""

    genres: tuple[CategoryComparison, ...]
    decades: tuple[CategoryComparison, ...]
    habits: RatingHabits


class Population:
    """The users of a data set, averaged once, for any number of comparisons.

    Each user counts the same in an average, however much they have rated.

    Parameters
    ----------
    data : MovieData
    """

    def __init__(self, data: MovieData) -> None:
        self._interactions = data.interactions
        movies = [data.movies[item] for item in self._interactions.item_ids.tolist()]
        self._counts: NDArray[np.int64] = self._interactions.item_counts()
        ratings = self._interactions.by_user
        self._sums = np.bincount(ratings.indices, ratings.data, len(movies)).astype(np.float64)
        self.mean_rating = float(ratings.data.mean(dtype=np.float64))
        self._genres = _Categories(_genre_groups(movies), ratings, self._counts, self._sums)
        self._decades = _Categories(_decade_groups(movies), ratings, self._counts, self._sums)
        self._raters = _Raters(ratings, self._counts)

    def compare(self, ratings: Mapping[Any, float]) -> TasteComparison:
        """Somebody with these ratings (movie id to stars) beside the average user.

        Raises
        ------
        UnknownIdError
            For a film that is not in the data.
        ValueError
            Without any rating.
        """
        if not ratings:
            raise ValueError("there is nothing to compare: ratings is empty")
        items = self._interactions.item_index(list(ratings))
        stars = np.array(list(ratings.values()), np.float64)
        genres = self._genres.comparisons(items, stars)
        return TasteComparison(
            tuple(sorted(genres, key=lambda genre: (-genre.share, genre.name))),
            self._decades.comparisons(items, stars),
            self._raters.habits(stars, self._counts[items]),
        )

    def others(
        self, ratings: Mapping[Any, float], *, included: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What others gave the films of `ratings`: damped means, and how many they are.

        Parameters
        ----------
        ratings : mapping of movie id to stars
        included : bool
            Whether these ratings are in the data, as those of its users are; they are taken out.
        """
        items = self._interactions.item_index(list(ratings))
        own = np.array(list(ratings.values()), np.float64) if included else np.zeros(len(items))
        counts = self._counts[items] - int(included)
        damped = self._sums[items] - own + _DAMPING * self.mean_rating
        return damped / (counts + _DAMPING), counts


class _Categories:
    """Groups of films, (n_items, n_groups), and the average user's ratings of them."""

    def __init__(
        self,
        groups: tuple[tuple[str, ...], NDArray[np.float64]],
        ratings: sp.csr_array,
        counts: NDArray[np.int64],
        sums: NDArray[np.float64],
    ) -> None:
        self._names, self._member = groups
        rated = ratings.copy()
        rated.data = np.ones_like(ratings.data)
        per_user = np.diff(ratings.indptr)
        active = per_user > 0
        shares = (rated @ self._member)[active] / per_user[active, None]
        self._average_share = shares.mean(axis=0)
        self._average_rating = _ratio(self._member.T @ sums, self._member.T @ counts)
        self._mean_rating = sums.sum() / counts.sum()

    def comparisons(self, items: NDArray[np.int64], stars: NDArray[np.float64]) -> tuple[Any, ...]:
        member = self._member[items]
        counts = member.sum(axis=0)
        means = _ratio(stars @ member, counts)
        columns = (
            counts.astype(int),
            counts / len(items),
            self._average_share,
            means,
            self._average_rating,
            means - stars.mean() - (self._average_rating - self._mean_rating),
        )
        rows = zip(self._names, *(column.tolist() for column in columns), strict=True)
        return tuple(CategoryComparison(*row) for row in rows)


class _Raters:
    """How the average user rates."""

    def __init__(self, ratings: sp.csr_array, item_counts: NDArray[np.int64]) -> None:
        counts = np.diff(ratings.indptr)
        users = np.repeat(np.arange(len(counts)), counts)
        active = counts > 0
        data = ratings.data.astype(np.float64)
        means = np.bincount(users, data, len(counts))[active] / counts[active]
        squares = np.bincount(users, data**2, len(counts))[active] / counts[active]
        self._median = float(np.median(counts[active]))
        self._mean = float(means.mean())
        self._spread = float(np.sqrt((squares - means**2).clip(0)).mean())
        self._popularity = float(
            _medians(users, item_counts[ratings.indices], counts[active]).mean()
        )
        self._scale, places = np.unique(data, return_inverse=True)
        share = 1 / (counts[users] * active.sum())
        self._shares = np.bincount(places, share, len(self._scale))

    def habits(self, stars: NDArray[np.float64], popularity: NDArray[np.int64]) -> RatingHabits:
        # Somebody new may give half a star where the data has none.
        nearest = np.abs(stars[:, None] - self._scale).argmin(axis=1)
        own = np.bincount(nearest, minlength=len(self._scale)) / len(stars)
        columns = (self._scale.tolist(), own.tolist(), self._shares.tolist())
        return RatingHabits(
            n_ratings=len(stars),
            median_ratings=self._median,
            mean_rating=float(stars.mean()),
            average_rating=self._mean,
            spread=float(stars.std()),
            average_spread=self._spread,
            popularity=float(np.median(popularity)),
            average_popularity=self._popularity,
            stars=tuple(zip(*columns, strict=True)),
        )


def _medians(
    rows: NDArray[np.int64], values: NDArray[np.int64], counts: NDArray[Any]
) -> NDArray[np.float64]:
    """Median of the `values` of each row that has any; `counts` says how many it has."""
    ordered = values[np.lexsort((values, rows))]
    begins = np.cumsum(counts) - counts
    middle = ordered[begins + (counts - 1) // 2] + ordered[begins + counts // 2]
    return np.asarray(middle / 2)


def _genre_groups(movies: Sequence[Movie]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    return _memberships([movie.genres for movie in movies])


def _decade_groups(movies: Sequence[Movie]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    return _memberships(
        [() if movie.year is None else (f"{movie.year // 10 * 10}s",) for movie in movies]
    )


def _memberships(
    groups: Sequence[tuple[str, ...]],
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """All names, sorted, and which film is in which, (n_items, n_groups)."""
    names = tuple(sorted({name for film in groups for name in film}))
    columns = {name: column for column, name in enumerate(names)}
    member = np.zeros((len(groups), len(names)))
    for row, film in enumerate(groups):
        member[row, [columns[name] for name in film]] = 1
    return names, member


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """`above` / `below`, NaN where that is 0."""
    undefined = np.full(len(below), np.nan)
    return np.asarray(np.divide(above, below, out=undefined, where=below > 0))
