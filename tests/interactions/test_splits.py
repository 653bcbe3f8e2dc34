"""Hold-out masks: how many, whose, and the same from the same seed."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from cinefold import Interactions
from cinefold.interactions.splits import (
    _rank_within_users,
    folds,
    folds_per_user,
    latest_holdout,
    leave_last_out,
    parts,
    per_user_holdout,
    random_holdout,
    smallest_of_rows,
)
from tests.interactions.comparing import assert_same, dense

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
@example(600_000, 0.1, 0)  # in several blocks
@given(st.integers(1, 200), fractions, seeds)
def test_random(n: int, fraction: float, seed: int) -> None:
    """Those that NumPy's permutation puts first; a smaller fraction is part of a larger one."""
    found = random_holdout(n, [fraction, fraction / 3], seed)
    order = np.random.default_rng(seed).permutation(n)
    for least, share in enumerate((fraction, fraction / 3), 1):
        number = min(int(np.floor(share * n + 0.5)), n - 1)
        assert set(np.flatnonzero(found >= least)) == set(order[:number])


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


def _ratings(seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((20, 30)) < 0.5)
    times = rng.integers(0, 10**6, len(users))
    return Interactions.from_arrays(users, items, np.arange(len(users)), timestamps=times)


def _numbers(part: Interactions) -> set[int]:
    """Each rating of `_ratings` is its own number."""
    return set(part.by_user.data.astype(int).tolist())


@pytest.mark.parametrize("method", ["per-user", "random", "time"])
def test_several_parts(method: str) -> None:
    ratings = _ratings()
    parts = ratings.split(method, fraction=(0.1, 0.2), random_state=4)
    train, validation, test = map(_numbers, parts)
    assert train | validation | test == _numbers(ratings)
    assert len(train) + len(validation) + len(test) == ratings.n_ratings
    for part, share in ((train, 0.7), (validation, 0.1), (test, 0.2)):
        assert abs(len(part) / ratings.n_ratings - share) < 0.05
    assert test == _numbers(ratings.split(method, fraction=0.2, random_state=4)[1])
    if method == "time":
        latest = [part.timestamps.max() for part in parts if part.timestamps is not None]
        assert latest == sorted(latest)


@settings(max_examples=40, deadline=None)
@given(counts, st.tuples(fractions, fractions).map(sorted), seeds)
@pytest.mark.parametrize("method", ["per-user", "random", "leave-last-out", "time"])
def test_parts_are_what_sorting_all_ratings_gives(
    method: Any, counts: list[int], two: list[float], seed: int
) -> None:
    """The plain definitions, which take many times as long: a seed's parts stay what they were."""
    offsets, n = _offsets(counts), sum(counts)
    if n == 0:
        return
    times = np.random.default_rng(seed).integers(0, 9, n)
    expected = np.zeros(n, int)
    for fraction in two[: 1 if method == "leave-last-out" else 2]:
        m = min(int(np.floor(fraction * n + 0.5)), n - 1)
        of_each = np.repeat(counts, counts)
        if method == "per-user":
            rank = _rank_within_users(offsets, np.random.default_rng(seed).random(n))
            expected += rank < np.minimum(np.floor(fraction * of_each + 0.5), of_each - 1)
        elif method == "random":
            expected[np.random.default_rng(seed).permutation(n)[:m]] += 1
        elif method == "time":
            expected += times > np.sort(times)[n - m - 1]
        else:
            rank = _rank_within_users(offsets, times)
            expected += (rank == of_each - 1) & (of_each > 1)
    found = parts(method, offsets, times, np.array(two), seed)
    np.testing.assert_array_equal(found, expected)


def test_a_seed_gives_the_parts_it_always_gave() -> None:
    """Digests of what the first version of Cinefold gave, over several blocks of users."""
    rng = np.random.default_rng(0)
    offsets = _offsets(rng.geometric(0.1, 5_000).tolist())
    times = rng.integers(0, 10**6, offsets[-1])
    for method, expected in DIGESTS.items():
        found = parts(method, offsets, times, np.array([0.1, 0.3]), 7)
        assert zlib.crc32(found.tobytes()) == expected, method


DIGESTS: dict[Any, int] = {
    "per-user": 4030557971,
    "random": 3824125798,
    "leave-last-out": 228701602,
    "time": 271989481,
}


def test_of_equal_keys_the_first_is_held_out() -> None:
    keys = np.array([0.5, 0.25, 0.5, 0.5, 0.75, 0.75])
    (found,) = smallest_of_rows(keys, np.array([4, 0, 2]), [np.array([2, 0, 1])])
    assert found.tolist() == [True, True, False, False, True, False]


