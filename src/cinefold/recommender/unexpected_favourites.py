"""The films somebody loves, by how little others or the model expected it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cinefold.datasets import Movie
    from cinefold.recommender.population import Crowd
    from cinefold.recommender.recommender import MovieRecommender

_FILMS_AT_ONCE = 64  # whose lists are compared: bounds the memory for large catalogues


@dataclass(frozen=True)
class Love:
    """A film somebody rated high, and what was to be expected.

    Attributes
    ----------
    movie : Movie
    rating : float
    others_mean : float
        Mean of the other ratings of the film, with five ratings of the mean of all films added.
    n_others : int
    place : int
        Where the film would stand in the model's list for them without this rating; 1 is first.
    n_places : int
        Length of that list: the films that they have not rated, and this one.
    """

    movie: Movie
    rating: float
    others_mean: float
    n_others: int
    place: int
    n_places: int

    @property
    def excess(self) -> float:
        """Stars above the others' mean."""
        return self.rating - self.others_mean


def loves(
    recommender: MovieRecommender, crowd: Crowd, ratings: Mapping[Any, float], *, known: bool
) -> list[Love]:
    """Films rated above the middle of the scale, and at least as high as their own mean.

    Parameters
    ----------
    recommender : MovieRecommender
    crowd : Crowd
        Of the same data.
    ratings : mapping of movie id to stars
        Films that the model does not know are left out.
    known : bool
        Whether they are those of a user of the data, and not of somebody new.

    Returns
    -------
    list of Love
        The least expected by others first (the largest `excess`).
    """
    stars = np.array(list(ratings.values()), np.float64)
    known_items = np.isin(list(ratings), recommender.model.interactions_.item_ids)
    high = known_items & (stars > recommender.middle_rating)
    high &= stars >= stars.mean() if len(stars) else False
    if not high.any():
        return []
    items = [item for item, is_high in zip(ratings, high.tolist(), strict=True) if is_high]
    means, counts = crowd.others(ratings, included=known)
    places, n_places = places_without(recommender, ratings, items, known=known)
    found = [
        Love(recommender.data.movies[item], ratings[item], mean, count, place, n_places)
        for item, mean, count, place in zip(
            items, means[high].tolist(), counts[high].tolist(), places.tolist(), strict=True
        )
    ]
    return sorted(found, key=lambda love: -love.excess)


def places_without(
    recommender: MovieRecommender, ratings: Mapping[Any, float], items: list[Any], *, known: bool
) -> tuple[NDArray[np.int64], int]:
    """The place of each of `items` in the list for `ratings` without that one rating, exactly.

    A user's factors solve A u = b (see `WeightedMatrixFactorization.explain`). Without the rating
    of film j, A loses w v_j v_j' with w = c_j - w0, and b loses c_j t_j v_j. By the formula of
    Sherman and Morrison, with a_j = A^-1 v_j and h_j = v_j' a_j,

    .. math:: u_j = u + a_j \\frac{w\\, v_j'u - c_j t_j}{1 - w h_j}

    so that nothing is solved again. Confidence weights of single ratings are not considered.

    Returns
    -------
    places : ndarray of int64, shape (len(items),)
        From 1.
    n_places : int
        The films that they have not rated, and the one.
    """
    model = recommender.model
    objective = model.objective_
    told = _known_to(recommender, ratings, known=known)
    rated = model.interactions_.item_index(list(told))
    values = np.array(list(told.values()), np.float32)
    vectors = model.item_factors_.astype(np.float64)
    w0 = objective.unobserved_weight
    confidence = objective.confidence(values, None)
    c = np.ones(len(rated)) if confidence is None else confidence.astype(np.float64)
    t = objective.targets(values).astype(np.float64)
    seen = vectors[rated]
    equations = w0 * vectors.T @ vectors + seen.T * (c - w0) @ seen
    # The regularization of a user with one rating less.
    ridge = objective.row_regularization(np.array([len(rated) - 1]), len(vectors))[0]
    equations[np.diag_indices_from(equations)] += max(ridge, 1e-6)
    user = np.linalg.solve(equations, seen.T @ (c * t))

    row = {item: number for number, item in enumerate(told)}
    chosen = np.array([row[item] for item in items])
    films, w, given = seen[chosen], c[chosen] - w0, (c * t)[chosen]
    moved = np.linalg.solve(equations, films.T).T
    leverage = np.einsum("ij,ij->i", films, moved)
    own = films @ user
    step = (w * own - given) / (1 - w * leverage)
    without = own + step * leverage
    others = np.delete(vectors, rated, axis=0)
    scores = others @ user
    places = np.empty(len(items), np.int64)
    for begin in range(0, len(items), _FILMS_AT_ONCE):
        part = slice(begin, begin + _FILMS_AT_ONCE)
        lists = scores + step[part, None] * (moved[part] @ others.T)
        places[part] = 1 + (lists > without[part, None]).sum(axis=1)
    return places, len(others) + 1


def _known_to(
    recommender: MovieRecommender, ratings: Mapping[Any, float], *, known: bool
) -> dict[Any, float]:
    """The ratings as the model is told them; those of somebody new count from the lowest."""
    least = 0.0 if known else recommender.lowest_rating
    on_model = np.isin(list(ratings), recommender.model.interactions_.item_ids).tolist()
    return {
        item: max(0.0, stars - least) if least else stars
        for (item, stars), is_on in zip(ratings.items(), on_model, strict=True)
        if is_on
    }
