"""Models side by side, and the errors of what is measured."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import Comparison, Evaluation, compare, evaluate_per_user
from cinefold.evaluation.protocols import PROTOCOLS
from cinefold.models import BiasBaseline, Ease, Popularity
from cinefold.models.rating_predictor import StarPredictor


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    taste = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 60))
    fame = np.linspace(-1, 1, 60)
    seen = rng.random(taste.shape) < 1 / (1 + np.exp(1.2 - taste - fame))
    users, items = np.nonzero(seen)
    stars = np.clip(np.round(3.3 + taste[seen] / 2 + 0.5 * rng.standard_normal(len(users))), 1, 5)
    return Interactions.from_arrays(
        users, 100 + items, stars, timestamps=rng.integers(0, 10**6, len(users))
    )


def ours(training):
    learn, rest = training.split(fraction=0.1)
    small = {"n_factors": 4, "n_threads": 1, "max_iter": 6}
    fitted, whole = (
        WeightedMatrixFactorization(**small).fit(part, progress=False) for part in (learn, training)
    )
    return StarPredictor(fitted, n_factors=2).fit(rest).refitted(whole)


CANDIDATES = {"ours": ours, "popularity": Popularity(), "bias": BiasBaseline(), "ease": Ease()}
NAMES = ("rmse", "mae", "ndcg", "recall", "map", "auc", "coverage", "diversity")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_model_goes_through_every_protocol(data, protocol):
    found = compare(CANDIDATES, data, protocol, folds=3, ks=(5,), names=NAMES, progress=False)
    assert found.models == list(CANDIDATES)
    assert found.best("ndcg_at_5") in ("ours", "ease")
    for model in found.models:
        rmse = found.estimate(model, "rmse")
        assert (rmse is None) == (model == "ease")
        assert 0 <= found.estimate(model, "ndcg_at_5").value <= 1
        assert 0.3 < found.estimate(model, "auc").value <= 1
    assert found.estimate("ours", "rmse").value < found.estimate("popularity", "rmse").value
    assert {row["metric"] for row in found.table()} == set(found.metrics)
    assert "ndcg_at_5" in str(found)


def test_same_seed_same_figures(data):
    one, again = (
        compare(CANDIDATES, data, repeats=2, random_state=3, progress=False).table()
        for _ in range(2)
    )
    assert one == again


def evaluations(values, users=None):
    values = np.asarray(values, float)
    users = np.arange(len(values)) if users is None else np.asarray(users)
    return Evaluation({"ndcg_at_10": values}, users, {})


def test_the_error_of_a_mean_over_users():
    values = np.array([0.1, 0.4, 0.7, np.nan, 0.2])
    found = Comparison({}, {"a": [evaluations(values)]}).estimate("a", "ndcg_at_10")
    known = values[~np.isnan(values)]
    assert found.value == pytest.approx(known.mean())
    assert found.standard_error == pytest.approx(known.std(ddof=1) / 2)
    assert found.n == 4
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(found.value)
    assert high - low == pytest.approx(2 * 1.96 * found.standard_error, rel=1e-3)


def test_a_users_divisions_are_averaged_first():
    parts = [evaluations([0.0, 1.0], ["x", "y"]), evaluations([1.0, 0.5], ["x", "z"])]
    found = Comparison({}, {"a": parts}).estimate("a", "ndcg_at_10")
    assert found.n == 3
    assert found.value == pytest.approx(np.mean([0.5, 1.0, 0.5]))


def test_a_difference_is_paired():
    rng = np.random.default_rng(0)
    base = rng.random(400)
    better = base + 0.01 + 0.01 * rng.standard_normal(400)
    both = Comparison({}, {"a": [evaluations(better)], "b": [evaluations(base)]})
    gap = both.difference("a", "b", "ndcg_at_10")
    assert gap.value == pytest.approx((better - base).mean())
    assert gap.standard_error == pytest.approx((better - base).std(ddof=1) / 20)
    assert gap.standard_error < both.estimate("a", "ndcg_at_10").standard_error / 10


def test_models_and_metrics_that_there_are_not_are_said():
    both = Comparison({}, {"a": [evaluations([1.0])], "b": [evaluations([0.5])]})
    for names in (("c", "a"), ("a", "c")):
        with pytest.raises(ValueError, match="there is no model 'c'; there are a, b"):
            both.difference(*names, "ndcg_at_10")
    with pytest.raises(ValueError, match="no metric 'ndcg'; there are ndcg_at_10"):
        both.difference("a", "b", "ndcg")
    for method in (both.estimate, both.over_divisions):
        with pytest.raises(ValueError, match="there is no model 'c'; there are a, b"):
            method("c", "ndcg_at_10")


def test_a_model_that_cannot_be_fitted_is_left_out_with_the_reason(data):
    candidates = {"ease": Ease(max_items=10), "popularity": Popularity()}
    found = compare(candidates, data, progress=False)
    assert found.models == ["popularity"]
    assert "EASE needs 60 x 60 numbers" in found.left_out["ease"]


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("no 5 GB"), ArithmeticError("row 3")])
def test_nor_does_one_that_fails_in_other_ways_end_the_others(data, error):
    def fail(training):
        raise error

    found = compare({"failing": fail, "popularity": Popularity()}, data, progress=False)
    assert found.models == ["popularity"]
    assert found.left_out == {"failing": str(error) or "MemoryError"}


def test_users_without_training_ratings_do_not_count():
    data = Interactions.from_arrays([1, 1, 2, 2, 3], [1, 2, 1, 2, 1], [5, 4, 3, 2, 1])
    training = data.select(np.array([True, True, True, False, False]))
    held_out = data.select(np.array([False, False, False, True, True]))
    found = evaluate_per_user(Popularity().fit(training), held_out, names=("ndcg", "rmse"))
    assert found.users.tolist() == [2]
    assert found.counts.tolist() == [1]


def test_models_without_predictions_or_scores_are_ranked_all_the_same(data):
    class Lists:
        def __init__(self, model):
            self.interactions_ = model.interactions_
            self.recommend = model.recommend

    found = compare(
        {"lists": lambda training: Lists(Popularity().fit(training))},
        data,
        names=("rmse", "ndcg", "auc"),
        progress=False,
    )
    assert found.metrics == ["ndcg_at_10", "ndcg_at_20"]
