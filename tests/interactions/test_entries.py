"""Pairs of user and item that are there twice."""

from __future__ import annotations

import warnings
from typing import Any

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from cinefold import Interactions

REPEATED: dict[str, Any] = {"users": [1, 1, 2, 1], "items": [7, 7, 7, 7], "ratings": [3, 5, 1, 4]}


@pytest.mark.parametrize(("policy", "value"), [("mean", 4), ("sum", 12), ("max", 5)])
def test_duplicates_combined(policy: Any, value: float) -> None:
    data = Interactions.from_arrays(**REPEATED, timestamps=[3, 1, 1, 2], duplicates=policy)
    assert data.by_user.data.tolist() == [value, 1]
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("times", "value"), [(None, 4), ([1, 9, 1, 2], 5), ([9, 1, 1, 2], 3), ([1, 1, 1, 1], 4)]
)
def test_last_duplicate_is_kept_and_a_warning_counts(times: Any, value: float) -> None:
    with pytest.warns(UserWarning, match="2 ratings repeat a pair") as caught:
        data = Interactions.from_arrays(**REPEATED, timestamps=times, weights=[3, 5, 1, 4])
    assert data.by_user.data.tolist() == [value, 1]
    assert data.weights is not None
    assert data.weights.tolist() == [value, 1]
    assert [warning.filename for warning in caught] == [__file__]


def test_warning_of_a_table_points_at_its_caller() -> None:
    frame = pl.DataFrame({"user_id": [1, 1], "item_id": [1, 1], "rating": [1, 2]})
    with pytest.warns(UserWarning, match="1 ratings repeat") as caught:
        Interactions.from_dataframe(frame)
    assert [warning.filename for warning in caught] == [__file__]


def test_duplicates_as_errors() -> None:
    with pytest.raises(ValueError, match="2 ratings repeat a pair of user and item"):
        Interactions.from_arrays(**REPEATED, duplicates="error")
    with pytest.raises(ValueError, match=r"duplicates must be .* not 'first'"):
        Interactions.from_arrays([1], [1], duplicates="first")  # type: ignore[arg-type]


PLAIN_POLICIES: dict[Any, Any] = {
    "last": lambda ratings: ratings[-1],
    "mean": lambda ratings: np.float32(sum(ratings) / len(ratings)),
    "sum": sum,
    "max": max,
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3, st.integers(-9, 9)), min_size=1, max_size=30),
    st.booleans(),
    st.sampled_from(list(PLAIN_POLICIES)),
)
@pytest.mark.filterwarnings("ignore:.*repeat a pair")
def test_duplicates_as_plain_python_does_it(
    rows: list[tuple[int, ...]], timed: bool, policy: Any
) -> None:
    users, items, times, ratings = map(list, zip(*rows, strict=True))
    data = Interactions.from_arrays(
        users, items, ratings, timestamps=times if timed else None, duplicates=policy
    )
    together: dict[tuple[int, int], list[int]] = {}
    for user, item, _, rating in sorted(rows, key=lambda row: row[2]) if timed else rows:
        together.setdefault((user, item), []).append(rating)
    found = {
        (user, item): rating
        for user in data.user_ids.tolist()
        for item, rating in zip(*(part.tolist() for part in data.user_ratings(user)), strict=True)
    }
    assert found == {pair: PLAIN_POLICIES[policy](several) for pair, several in together.items()}


def test_sum_beyond_float32() -> None:
    with pytest.raises(ValueError, match="ratings by sum must be finite"):
        Interactions.from_arrays([1, 1], [1, 1], [3e38, 3e38], duplicates="sum")


def test_nothing_warns_without_duplicates() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Interactions.from_arrays([1, 1, 2], [1, 2, 1])


def test_ratings_in_order_are_not_shared_with_the_caller():
    ratings, times = np.array([1, 2], np.float32), np.array([5, 6])
    data = Interactions.from_arrays([1, 1], [1, 2], ratings, timestamps=times)
    ratings[:], times[:] = 9, 9
    assert data.by_user.data.tolist() == [1, 2]
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [5, 6]
