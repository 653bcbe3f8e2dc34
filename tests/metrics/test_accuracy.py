import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from sklearn.metrics import ndcg_score

from cinefold.metrics import mae, ndcg, ndcg_per_user, recall, rmse
from cinefold.metrics.accuracy import (
    RANKING_METRICS,
    auc_per_user,
    average_precision_per_user,
    capped_recall_per_user,
    hit_per_user,
    precision_per_user,
    recall_per_user,
    reciprocal_rank_per_user,
)


def held_out(rows):
    return sp.csr_array(np.asarray(rows, np.float32))


def discount(place):
    return 1 / math.log2(place + 1)


def test_rmse_is_the_root_of_the_mean_square():
    assert rmse([1.0, 2.0, 7.0], [1.0, 4.0, 3.0]) == pytest.approx(math.sqrt(20 / 3))


def test_mae_is_the_mean_distance():
    assert mae([1.0, 2.0, 7.0], [1.0, 4.0, 3.0]) == pytest.approx(2)
    assert math.isnan(mae([], []))


def test_rmse_does_not_lose_digits_in_float32():
    errors = np.full(1_000_000, 1e-4, np.float32)
    assert rmse(errors, np.zeros_like(errors)) == pytest.approx(1e-4, rel=1e-6)


def test_rmse_of_nothing_is_nan():
    assert math.isnan(rmse([], []))


def test_rmse_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"\(2,\).*\(2, 1\)"):
        rmse([1.0, 2.0], [[1.0], [2.0]])


def test_ndcg_by_hand():
    relevant = held_out([[0, 5, 0, 1], [2, 0, 0, 0], [0, 0, 0, 0]])
    lists = [[0, 3, 1], [2, 1, 3], [0, 1, 2]]
    first = (discount(2) + discount(3)) / (discount(1) + discount(2))
    np.testing.assert_allclose(ndcg_per_user(lists, relevant), [first, 0, np.nan])
    assert ndcg(lists, relevant) == pytest.approx(first / 2)
    assert recall(lists, relevant) == pytest.approx(1 / 2)


def test_a_perfect_list_scores_one_even_if_it_is_shorter_than_what_is_held_out():
    relevant = held_out([[1, 1, 1, 1, 0]])
    assert ndcg([[2, 0]], relevant) == pytest.approx(1)
    assert capped_recall_per_user([[2, 0]], relevant) == pytest.approx(1)
    assert recall([[2, 0]], relevant) == pytest.approx(2 / 4)


def test_lists_by_hand():
    """Hits in places 2 and 4 of 5, of 3 held-out items; none; nothing held out; one, in place 1."""
    relevant = held_out(
        [[0, 1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0] * 7, [1, 0, 0, 0, 0, 0, 0]]
    )
    top = [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, -1, -1, -1, -1]]
    nan = np.nan
    for measured, expected in {
        recall_per_user: [2 / 3, 0, nan, 1],
        capped_recall_per_user: [2 / 3, 0, nan, 1],
        precision_per_user: [2 / 5, 0, nan, 1 / 5],
        average_precision_per_user: [(1 / 2 + 2 / 4) / 3, 0, nan, 1],
        reciprocal_rank_per_user: [1 / 2, 0, nan, 1],
        hit_per_user: [1, 0, nan, 1],
    }.items():
        np.testing.assert_allclose(measured(top, relevant), expected, rtol=1e-12)


def test_the_two_recalls_differ_where_more_is_held_out_than_fits():
    relevant = held_out([[1, 1, 1, 1, 0]])
    assert recall_per_user([[0, 4]], relevant) == pytest.approx(1 / 4)
    assert capped_recall_per_user([[0, 4]], relevant) == pytest.approx(1 / 2)


