"""Presets, and parameters that follow the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.models import PRESETS
from tests.als.test_backend import random_ratings


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_fits_and_takes_changes(interactions, name):
    model = WeightedMatrixFactorization.preset(name, n_factors=4, max_iter=2).fit(interactions)
    assert model.n_factors == 4
    assert np.isfinite(model.user_factors_).all()


def test_ranking_is_the_default():
    default = WeightedMatrixFactorization().get_params()
    assert WeightedMatrixFactorization.preset("ranking").get_params() == default


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="there are ranking, plain, stars"):
        WeightedMatrixFactorization.preset("fast")


def fit(ratings, weights=None, **options):
    interactions = Interactions.from_sparse(ratings, weights=weights)
    options = {"n_factors": 4, "max_iter": 8, "tol": 0.0, "target": "rating", **options}
    return WeightedMatrixFactorization(**options).fit(interactions)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_lambda_follows_the_unit_of_the_ratings(exponent):
    ratings = random_ratings(np.random.default_rng(5), 25, 30, 0.2)
    ratings.data = np.abs(ratings.data) + 1
    options = {"regularization_exponent": exponent, "max_iter": 1}
    plain, louder = (fit(given, **options).objective_ for given in (ratings, ratings * 7))
    assert louder.unobserved_weight == plain.unobserved_weight
    assert louder.regularization == pytest.approx(7 * plain.regularization, rel=1e-5)


def test_both_follow_the_unit_of_the_confidences():
    ratings = random_ratings(np.random.default_rng(5), 25, 30, 0.2)
    ratings.data = np.abs(ratings.data) + 1
    weights = ratings.copy()
    weights.data = np.full_like(ratings.data, 40)
    options = {"regularization_exponent": 0.0, "max_iter": 1}
    plain, surer = (fit(ratings, given, **options).objective_ for given in (None, weights))
    assert surer.unobserved_weight == pytest.approx(40 * plain.unobserved_weight)
    assert surer.regularization == pytest.approx(40 * plain.regularization)


def test_lambda_is_as_stated():
    ratings = random_ratings(np.random.default_rng(6), 40, 60, 0.1)
    ratings.data = np.abs(ratings.data) + 1
    model = fit(ratings, regularization_exponent=0.7)
    data, objective = model.interactions_, model.objective_
    w0 = 4 / 3 * np.sqrt(data.density)
    assert objective.unobserved_weight == pytest.approx(w0)
    means = [
        objective.row_regularization(data.user_counts(), data.n_items).mean(),
        objective.row_regularization(data.item_counts(), data.n_users).mean(),
    ]
    noise = data.density**0.25 * (np.sqrt(data.n_users) + np.sqrt(data.n_items))
    expected = 0.41 * np.sqrt(w0) * ratings.data.mean() * noise
    assert np.sqrt(np.prod(means)) == pytest.approx(expected, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), n_users=st.integers(2, 40), n_items=st.integers(2, 40))
def test_small_data_does_not_collapse_to_nothing(seed, n_users, n_items):
    ratings = random_ratings(np.random.default_rng(seed), n_users, n_items, 0.3)
    ratings.data = np.abs(ratings.data) + 1
    if ratings.nnz > 1:
        model = WeightedMatrixFactorization(n_factors=4, max_iter=20).fit(ratings)
        assert np.abs(model.user_factors_ @ model.item_factors_.T).max() > 0.1


def test_explicit_models_have_a_scaled_lambda_too(interactions):
    model = WeightedMatrixFactorization(n_factors=3, max_iter=2, unobserved_weight=0)
    assert model.fit(interactions).objective_.regularization > 0
    assert model.unobserved_weight == 0
    assert model.regularization == "scale"


def test_square_roots_are_of_numbers_that_have_one(interactions):
    ratings = interactions.by_user.copy()
    ratings.data[7] = -0.5
    with pytest.raises(ValueError, match=r"target 'sqrt' is for ratings of 0 and more.* -0\.5"):
        WeightedMatrixFactorization(n_factors=3, max_iter=2).fit(ratings)
