"""Predicted stars: calibrated, on the scale, for known and new people."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import evaluate
from cinefold.models import FoldedUsers
from cinefold.models.rating_predictor import StarPredictor


@pytest.fixture(scope="module")
def people():
    """Stars of 300 people: movies and people differ in level, and there are two tastes."""
    rng = np.random.default_rng(4)
    n_users, n_items = 300, 120
    level = 3.4 + 0.6 * rng.standard_normal((n_users, 1)) + 0.5 * rng.standard_normal(n_items)
    taste = 0.5 * rng.standard_normal((n_users, 2)) @ rng.standard_normal((2, n_items))
    stars = np.clip(np.round(level + taste + 0.6 * rng.standard_normal(taste.shape)), 1, 5)
    fame = rng.pareto(1.5, n_items) + 0.2
    seen = rng.random(stars.shape) < np.clip(0.25 * fame / fame.mean(), 0, 0.9)
    users, items = np.nonzero(seen)
    return Interactions.from_arrays(users, items, stars[users, items]).split(
        fraction=0.2, random_state=0
    )


@pytest.fixture(scope="module")
def predictor(people):
    training, held_out = people
    model = WeightedMatrixFactorization(n_factors=6, n_threads=1).fit(training, progress=False)
    return StarPredictor(model, n_factors=4).fit(held_out)


def held_out_stars(predictor, people):
    _, held_out = people
    rows = np.repeat(np.arange(held_out.n_users), held_out.user_counts())
    users, items = held_out.user_ids[rows], held_out.item_ids[held_out.by_user.indices]
    return predictor.predict(users, items), held_out.by_user.data


def test_they_are_calibrated_and_on_the_scale(predictor, people):
    predicted, actual = held_out_stars(predictor, people)
    assert predicted.min() >= 1
    assert predicted.max() <= 5
    assert predicted.mean() == pytest.approx(actual.mean(), abs=0.02)
    for third in np.array_split(np.argsort(predicted), 3):
        assert predicted[third].mean() == pytest.approx(actual[third].mean(), abs=0.1)


def test_they_are_nearer_than_scores_and_means(predictor, people):
    _, held_out = people
    rmse = predictor.cross_validated_rmse(held_out)
    predicted, actual = held_out_stars(predictor, people)
    assert rmse == pytest.approx(np.sqrt(np.mean((predicted - actual) ** 2)), abs=0.02)
    assert rmse < evaluate(predictor.explicit_, held_out)["rmse"] + 0.02
    assert rmse < np.std(actual) - 0.1
    assert evaluate(predictor.model, held_out)["rmse"] > 2 * rmse
    assert evaluate(predictor, held_out)["ndcg_at_10"] == pytest.approx(
        evaluate(predictor.model, held_out)["ndcg_at_10"]
    )


def test_the_formula_is_the_stated_one(predictor):
    model, known = predictor.model, predictor.model.interactions_
    users, items = known.user_ids[:40], known.item_ids[40:80]
    counts = known.user_counts()[:40].clip(*predictor.user_counts_)
    features = [
        np.ones(40),
        predictor.explicit_.predict(users, items),
        model.predict(users, items),
        np.log1p(counts),
        np.log1p(known.item_counts()[40:80]),
    ]
    expected = np.clip(np.stack(features, 1) @ predictor.coefficients_, 1, 5)
    means = [known.user_ratings(user)[1].mean(dtype=np.float64) for user in users]
    near = (expected < means) & (np.array(means) - expected < 0.2)
    assert 0 < near.sum() < 20
    expected = np.where(near, means, expected)
    np.testing.assert_allclose(predictor.predict(users, items), expected, rtol=1e-5)
    assert (predictor.predict(users, items) >= means)[near].all()  # also after rounding
    one = [predictor.predict(user, [item])[0] for user, item in zip(users, items, strict=True)]
    np.testing.assert_allclose(one, expected, rtol=1e-5)


def test_somebody_new_with_a_known_users_ratings_gets_their_stars(predictor):
    known = predictor.model.interactions_
    user = known.user_ids[int(np.argmax(known.user_counts()))]
    items, ratings = known.user_ratings(user)
    given = dict(zip(items.tolist(), ratings.tolist(), strict=True))
    stars = predictor.predict(predictor.fold_in(given), known.item_ids)
    np.testing.assert_allclose(stars, predictor.predict(user, known.item_ids), atol=1e-3)


def test_the_lists_of_somebody_new_may_be_made_otherwise(predictor):
    model, known = predictor.model, predictor.model.interactions_
    given = dict(zip(known.item_ids[:9].tolist(), [5.0, 4, 3] * 3, strict=True))
    other = FoldedUsers(model.user_factors_[7], model.fold_in(given).ratings)
    folded = predictor.fold_in(given, ranked=other)
    assert predictor.recommend(folded, 3).items.tolist() == model.recommend(other, 3).items.tolist()
    features = [
        np.ones(20),
        predictor.explicit_.predict(predictor.explicit_.fold_in(given), known.item_ids[:20]),
        model.predict(known.user_ids[7], known.item_ids[:20]),
        np.full(20, np.log1p(max(9, predictor.user_counts_[0]))),
        np.log1p(known.item_counts()[:20]),
    ]
    expected = np.clip(np.stack(features, 1) @ predictor.coefficients_, 1, 5)
    assert predictor.user_counts_[0] > 9  # so that their own mean, 4, says too little
    np.testing.assert_allclose(predictor.predict(folded, known.item_ids[:20]), expected, rtol=1e-5)


def test_folded_raters_can_be_taken_apart_by_rows(predictor):
    known = predictor.model.interactions_
    folded = predictor.fold_in(known.by_user[:6])
    assert len(folded) == 6
    items, rows = known.item_ids[[3, 8, 5, 3]], np.array([4, 0, 0, 5])
    alone = [
        predictor.predict(folded[[row]], [item])[0] for row, item in zip(rows, items, strict=True)
    ]
    np.testing.assert_allclose(predictor.predict(folded[rows], items), alone, rtol=1e-6)
    np.testing.assert_allclose(predictor.scores(folded[2:4]), predictor.scores(folded)[2:4])


def test_a_model_with_biases_is_its_own_explicit_model(people):
    training, held_out = people
    model = WeightedMatrixFactorization.preset("stars", n_factors=4, n_threads=1)
    predictor = StarPredictor(model.fit(training, progress=False)).fit(held_out)
    assert predictor.explicit_ is model


def test_few_held_out_ratings_leave_the_explicit_prediction(people):
    training, held_out = people
    few = held_out.select(np.arange(held_out.n_ratings) < 10)
    model = WeightedMatrixFactorization(n_factors=3, n_threads=1).fit(training, progress=False)
    predictor = StarPredictor(model, n_factors=3).fit(few)
    users, items = training.user_ids[:30], training.item_ids[:30]
    expected = predictor.explicit_.predict(users, items).clip(1, 5)
    np.testing.assert_allclose(predictor.predict(users, items), expected, atol=0.2)
    np.testing.assert_array_equal(predictor.coefficients_, [0, 1, 0, 0, 0])


def test_refitted_keeps_the_coefficients(predictor, people):
    training, _ = people
    other = WeightedMatrixFactorization(n_factors=6, n_threads=1, max_iter=2)
    again = predictor.refitted(other.fit(training, progress=False))
    np.testing.assert_array_equal(again.coefficients_, predictor.coefficients_)
    assert again.model is other
    assert again.explicit_.n_factors == predictor.n_factors


def test_saved_and_loaded(predictor, tmp_path):
    values = predictor.save(tmp_path / "stars.safetensors")
    loaded = StarPredictor.load(tmp_path / "stars.safetensors", predictor.model, values)
    known = predictor.model.interactions_
    np.testing.assert_array_equal(
        loaded.predict(known.user_ids[3], known.item_ids),
        predictor.predict(known.user_ids[3], known.item_ids),
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"coefficients": [1.0, 2.0]},
        {"coefficients": [0.0, float("nan"), 0, 0, 0]},
        {"scale": "15"},
        {"scale": None},
        {"user_counts": [[1], [2]]},
    ],
)
def test_damaged_values_are_refused(predictor, tmp_path, damage):
    values = predictor.save(tmp_path / "stars.safetensors") | damage
    with pytest.raises(ValueError, match=f"{next(iter(damage))} must be . finite numbers"):
        StarPredictor.load(tmp_path / "stars.safetensors", predictor.model, values)
