"""New users and items against the dense oracle."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from cinefold import Interactions, UnknownIdError, WeightedMatrixFactorization
from tests.als.test_backend import random_ratings
from tests.models.small_models import OPTIONS, dense, small_model
from tests.oracle import relative_error


def test_fold_in_of_known_ratings_gives_the_known_user(fitted):
    train = fitted.interactions_
    user = train.user_ids[7]
    items, ratings = train.user_ratings(user)
    folded = fitted.fold_in(dict(zip(items.tolist(), ratings.tolist(), strict=True)))
    assert np.allclose(folded.factors, fitted.user_factors_[7], rtol=1e-4, atol=1e-5)
    assert fitted.recommend(folded).items.tolist() == fitted.recommend(user).items.tolist()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_fold_in_is_the_dense_solution(interactions, options):
    model = small_model(**options).fit(interactions)
    new = random_ratings(np.random.default_rng(4), 25, interactions.n_items, 0.1)
    folded = model.fold_in(new)
    assert relative_error(folded.factors, dense(model, new).solve(model.item_factors_)) < 5e-5
    by_ids = Interactions.from_arrays(
        np.repeat(np.arange(25), np.diff(new.indptr)),
        interactions.item_ids[new.indices],
        new.data,
        user_ids=np.arange(25),
    )
    assert np.allclose(model.fold_in(by_ids).factors, folded.factors, atol=1e-6)
    ranking = model.recommend(folded, k=3)
    assert ranking.items.shape == (25, 3)


def test_new_items_are_the_dense_solution(fitted, interactions):
    new = random_ratings(np.random.default_rng(6), interactions.n_users, 7, 0.3)
    folded = fitted.fold_in_items(new)
    exact = dense(fitted, sp.csr_array(new.T), side="item").solve(fitted.user_factors_)
    assert relative_error(folded.factors, exact) < 5e-5
    rows, columns = new.nonzero()
    frame = pl.DataFrame(
        {
            "userId": fitted.interactions_.user_ids[rows],
            "movie": [f"new {column}" for column in columns],
            "stars": new.data,
        }
    )
    by_ids = fitted.fold_in_items(frame)
    assert by_ids.item_ids.tolist() == [f"new {i}" for i in range(7)]
    assert np.array_equal(by_ids.factors, folded.factors)
    one = new.tocsc()[:, [2]].tocoo()
    users = fitted.interactions_.user_ids[one.row].tolist()
    alone = fitted.fold_in_items(dict(zip(users, one.data.tolist(), strict=True)))
    assert np.allclose(alone.factors, folded.factors[2], atol=1e-6)
    cosines = np.argsort(-(unit(fitted.item_factors_) @ unit(folded.factors[2])))[:4]
    found = fitted.similar_items(alone, k=4)
    assert found.items.tolist() == fitted.interactions_.item_ids[cosines].tolist()
    assert fitted.similar_items(folded, k=4).items[2].tolist() == found.items.tolist()


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_what_new_rows_lack_is_named(fitted):
    with pytest.raises(ValueError, match="a new item needs at least one rating"):
        fitted.fold_in_items({})
    with pytest.raises(UnknownIdError, match="unknown user: 5"):
        fitted.fold_in_items({5: 3.0})
    with pytest.raises(ValueError, match="the rating of user 1000 must be a finite number"):
        fitted.fold_in_items({1000: None})
    with pytest.raises(ValueError, match="must have 60 rows, one for each user"):
        fitted.fold_in_items(sp.csr_array(np.ones((3, 2), np.float32)))
    with pytest.raises(TypeError, match="which have ids"):
        fitted.partial_fit_users(sp.csr_array(np.ones((3, 90), np.float32)))
    unknown = Interactions.from_arrays([1], [7], [2.0])
    with pytest.raises(UnknownIdError, match="unknown item: 7"):
        fitted.partial_fit_users(unknown)
    with pytest.raises(UnknownIdError, match="unknown user: 1"):
        fitted.partial_fit_items(unknown)
    with pytest.raises(ValueError, match="ids are like"):
        fitted.partial_fit_users(Interactions.from_arrays(["me"], [10], [2.0]))


def parts(interactions, side, known):
    """The ratings of the first `known` users (or items), and those of all later ones."""
    counts = getattr(interactions, f"{side}_counts")()
    ids = getattr(interactions, f"{side}_ids")
    users = np.repeat(interactions.user_ids, interactions.user_counts())
    items = interactions.item_ids[interactions.by_user.indices]
    first = np.isin(users if side == "user" else items, ids[:known])
    assert counts.all()
    return [
        Interactions.from_arrays(
            users[chosen],
            items[chosen],
            interactions.by_user.data[chosen],
            weights=weights[chosen],
            **{f"{'item' if side == 'user' else 'user'}_ids": other_ids(interactions, side)},
        )
        for weights in [np.random.default_rng(1).uniform(0.5, 2, len(users))]
        for chosen in (first, ~first)
    ]


def other_ids(interactions, side):
    return interactions.item_ids if side == "user" else interactions.user_ids


KINDS = [{}, {"biases": True, "unobserved_weight": 0.0}, {"degree_exponent": (0.5, 0.3)}]


@pytest.mark.parametrize("options", KINDS)
def test_new_users_become_users_of_the_model(interactions, options):
    known, new = parts(interactions, "user", 50)
    model = small_model(**options).fit(known)
    before, folded = model.user_factors_, model.fold_in(new)
    assert model.partial_fit_users(new) is model
    assert np.array_equal(model.interactions_.user_ids, interactions.user_ids)
    assert (model.interactions_.by_user != interactions.by_user).nnz == 0
    assert np.array_equal(model.user_factors_[:50], before)
    assert np.array_equal(model.user_factors_[50:], folded.factors)
    user = interactions.user_ids[55]
    seen, _ = interactions.user_ratings(user)
    assert not set(seen) & set(model.recommend(user, k=90).items)


def test_new_ratings_of_a_known_user_win_and_the_old_ones_count(interactions):
    model = small_model().fit(interactions)
    user = interactions.user_ids[3]
    items, ratings = interactions.user_ratings(user)
    unrated = np.setdiff1d(interactions.item_ids, items)[0]
    new = {int(items[0]): 1.0, int(unrated): 5.0}
    model.partial_fit_users(
        Interactions.from_arrays([user] * 2, list(new), list(new.values()), timestamps=[1, 2])
    )
    merged = dict(zip(items.tolist(), ratings.tolist(), strict=True)) | new
    found = dict(zip(*(x.tolist() for x in model.interactions_.user_ratings(user)), strict=True))
    assert found == merged
    np.testing.assert_allclose(
        model.user_factors_[3], model.fold_in(merged).factors, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("options", KINDS)
def test_new_items_become_items_of_the_model(interactions, options):
    known, new = parts(interactions, "item", 80)
    model = small_model(**options).fit(known)
    users = interactions.user_ids[:20]
    before = model.scores(users)
    folded = model.fold_in_items(new)
    expected = model.user_factors_[:20] @ folded.factors.T
    if folded.baseline is not None:
        expected += folded.baseline
    model.partial_fit_items(new)
    assert np.array_equal(model.interactions_.item_ids, interactions.item_ids)
    assert (model.interactions_.by_item != interactions.by_item).nnz == 0
    np.testing.assert_allclose(model.scores(users)[:, :80], before, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(model.scores(users)[:, 80:], expected, rtol=1e-4, atol=1e-4)
    weights = np.ones(90) if model.item_weights_ is None else model.item_weights_
    gram = model.item_factors_.astype(float).T * weights @ model.item_factors_
    assert np.allclose(gram, np.diag(np.diag(gram)), atol=1e-5 * gram.max())


def test_items_with_biases_are_the_dense_solution(interactions):
    """[v, b / s] minimizes over the users' [u, s], with the mean and their biases taken off."""
    model = WeightedMatrixFactorization.preset("stars", n_factors=4, max_iter=6).fit(interactions)
    new = random_ratings(np.random.default_rng(6), interactions.n_users, 5, 0.4)
    folded = model.fold_in_items(new)
    direction = model._biases.direction.astype(float)
    s = np.linalg.norm(direction)
    users = model.user_factors_.astype(float)
    fixed = users + np.outer(s - users @ direction / s, direction / s)
    for item in range(5):
        rated = new[:, [item]].nonzero()[0]
        targets = new[:, [item]].toarray()[rated, 0] - model._biases.mean
        targets -= model.user_biases_[rated]
        v, ridge = fixed[rated], model.objective_.regularization * len(rated) ** 0.5
        exact = np.linalg.solve(v.T @ v + ridge * np.eye(5), v.T @ targets)
        bias = exact @ direction
        assert folded.baseline[item] == pytest.approx(model._biases.mean + bias, rel=1e-4)
        exact += (s - exact @ direction / s) * direction / s
        np.testing.assert_allclose(folded.factors[item], exact, rtol=1e-3, atol=1e-4)


def test_an_extended_model_is_kept_as_it_is(interactions, tmp_path):
    known, new = parts(interactions, "user", 50)
    model = WeightedMatrixFactorization(4, max_iter=2).fit(known).partial_fit_users(new)
    model.save(tmp_path / "m")
    loaded = WeightedMatrixFactorization.load(tmp_path / "m")
    assert loaded.objective_ == model.objective_  # "scale" went by the ratings of the fit
    assert np.array_equal(loaded.user_factors_, model.user_factors_)
