"""Stopping when validation says so, with the best iteration kept."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import WeightedMatrixFactorization
from cinefold.evaluation import evaluate
from cinefold.models.callbacks import Validation, affordable_users


def overfitting(**options):
    """A model that gets worse on validation after a few iterations."""
    defaults = {"n_factors": 12, "unobserved_weight": 0.02, "regularization": 0.5, "tol": 0.0}
    defaults |= {"regularization_exponent": 0.0, "target": "rating", "max_iter": 40}
    return WeightedMatrixFactorization(**{**defaults, **options})


@pytest.fixture(scope="module")
def parts(interactions):
    return interactions.split(fraction=0.2, random_state=3)


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("metric", ["rmse", "ndcg_at_10"])
def test_the_best_iteration_is_kept(parts, metric, solver):
    train, validation = parts
    model = overfitting(early_stopping=metric, patience=2, solver=solver).fit(
        train, validation=validation
    )
    values = [record[f"validation_{metric}"] for record in model.history_]
    best = int(np.argmin(values) if metric == "rmse" else np.argmax(values))
    assert model.stop_reason_ == "early_stopping"
    assert model.best_iteration_ == best + 1
    assert model.n_iter_ == len(values) == best + 3
    again = overfitting(max_iter=best + 1, solver=solver).fit(train)
    np.testing.assert_allclose(model.item_factors_, again.item_factors_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.user_factors_, again.user_factors_, rtol=1e-3, atol=1e-4)


def test_without_improvement_to_wait_for_nothing_changes(parts):
    train, validation = parts
    options = {"max_iter": 2, "tol": 0.0}
    stopped = overfitting(early_stopping="rmse", patience=5, **options).fit(
        train, validation=validation
    )
    plain = overfitting(**options).fit(train, validation=validation)
    assert stopped.stop_reason_ == plain.stop_reason_ == "max_iter"
    assert plain.best_iteration_ == 2


def test_it_needs_validation_ratings(parts):
    train, validation = parts
    nothing = validation.select(np.zeros(validation.n_ratings, bool))
    for given in (None, nothing):
        with pytest.raises(ValueError, match="early_stopping needs validation ratings"):
            overfitting(early_stopping="rmse").fit(train, validation=given)


def test_a_saved_model_remembers_its_iteration(parts, tmp_path):
    train, validation = parts
    model = overfitting(early_stopping="rmse", patience=1).fit(train, validation=validation)
    model.save(tmp_path / "model.safetensors")
    loaded = WeightedMatrixFactorization.load(tmp_path / "model.safetensors")
    assert loaded.best_iteration_ == model.best_iteration_ < loaded.n_iter_


def test_a_callback_that_ends_it_does_not_hide_the_best_iteration(parts):
    train, validation = parts
    options = {"early_stopping": "rmse", "patience": 9}
    whole = overfitting(**options).fit(train, validation=validation)
    values = [record["validation_rmse"] for record in whole.history_]
    best = int(np.argmin(values)) + 1
    for end in (best, best + 2):
        model = overfitting(**options).fit(
            train,
            validation=validation,
            callbacks=[lambda _, record, end=end: record["iteration"] == end],
        )
        assert (model.stop_reason_, model.n_iter_, model.best_iteration_) == ("callback", end, best)


def test_where_all_users_take_too_long_the_same_few_are_measured_on_all_items(parts, monkeypatch):
    train, held_out = parts
    everybody = overfitting(max_iter=2).fit(train, validation=held_out)
    assert [record["validation_sample"] for record in everybody.history_] == [None, None]
    monkeypatch.setattr("cinefold.models.callbacks._IN_50_MS", 0)
    users = affordable_users(held_out, train, 12, exact=True)
    assert 1 <= users < np.count_nonzero(held_out.user_counts())
    model = overfitting(max_iter=2).fit(train, validation=held_out)
    assert [record["validation_sample"] for record in model.history_] == [users, users]
    measured = Validation(held_out, train, model.objective_, 1, users)
    theirs = held_out.select(
        np.isin(np.repeat(np.arange(train.n_users), held_out.user_counts()), measured._users)
    )
    found = evaluate(model, theirs)
    assert model.history_[-1]["validation_ndcg_at_10"] == pytest.approx(found["ndcg_at_10"])
    assert model.history_[-1]["validation_rmse"] == pytest.approx(found["rmse"], rel=1e-6)
    np.testing.assert_array_equal(model.user_factors_, everybody.user_factors_)