def test_every_user_keeps_a_rating_of_several_parts() -> None:
    ratings = Interactions.from_arrays([1, 1, 2, 3, 3, 3], [1, 2, 1, 1, 2, 3])
    train, first, second = ratings.split(fraction=(0.4, 0.5))
    assert train.user_counts().tolist() == [1, 1, 1]
    assert first.n_ratings + second.n_ratings == 3


def test_parts_without_a_seed_are_parts() -> None:
    parts = _ratings().split(fraction=(0.2, 0.2), random_state=None)
    assert sorted(n for part in parts for n in _numbers(part)) == sorted(_numbers(_ratings()))


@pytest.mark.parametrize("fraction", [(), (0.5, 0.5), (0.1, 0.0), (-0.1, 0.3), 1.0, float("nan")])
def test_wrong_fractions_are_said(fraction: object) -> None:
    with pytest.raises(ValueError, match="fraction must be between 0 and 1"):
        _ratings().split(fraction=fraction)
    with pytest.raises(TypeError, match="fraction must be a number, or several, not 'x'"):
        _ratings().split(fraction="x")


def test_the_last_rating_is_one_part() -> None:
    with pytest.raises(ValueError, match="split twice"):
        _ratings().split("leave-last-out", fraction=(0.1, 0.1))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(2, 8), seeds)
def test_folds(n: int, n_folds: int, seed: int) -> None:
    n_folds = min(n_folds, n)
    sizes = np.bincount(folds(n, n_folds, seed), minlength=n_folds)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(folds(n, n_folds, seed), folds(n, n_folds, seed))


@settings(max_examples=60, deadline=None)
@given(counts, st.integers(2, 6), seeds)
def test_folds_per_user(counts: list[int], n_folds: int, seed: int) -> None:
    offsets = _offsets(counts)
    numbers = folds_per_user(offsets, n_folds, seed)
    for begin, end in pairwise(offsets.tolist()):
        sizes = np.bincount(numbers[begin:end], minlength=n_folds)
        assert len(sizes) == n_folds
        assert sizes.max() - sizes.min() <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), fractions)
def test_latest(times: list[int], fraction: float) -> None:
    mask = latest_holdout(np.array(times), fraction) > 0
    n = min(int(np.floor(fraction * len(times) + 0.5)), len(times) - 1)
    assert mask.sum() <= n  # fewer where the same moment would be torn apart
    held_out, kept = np.array(times)[mask], np.array(times)[~mask]
    assert len(kept)
    assert not len(held_out) or held_out.min() > kept.max()
    if len(set(times)) == len(times):
        assert mask.sum() == n


# -- Interactions.split ---


@pytest.mark.parametrize("method", ["per-user", "random", "leave-last-out"])
def test_split_divides_all_ratings(data: Interactions, method: Any) -> None:
    train, held_out = data.split(method, fraction=0.3, random_state=4)
    np.testing.assert_array_equal(dense(train) + dense(held_out), dense(data))
    assert len(train) + len(held_out) == len(data)
    assert train.user_ids is held_out.user_ids is data.user_ids
    again = data.split(method, fraction=0.3, random_state=4)
    assert_same(again[0], train)
    assert_same(again[1], held_out)


@pytest.mark.parametrize("method", ["per-user", "random"])
def test_other_seed_other_split(data: Interactions, method: Any) -> None:
    one, other = (data.split(method, random_state=seed)[1] for seed in (0, 1))
    assert (dense(one) != dense(other)).any()


def test_wrong_split(data: Interactions) -> None:
    with pytest.raises(ValueError, match=r"method must be .* not 'by-movie'"):
        data.split("by-movie")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs timestamps"):
        Interactions.from_sparse(data.by_user).split("leave-last-out")


def test_random_states(data: Interactions) -> None:
    """What a generator gives is a split like any other: parts that share nothing."""
    for state in (np.random.default_rng(3), np.random.RandomState(3), np.int64(3), None):
        parts = data.split(fraction=(0.2, 0.2), random_state=state)
        np.testing.assert_array_equal(sum(map(dense, parts)), dense(data))
    generator = np.random.default_rng(3)
    one, other = (data.split(random_state=generator)[1] for _ in range(2))
    assert (dense(one) != dense(other)).any()
    assert_same(data.split(random_state=np.random.default_rng(3))[1], one)


@pytest.mark.parametrize("state", [1.5, "0", True, [1], np.random])
def test_no_random_states(data: Interactions, state: Any) -> None:
    with pytest.raises(TypeError, match="random_state must be an integer, None, or a Generator"):
        data.split(random_state=state)
    with pytest.raises(ValueError, match="random_state must be 0 or above, not -1"):
        data.split(random_state=-1)