def test_auc_by_hand():
    """Of the 2 x 2 pairs, one is in order, one is not, and two are ties; the seen one is out."""
    scores = [[0.5, 0.9, 0.5, 0.2, 9.0]]
    relevant, seen = held_out([[1, 0, 0, 0, 0]]), held_out([[0, 0, 0, 0, 1]])
    assert auc_per_user(scores, relevant, seen) == pytest.approx((0 + 0.5 + 1) / 3)
    assert auc_per_user(scores, relevant) == pytest.approx((0 + 0.5 + 1 + 0) / 4)
    assert auc_per_user(np.ones((1, 5)), relevant, seen) == pytest.approx(0.5)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_auc_is_the_share_of_pairs(seed):
    rng = np.random.default_rng(seed)
    scores, kind = rng.integers(0, 5, (4, 11)).astype(float), rng.integers(0, 3, (4, 11))
    measured = auc_per_user(scores, held_out(kind == 1), held_out(kind == 2))
    for value, row, kinds in zip(measured, scores, kind, strict=True):
        gaps = row[kinds == 1][:, None] - row[kinds == 0]
        expected = np.mean((gaps > 0) + 0.5 * (gaps == 0)) if gaps.size else np.nan
        assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_auc_without_pairs_is_nan():
    nothing, all_of_it = held_out([[0, 0]]), held_out([[1, 1]])
    assert np.isnan(auc_per_user([[1, 2]], nothing)).all()
    assert np.isnan(auc_per_user([[1, 2]], all_of_it)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_auc_of_scores_that_are_no_numbers_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        auc_per_user([[bad, 0.0]], held_out([[1, 0]]))
    with pytest.raises(ValueError, match=r"\(1, 3\)"):
        auc_per_user([[0.0, 0.0, 1.0]], held_out([[1, 0]]))


def cases(seed, n_users=8, n_items=12, k=6):
    rng = np.random.default_rng(seed)
    top = np.stack([rng.permutation(n_items)[:k] for _ in range(n_users)])
    for row, length in zip(top, rng.integers(0, k + 1, n_users), strict=True):
        row[length:] = -1
    return rng, top, held_out(rng.random((n_users, n_items)) < 0.3)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("name", RANKING_METRICS)
def test_every_measure_of_lists(name, seed):
    """From 0 to 1, NaN without held-out items, each user alone, better with better lists."""
    rng, top, relevant = cases(seed)
    measured = RANKING_METRICS[name]
    values = measured(top, relevant)
    none = np.diff(relevant.indptr) == 0
    np.testing.assert_array_equal(np.isnan(values), none)
    assert ((values[~none] >= 0) & (values[~none] <= 1 + 1e-12)).all()

    users = rng.permutation(len(top))
    np.testing.assert_array_equal(measured(top[users], relevant[users]), values[users])

    hit = np.array([np.isin(row, relevant[[user]].indices) for user, row in enumerate(top)])
    np.testing.assert_array_equal(values[~none] > 0, hit.any(axis=1)[~none])
    hits_first = np.take_along_axis(top, np.argsort(~hit, axis=1, kind="stable"), axis=1)
    assert (measured(hits_first, relevant)[~none] >= values[~none] - 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("name", ["recall", "map", "mrr", "hit_rate"])
def test_longer_lists_find_no_less(name, seed):
    _, top, relevant = cases(seed)
    values = [RANKING_METRICS[name](top[:, :k], relevant) for k in (1, 3, 6)]
    known = ~np.isnan(values[0])
    assert (np.diff(np.array(values)[:, known], axis=0) >= -1e-12).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_auc_of_reversed_scores_is_the_rest(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(float)
    kind = rng.integers(0, 3, (5, 9))
    parts = held_out(kind == 1), held_out(kind == 2)
    forth, back = auc_per_user(scores, *parts), auc_per_user(-scores, *parts)
    known = ~np.isnan(forth)
    np.testing.assert_allclose(forth[known] + back[known], 1)
    np.testing.assert_allclose(auc_per_user(np.exp(scores), *parts), forth)


def test_empty_places_hit_nothing():
    # -1 of user 1 must not count as the last item of user 0.
    relevant = held_out([[0, 0, 1], [1, 0, 0]])
    np.testing.assert_allclose(ndcg_per_user([[2, -1], [-1, -1]], relevant), [1, 0])


def test_a_held_out_zero_is_relevant():
    relevant = sp.csr_array((np.zeros(1, np.float32), [1], [0, 1]), shape=(1, 3))
    assert ndcg([[1]], relevant) == 1


def test_nobody_with_held_out_items_is_nan():
    assert math.isnan(ndcg([[0]], held_out([[0, 0]])))


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(3)
    relevant = (rng.random((40, 60)) < 0.15).astype(np.float32)
    relevant[:, 0] = 1
    scores = rng.random((40, 60))
    lists = np.argsort(-scores, axis=1)[:, :10]
    expected = [ndcg_score(r[None], s[None], k=10) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(ndcg_per_user(lists, held_out(relevant)), expected)


@pytest.mark.parametrize(
    ("lists", "error", "message"),
    [
        ([0, 1], ValueError, r"shape \(n_users, k\) with n_users=1"),
        ([[0], [1]], ValueError, r"\(2, 1\)"),
        (np.empty((1, 0), int), ValueError, "k of at least 1"),
        ([[0.0]], TypeError, "float64"),
        ([[4]], ValueError, "between -1 .* and 2"),
    ],
)
def test_wrong_lists_are_named(lists, error, message):
    with pytest.raises(error, match=message):
        ndcg(lists, held_out([[1, 0, 1]]))
