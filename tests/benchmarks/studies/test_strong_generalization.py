from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from benchmarks.studies.strong_generalization import (
    Table,
    folds_of_users,
    lists,
    metrics_of_lists,
    popular_lists,
)

from benchmarks.studies import strong_generalization
from cinefold import Interactions, WeightedMatrixFactorization


@pytest.fixture(scope="module")
def interactions():
    rng = np.random.default_rng(3)
    pairs = np.flatnonzero(rng.random(40 * 60) < 0.3)
    return Interactions.from_arrays(
        500 + pairs // 60,
        9 * (pairs % 60),
        rng.integers(1, 6, len(pairs)),
        weights=rng.uniform(0.5, 2, len(pairs)),
        timestamps=rng.integers(0, 99, len(pairs)),
    )


MODEL = WeightedMatrixFactorization.preset(
    "plain", n_factors=6, max_iter=2, regularization=2.0, n_threads=1
)


def test_the_others_keep_all_that_is_theirs(interactions):
    rest = strong_generalization.without_users(interactions, np.array([0, 7, 39]))
    assert rest.n_users == 37
    for user in rest.user_ids.tolist():
        for mine, theirs in zip(
            rest.user_ratings(user), interactions.user_ratings(user), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
    kept = ~np.isin(np.repeat(np.arange(40), interactions.user_counts()), [0, 7, 39])
    np.testing.assert_array_equal(rest.weights, interactions.weights[kept])
    np.testing.assert_array_equal(rest.timestamps, interactions.timestamps[kept])
    np.testing.assert_array_equal(rest.item_ids, interactions.item_ids)


def test_every_user_is_held_out_once_and_the_model_has_not_seen_them(interactions):
    dense = interactions.by_user.toarray()
    seen = []
    for fold in folds_of_users(interactions, MODEL, 3, 1000, 0):
        assert fold.middle == 3
        trained = fold.model.interactions_
        for row in fold.ratings.toarray():
            (user,) = np.flatnonzero((dense == row).all(axis=1))
            assert interactions.user_ids[user] not in trained.user_ids
            seen.append(int(user))
    assert sorted(seen) == list(range(40))
    assert not hasattr(MODEL, "interactions_")


def test_fewer_users_can_be_values_but_all_are_held_out(interactions):
    for fold in folds_of_users(interactions, MODEL, 4, 3, 0):
        assert fold.ratings.shape[0] == 3
        assert fold.model.interactions_.n_users == 30


@pytest.mark.parametrize("n_folds", [1, 41])
def test_impossible_folds_are_refused(interactions, n_folds):
    with pytest.raises(ValueError, match=f"from 2 to the number of users, 40, not {n_folds}"):
        next(folds_of_users(interactions, MODEL, n_folds, 10, 0))


def naive(scores, hidden, among):
    """The best 20 by a full sort."""
    found = np.full((len(scores), 20), -1)
    for row, own in enumerate(scores):
        order = [i for i in np.argsort(-own, kind="stable") if among[i] and not hidden[row, i]]
        found[row, : len(order[:20])] = order[:20]
    return found


def test_lists_are_the_best_of_what_is_left(interactions):
    rng = np.random.default_rng(0)
    model = WeightedMatrixFactorization(**MODEL.get_params()).fit(interactions, progress=False)
    hidden = rng.random((5, 60)) < 0.6
    hidden[1] = True  # nothing is left
    matrix = sp.csr_array(np.where(hidden, 0.5, 0))
    matrix.data[::3] = 0  # a stored zero is an entry too
    among = rng.random(60) < 0.7
    counts = interactions.item_counts()
    users = model.user_factors_[:5]
    for chosen in (None, among):
        allowed = np.ones(60, bool) if chosen is None else chosen
        expected = naive(users @ model.item_factors_.T, hidden, allowed)
        np.testing.assert_array_equal(lists(model, users, matrix, chosen), expected)
        expected = naive(np.tile(counts, (5, 1)), hidden, allowed)
        np.testing.assert_array_equal(popular_lists(counts, matrix, chosen), expected)


def test_metrics_by_hand():
    test = sp.csr_array(
        (np.array([5.0, 1, 3, 2, 4]), np.array([0, 3, 7, 1, 2]), np.array([0, 3, 3, 5])), (3, 30)
    )
    found = np.full((3, 20), -1)
    found[0, :4] = [8, 0, 3, 9]  # a hit of 5 stars in place 2, of 1 star in place 3
    found[1, :2] = [0, 1]  # has nothing to measure on
    found[2, 10:13] = [1, 2, 5]  # both hits below the first ten
    values = metrics_of_lists(found, test, 3.0)
    ideal3, ideal1 = 1 + 1 / np.log2(3) + 1 / 2, 1
    first = 1 / np.log2(3)
    np.testing.assert_allclose(
        values["ndcg_at_10"], [(first + 1 / 2) / ideal3, np.nan, 0], equal_nan=True
    )
    np.testing.assert_allclose(values["capped_recall_at_20"], [2 / 3, np.nan, 1], equal_nan=True)
    np.testing.assert_allclose(
        values["liked_ndcg_at_10"], [first / ideal1, np.nan, 0], equal_nan=True
    )
    np.testing.assert_array_equal(values["disliked_at_10"], [1, 0, 0])


def test_means_errors_and_gains_are_over_users():
    table = Table()
    for values in ([0.2, 0.4, np.nan], [0.9]):
        table.add({"method": "A", "n": 1}, {"quality": np.array(values)})
        table.add({"method": "B", "n": 1}, {"quality": np.array(values) ** 2})
    a, b = table.records({"method": "A"})
    found = np.array([0.2, 0.4, 0.9])
    assert (a["method"], a["n"], a["metric"], a["n_users"]) == ("A", 1, "quality", 3)
    assert a["mean"] == pytest.approx(0.5)
    assert a["standard_error"] == pytest.approx(found.std(ddof=1) / np.sqrt(3))
    assert (a["gain"], a["gain_standard_error"]) == (0, 0)
    assert b["gain"] == pytest.approx((found**2 - found).mean())
    assert b["gain_standard_error"] == pytest.approx((found**2 - found).std(ddof=1) / np.sqrt(3))
