"""Metrics of predictions and of lists, by hand."""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold.metrics import mae, ndcg, ndcg_per_user, recall, rmse
from cinefold.metrics.accuracy import (
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


def test_empty_places_hit_nothing():
    # -1 of user 1 must not count as the last item of user 0.
    relevant = held_out([[0, 0, 1], [1, 0, 0]])
    np.testing.assert_allclose(ndcg_per_user([[2, -1], [-1, -1]], relevant), [1, 0])


def test_a_held_out_zero_is_relevant():
    relevant = sp.csr_array((np.zeros(1, np.float32), [1], [0, 1]), shape=(1, 3))
    assert ndcg([[1]], relevant) == 1


def test_nobody_with_held_out_items_is_nan():
    assert math.isnan(ndcg([[0]], held_out([[0, 0]])))


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
