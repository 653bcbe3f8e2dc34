"""Movies that somebody rates high, by how little others or the model expected it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cinefold.datasets import Movie
from cinefold.recommender.population import Population
from cinefold.recommender.viewers import KnownUser, Viewer


@dataclass(frozen=True)
class UnexpectedFavourite:
    """A movie somebody rated high, and what was to be expected.

    Attributes
    ----------
    movie : Movie
    rating : float
    others_mean : float
        Mean of the other ratings of the movie, with five ratings of the mean of all movies added.
    n_others : int
    place : int
        Where the movie would stand in their list without this rating; 1 is first.
    n_places : int
        Length of that list: the movies that they have not rated, and this one.
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


def unexpected_favourites(
    viewer: Viewer, population: Population, *, exclude: Iterable[Any] = ()
) -> list[UnexpectedFavourite]:
    """Movies rated above the middle of the scale, and at least as high as their own mean.

    Parameters
    ----------
    viewer : KnownUser or NewUser
    population : Population
        Of the same data.
    exclude : iterable of movie ids
        Movies that are not in their list although they have not rated them.

    Returns
    -------
    list of UnexpectedFavourite
        The least expected by others first (the largest `excess`).
    """
    ratings, recommender = viewer.ratings, viewer.recommender
    stars = np.array(list(ratings.values()), np.float64)
    high = (stars > recommender.middle_rating) & (stars >= stars.mean() if len(stars) else False)
    if not high.any():
        return []
    items = [item for item, is_high in zip(ratings, high.tolist(), strict=True) if is_high]
    means, counts = population.others(ratings, included=isinstance(viewer, KnownUser))
    places, n_places = viewer.places_without(items, exclude=exclude)
    columns = items, means[high].tolist(), counts[high].tolist(), places.tolist()
    found = [
        UnexpectedFavourite(
            recommender.data.movies[item], ratings[item], mean, count, place, n_places
        )
        for item, mean, count, place in zip(*columns, strict=True)
    ]
    return sorted(found, key=lambda favourite: -favourite.excess)
