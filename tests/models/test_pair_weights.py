"""Pairs that weigh a_i b_j, by degree and as given, against the dense oracle."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.models.fitted import FittedAttributes
from tests.models.small_models import by_degree, dense, small_model
from tests.models.test_incremental import parts
from tests.oracle import DenseProblem, loss, relative_error

DEGREES = {"degree_exponent": (0.5, 0.3), "regularization": 0.5, "max_iter": 4}


def weights_of(model: FittedAttributes):
    return model.user_weights_.astype(float), model.item_weights_.astype(float)


def test_no_exponent_is_no_weights_at_all(interactions):
    plain, zero = small_model(), small_model(degree_exponent=(0.0, 0.0))
    assert np.array_equal(
        plain.fit(interactions).item_factors_, zero.fit(interactions).item_factors_
    )
    assert zero.user_weights_ is zero.item_weights_ is None


def test_weights_are_powers_of_the_counts_and_typical_ones_weigh_one(interactions):
    model = small_model(**DEGREES).fit(interactions)
    a, b = weights_of(model)
    for side, weights in (("user", a), ("item", b)):
        counts = getattr(interactions, f"{side}_counts")()
        np.testing.assert_allclose(weights, by_degree(model, side, counts), rtol=1e-5)
        assert np.average(np.sqrt(weights), weights=counts) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_given_weights_are_those_of_the_objective(interactions, solver):
    """He et al. 2016 weigh unobserved pairs by item: here with an own weight of the observed."""
    rng = np.random.default_rng(0)
    a = rng.uniform(0.2, 3, interactions.n_users)
    b = rng.uniform(0.2, 3, interactions.n_items)
    model = small_model(solver=solver, max_iter=3)
    by_id = dict(zip(interactions.item_ids.tolist(), b, strict=True))
    model.fit(interactions, user_weights=a, item_weights=by_id)
    setting = {"w0": 0.1, "lam": 2.0}
    users = DenseProblem.of(interactions.by_user, row_weights=a, column_weights=b, **setting)
    items = DenseProblem.of(interactions.by_item, row_weights=b, column_weights=a, **setting)
    u, v = model.user_factors_, model.item_factors_
    assert relative_error(u, users.solve(v)) < 5e-5
    assert model.history_[-1]["objective"] == pytest.approx(loss(users, items, u, v), rel=1e-5)
    converged = small_model(solver=solver, max_iter=300)
    converged.fit(interactions, user_weights=a, item_weights=b)
    u, v = converged.user_factors_, converged.item_factors_
    assert relative_error(v, items.solve(u)) < 1e-2  # both half-steps minimize the same


def test_scores_contributions_and_lists_agree(interactions):
    model = small_model(**DEGREES).fit(interactions)
    scores = model.user_factors_ @ model.item_factors_.T
    user, ids = interactions.user_ids[7], interactions.item_ids
    np.testing.assert_allclose(model.scores(user), scores[7], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict(user, ids), scores[7], rtol=1e-4, atol=1e-6)
    explained = model.explain(user, ids)
    found = [(e.score, e.contributions.sum()) for e in explained]
    np.testing.assert_allclose(found, np.stack([scores[7]] * 2, axis=1), rtol=1e-3, atol=1e-4)
    ranking = model.recommend(user, k=5)
    seen, _ = interactions.user_ratings(user)
    order = [i for i in ids[np.argsort(-scores[7])] if i not in set(seen)]
    assert ranking.items.tolist() == order[:5]
    missing = model.row_equations(user, n_missing=1).without()
    items, stars = interactions.user_ratings(user)
    rest = dict(zip(items[1:].tolist(), stars[1:].tolist(), strict=True))
    np.testing.assert_allclose(missing[0], model.fold_in(rest).factors, rtol=1e-3, atol=1e-4)


def test_new_users_and_items_are_the_dense_solutions(interactions):
    known, new = parts(interactions, "user", 50)
    model = small_model(**DEGREES).fit(known)
    problem = dense(model, new.by_user, new.weights)
    exact = problem.solve(model.item_factors_)
    assert relative_error(model.fold_in(new).factors, exact) < 5e-5
    b = model.item_weights_
    model.partial_fit_users(new)
    assert np.array_equal(model.item_weights_, b)
    np.testing.assert_allclose(
        model.user_weights_, by_degree(model, "user", interactions.user_counts()), rtol=1e-5
    )
    known, new = parts(interactions, "item", 80)
    model = small_model(**DEGREES).fit(known)
    problem = dense(model, new.by_item, new.weights_by_item, side="item")
    folded = model.fold_in_items(new)
    assert relative_error(folded.factors, problem.solve(model.user_factors_)) < 5e-5
    model.partial_fit_items(new)
    np.testing.assert_allclose(
        model.item_weights_, by_degree(model, "item", interactions.item_counts()), rtol=1e-5
    )


def test_known_users_keep_their_given_weight(interactions):
    known = interactions.select(interactions.by_user.data > 2)
    given = np.linspace(0.5, 2, known.n_users)
    model = small_model(**DEGREES).fit(known, user_weights=given)
    model.partial_fit_users(interactions)
    expected = given * by_degree(model, "user", interactions.user_counts())
    np.testing.assert_allclose(model.user_weights_, expected, rtol=1e-5)


def test_the_model_is_kept_with_its_weights(interactions, tmp_path):
    model = small_model(**DEGREES).fit(interactions, item_weights=np.full(90, 2.0))
    model.save(tmp_path / "m")
    loaded = WeightedMatrixFactorization.load(tmp_path / "m")
    assert loaded.get_params() == model.get_params()
    assert loaded.objective_ == model.objective_
    for name in ("user_weights_", "item_weights_", "user_factors_", "item_factors_"):
        assert np.array_equal(getattr(loaded, name), getattr(model, name))
    assert np.array_equal(loaded.fold_in({10: 4.0}).factors, model.fold_in({10: 4.0}).factors)


def test_factors_from_elsewhere(interactions):
    fitted = small_model(**DEGREES).fit(interactions)
    given = {"interactions": interactions, **fitted.get_params(), "n_factors": 6}
    model = WeightedMatrixFactorization.from_factors(
        fitted.user_factors_, fitted.item_factors_, **given
    )
    users = interactions.user_ids[:9]
    np.testing.assert_allclose(model.scores(users), fitted.scores(users), rtol=1e-3, atol=1e-4)
    new = {10: 5.0, 20: 1.0}
    np.testing.assert_allclose(
        model.scores(model.fold_in(new)), fitted.scores(fitted.fold_in(new)), rtol=1e-3, atol=1e-4
    )


def test_validation_rmse_is_weighed_as_the_training_is(interactions):
    train, held_out = interactions.split(random_state=1)
    model = small_model(**DEGREES).fit(train, validation=held_out)
    rows = np.repeat(np.arange(60), held_out.user_counts())
    columns = held_out.by_user.indices
    a, b = weights_of(model)
    errors = held_out.by_user.data - (model.user_factors_ @ model.item_factors_.T)[rows, columns]
    expected = np.sqrt(np.average(errors**2, weights=a[rows] * b[columns]))
    assert model.history_[-1]["validation_rmse"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree_exponent": -0.1}, "degree_exponent must be finite .*from 0 to 1"),
        ({"degree_exponent": ("scale", 0.2)}, "degree_exponent must be a number, not 'scale'"),
        ({"degree_exponent": (0.1, 0.2, 0.3)}, "one number or two"),
        ({"degree_exponent": 0.5, "biases": True, "unobserved_weight": 0.0}, "biases are for"),
    ],
)
def test_exponents_out_of_range(interactions, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        small_model(**options).fit(interactions)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"user_weights": np.ones(3)}, r"user_weights must have shape \(60,\), not \(3,\)"),
        ({"user_weights": np.ma.masked_less(np.arange(60), 9)}, "user_weights is masked"),
        ({"user_weights": {0: "x"}}, "user_weights must be numbers; found 'x' at position 0"),
        ({"user_weights": np.full(60, 1j)}, "user_weights must be numbers, not complex128"),
        ({"item_weights": np.zeros(90)}, "item_weights must be finite numbers above 0"),
        ({"item_weights": {7: 2.0}}, "unknown item_weights"),
    ],
)
def test_weights_that_are_none(interactions, given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        small_model().fit(interactions, **given)


def test_an_empty_model_of_nobody_has_no_weights():
    data = Interactions.from_arrays([1, 2], [1, 2], [1.0, 1.0], item_ids=[1, 2, 3])
    model = small_model(n_factors=1, degree_exponent=0.5).fit(data)
    assert model.item_weights_.tolist() == [1, 1, 1]
