"""Models made of factors that were found elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.models import NotFittedError

USERS = np.random.default_rng(0).standard_normal((5, 3))
ITEMS = np.random.default_rng(1).standard_normal((7, 3))
NUMBERS = {"unobserved_weight": 0.1, "regularization": 0.5, "regularization_exponent": 0.0}


def made(**options):
    return WeightedMatrixFactorization.from_factors(USERS, ITEMS, **options)


def test_scores_stay_and_items_are_in_their_eigenbasis():
    model = made()
    np.testing.assert_allclose(model.scores(range(5)), USERS @ ITEMS.T, rtol=1e-5, atol=1e-6)
    gram = model.item_factors_.astype(float).T @ model.item_factors_
    assert np.allclose(gram, np.diag(np.diag(gram)), atol=1e-5 * gram.max())
    best = np.argsort(-(ITEMS @ USERS[2]))[:4]
    assert model.recommend(2, k=4).items.tolist() == best.tolist()
    assert model.stop_reason_ == "from_factors"
    assert model.n_factors == 3


def test_rows_belong_to_the_ids_whatever_their_order(tmp_path):
    user_ids, item_ids = ["e", "b", "a", "d", "c"], [9, 3, 4, 8, 5, 1, 2]
    model = made(user_ids=user_ids, item_ids=item_ids, **NUMBERS)
    path = tmp_path / "m"
    model.save(path)
    for each in (model, WeightedMatrixFactorization.load(path)):
        found = each.predict(user_ids, item_ids[:5])
        np.testing.assert_allclose(found, np.einsum("ij,ij->i", USERS, ITEMS[:5]), rtol=1e-5)
        assert each.recommend("b", k=1).items == [item_ids[np.argmax(ITEMS @ USERS[1])]]
        assert each.interactions_.n_ratings == 0
        v = ITEMS[[0, 2]]
        equations = 0.1 * ITEMS.T @ ITEMS + 0.9 * v.T @ v + 0.5 * np.eye(3)
        exact = ITEMS @ np.linalg.solve(equations, np.sqrt([5, 2]) @ v)
        folded = each.fold_in({9: 5.0, 4: 2.0})
        np.testing.assert_allclose(each.predict(folded, item_ids), exact, rtol=1e-4, atol=1e-5)


def test_a_fitted_model_is_what_its_factors_make(interactions):
    fitted = WeightedMatrixFactorization(4, max_iter=3).fit(interactions)
    model = WeightedMatrixFactorization.from_factors(
        fitted.user_factors_, fitted.item_factors_, interactions=interactions
    )
    assert model.objective_ == fitted.objective_
    users = interactions.user_ids[:9]
    assert np.array_equal(model.recommend(users).items, fitted.recommend(users).items)
    item = interactions.item_ids[0]
    assert model.explain(users[0], item).score == pytest.approx(
        fitted.explain(users[0], item).score, rel=1e-4
    )


def test_ratings_may_be_of_some_of_them():
    ratings = Interactions.from_arrays(["a", "c"], [1, 2], [3.0, 4.0])
    ids = {"user_ids": list("abcde"), "item_ids": list(range(7))}
    model = made(interactions=ratings, **ids)
    assert 1 not in model.recommend("a", k=7).items
    assert len(model.recommend("b", k=7)) == 7
    model.partial_fit_users(Interactions.from_arrays(["f"], [6], [5.0]))
    assert 6 not in model.recommend("f", k=7).items


def test_without_an_objective_new_users_are_refused():
    with pytest.raises(NotFittedError, match="unobserved_weight and regularization as numbers"):
        made().fold_in({0: 5.0})


@pytest.mark.parametrize(
    ("users", "items", "options", "words"),
    [
        (USERS, ITEMS[:, :2], {}, "same number of columns"),
        (USERS, ITEMS, {"user_ids": list(range(7))}, "user_ids has 7 ids for 5 users"),
        (USERS, ITEMS, {"item_ids": [1, 1, 2, 3, 4, 5, 6]}, "repeated ids"),
        (USERS, ITEMS[0], {}, "item_factors must have two dimensions"),
        (USERS, np.where(ITEMS[6, 2] == ITEMS, np.nan, ITEMS), {}, "finite .* nan at position 20"),
        (USERS, ITEMS, {"n_factors": 4}, "n_factors=3 as given"),
        (USERS, ITEMS, {"alpha": -1}, "alpha"),
        (
            USERS,
            ITEMS,
            {"biases": True, "unobserved_weight": 0, "target": "rating"},
            "without biases",
        ),
        (
            USERS,
            ITEMS,
            {"interactions": Interactions.from_arrays([1], [9], [2.0]), "user_ids": range(5),
             "item_ids": range(7)},
            "unknown item: 9",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(users, items, options, words):
    with pytest.raises(ValueError, match=words):
        WeightedMatrixFactorization.from_factors(users, items, **options)


@pytest.mark.parametrize("kind", [complex, str])
def test_factors_that_are_no_numbers(kind):
    with pytest.raises(TypeError, match="user_factors must be numbers, not"):
        WeightedMatrixFactorization.from_factors(USERS.astype(kind), ITEMS)


def test_the_callers_factors_stay_theirs():
    users, items = USERS.astype(np.float32), ITEMS.astype(np.float32)
    model = WeightedMatrixFactorization.from_factors(users, items)
    before = model.scores(0)
    users[:], items[:] = 0, 0
    assert np.array_equal(model.scores(0), before)
