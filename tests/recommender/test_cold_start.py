from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.recommender import ColdStart

N_USERS, N_ITEMS = 50, 40
OBJECTIVES = [
    {"regularization": 5.0},
    {"target": "binary", "regularization_exponent": 1.0, "regularization": 0.05,
     "unobserved_weight": 0.35},
    {"unobserved_weight": 0.0, "regularization": 1.0},
    {"unobserved_weight": 2.0, "regularization": 3.0},
    {"alpha": 0.5, "regularization_exponent": 0.5, "regularization": 1.0},
    {"target": "sqrt", "unobserved_weight": "scale", "regularization": "scale",
     "regularization_exponent": 1.0},
    {"degree_exponent": 0.5, "regularization": 2.0},
]  # fmt: skip


def ratings_of_tastes() -> Interactions:
    """Users like one half of the items or the other; ids are not indices."""
    rng = np.random.default_rng(0)
    same = (np.arange(N_USERS) % 2)[:, None] == (np.arange(N_ITEMS) % 2)
    rated = rng.random((N_USERS, N_ITEMS)) < np.where(same, 0.5, 0.15)
    stars = np.where(same, rng.integers(3, 6, same.shape), rng.integers(1, 4, same.shape))
    rows, columns = rated.nonzero()
    return Interactions.from_arrays(rows, 100 + columns, stars[rated], item_ids=100 + np.arange(40))


def fitted(**parameters) -> WeightedMatrixFactorization:
    settings = {"n_factors": 5, "max_iter": 4, "n_threads": 1, **parameters}
    return WeightedMatrixFactorization.preset("plain", **settings).fit(
        ratings_of_tastes(), progress=False
    )


@pytest.fixture(scope="module")
def model():
    return fitted(regularization=5.0)


def dense(model, stars, unseen):
    """A and the factors of one new user, with every term of the equations written out."""
    V, U = model.item_factors_.astype(float), model.user_factors_.astype(float)
    train = model.interactions_.by_user
    objective = model.objective_
    w0, d, n = objective.unobserved_weight, V.shape[1], len(stars)
    typical = 1 + model.alpha * train.data.astype(float).mean()
    covariance = np.cov(U.T, bias=True)
    covariance += 1e-6 * np.trace(covariance) / d * np.eye(d)
    counts = np.bincount(train.indices, minlength=N_ITEMS)
    noise = 0.5 * typical * np.average(np.diag(V @ covariance @ V.T), weights=counts)
    half = len(train.data) / N_USERS / 4
    liked = sum(rating > 1 for rating in stars.values())
    trust = liked**2 / (liked**2 + half**2)
    ridge = objective.regularization * (n + w0 * (N_ITEMS - n)) ** model.regularization_exponent
    precision = noise * np.linalg.inv(covariance)
    weights = np.ones(N_ITEMS) if model.item_weights_ is None else model.item_weights_.astype(float)
    A = (1 - trust) * precision + trust * (w0 * V.T * weights @ V + ridge * np.eye(d))
    b = (1 - trust) * precision @ U.mean(axis=0)
    lowest, mean = train.data.min(), train.data.mean(dtype=float)
    scale = {"binary": 1.0, "rating": mean, "sqrt": np.sqrt(train.data.astype(float)).mean()}
    for item, rating in stars.items():
        confidence = weights[item] * (1 + model.alpha * rating)
        A += (confidence - trust * w0 * weights[item]) * np.outer(V[item], V[item])
        b += confidence * scale[model.target] * max(rating - lowest, 0) / (mean - lowest) * V[item]
    for item in unseen:
        A += (1 - trust) * w0 * weights[item] * np.outer(V[item], V[item])
    return A, np.linalg.solve(A, b)


def rows(answers):
    matrix = sp.lil_array((len(answers), N_ITEMS), dtype=np.float32)
    for row, stars in enumerate(answers):
        for item, value in stars.items():
            matrix[row, item] = value
    return sp.csr_array(matrix)


