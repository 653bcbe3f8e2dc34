"""Hold-out masks: how many, whose, and the same from the same seed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from cinefold.splits import leave_last_out, per_user_holdout, random_holdout

if TYPE_CHECKING:
    from numpy.typing import NDArray

counts = st.lists(st.integers(0, 12), min_size=1, max_size=20)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32)


def _offsets(counts: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _per_user(mask: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.diff(np.concatenate([[0], np.cumsum(mask)])[offsets])


@settings(max_examples=60, deadline=None)
@given(counts, fractions, seeds)
def test_per_user(counts: list[int], fraction: float, seed: int) -> None:
    offsets = _offsets(counts)
    mask = per_user_holdout(offsets, fraction, seed)
    rounded = [min(int(np.floor(fraction * n + 0.5)), max(n - 1, 0)) for n in counts]
    assert _per_user(mask, offsets).tolist() == rounded
    np.testing.assert_array_equal(mask, per_user_holdout(offsets, fraction, seed))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), fractions, seeds)
def test_random(n: int, fraction: float, seed: int) -> None:
    mask = random_holdout(n, fraction, seed)
    assert mask.sum() == min(int(np.floor(fraction * n + 0.5)), n - 1)
    np.testing.assert_array_equal(mask, random_holdout(n, fraction, seed))


def test_nothing_to_hold_out() -> None:
    assert random_holdout(0, 0.5, 0).tolist() == []
    assert per_user_holdout(_offsets([0, 0]), 0.5, 0).tolist() == []
    assert leave_last_out(_offsets([0]), np.array([], np.int64)).tolist() == []


@settings(max_examples=60, deadline=None)
@given(counts, seeds)
def test_leave_last_out(counts: list[int], seed: int) -> None:
    offsets = _offsets(counts)
    times = np.random.default_rng(seed).integers(0, 5, offsets[-1])
    mask = leave_last_out(offsets, times)
    for begin, end in pairwise(offsets.tolist()):
        own = times[begin:end]
        expected = np.zeros(len(own), bool)
        if len(own) > 1:
            expected[np.flatnonzero(own == own.max())[-1]] = True  # the last of equals
        np.testing.assert_array_equal(mask[begin:end], expected)


def test_every_rating_has_the_same_chance() -> None:
    offsets = _offsets([4, 4])
    held = sum(per_user_holdout(offsets, 0.25, seed).astype(int) for seed in range(400))
    assert held.sum() == 800
    assert held.min() > 60
    assert held.max() < 140


@pytest.mark.parametrize("holdout", [random_holdout, per_user_holdout])
def test_the_same_seed_gives_the_same_everywhere(holdout: object) -> None:
    """Written down, so that another platform or version of NumPy cannot change it unseen."""
    if holdout is random_holdout:
        assert np.flatnonzero(random_holdout(20, 0.25, 0)).tolist() == RANDOM
    else:
        offsets = _offsets([10, 10])
        assert np.flatnonzero(per_user_holdout(offsets, 0.25, 0)).tolist() == PER_USER


RANDOM = [2, 4, 6, 13, 19]
PER_USER = [1, 2, 3, 11, 13, 15]
