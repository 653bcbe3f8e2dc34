"""The people that lists are made for: users of the data, and new ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold.interactions.entries import csr
from cinefold.models import Explanation, FoldedUsers, StarPredictor
from cinefold.recommender.movie_model import MovieModel

_LISTS_AT_ONCE = 64


class Viewer(ABC):
    """What a recommender knows of one person.

    Attributes
    ----------
    recommender : MovieModel
    ratings : dict of movie id to stars
        Of the movies that the model knows.
    model_user : object
        The person as methods of the model take one: an id, or FoldedUsers.
    """

    recommender: MovieModel
    ratings: dict[Any, float]
    model_user: Any

    def scores(self) -> NDArray[np.float64]:
        """Of all movies, in the model's order, (n_items,)."""
        return np.asarray(self.recommender.model.scores(self.model_user), np.float64)

    @abstractmethod
    def explain(self, items: NDArray[Any]) -> list[Explanation]:
        """What each rating adds to the scores of movies.

        Parameters
        ----------
        items : ndarray, shape (n,)
            Movie ids.

        Returns
        -------
        list of Explanation
        """

    def predicted_stars(self, items: NDArray[Any]) -> list[float] | list[None]:
        """What they are expected to rate movies; None where nothing tells.

        Parameters
        ----------
        items : ndarray, shape (n,)
            Movie ids.

        Returns
        -------
        list of float, or of None
        """
        stars = self.recommender.stars
        if stars is None or not self.ratings:
            return [None] * len(items)
        predicted: list[float] = stars.predict(self._rater(stars), items).tolist()
        return predicted

    def _rater(self, stars: StarPredictor) -> Any:
        """The person as `stars` takes one."""
        del stars
        return self.model_user

    @abstractmethod
    def without_each(self, items: NDArray[np.int64]) -> NDArray[np.float64]:
        """Their factors without the rating of each of some movies.

        Parameters
        ----------
        items : ndarray of int64, shape (n,)
            Indices of rated movies.

        Returns
        -------
        ndarray of float64, shape (n, n_factors)
        """

    def places_without(
        self, items: Iterable[Any], *, exclude: Iterable[Any] = ()
    ) -> tuple[NDArray[np.int64], int]:
        """Where rated movies would stand among all by their scores, each without its own rating.

        Parameters
        ----------
        items : iterable of movie ids
            Of `ratings`.
        exclude : iterable of movie ids
            Movies that must not appear in the list.

        Returns
        -------
        places : ndarray of int64, shape (n_items,)
            From 1.
        length : int
            How many there are: the movies that they have not rated, and the one.
        """
        recommender, model = self.recommender, self.recommender.model
        indices, movies = recommender.indices(items), recommender.movie_numbers
        listed = np.ones(len(recommender.movies), np.bool_)
        listed[recommender.indices_of_all_ids([*self.ratings, *exclude])] = False
        by_movie = np.argsort(movies, kind="stable")
        starts = np.flatnonzero(np.diff(movies[by_movie], prepend=-1))
        listed = listed[by_movie[starts]]
        vectors = recommender.cold_start.vectors[by_movie]
        baseline = 0 if model.item_baseline_ is None else model.item_baseline_[by_movie]
        factors = self.without_each(indices)
        places = np.empty(len(indices), np.int64)
        for begin in range(0, len(indices), _LISTS_AT_ONCE):
            block = slice(begin, begin + _LISTS_AT_ONCE)
            scores = factors[block] @ vectors.T + baseline
            best = np.maximum.reduceat(scores, starts, axis=1)  # of the ids of each movie
            own = best[np.arange(len(best)), movies[indices[block]]][:, np.newaxis]
            places[block] = 1 + (best[:, listed] > own).sum(axis=1)
        return places, int(listed.sum()) + 1


class KnownUser(Viewer):
    """A user of the data, whom the model was trained on.

    Raises
    ------
    UnknownIdError
        If there is no such user.
    """

    def __init__(self, recommender: MovieModel, user_id: Any) -> None:
        items, stars = recommender.data.interactions.user_ratings(user_id)
        known = np.isin(items, recommender.model.interactions_.item_ids)
        self.recommender, self.model_user = recommender, user_id
        self.ratings = dict(zip(items[known].tolist(), stars[known].tolist(), strict=True))

    def explain(self, items: NDArray[Any]) -> list[Explanation]:
        found: list[Explanation] = self.recommender.model.explain(self.model_user, items)
        return found

    def without_each(self, items: NDArray[np.int64]) -> NDArray[np.float64]:
        model = self.recommender.model
        index = model.interactions_.user_index(self.model_user)
        by_user = model.interactions_.by_user
        trained_on = by_user.indices[by_user.indptr[index] : by_user.indptr[index + 1]]
        # The model may have been trained on some of their ratings only.
        factors = np.repeat(model.user_factors_[[index]].astype(np.float64), len(items), axis=0)
        used = np.isin(items, trained_on)
        if used.any():
            vectors = model.row_equations(self.model_user, n_missing=1).without()
            factors[used] = vectors[np.searchsorted(trained_on, items[used])]
        return factors


class NewUser(Viewer):
    """Somebody whom the model was not trained on, folded in by `ColdStart`.

    Parameters
    ----------
    recommender : MovieModel
    ratings : mapping of movie id to stars

    Attributes
    ----------
    equations : RowEquations
        Whose solution they are.

    Raises
    ------
    UnknownIdError
        If the model does not know a movie.
    """

    def __init__(self, recommender: MovieModel, ratings: Mapping[Any, float]) -> None:
        self.recommender, self.ratings = recommender, dict(ratings)
        rated = recommender.indices(ratings)
        order = np.argsort(rated)
        stars = np.array(list(ratings.values()), np.float32)[order]
        self._answers = rated[order], stars, np.empty(0, np.int64)
        self.equations = recommender.cold_start.equations(*self._answers)
        row = csr(stars, rated[order], [0, len(stars)], len(recommender.movies))
        self.model_user = FoldedUsers(self.equations.solve().astype(np.float32), row)

    def explain(self, items: NDArray[Any]) -> list[Explanation]:
        model, places = self.recommender.model, self.recommender.indices(items)
        return model.explain_by(self.equations, self.model_user.ratings, places)

    def _rater(self, stars: StarPredictor) -> Any:
        return stars.fold_in(self.ratings, ranked=self.model_user)

    def without_each(self, items: NDArray[np.int64]) -> NDArray[np.float64]:
        rows = np.searchsorted(self._answers[0], items)
        return np.asarray(self.recommender.cold_start.without(*self._answers)[rows])
