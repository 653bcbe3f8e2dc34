"""High ratings, and the place in the list without them."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from cinefold.models import WeightedMatrixFactorization
from cinefold.recommender import (
    KnownUser,
    MovieRecommender,
    NewUser,
    Population,
    unexpected_favourites,
)

USER = 3
PARAMETERS = [
    {},
    {"unobserved_weight": 0.0},
    {"regularization": "scale", "unobserved_weight": "scale", "regularization_exponent": 1.0},
    {"target": "binary", "alpha": 2.0},
    {"biases": True, "unobserved_weight": 0.0, "target": "rating"},
]


def trained(interactions, **parameters):
    model = WeightedMatrixFactorization(
        **{"n_factors": 8, "regularization": 5.0, "n_threads": 1, **parameters}
    )
    return model.fit(interactions, progress=False)


@pytest.fixture(scope="module")
def population(data):
    return Population(data)


@pytest.fixture(scope="module")
def recommender(data):
    return MovieRecommender(data, trained(data.interactions))


def ratings_of(data, user):
    items, stars = data.interactions.user_ratings(user)
    return dict(zip(items.tolist(), stars.tolist(), strict=True))


def lacking(interactions, user, item):
    """The ratings without one."""
    kept = np.ones(interactions.n_ratings, bool)
    row = interactions.user_index(user)
    begin, end = interactions.by_user.indptr[row : row + 2]
    kept[begin:end] = interactions.item_ids[interactions.by_user.indices[begin:end]] != item
    return interactions.select(kept)


def without_rating(recommender, user, item):
    """A recommender that has never heard of one rating; the other users and the items stay."""
    model = copy(recommender.model)
    rest = lacking(model.interactions_, user, item)
    items, stars = rest.user_ratings(user)
    users = model.user_factors_.copy()
    users[rest.user_index(user)] = model.fold_in(
        dict(zip(items.tolist(), stars.tolist(), strict=True))
    ).factors
    factors = replace(model._factors, users=users)
    model._state = replace(model._state, interactions=rest, factors=factors)
    data = recommender.data
    return MovieRecommender(
        replace(data, interactions=lacking(data.interactions, user, item)), model
    )


def rank_in(lines, movie):
    (rank,) = (n.rank for n in lines if (n.movie.title, n.movie.year) == (movie.title, movie.year))
    return rank


@pytest.mark.parametrize("part", [1.0, 0.8], ids=["of all ratings", "of a part of them"])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_a_known_users_places_are_those_of_the_list_without_the_rating(data, parameters, part):
    training = data.interactions
    if part < 1:
        training, _ = training.split(fraction=1 - part)
    recommender = MovieRecommender(data, trained(training, **parameters))
    items = list(ratings_of(data, USER))
    places, n_places = KnownUser(recommender, USER).places_without(items)
    for item, place in zip(items, places.tolist(), strict=True):
        lines = without_rating(recommender, USER, item).recommend(USER, 500)
        assert len(lines) == n_places
        assert rank_in(lines, data.movies[item]) == place


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_a_new_persons_places_are_those_of_their_list_without_the_rating(data, parameters):
    recommender = MovieRecommender(data, trained(data.interactions, **parameters))
    ratings = ratings_of(data, USER)
    others = [item for item in data.movies.ids.tolist() if item not in ratings]
    hidden = others[3:9]
    viewer = NewUser(recommender, ratings)
    places, n_places = viewer.places_without(list(ratings), exclude=hidden)
    for item, place in zip(ratings, places.tolist(), strict=True):
        left = {other: stars for other, stars in ratings.items() if other != item}
        lines = recommender.recommend_for(left, 500, exclude=hidden)
        assert len(lines) == n_places
        assert rank_in(lines, data.movies[item]) == place


def test_places_count_movies_and_not_ids(data, recommender):
    pair = [movie.id for movie in data.movies if movie.title == "The Harbour Lights"]
    movies = {(movie.title, movie.year) for movie in data.movies}
    assert len(movies) < len(data.movies)
    ratings = {pair[0]: 5.0, **dict.fromkeys(data.movies.ids[:2].tolist(), 4.0)}
    (place,), n_places = NewUser(recommender, ratings).places_without([pair[0]])
    assert n_places == len(movies) - 2
    left = {item: stars for item, stars in ratings.items() if item != pair[0]}
    assert place == rank_in(recommender.recommend_for(left, 500), data.movies[pair[0]])


def test_favourites_are_high_ratings_the_least_expected_first(data, population, recommender):
    ratings = ratings_of(data, 5)
    viewer = KnownUser(recommender, 5)
    found = unexpected_favourites(viewer, population)
    mean = np.mean(list(ratings.values()))
    expected = [item for item, s in ratings.items() if s > recommender.middle_rating and s >= mean]
    assert {favourite.movie.id for favourite in found} == set(expected)
    excess = [favourite.excess for favourite in found]
    assert excess == sorted(excess, reverse=True)
    places, n_places = viewer.places_without(expected)
    by_item = dict(zip(expected, places.tolist(), strict=True))
    means, counts = population.others(ratings, included=True)
    others = dict(zip(ratings, zip(means.tolist(), counts.tolist(), strict=True), strict=True))
    for favourite in found:
        item = favourite.movie.id
        assert favourite.rating == ratings[item]
        assert (favourite.place, favourite.n_places) == (by_item[item], n_places)
        assert (favourite.others_mean, favourite.n_others) == others[item]


def test_without_high_ratings_there_are_none(data, population, recommender):
    movies = data.movies.ids[:3].tolist()
    for ratings in ({}, dict.fromkeys(movies, 1.0)):
        assert unexpected_favourites(NewUser(recommender, ratings), population) == []


def test_of_a_single_rating(data, population, recommender):
    movie = data.movies.ids[0].item()
    (favourite,) = unexpected_favourites(NewUser(recommender, {movie: 5.0}), population)
    assert favourite.movie.id == movie
    lines = recommender.recommend_for({}, 500)
    assert (favourite.place, favourite.n_places) == (rank_in(lines, favourite.movie), len(lines))
