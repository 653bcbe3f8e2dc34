from dataclasses import replace

import numpy as np
import pytest

from cinefold import Interactions
from cinefold.interactions import UnknownIdError
from cinefold.models import BiasBaseline, Ease, Popularity

USERS = ["ann", "ann", "ann", "bob", "bob", "cat"]
ITEMS = [10, 20, 30, 10, 20, 10]
RATINGS = [5, 3, 1, 4, 3, 3]


@pytest.fixture
def train():
    return Interactions.from_arrays(USERS, ITEMS, RATINGS, item_ids=[10, 20, 30, 40])


def test_lists_the_most_rated_that_the_user_has_not_rated(train):
    items, scores = Popularity().fit(train).recommend(["cat", "bob"], 2)
    np.testing.assert_array_equal(items, [[20, 30], [30, 40]])
    np.testing.assert_array_equal(scores, [[2, 1], [1, 0]])


def test_a_list_that_runs_out_says_so(train):
    ranking = Popularity().fit(train).recommend(["ann"], 3)
    np.testing.assert_array_equal(ranking.mask.sum(axis=1), [1])


@pytest.mark.parametrize("most_rated", [0, 1, 3])
@pytest.mark.parametrize("model", [Popularity(), BiasBaseline()])
def test_lists_do_not_depend_on_how_many_of_the_best_are_looked_at(
    many, model, most_rated, monkeypatch
):
    everybody = model.fit(many).recommend(many.user_ids, 4)
    monkeypatch.setattr("cinefold.models.baselines._MOST_RATED", most_rated)
    few = model.recommend(many.user_ids, 4)
    np.testing.assert_array_equal(few.items, everybody.items)
    np.testing.assert_array_equal(few.scores, everybody.scores)


def test_predicts_the_damped_mean(train):
    model = Popularity(damping=2).fit(train)
    mean = np.mean(RATINGS)
    expected = [(12 + 2 * mean) / 5, (1 + 2 * mean) / 3, mean]
    np.testing.assert_allclose(model.predict(["bob"] * 3, [10, 30, 40]), expected, rtol=1e-6)


def test_without_damping_it_is_the_mean(train):
    model = Popularity(damping=0).fit(train)
    np.testing.assert_allclose(model.predict(["bob"] * 2, [10, 20]), [4, 3])


def test_the_mean_of_the_largest_ratings(train):
    huge = replace(train, by_user=train.by_user * 6e37)
    ratio = Popularity().fit(huge).item_means_ / Popularity().fit(train).item_means_
    np.testing.assert_allclose(ratio, 6e37, rtol=1e-6)


def test_wrong_input_is_named(train):
    with pytest.raises(ValueError, match="damping"):
        Popularity(damping=-1).fit(train)
    with pytest.raises(UnknownIdError, match="dora"):
        Popularity().fit(train).recommend(["dora"])


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(5)
    users, items = np.nonzero(rng.random((70, 45)) < 0.25)
    stars = np.clip(3 + rng.normal(0, 1, 70)[users] + rng.normal(0, 1, 45)[items], 1, 5)
    return Interactions.from_arrays(users, items, stars)


def objective(model, ratings):
    cells = ratings.by_user.tocoo()
    biases = model.user_biases_[cells.row] + model.item_biases_[cells.col]
    errors = cells.data - model.global_mean_ - biases
    return (
        np.sum(errors**2)
        + model.user_damping * np.sum(model.user_biases_**2)
        + model.item_damping * np.sum(model.item_biases_**2)
    )


@pytest.mark.parametrize("damping", [(5.0, 3.0), (0.5, 20.0), (0.0, 1.0)])
def test_biases_are_at_the_minimum(many, damping):
    model = BiasBaseline(user_damping=damping[0], item_damping=damping[1]).fit(many)
    lowest = objective(model, many)
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = BiasBaseline(user_damping=damping[0], item_damping=damping[1]).fit(many)
        moved.user_biases_ = model.user_biases_ + 1e-3 * rng.standard_normal(70)
        moved.item_biases_ = model.item_biases_ + 1e-3 * rng.standard_normal(45)
        assert objective(moved, many) > lowest
    shifted = BiasBaseline(user_damping=damping[0], item_damping=damping[1]).fit(many)
    for shift in (-1e-3, 1e-3):
        shifted.user_biases_ = model.user_biases_ + shift
        shifted.item_biases_ = model.item_biases_ - shift
        assert objective(shifted, many) > lowest


def test_biases_without_damping_fit_a_sum_exactly():
    users, items = np.indices((6, 5)).reshape(2, -1)
    stars = np.array([1.0, 2, 3, 2, 1, 4])[users] + np.array([0.5, 1, 0, 0.25, 1])[items]
    model = BiasBaseline(user_damping=0, item_damping=0).fit(
        Interactions.from_arrays(users, items, stars)
    )
    np.testing.assert_allclose(model.predict(users, items), stars, rtol=1e-6)


def test_a_known_user_folded_in_has_the_same_bias(many):
    model = BiasBaseline().fit(many)
    folded = model.fold_in(many)
    np.testing.assert_allclose(folded.factors[:, 0], model.user_biases_, atol=1e-6)
    items = np.zeros(70, int)
    np.testing.assert_allclose(
        model.predict(folded, items), model.predict(many.user_ids, items), atol=1e-6
    )


def test_somebody_without_ratings_is_average(many):
    model = BiasBaseline().fit(many)
    nobody = many.select(np.zeros(many.n_ratings, bool)).by_user[[0]]
    expected = model.global_mean_ + model.item_biases_[:3]
    folded = model.fold_in(nobody)
    found = [model.predict(folded, [item])[0] for item in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_biases_of_wrong_damping_are_refused(many):
    with pytest.raises(ValueError, match=r"0 or more, got -1 and 3"):
        BiasBaseline(user_damping=-1).fit(many)


@pytest.mark.parametrize("model", [Popularity(), BiasBaseline(), Ease()])
def test_known_users_folded_in_get_their_own_lists(many, model):
    fitted = model.fit(many)
    folded = fitted.fold_in(many)
    np.testing.assert_array_equal(
        fitted.recommend(folded, 5).items, fitted.recommend(many.user_ids, 5).items
    )
    rated = many.by_user.tocoo()
    seen = set(zip(many.user_ids[rated.row], many.item_ids[rated.col], strict=True))
    listed = fitted.recommend(many.user_ids, 5).items
    assert not seen & {
        (user, item) for user, row in zip(many.user_ids, listed, strict=True) for item in row
    }
