"""All users of the data as one average user, to compare somebody with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cinefold.datasets import MovieData
from cinefold.recommender.filters import memberships

# So many ratings with the mean of all movies are added to a movie's own, which keeps a single
# rating from speaking for everybody (Funk's damped mean).
_DAMPING = 5
_MOST_AVERAGED, _ADDED_AT_ONCE = 20_000, 1 << 22
_RATINGS_TO_SPEAK = 10  # half of a difference is believed then


@dataclass(frozen=True)
class CategoryComparison:
    """A genre or a decade in the ratings of somebody and of the average user.

    Attributes
    ----------
    name : str
    n_ratings : int
        Theirs.
    share, average_share : float
        Of the movies they have rated, 0 to 1, and the mean of that share over all users. A movie of
        two genres counts in both; movies without a year are in no decade.
    mean_rating, average_rating : float
        Their mean of the group, and the mean of all ratings of it; NaN without any.
    liking : float
        Stars by which they like the group more than others do, beyond how generous they are:
        their mean of the group less their mean, less the same of all ratings; times
        ``n / (n + 10)`` for n ratings, as a few say little (the posterior mean where genres differ
        by a tenth of the variance of single ratings).
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
    """How somebody rates, or users on average.

    Attributes
    ----------
    n_ratings : float
        The median over users.
    mean_rating, spread : float
        Mean and standard deviation of their ratings (stars); of users, the mean of each one's.
    popularity : float
        Median number of ratings of the movies they have rated; of users, the mean of each one's.
    star_shares : tuple of (float, float)
        Each value of the scale, and its share of their ratings; of users, the mean share.
    """

    n_ratings: float
    mean_rating: float
    spread: float
    popularity: float
    star_shares: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TasteComparison:
    """Somebody beside the average user: by genre (falling share), by decade, and as a rater."""

    genres: tuple[CategoryComparison, ...]
    decades: tuple[CategoryComparison, ...]
    habits: RatingHabits
    average_habits: RatingHabits


class Population:
    """The users of a data set, averaged once, for any number of comparisons.

    Each user counts the same in an average, however much they have rated.

    Parameters
    ----------
    data : MovieData

    Attributes
    ----------
    sample : int or None
        Averages are those of so many users, drawn at random; None where they are of all.
    """

    def __init__(self, data: MovieData) -> None:
        self._interactions = data.interactions
        movies = [data.movies[item] for item in self._interactions.item_ids.tolist()]
        self._counts: NDArray[np.int64] = self._interactions.item_counts()
        ratings, n = self._interactions.by_user, self._interactions.n_users
        self._sums = np.zeros(len(movies))
        for begin in range(0, ratings.nnz, _ADDED_AT_ONCE):  # with copies, which are small
            block = slice(begin, begin + _ADDED_AT_ONCE)
            self._sums += np.bincount(ratings.indices[block], ratings.data[block], len(movies))
        self.mean_rating = float(ratings.data.mean(dtype=np.float64))
        self.sample = _MOST_AVERAGED if n > _MOST_AVERAGED else None
        if self.sample:
            chosen = np.random.default_rng(0).choice(n, self.sample, replace=False)
            ratings = ratings[np.sort(chosen)]
        self._scale = np.unique(ratings.data).astype(np.float64)
        decades = [() if m.year is None else (f"{m.year // 10 * 10}s",) for m in movies]
        self._categories = memberships([m.genres for m in movies]), memberships(decades)
        self._average_habits, self._average_shares = self._describe(
            ratings.indices, ratings.data.astype(np.float64), np.diff(ratings.indptr)
        )

    def compare(self, ratings: Mapping[Any, float]) -> TasteComparison:
        """Somebody with these ratings beside the average user.

        Parameters
        ----------
        ratings : mapping of movie id to stars

        Returns
        -------
        TasteComparison

        Raises
        ------
        UnknownIdError
            For a movie that is not in the data.
        ValueError
            Without any rating.
        """
        if not ratings:
            raise ValueError("there is nothing to compare: ratings is empty")
        items = self._interactions.item_index(list(ratings))
        stars = np.array(list(ratings.values()), np.float64)
        n = len(ratings)
        habits, shares = self._describe(items, stars, [n])
        generosity = habits.mean_rating - self.mean_rating
        genres, decades = (
            tuple(
                CategoryComparison(
                    *(name, round(share * n), share, average, mean, others),
                    (mean - others - generosity) * share * n / (share * n + _RATINGS_TO_SPEAK),
                )
                for name, share, mean, average, others in zip(names, *own, *averages, strict=True)
            )
            for (names, _), own, averages in zip(
                self._categories, shares, self._average_shares, strict=True
            )
        )
        genres = tuple(sorted(genres, key=lambda genre: (-genre.share, genre.name)))
        return TasteComparison(genres, decades, habits, self._average_habits)

    def others(
        self, ratings: Mapping[Any, float], *, included: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What others gave the movies of `ratings`: damped means, and how many they are.

        Parameters
        ----------
        ratings : mapping of movie id to stars
        included : bool
            Whether these ratings are in the data, as those of its users are; they are taken out.

        Returns
        -------
        means : ndarray of float64, shape (n_ratings,)
        counts : ndarray of int64, shape (n_ratings,)
        """
        items = self._interactions.item_index(list(ratings))
        own = np.array(list(ratings.values()), np.float64) if included else np.zeros(len(items))
        counts = self._counts[items] - int(included)
        damped = self._sums[items] - own + _DAMPING * self.mean_rating
        return damped / (counts + _DAMPING), counts

    def _describe(
        self, items: NDArray[np.integer], stars: NDArray[np.float64], counts: ArrayLike
    ) -> tuple[RatingHabits, list[list[list[float]]]]:
        """Users with so many ratings each, (n_users,), one user's after the other's.

        Of each kind of category also shares and mean ratings, (2, n_categories).
        """
        counts = np.asarray(counts)
        counts = counts[counts > 0]
        users, starts = np.repeat(np.arange(len(counts)), counts), np.cumsum(counts) - counts
        means = np.add.reduceat(stars, starts) / counts
        variances = np.add.reduceat(stars**2, starts) / counts - means**2
        popularity = self._counts[items]
        ordered = popularity[np.lexsort((popularity, users))]
        medians = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
        weights = 1 / (counts[users] * len(counts))  # in a mean over users of their shares
        # Somebody new may give half a star where the data has none.
        nearest = np.searchsorted((self._scale[1:] + self._scale[:-1]) / 2, stars)
        shares = np.bincount(nearest, weights, len(self._scale)).tolist()
        habits = RatingHabits(
            float(np.median(counts)),
            float(means.mean()),
            float(np.sqrt(variances.clip(0)).mean()),
            float(medians.mean()),
            tuple(zip(self._scale.tolist(), shares, strict=True)),
        )
        share, total, number = (
            np.bincount(items, w, len(self._counts)) for w in (weights, stars, np.ones(len(stars)))
        )
        with np.errstate(invalid="ignore"):  # NaN is the mean of no ratings
            return habits, [
                [(share @ member).tolist(), ((total @ member) / (number @ member)).tolist()]
                for _, member in self._categories
            ]
