"""A fitted model and the movies it knows, in the model's order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import Movie, MovieData
from cinefold.models import StarPredictor, WeightedMatrixFactorization
from cinefold.models.scaled_parameters import are_counts
from cinefold.recommender.cold_start import ColdStart


class MovieModel:
    """What lists are made from: a model, its movies, and how it meets somebody new.

    Parameters
    ----------
    data : MovieData
    model : WeightedMatrixFactorization
        Fitted on `data` or a part of it.
    stars : StarPredictor, optional
        For `model`: predicts what people will rate.

    Attributes
    ----------
    data, model, stars
    movies : list of Movie
        In the model's order.
    rating_counts : ndarray of int64, shape (n_items,)
        Number of ratings of each in the data.
    movie_numbers : ndarray of int64, shape (n_items,)
        Equal for the ids of one movie, rising from 0 in the order of its first id.
    lowest_rating, middle_rating : float
        Of the scale of the data: 1 and 3 of 1 to 5 stars. New users must rate something above the
        lowest to get recommendations. Where ratings are counts, of plays say, 0 and -inf: all that
        was played is liked.
    are_counts : bool
        Whether ratings are counts.

    Raises
    ------
    ValueError
        If the model was fitted on other movies.
    """

    def __init__(
        self,
        data: MovieData,
        model: WeightedMatrixFactorization,
        stars: StarPredictor | None = None,
    ) -> None:
        self.data, self.model, self.stars = data, model, stars
        self._item_ids = model.interactions_.item_ids
        unknown = ~np.isin(self._item_ids, data.interactions.item_ids)
        if unknown.any():
            raise ValueError(
                f"the model was not trained on {data.name}: {unknown.sum()} of its "
                f"{len(unknown)} movies are not in it"
            )
        self.movies = [data.movies[item] for item in self._item_ids.tolist()]
        known = data.interactions
        self.rating_counts = known.item_counts()[known.item_index(self._item_ids)]
        ratings = known.by_user.data
        lowest, highest = float(ratings.min()), float(ratings.max())
        self.lowest_rating, self.middle_rating = lowest, (lowest + highest) / 2
        self.are_counts = are_counts(ratings)
        if self.are_counts:
            self.lowest_rating, self.middle_rating = 0.0, -np.inf
        self.movie_numbers = _movie_numbers(self.movies)
        # How many ids are further ids of a movie.
        self._n_repeated = len(self.movies) - len(np.unique(self.movie_numbers))

    def indices(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Where movies stand in the model's order."""
        known = list(ids)
        return np.asarray(self.model.interactions_.item_index(known) if known else [], np.int64)

    def indices_of_all_ids(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Where movies stand in the model's order, with the other ids of the same movies."""
        wanted = self.movie_numbers[self.indices(ids)]
        return np.flatnonzero(np.isin(self.movie_numbers, wanted))

    @cached_property
    def cold_start(self) -> ColdStart:
        """Folds in people who are not in the data."""
        return ColdStart(self.model)


def _movie_numbers(movies: Iterable[Movie]) -> NDArray[np.int64]:
    """A number for each movie, (n_items,): equal for ids with the same title and year."""
    numbers: dict[Any, int] = {}
    keys = ((m.title, m.year) if m.year is not None else (m.id, None, None) for m in movies)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
