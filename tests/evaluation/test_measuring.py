import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import Popularity, evaluate, rmse


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(1)
    pairs = np.flatnonzero(rng.random(60 * 40) < 0.3)
    interactions = Interactions.from_arrays(
        1000 + pairs // 40, 7 * (pairs % 40), rng.integers(1, 6, len(pairs))
    )
    return interactions.split("random", fraction=0.15, random_state=2)


def expected(user_factors, item_factors, train, held_out, k):
    """Each definition written out, one user at a time."""
    scores = user_factors @ item_factors.T
    rows, columns = held_out.by_user.nonzero()
    ndcgs = []
    for user in np.unique(rows):
        ranked = scores[user].copy()
        ranked[train.by_user[[user]].indices] = -np.inf
        best = np.argsort(-ranked, kind="stable")[:k]
        relevant = columns[rows == user]
        gains = [1 / np.log2(place + 2) for place, item in enumerate(best) if item in relevant]
        ideal = [1 / np.log2(place + 2) for place in range(min(k, len(relevant)))]
        ndcgs.append(sum(gains) / sum(ideal))
    return rmse(scores[rows, columns], held_out.by_user.data), np.mean(ndcgs)


def test_measures_are_those_of_the_factors(parts):
    train, held_out = parts
    model = WeightedMatrixFactorization(n_factors=8, max_iter=3).fit(train)
    error, quality = expected(model.user_factors_, model.item_factors_, train, held_out, 5)
    measured = evaluate(model, held_out, k=5)
    assert measured["rmse"] == pytest.approx(error, rel=1e-5)
    assert measured["ndcg_at_5"] == pytest.approx(quality, rel=1e-9)
    assert 0 < measured["recall_at_5"] <= 1


def test_agrees_with_the_learning_curve(parts):
    train, held_out = parts
    model = WeightedMatrixFactorization.preset("plain", n_factors=8, max_iter=3)
    model.fit(train, held_out)
    measured = evaluate(model, held_out)
    assert measured["rmse"] == pytest.approx(model.history_[-1]["validation_rmse"], rel=1e-6)
    assert measured["ndcg_at_10"] == pytest.approx(model.history_[-1]["validation_ndcg_at_10"])


def test_the_baseline_goes_the_same_way(parts):
    train, held_out = parts
    baseline = Popularity().fit(train)
    counts = train.item_counts()[None].astype(float)
    _, quality = expected(np.ones((train.n_users, 1)), counts.T, train, held_out, 10)
    assert evaluate(baseline, held_out)["ndcg_at_10"] == pytest.approx(quality)
