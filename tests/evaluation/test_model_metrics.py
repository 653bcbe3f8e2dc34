import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import evaluate, evaluate_per_user, model_metrics
from cinefold.metrics import METRICS, beyond_accuracy, rmse
from cinefold.models import BiasBaseline, Ease, FoldedUsers, Popularity, Ranking


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


def test_metrics_are_those_of_the_factors(parts):
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
    model.fit(train, validation=held_out)
    measured = evaluate(model, held_out)
    assert measured["rmse"] == pytest.approx(model.history_[-1]["validation_rmse"], rel=1e-6)
    assert measured["ndcg_at_10"] == pytest.approx(model.history_[-1]["validation_ndcg_at_10"])


def test_the_baseline_goes_the_same_way(parts):
    train, held_out = parts
    baseline = Popularity().fit(train)
    counts = train.item_counts()[None].astype(float)
    _, quality = expected(np.ones((train.n_users, 1)), counts.T, train, held_out, 10)
    assert evaluate(baseline, held_out)["ndcg_at_10"] == pytest.approx(quality)


class Fixed:
    """Lists and predicts what it is told, whoever asks."""

    def __init__(self, interactions, items, predicted=3.0):
        self.interactions_ = interactions
        self.items, self.predicted = np.asarray(items), predicted

    def recommend(self, users, k=10):
        items = np.tile(self.items[:k], (len(users), 1))
        return Ranking(items, np.zeros(items.shape, np.float32))

    def predict(self, users, items):
        return np.full(len(items), self.predicted, np.float32)


def of(cells, n_items=5):
    users, items = zip(*cells, strict=True)
    return Interactions.from_arrays(
        users, items, np.full(len(users), 4.0), user_ids=["a", "b", "c"], item_ids=range(n_items)
    )


TRAINING = of([("a", 0), ("b", 0), ("b", 1)])


def test_lists_with_what_was_rated_are_refused():
    with pytest.raises(ValueError, match=r"Fixed lists items that their users have rated"):
        evaluate_per_user(Fixed(TRAINING, [3, 1]), of([("a", 3), ("b", 4)]))


def test_lists_that_repeat_an_item_are_refused():
    with pytest.raises(ValueError, match="Fixed lists an item twice"):
        evaluate_per_user(Fixed(TRAINING, [3, 3, 2]), of([("a", 3)]))


def test_predictions_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="Fixed predicts NaN"):
        evaluate_per_user(Fixed(TRAINING, [3], np.nan), of([("a", 3)]))


def test_new_users_need_a_model_that_folds_in():
    with pytest.raises(ValueError, match="Fixed cannot fold in new users"):
        evaluate_per_user(Fixed(TRAINING, [3]), of([("c", 3)]), given=of([("c", 0)]))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"names": ["ndgc"]}, "no metric 'ndgc'; there are rmse"),
        ({"ks": [0]}, "at least 1"),
        ({"ks": []}, "ks must be a sequence of lengths"),
        ({"ks": 10}, "ks must be a sequence of lengths, not 10"),
    ],
)
def test_wrong_metrics_are_said(asked, words):
    with pytest.raises(ValueError, match=words):
        evaluate_per_user(Fixed(TRAINING, [3]), of([("a", 3)]), **asked)


def test_an_item_only_held_out_counts_and_can_be_missed():
    """Nobody rated 3 and 4 in training: 3 is listed and found, 4 is not."""
    found = evaluate_per_user(
        Fixed(TRAINING, [3, 2]), of([("a", 3), ("a", 4)]), names=("recall", "rmse"), ks=(2,)
    )
    assert found.users.tolist() == ["a"]
    assert found.means == {"rmse": 1.0, "recall_at_2": 0.5}
    for model in (Popularity(), BiasBaseline(), Ease(), WeightedMatrixFactorization(n_factors=2)):
        fitted = model.fit(TRAINING)
        measured = evaluate_per_user(fitted, of([("a", 4)]), names=("recall", "auc"), ks=(4,)).means
        assert measured["recall_at_4"] == 1  # of the four items that a has not rated
        assert 0 <= measured["auc"] <= 1


@pytest.mark.parametrize("name", ["recall", "auc"])
def test_held_out_ratings_that_were_trained_on_are_warned_of(name):
    model, held_out = Popularity().fit(TRAINING), of([("a", 0), ("a", 3), ("b", 2)])
    with pytest.warns(UserWarning, match="1 of the 3 held-out ratings were trained on"):
        evaluate_per_user(model, held_out, names=[name])
    evaluate_per_user(model, TRAINING, names=["rmse"])  # of predictions it is none


def test_users_unknown_in_training_do_not_count():
    found = evaluate_per_user(
        Fixed(TRAINING, [3]), of([("a", 3), ("c", 2)]), names=("recall", "rmse")
    )
    assert found.users.tolist() == ["a"]
    assert found.counts.tolist() == [1]


def test_nobody_left_is_nan():
    found = evaluate_per_user(Fixed(TRAINING, [3]), of([("c", 3)]), names=METRICS)
    assert len(found.users) == 0
    assert found.means["coverage_at_10"] == 0
    assert all(np.isnan(v) for name, v in found.means.items() if not name.startswith("coverage"))


@pytest.mark.parametrize("model", [BiasBaseline(), WeightedMatrixFactorization(n_factors=4)])
def test_blocks_change_nothing(parts, model, monkeypatch):
    train, held_out = parts
    fitted = model.fit(train)
    names = METRICS
    whole = evaluate_per_user(fitted, held_out, names=names)
    new = evaluate_per_user(fitted, held_out, given=train, names=names)
    for module, name in (
        (model_metrics, "_SCORES_AT_A_TIME"),
        (model_metrics, "_PREDICTIONS_AT_A_TIME"),
        (beyond_accuracy, "_NUMBERS_AT_A_TIME"),
    ):
        monkeypatch.setattr(module, name, 90)
    again = evaluate_per_user(fitted, held_out, names=names).means
    assert again == pytest.approx(whole.means, rel=1e-6)
    # Whom a model knows and whom it folds in from the same ratings it sees alike, where exact.
    assert evaluate_per_user(fitted, held_out, given=train, names=names).means == pytest.approx(
        new.means
    )
    assert new.means["auc"] == pytest.approx(whole.means["auc"], abs=0.01)


def test_metrics_of_lists_by_hand():
    """Both get 2 and 3, which nobody rated: 3 of 5 items are never listed."""
    measured = evaluate_per_user(
        Fixed(TRAINING, [2, 3]),
        of([("a", 4), ("b", 4)]),
        ks=(2,),
        names=("coverage", "gini", "novelty", "diversity"),
    ).means
    assert measured == pytest.approx(
        {
            "coverage_at_2": 2 / 5,
            "gini_at_2": (2 * 2 + 4 * 2) / (5 * 4),  # counts 0, 0, 0, 2, 2
            "novelty_at_2": np.log2(3),
            "diversity_at_2": 1,
        }
    )


def test_folded_in_users_are_measured_by_their_own_ratings():
    given = of([("c", 0), ("c", 1)])
    model = Popularity().fit(TRAINING)
    assert isinstance(model.fold_in(given), FoldedUsers)
    found = evaluate_per_user(model, of([("c", 2)]), given=given, names=("recall", "mrr"), ks=(3,))
    assert found.users.tolist() == ["c"]
    assert found.means == {"recall_at_3": 1, "mrr_at_3": 1}  # 2 is the first that c has not rated
