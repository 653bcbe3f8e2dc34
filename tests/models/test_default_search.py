"""What a model of which nothing was chosen makes of its data."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import evaluate
from cinefold.models import default_search
from cinefold.models.default_search import has_short_rows


def communities(n_users, n_items, n_ratings, size=20, memberships=1):
    """Users choose mostly among the items of their communities."""
    rng = np.random.default_rng(0)
    users = rng.integers(0, n_users, n_ratings)
    place = users * 7919 + rng.integers(0, memberships, n_ratings) * 104_729
    own = place % (n_items // size) * size + rng.integers(0, size, n_ratings)
    items = np.where(rng.random(n_ratings) < 0.8, own, rng.integers(0, n_items, n_ratings))
    return Interactions.from_arrays(users, items, duplicates="max")


@pytest.fixture(scope="module")
def sparse():
    return communities(1500, 2400, 20_000, 8, memberships=2).split(
        "per-user", fraction=0.2, random_state=0
    )


def test_few_ratings_a_row_have_more_factors_and_settings_that_were_tried(sparse):
    train, held_out = sparse
    assert has_short_rows(train)
    default = WeightedMatrixFactorization().fit(train)
    usual = WeightedMatrixFactorization(64).fit(train)
    assert default.item_factors_.shape[1] == 224  # ten times the cube root of the ratings
    assert default.n_iter_ == 4
    assert usual.item_factors_.shape[1] == 64
    found, before = (evaluate(model, held_out)["ndcg_at_10"] for model in (default, usual))
    assert found > 1.05 * before
    assert default.objective_ != usual.objective_
    other = WeightedMatrixFactorization(n_threads=1, random_state=1).fit(train)
    assert other.objective_ == default.objective_  # neither threads nor the seed have a say


def test_factors_follow_the_gain_of_twice_as_many_and_the_time_that_they_take(sparse, monkeypatch):
    monkeypatch.setattr(default_search, "_MOST_FACTORS", 100)
    assert WeightedMatrixFactorization(max_iter=1).fit(sparse[0]).item_factors_.shape[1] == 448
    few = communities(1500, 1200, 20_000, size=8)
    assert has_short_rows(few)  # but 64 suffice for so few communities
    assert WeightedMatrixFactorization(max_iter=1).fit(few).item_factors_.shape[1] == 256


def test_a_tolerance_that_somebody_chose_decides_when_it_ends(sparse):
    default, chosen = (WeightedMatrixFactorization(tol=tol).fit(sparse[0]) for tol in ("scale", 0))
    assert (default.n_iter_, default.stop_reason_) == (4, "converged")
    assert chosen.n_iter_ == chosen.max_iter


def test_it_is_kept_and_folds_in_with_the_numbers_that_it_found(sparse, tmp_path):
    model = WeightedMatrixFactorization().fit(sparse[0])
    model.save(tmp_path / "m")
    loaded = WeightedMatrixFactorization.load(tmp_path / "m")
    assert loaded.get_params() == model.get_params()
    assert loaded.objective_ == model.objective_
    new = {int(item): 1.0 for item in sparse[0].item_ids[:5]}
    assert np.array_equal(model.fold_in(new).factors, loaded.fold_in(new).factors)


@pytest.mark.parametrize(
    "chosen",
    [
        {"n_factors": 64},
        {"regularization": 0.01},
        {"unobserved_weight": 0.1},
        {"degree_exponent": 0.0},
    ],
)
def test_what_somebody_chose_leaves_the_formulas_to_the_rest(sparse, chosen):
    model = WeightedMatrixFactorization(max_iter=1, **chosen).fit(sparse[0])
    assert model.item_factors_.shape[1] == 64
    assert model.user_weights_ is None


def test_many_ratings_a_row_have_fewer_factors(monkeypatch):
    data = communities(300, 280, 30_000, size=140)
    assert not has_short_rows(data)
    assert WeightedMatrixFactorization(max_iter=1).fit(data).item_factors_.shape[1] == 256
    monkeypatch.setattr(default_search, "_MANY_RATINGS", data.n_ratings - 1)
    assert WeightedMatrixFactorization(max_iter=1).fit(data).item_factors_.shape[1] == 128


def test_few_ratings_in_all_choose_nothing():
    data = communities(800, 600, 6_000)
    default = WeightedMatrixFactorization(max_iter=2).fit(data)
    same = WeightedMatrixFactorization(64, max_iter=2, degree_exponent=0.0).fit(data)
    assert np.array_equal(default.item_factors_, same.item_factors_)


def test_very_few_ratings_a_row_have_fewer_factors_and_more_iterations():
    data = communities(2600, 2600, 12_500, size=10)
    model = WeightedMatrixFactorization().fit(data)
    assert model.item_factors_.shape[1] == 208
    assert model.n_iter_ == 6


def test_what_is_likely_chance_is_not_taken():
    # Who chooses at random among equals gives no reason for anything but the formulas.
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 2600, 14_000), rng.integers(0, 2000, 14_000)
    data = Interactions.from_arrays(users, items, duplicates="max")
    found, formulas = (
        WeightedMatrixFactorization(n_factors, max_iter=1).fit(data).objective_
        for n_factors in ("scale", 64)
    )
    assert found == formulas


def test_where_nothing_can_be_held_out_nothing_is_chosen():
    data = Interactions.from_arrays(np.arange(10_000), np.arange(10_000) % 40)
    default = WeightedMatrixFactorization(max_iter=1).fit(data)
    same = WeightedMatrixFactorization(40, max_iter=1).fit(data)
    assert default.objective_ == same.objective_


def test_of_very_many_ratings_a_sample_of_users_stands_for_all(sparse, monkeypatch):
    monkeypatch.setattr(default_search, "_MOST_TRIED", 2_000)
    learnt, held_out = default_search._divided(sparse[0])
    assert learnt.n_users < 0.3 * sparse[0].n_users
    assert learnt.user_counts().min() + held_out.user_counts().min() > 0
    assert np.array_equal(learnt.item_ids, sparse[0].item_ids)
    model = WeightedMatrixFactorization(max_iter=1).fit(sparse[0])
    assert len(model.user_factors_) == sparse[0].n_users


def test_counts_are_no_stars():
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 40, 400), rng.integers(0, 30, 400)
    plays = Interactions.from_arrays(users, items, np.ceil(rng.pareto(0.6, 400)), duplicates="sum")
    stars = Interactions.from_arrays(users, items, rng.integers(1, 6, 400), duplicates="max")
    targets = [
        WeightedMatrixFactorization(4, max_iter=1).fit(data).objective_.target
        for data in (plays, stars)
    ]
    assert targets == ["binary", "sqrt"]
