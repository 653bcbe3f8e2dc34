"""The estimator: what a fit leaves, and what can be asked of it."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from cinefold import Interactions, UnknownIdError, WeightedMatrixFactorization
from cinefold.models import NotFittedError
from tests.als.test_backend import random_ratings
from tests.oracle import DenseProblem, loss, relative_error

OPTIONS = {
    "plain": {},
    "explicit": {"unobserved_weight": 0.0},
    "heavy unobserved": {"unobserved_weight": 1.7},
    "confidence": {"alpha": 0.5, "target": "binary", "unobserved_weight": 1.0},
    "nu 0.5": {"regularization": 0.1, "regularization_exponent": 0.5},
    "nu 1": {"regularization": 0.02, "regularization_exponent": 1.0},
    "square roots": {"target": "sqrt"},
    "scaled": {
        "unobserved_weight": "scale",
        "regularization": "scale",
        "regularization_exponent": 1.0,
        "target": "sqrt",
        "alpha": 0.2,
    },
}


def small_model(**options):
    defaults = {"n_factors": 6, "max_iter": 5, "tol": 0.0, "unobserved_weight": 0.1}
    defaults |= {"regularization": 2.0, "regularization_exponent": 0.0, "target": "rating"}
    return WeightedMatrixFactorization(**{**defaults, **options})


def dense(model, matrix, confidence=None):
    objective = model.objective_
    return DenseProblem.of(
        matrix,
        w0=objective.unobserved_weight,
        lam=objective.regularization,
        nu=objective.regularization_exponent,
        target=objective.target,
        alpha=objective.alpha,
        confidence=confidence,
    )


@pytest.fixture(scope="module")
def fitted(interactions):
    train, validation = interactions.split(random_state=1)
    return small_model(max_iter=8).fit(train, validation=validation)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_history_and_user_factors_are_those_of_the_dense_problem(interactions, options):
    model = small_model(**options).fit(interactions)
    users, items = dense(model, interactions.by_user), dense(model, interactions.by_item)
    u, v = model.user_factors_, model.item_factors_
    assert relative_error(u, users.solve(v)) < 5e-5
    record = model.history_[-1]
    assert record["objective"] == pytest.approx(loss(users, items, u, v), rel=1e-5)
    rows = np.repeat(np.arange(len(u)), np.diff(interactions.by_user.indptr))
    columns = interactions.by_user.indices
    errors = users.target[rows, columns] - (u.astype(float) @ v.T)[rows, columns]
    assert record["train_rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-4)


def test_confidence_weights(interactions):
    weights = np.random.default_rng(2).uniform(0.05, 3, interactions.n_ratings)
    matrix = interactions.by_user
    pattern = sp.csr_array((weights, matrix.indices, matrix.indptr), shape=matrix.shape)
    weighted = Interactions.from_sparse(matrix, weights=pattern)
    model = small_model(unobserved_weight=0.3).fit(weighted)
    users = dense(model, matrix, weights)
    items = dense(model, matrix.T, pattern.T.tocsr().data)
    assert relative_error(model.user_factors_, users.solve(model.item_factors_)) < 5e-5
    exact = loss(users, items, model.user_factors_, model.item_factors_)
    assert model.history_[-1]["objective"] == pytest.approx(exact, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    density=st.floats(0.02, 1),
    n_factors=st.one_of(st.integers(1, 20), st.integers(100, 140)),  # often above the rank
    w0=st.floats(0, 2),
    lam=st.floats(0.01, 50),
    nu=st.sampled_from([0.0, 0.5, 1.0]),
    alpha=st.sampled_from([0.0, 1.0]),
    solver=st.sampled_from(["exact", "cg"]),
)
def test_the_objective_never_rises(seed, shape, density, n_factors, w0, lam, nu, alpha, solver):
    rng = np.random.default_rng(seed)
    ratings = random_ratings(rng, *shape, density)
    if ratings.nnz == 0:
        return
    model = small_model(
        n_factors=n_factors,
        unobserved_weight=w0,
        regularization=lam,
        regularization_exponent=nu,
        alpha=alpha,
        solver=solver,
        max_iter=10,
    ).fit(ratings)
    objective = np.array([record["objective"] for record in model.history_])
    scale = (ratings.data.astype(float) ** 2 * (1 + alpha * ratings.data)).sum()
    assert (np.diff(objective) <= 1e-6 * scale).all()
    assert np.isfinite(model.user_factors_).all()
    assert np.isfinite(model.item_factors_).all()


@pytest.mark.parametrize("solver", [{"solver": "exact"}, {"n_factors": 140}], ids=["exact", "cg"])
def test_same_seed_same_factors_for_any_number_of_threads(interactions, solver):
    one = small_model(**solver, n_threads=1).fit(interactions)
    for n_threads in (2, 4):
        other = small_model(**solver, n_threads=n_threads).fit(interactions)
        assert np.array_equal(one.user_factors_, other.user_factors_)
        assert np.array_equal(one.item_factors_, other.item_factors_)
        assert one.history_[-1]["objective"] == other.history_[-1]["objective"]
    different = small_model(**solver, random_state=1).fit(interactions)
    assert not np.array_equal(one.user_factors_, different.user_factors_)


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("nu", [0.0, 1.0])
def test_few_iterations_come_close_to_the_converged_objective(interactions, solver, nu):
    options = {
        "n_factors": 24,
        "regularization": 1.0 if nu == 0 else 0.03,
        "regularization_exponent": nu,
        "solver": solver,
        "target": "binary",
    }
    few = small_model(max_iter=15, **options).fit(interactions).history_[-1]["objective"]
    many = small_model(max_iter=400, **options).fit(interactions).history_[-1]["objective"]
    assert few < 1.003 * many


def test_conjugate_gradients_get_as_far_as_exact_solutions():
    rng = np.random.default_rng(5)
    ratings = random_ratings(rng, 300, 200, 0.4)
    exact, cg = (
        small_model(n_factors=130, max_iter=12, solver=solver).fit(ratings)
        for solver in ("exact", "cg")
    )
    assert cg.history_[-1]["objective"] == pytest.approx(exact.history_[-1]["objective"], rel=1e-3)
    assert relative_error(cg.user_factors_, dense(cg, ratings).solve(cg.item_factors_)) < 5e-5
    assert cg.history_ != exact.history_
    auto = small_model(n_factors=130, max_iter=12).fit(ratings)
    assert np.array_equal(auto.item_factors_, cg.item_factors_)


def test_fitted_arrays_follow_the_conventions(fitted, interactions):
    assert fitted.user_factors_.shape == (interactions.n_users, 6)
    assert fitted.item_factors_.shape == (interactions.n_items, 6)
    for factors in (fitted.user_factors_, fitted.item_factors_):
        assert factors.dtype == np.float32
        assert factors.flags.c_contiguous
    gram = fitted.item_factors_.astype(float).T @ fitted.item_factors_
    assert np.allclose(gram, np.diag(np.diag(gram)), atol=1e-5 * gram.max())
    assert fitted.n_iter_ == len(fitted.history_) == 8
    assert [record["iteration"] for record in fitted.history_] == list(range(1, 9))


def test_validation_measures(fitted, interactions):
    train, validation = interactions.split(random_state=1)
    scores = fitted.user_factors_.astype(float) @ fitted.item_factors_.T
    held_out = validation.by_user.toarray()
    errors = (held_out - scores)[held_out > 0]
    record = fitted.history_[-1]
    assert record["validation_rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    scores[train.by_user.toarray() > 0] = -np.inf
    gains = []
    for user in np.flatnonzero((held_out > 0).any(axis=1)):
        top = np.argsort(-scores[user], kind="stable")[:10]
        discounts = 1 / np.log2(np.arange(2, 12))
        ideal = discounts[: (held_out[user] > 0).sum()].sum()
        gains.append((discounts * (held_out[user, top] > 0)).sum() / ideal)
    assert record["validation_ndcg_at_10"] == pytest.approx(np.mean(gains), rel=1e-9)


def test_scipy_matrices_are_taken_directly(interactions):
    direct = small_model().fit(interactions.by_user)
    assert np.array_equal(direct.user_factors_, small_model().fit(interactions).user_factors_)
    assert np.array_equal(
        small_model().fit(sp.coo_matrix(interactions.by_user)).user_factors_, direct.user_factors_
    )


def test_recommend_is_the_sorted_score_without_seen_items(fitted):
    train = fitted.interactions_
    for row, user in enumerate(train.user_ids[:10]):
        scores = fitted.item_factors_ @ fitted.user_factors_[row]
        scores[train.by_user[[row]].indices] = -np.inf
        best = np.argsort(-scores, kind="stable")[:7]
        items, found = fitted.recommend(user, k=7)
        assert np.array_equal(items, train.item_ids[best])
        assert np.allclose(found, scores[best], rtol=1e-5)


def test_recommend_in_a_batch(fitted):
    users = fitted.interactions_.user_ids[[5, 3, 40]]
    batch = fitted.recommend(users, k=4)
    assert batch.items.shape == batch.scores.shape == (3, 4)
    assert batch.counts.tolist() == [4, 4, 4]
    for i, user in enumerate(users):
        assert np.array_equal(batch.items[i], fitted.recommend(user, k=4).items)
    columns = batch.to_columns(users)
    assert columns["user"].tolist() == np.repeat(users, 4).tolist()
    assert columns["rank"].tolist() == [1, 2, 3, 4] * 3


def test_recommend_filters_and_runs_out(fitted):
    user = fitted.interactions_.user_ids[0]
    everything = fitted.recommend(user, k=1000)
    seen, _ = fitted.interactions_.user_ratings(user)
    assert len(everything) == everything.counts == fitted.interactions_.n_items - len(seen)
    assert not set(seen) & set(everything.items)
    some = everything.items[[4, 9, 2]]
    among = fitted.recommend(user, among=some)
    assert among.items.tolist() == everything.items[[2, 4, 9]].tolist()
    without = fitted.recommend(user, k=1000, exclude=set(some.tolist()))
    assert not set(some) & set(without.items)
    assert len(without) == len(everything) - 3
    assert fitted.recommend(user, among=[]).counts == 0
    assert fitted.recommend(user, k=1000, exclude_seen=False).counts == 90
    batch = fitted.recommend([user, user], k=5, among=some)
    assert batch.counts.tolist() == [3, 3]
    assert len(batch.to_columns()["item"]) == 6


def test_equal_scores_come_in_the_order_of_the_ids():
    ratings = sp.csr_array(np.array([[5, 0, 0, 0], [5, 3, 3, 3]], np.float32))
    model = small_model(n_factors=2).fit(ratings)
    assert model.recommend(0).items.tolist() == [1, 2, 3]


def test_unknown_ids_are_named(fitted):
    with pytest.raises(UnknownIdError, match=r"user.*77"):
        fitted.recommend(77)
    with pytest.raises(UnknownIdError, match=r"item.*11"):
        fitted.fold_in({11: 5.0})
    with pytest.raises(UnknownIdError, match="item"):
        fitted.similar_items(5)
    with pytest.raises(UnknownIdError, match="item"):
        fitted.recommend(1000, exclude=[5])


def test_predict(fitted):
    users, items = fitted.interactions_.user_ids[:3], fitted.interactions_.item_ids[4:7]
    expected = np.einsum("ij,ij->i", fitted.user_factors_[:3], fitted.item_factors_[4:7])
    assert np.allclose(fitted.predict(users, items), expected, rtol=1e-5)
    assert fitted.predict(users[0], items).shape == (3,)
    assert float(fitted.predict(users[0], items[0])) == pytest.approx(expected[0], rel=1e-5)
    with pytest.raises(ValueError, match="equal length"):
        fitted.predict(users, items[:2])


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


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_explain_takes_the_score_apart(interactions, options):
    model = small_model(**options).fit(interactions)
    user = interactions.user_ids[3]
    item = model.recommend(user, k=1).items[0]
    explanation = model.explain(user, item)
    assert explanation.contributions.sum() == pytest.approx(explanation.score, rel=1e-12)
    assert explanation.score == pytest.approx(float(model.predict(user, item)), rel=1e-3)
    assert (np.diff(explanation.contributions) <= 0).all()
    items, ratings = interactions.user_ratings(user)
    stated = dict(zip(explanation.items.tolist(), explanation.ratings.tolist(), strict=True))
    assert stated == dict(zip(items.tolist(), ratings.tolist(), strict=True))
    folded = model.fold_in(stated)
    assert model.explain(folded, item).score == pytest.approx(explanation.score, rel=1e-9)


def test_many_items_are_explained_as_each_of_them(fitted):
    user, items = fitted.interactions_.user_ids[3], fitted.interactions_.item_ids[[5, 0, 9]]
    for item, explanation in zip(items, fitted.explain(user, items), strict=True):
        alone = fitted.explain(user, item)
        assert explanation.item == alone.item == item
        assert explanation.score == pytest.approx(alone.score, rel=1e-9)
        assert explanation.items.tolist() == alone.items.tolist()
        np.testing.assert_allclose(explanation.contributions, alone.contributions, rtol=1e-9)
    assert fitted.explain(user, items[:0]) == []


def test_similar_items_are_cosines_without_the_item_itself(fitted):
    ids = fitted.interactions_.item_ids
    directions = fitted.item_factors_ / np.linalg.norm(fitted.item_factors_, axis=1, keepdims=True)
    cosines = directions @ directions[12]
    cosines[12] = -np.inf
    items, scores = fitted.similar_items(ids[12], k=5)
    assert items.tolist() == ids[np.argsort(-cosines)[:5]].tolist()
    assert (scores <= 1 + 1e-6).all()
    assert fitted.similar_items(ids[:4], k=5).items.shape == (4, 5)


def test_stops_when_the_objective_settles(interactions):
    model = small_model(max_iter=200, tol=1e-3).fit(interactions)
    assert model.stop_reason_ == "converged"
    assert 2 <= model.n_iter_ < 200
    before, last = (record["objective"] for record in model.history_[-2:])
    assert before - last <= 1e-3 * before


def test_a_callback_sees_every_iteration_and_can_stop(interactions):
    seen = []

    def callback(model, record):
        seen.append((record["iteration"], model.user_factors_.copy()))
        return record["iteration"] == 3

    model = small_model().fit(interactions, callbacks=[callback])
    assert model.stop_reason_ == "callback"
    assert [iteration for iteration, _ in seen] == [1, 2, 3]
    assert np.array_equal(seen[-1][1], model.user_factors_)


def test_ctrl_c_keeps_what_was_learnt():
    ratings = random_ratings(np.random.default_rng(0), 2000, 3000, 0.2)
    model = small_model(n_factors=256, max_iter=1000)
    killers = []

    def interrupt_soon(*_):
        if not killers:
            # Into the next half-step.
            killers.append(threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)))
            killers[0].start()

    with pytest.raises(KeyboardInterrupt):
        model.fit(ratings, callbacks=[interrupt_soon])
    killers[0].join()
    assert model.stop_reason_ == "interrupted"
    assert model.n_iter_ == len(model.history_) >= 1
    users = dense(model, ratings[:3]).solve(model.item_factors_)
    assert relative_error(model.user_factors_[:3], users) < 1e-4


def test_progress_bar_can_be_shown_and_hidden(interactions, capsys):
    small_model().fit(interactions, progress=True)
    assert "WALS" in capsys.readouterr().err
    small_model().fit(interactions, progress=False)
    small_model().fit(interactions)  # standard error is no terminal here
    assert capsys.readouterr().err == ""


def test_scikit_learn_protocol():
    model = small_model(alpha=0.5)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert model.set_params(n_factors=3) is model
    assert model.n_factors == 3
    assert "n_factors=3" in repr(model)
    with pytest.raises(ValueError, match="no parameter 'factors'"):
        model.set_params(factors=3)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_factors": 0}, ValueError, "n_factors must be from 1 to 2048, not 0"),
        ({"n_factors": 2.5}, TypeError, "n_factors must be an integer"),
        ({"n_factors": 5000}, ValueError, "n_factors"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"unobserved_weight": -0.1}, ValueError, "unobserved_weight must be finite"),
        ({"regularization": float("nan")}, ValueError, "regularization"),
        ({"regularization": "much"}, ValueError, "regularization must be a number or 'scale'"),
        ({"regularization": None}, TypeError, "regularization must be a number"),
        ({"unobserved_weight": 0.2, "biases": True}, ValueError, "biases are for"),
        ({"biases": 1}, TypeError, "biases must be True or False"),
        ({"early_stopping": "loss"}, ValueError, "early_stopping must be one of"),
        ({"regularization_exponent": -1}, ValueError, "regularization_exponent"),
        ({"solver": "magic"}, ValueError, "solver must be one of"),
        ({"target": "stars"}, ValueError, "target must be one of"),
        ({"alpha": -1.0}, ValueError, "alpha"),
        ({"tol": -1.0}, ValueError, "tol"),
    ],
)
def test_wrong_parameters_are_named(interactions, options, error, words):
    with pytest.raises(error, match=words):
        small_model(**options).fit(interactions)


def test_wrong_data_is_explained(interactions, fitted):
    with pytest.raises(TypeError, match="X must be Interactions, a scipy sparse matrix"):
        small_model().fit(np.ones((3, 3)))
    other = Interactions.from_arrays([1, 2], [3, 4], [5.0, 4.0])
    with pytest.raises(ValueError, match="unknown validation user: 1, 2"):
        small_model().fit(interactions, validation=other)
    with pytest.raises(ValueError, match="at least one rating"):
        fitted.fold_in({})
    with pytest.raises(ValueError, match="rating of item 10 must be a finite number"):
        fitted.fold_in({10: float("nan")})
    with pytest.raises(ValueError, match="must have 90 columns"):
        fitted.fold_in(sp.csr_array(np.ones((1, 3), np.float32)))
    with pytest.raises(ValueError, match="negative confidence"):
        small_model(alpha=1.0).fit(sp.csr_array(np.array([[-3.0, 2.0]], np.float32)))


def test_not_fitted():
    for ask in (
        lambda model: model.recommend(1),
        lambda model: model.user_factors_,
        lambda model: model.fold_in({1: 2.0}),
        lambda model: model.save("nowhere"),
    ):
        with pytest.raises(NotFittedError, match="call fit or load first"):
            ask(small_model())


def test_no_regularization_at_all_is_an_error_that_says_so():
    ratings = sp.csr_array(np.array([[5, 4, 0], [0, 0, 3], [1, 0, 0]], np.float32))
    with pytest.raises(ValueError, match=r"no unique solution; increase regularization"):
        small_model(unobserved_weight=0.0, regularization=0.0).fit(ratings)


def test_ratings_beyond_what_float32_can_solve_are_an_error():
    ratings = sp.csr_array(np.array([[1e25, 1e30], [1e30, 1e20]], np.float32))
    with pytest.raises(ValueError, match=r"float32|no unique solution"):
        small_model(regularization=1e-3).fit(ratings)
