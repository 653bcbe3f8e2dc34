"""Biases: the joint problem of vectors and biases, solved densely."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold import Interactions, WeightedMatrixFactorization
from tests.als.test_backend import random_ratings
from tests.oracle import relative_error


def spread(model):
    """s^2: three times the mean deviation of the ratings, over that of MovieLens."""
    ratings = model.interactions_.by_user.data
    return 3 * np.abs(ratings - ratings.mean()).mean() / 0.944


def stars(**options):
    return WeightedMatrixFactorization.preset(
        "stars", **{"n_factors": 5, "max_iter": 6, "tol": 0.0, "regularization": 0.4, **options}
    )


def parts(model):
    """mu, user biases, item biases."""
    biases = model.user_biases_, model.item_biases_
    mean = model.interactions_.by_user.data.mean(dtype=np.float64)
    return mean, *(bias.astype(float) for bias in biases)


def without_constant(model):
    """Item vectors (n_items, n_factors) in some basis, from scores alone."""
    items = model.item_factors_.astype(float)
    direction = model._factors.biases.direction.astype(float)
    basis = np.linalg.svd(np.eye(len(direction)) - np.outer(direction, direction) / spread(model))[
        0
    ]
    return items @ basis[:, :-1]


def test_users_are_the_exact_solution_for_the_items(interactions):
    model = stars().fit(interactions)
    mean, user_biases, item_biases = parts(model)
    vectors = without_constant(model)
    predicted = model.user_factors_.astype(float) @ model.item_factors_.T + item_biases + mean
    matrix = interactions.by_user
    d = vectors.shape[1]
    for user in range(interactions.n_users):
        rated = slice(*matrix.indptr[user : user + 2])
        seen = matrix.indices[rated]
        design = np.column_stack([vectors[seen], np.ones(len(seen))])
        ridge = 0.4 * np.sqrt(len(seen)) * np.append(np.ones(d), 1 / spread(model))
        targets = matrix.data[rated] - mean - item_biases[seen]
        exact = np.linalg.solve(design.T @ design + np.diag(ridge), design.T @ targets)
        expected = mean + item_biases + vectors @ exact[:-1] + exact[-1]
        assert relative_error(predicted[user : user + 1], expected[None]) < 1e-4
        assert user_biases[user] == pytest.approx(exact[-1], abs=1e-4)


def test_history_has_the_joint_objective(interactions):
    model = stars().fit(interactions)
    mean, user_biases, item_biases = parts(model)
    matrix = interactions.by_user
    rows = np.repeat(np.arange(interactions.n_users), np.diff(matrix.indptr))
    predicted = model.predict(
        interactions.user_ids[rows], interactions.item_ids[matrix.indices]
    ).astype(float)
    errors = matrix.data - predicted
    # A user's vector is the rest of its row beside the bias, which lies along the direction.
    along = user_biases**2 / spread(model)
    user_norms = (model.user_factors_.astype(float) ** 2).sum(1)
    item_norms = (without_constant(model) ** 2).sum(1) + item_biases**2 / spread(model)
    assert (user_norms >= along - 1e-5).all()
    ridge = 0.4 * np.sqrt(interactions.user_counts()) @ user_norms
    ridge += 0.4 * np.sqrt(interactions.item_counts()) @ item_norms
    assert model.history_[-1]["objective"] == pytest.approx((errors**2).sum() + ridge, rel=1e-5)
    assert model.history_[-1]["train_rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    assert mean == pytest.approx(matrix.data.mean(), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    n_factors=st.sampled_from([1, 3, 16, 140]),
    exponent=st.sampled_from([0.0, 0.5, 1.0]),
    solver=st.sampled_from(["exact", "cg"]),
)
def test_the_objective_never_rises(seed, n_factors, exponent, solver):
    rng = np.random.default_rng(seed)
    ratings = random_ratings(rng, 30, 40, 0.2)
    model = stars(n_factors=n_factors, regularization_exponent=exponent, solver=solver, max_iter=8)
    history = [record["objective"] for record in model.fit(ratings).history_]
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in pairwise(history))


def test_folding_in_a_known_users_ratings_gives_their_scores(interactions):
    model = stars().fit(interactions)
    user = interactions.user_ids[3]
    items, ratings = interactions.user_ratings(user)
    folded = model.fold_in(dict(zip(items.tolist(), ratings.tolist(), strict=True)))
    everything = interactions.item_ids
    np.testing.assert_allclose(
        model.predict(folded, everything), model.predict(user, everything), atol=1e-4
    )


def test_ranking_is_that_of_the_predictions_and_reasons_sum_to_them(interactions):
    model = stars().fit(interactions)
    user = interactions.user_ids[0]
    items, scores = model.recommend(user, 5)
    np.testing.assert_allclose(scores, model.predict(user, items), rtol=1e-5)
    predicted = model.predict(user, interactions.item_ids)
    unseen = ~np.isin(interactions.item_ids, interactions.user_ratings(user)[0])
    np.testing.assert_allclose(scores, np.sort(predicted[unseen])[::-1][:5], rtol=1e-5)
    explanation = model.explain(user, items[0])
    assert explanation.score == pytest.approx(float(scores[0]), rel=1e-4)
    total = explanation.start + explanation.contributions.sum()
    assert total == pytest.approx(explanation.score, rel=1e-9)


def test_similar_items_do_not_share_the_users_biases(interactions):
    model = stars().fit(interactions)
    vectors = without_constant(model)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items, cosines = model.similar_items(interactions.item_ids[0], 5)
    places = interactions.item_index(items)
    np.testing.assert_allclose(cosines, vectors[places] @ vectors[0], atol=1e-4)
    assert cosines.max() < 1.0001


def test_saved_and_loaded(interactions, tmp_path):
    model = stars().fit(interactions)
    model.save(tmp_path / "model.safetensors")
    loaded = WeightedMatrixFactorization.load(tmp_path / "model.safetensors")
    user = interactions.user_ids[1]
    np.testing.assert_array_equal(
        loaded.predict(user, interactions.item_ids), model.predict(user, interactions.item_ids)
    )
    np.testing.assert_array_equal(loaded.user_biases_, model.user_biases_)
    assert loaded.recommend(user).items.tolist() == model.recommend(user).items.tolist()


def test_result_does_not_depend_on_threads(interactions):
    one, three = (stars(n_threads=n).fit(interactions) for n in (1, 3))
    np.testing.assert_array_equal(one.user_factors_, three.user_factors_)


def test_shifted_ratings_shift_predictions():
    rng = np.random.default_rng(0)
    ratings = random_ratings(rng, 20, 15, 0.3)
    shifted = ratings.copy()
    shifted.data += 100
    first, second = (stars(max_iter=3).fit(Interactions.from_sparse(r)) for r in (ratings, shifted))
    np.testing.assert_allclose(
        first.predict(0, np.arange(15)) + 100, second.predict(0, np.arange(15)), atol=1e-2
    )


def test_a_model_without_biases_says_so(interactions):
    model = WeightedMatrixFactorization(n_factors=3, max_iter=1).fit(interactions)
    with pytest.raises(AttributeError, match="fit it with biases=True"):
        _ = model.user_biases_
