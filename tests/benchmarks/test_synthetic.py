"""Synthetic ratings look like MovieLens, or like a long-tailed catalogue."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.synthetic import LONG_TAIL, SIZES, Shape, _chosen, blocks, columns, ratings

SMALL = Shape(300, 200, 4_000)


def item_counts(matrix):
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def test_shape_values_and_order():
    matrix = ratings(SMALL)
    assert matrix.shape == (300, 200)
    assert 0.98 * 4_000 <= matrix.nnz <= 4_000
    assert matrix.dtype == np.float32
    assert set(np.unique(matrix.data)) <= set(np.arange(0.5, 5.5, 0.5))
    canonical = matrix.copy()
    canonical.sum_duplicates()
    np.testing.assert_array_equal(canonical.indices, matrix.indices)
    np.testing.assert_array_equal(canonical.data, matrix.data)


def test_draws_on_all_threads_are_numpy_s_own():
    shares = np.array([0.1, 0, 0.6, 0.3])
    found, own = _chosen(np.random.default_rng(2), shares, 500), np.random.default_rng(2)
    np.testing.assert_array_equal(found, own.choice(4, 500, p=shares))


def test_a_seed_gives_the_same_ratings_and_another_does_not():
    first, again, other = ratings(SMALL, 1), ratings(SMALL, 1), ratings(SMALL, 2)
    assert (first != again).nnz == 0
    assert (first != other).nnz > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_activity_and_popularity_are_like_movielens(seed):
    matrix = ratings(Shape(10_000, 10_000, 300_000), seed)
    by_user, by_item = np.diff(matrix.indptr), np.sort(item_counts(matrix))
    assert 0.4 < np.median(by_user) / by_user.mean() < 0.75
    assert 0.55 < by_item[-1_000:].sum() / matrix.nnz < 0.75


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_half_of_a_long_tail_has_two_ratings_or_fewer(seed):
    n_users, n_items, n_ratings, popularity = LONG_TAIL
    tenth = Shape(n_users // 10, n_items // 10, n_ratings // 10, popularity)
    assert np.median(item_counts(ratings(tenth, seed))) == 2


def test_sizes_are_what_they_are_called():
    assert [shape.n_ratings for shape in SIZES.values()] == [
        100_000,
        10**6,
        10**7,
        2 * 10**7,
        32_000_000,
    ]


def test_blocks_are_of_all_users_and_their_columns_in_order():
    found = list(blocks(SMALL, 1, n_blocks=3))
    assert [block.shape for block in found] == [(100, 200)] * 3
    assert abs(sum(block.nnz for block in found) - 4_000) < 100
    users, items, stars, times = map(np.concatenate, zip(*columns(SMALL, 1, 3), strict=True))
    np.testing.assert_array_equal(stars, np.concatenate([block.data for block in found]))
    assert (np.diff(users * 200 + items) > 0).all()
    assert times.min() > 0


def test_more_ratings_than_there_is_room_for_are_refused():
    with pytest.raises(ValueError, match="too many for 10 x 10"):
        ratings(Shape(10, 10, 90))