def answers(stars, unseen=()):
    """As `ColdStart.equations` takes them."""
    values = np.array(list(stars.values()), np.float32)
    return np.array(list(stars), int), values, np.array(unseen, int)


def equations(cold_start, stars, unseen=()):
    return cold_start.equations(*answers(stars, unseen))


PEOPLE = [
    ({0: 5.0, 3: 1.0, 8: 4.0}, [1, 2]),
    ({}, [5]),
    ({7: 2.0}, []),
    ({}, []),
    (dict.fromkeys(range(0, 40, 2), 5.0) | {1: 1.0}, [11, 13, 15]),
]


@pytest.mark.parametrize("parameters", OBJECTIVES)
def test_factors_are_those_of_the_equations(parameters):
    model = fitted(**parameters)
    cold_start = ColdStart(model)
    told = rows([stars for stars, _ in PEOPLE])
    unseen = rows([dict.fromkeys(items, 1.0) for _, items in PEOPLE])
    folded = cold_start.fold_in(told, unseen)
    each = cold_start.equations_of_rows(told, unseen)
    for row, ((stars, items), equations) in enumerate(zip(PEOPLE, each, strict=True)):
        A, expected = dense(model, stars, items)
        posterior = equations.posterior()
        np.testing.assert_allclose(posterior.mean, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(posterior.covariance @ A, np.eye(5), atol=1e-4)
        np.testing.assert_allclose(folded.factors[row], expected, rtol=1e-4, atol=1e-5)


def test_who_has_said_nothing_is_the_average_user(model):
    nobody = ColdStart(model).fold_in(rows([{}])).factors[0]
    np.testing.assert_allclose(nobody, model.user_factors_.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_with_many_ratings_it_is_the_plain_fold_in(model):
    """Of the ratings as targets, which are stars above the lowest."""
    stars = {item: 4.0 if item % 2 else 2.0 for item in range(N_ITEMS)}
    mean = model.interactions_.by_user.data.mean()
    plain = model.fold_in({100 + i: mean * (s - 1) / (mean - 1) for i, s in stars.items()}).factors
    few = dict(list(stars.items())[:2])

    def distance(told):
        own = ColdStart(model).fold_in(rows([told])).factors[0]
        return np.linalg.norm(own - plain) / np.linalg.norm(plain)

    assert distance(stars) < 0.01 < distance(few)


@cache
def cold_start_of(number: int) -> ColdStart:
    return ColdStart(fitted(**OBJECTIVES[number]))


@given(
    stars=st.dictionaries(st.integers(0, N_ITEMS - 1), st.sampled_from([1.0, 2.5, 5.0])),
    number=st.integers(0, len(OBJECTIVES) - 1),
)
@settings(max_examples=40, deadline=None)
def test_uncertainty_is_a_covariance(stars, number):
    covariance = equations(cold_start_of(number), stars).posterior().covariance
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-6, atol=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > 0


@pytest.mark.parametrize("parameters", OBJECTIVES)
def test_without_a_rating_is_as_if_it_had_not_been_given(parameters):
    """The prior's weight and lambda included, whether or not the rating is the lowest."""
    cold_start = ColdStart(fitted(**parameters))
    stars, unseen = {0: 5.0, 3: 1.0, 8: 4.0, 9: 2.0}, [1, 2]
    without = cold_start.without(*answers(stars, unseen))
    for row, item in enumerate(stars):
        others = {other: value for other, value in stars.items() if other != item}
        expected = equations(cold_start, others, unseen).solve()
        np.testing.assert_allclose(without[row], expected, rtol=1e-5, atol=1e-6)


def test_a_lowest_rating_brings_no_more_of_the_movie_than_not_having_said_so(model):
    cold_start = ColdStart(model)
    told = {0: 5.0, 2: 4.0}
    worse, better = cold_start.fold_in(rows([told | {1: 1.0}, told | {1: 5.0}])).factors
    before = cold_start.fold_in(rows([told])).factors[0]
    vector = model.item_factors_[1]
    assert worse @ vector < before @ vector < better @ vector


def test_not_seen_lowers_the_score_of_the_kind(model):
    cold_start = ColdStart(model)
    told = rows([{}, {}])
    unseen = rows([{}, dict.fromkeys(range(1, 12, 2), 1.0)])
    before, after = cold_start.fold_in(told, unseen).factors @ model.item_factors_.T
    assert after[1::2].mean() < before[1::2].mean()


def test_not_seen_tells_nothing_to_a_model_of_ratings_alone():
    cold_start = ColdStart(fitted(unobserved_weight=0.0, regularization=1.0))
    told = rows([{3: 4.0}])
    with_, without = (cold_start.fold_in(told, u).factors for u in (rows([{1: 1.0, 5: 1.0}]), None))
    np.testing.assert_array_equal(with_, without)


def test_where_all_ratings_are_equal_each_counts_the_same():
    ones = ratings_of_tastes()
    equal = Interactions.from_sparse(
        sp.csr_array((np.ones(ones.n_ratings), ones.by_user.indices, ones.by_user.indptr))
    )
    model = WeightedMatrixFactorization.preset("plain", n_factors=5, regularization=1.0, max_iter=3)
    cold_start = ColdStart(model.fit(equal, progress=False))
    even, odd = cold_start.fold_in(rows([{0: 1.0, 2: 1.0}, {1: 1.0, 3: 1.0}])).factors
    scores = model.item_factors_ @ (even - odd)
    assert scores[::2].mean() > 0 > scores[1::2].mean()


def test_a_score_is_the_sum_of_its_reasons_and_of_what_is_expected_of_anybody(model):
    cold_start = ColdStart(model)
    stars = {0: 5.0, 3: 1.0, 8: 4.0}
    told = rows([stars])
    (explanation,) = model.explain_by(equations(cold_start, stars), told, np.array([4]))
    A, factors = dense(model, stars, [])
    vector = model.item_factors_[4].astype(float)
    assert explanation.score == pytest.approx(vector @ factors, rel=1e-4)
    given_ = dict(zip(explanation.items.tolist(), explanation.contributions, strict=True))
    mean = model.interactions_.by_user.data.mean(dtype=float)
    for item, rating in stars.items():
        target = mean * (rating - 1) / (mean - 1)
        direction = np.linalg.solve(A, model.item_factors_[item].astype(float))
        assert given_[100 + item] == pytest.approx(target * vector @ direction, rel=1e-3, abs=1e-5)
    assert sorted(given_.values(), reverse=True) == explanation.contributions.tolist()
    assert dict(zip(explanation.items.tolist(), explanation.ratings.tolist(), strict=True)) == {
        100 + item: rating for item, rating in stars.items()
    }


def test_a_model_with_biases_is_told_the_stars_themselves():
    model = WeightedMatrixFactorization.preset(
        "stars", n_factors=3, regularization=0.3, n_threads=1
    ).fit(ratings_of_tastes(), progress=False)
    cold_start = ColdStart(model)
    everything = {item: 5.0 if item % 2 else 2.0 for item in range(N_ITEMS)}
    told = rows([everything])
    ids = model.interactions_.item_ids
    plain = model.predict(model.fold_in({ids[i]: s for i, s in everything.items()}), ids)
    predicted = model.scores(cold_start.fold_in(told))[0]
    assert np.abs(predicted - plain).max() < 0.15
    (item,) = model.recommend(cold_start.fold_in(told), 1, exclude_seen=False).items[0]
    (explanation,) = model.explain_by(
        equations(cold_start, everything), told, np.array([item - 100])
    )
    assert explanation.item == item
    assert explanation.score == pytest.approx(predicted[item - 100], abs=1e-4)
    total = explanation.start + explanation.contributions.sum()
    assert total == pytest.approx(explanation.score)
