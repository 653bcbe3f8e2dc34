"""Entries sorted in buckets, as NumPy does it at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given

from cinefold.interactions import sorting
from cinefold.interactions.entries import Entries
from cinefold.interactions.sorting import sorted_by_row

N = 1000


@pytest.fixture(autouse=True, scope="module")
def small_buckets() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_BUCKET", 16)
        patch.setattr(sorting, "_AT_A_TIME", 128)
        yield


@given(
    st.sampled_from([1, 2, 7, 300, N, 70_000]),
    st.sampled_from([1, 3, 2**10, 2**31 - 1, 2**62]),
    st.sampled_from([1, 4, 2**40]),
    st.integers(0, 9),
)
@example(1, 1, 1, 0)
@example(70_000, 2**62, 1, 0)
def test_as_numpy_sorts(n_rows: int, n_columns: int, n_times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns, times = (
        rng.integers(0, n, N) for n in (rng.integers(n_rows, endpoint=True) + 1, n_columns, n_times)
    )
    rows = rows.clip(0, n_rows - 1).astype(np.int32)
    arrays: list[Any] = [rows, columns, rng.random(N, np.float32), times - n_times // 2]
    given_arrays = [values.copy() for values in arrays]
    offsets, *found = sorted_by_row(given_arrays, n_rows, is_timed=n_times > 1)
    keys = arrays[3] if n_times > 1 else np.arange(N), columns, rows
    order = np.lexsort(keys)
    np.testing.assert_array_equal(offsets, np.searchsorted(rows[order], np.arange(n_rows + 1)))
    for values, expected in zip(found, arrays[1:], strict=True):
        np.testing.assert_array_equal(values, expected[order])
        assert values.dtype == expected.dtype
    np.testing.assert_array_equal(given_arrays, arrays)


def test_one_thread_sorts_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    columns = np.arange(N)[::-1]
    rows = np.zeros(N, np.int32)
    offsets, found = sorted_by_row([rows, columns], 2, is_timed=False)
    assert found.tolist() == [*range(N)]
    assert offsets.tolist() == [0, N, N]


@given(st.lists(st.tuples(*[st.sampled_from([0, 5, 900])] * 2, st.integers(0, 2)), max_size=90))
def test_entries_of_any_order(rows: list[tuple[int, int, int]]) -> None:
    users, items, times = np.array(rows, np.int64).reshape(-1, 3).T
    numbers = np.arange(len(rows), dtype=np.float32)
    order = np.lexsort((times, items, users))
    found = Entries(users.copy(), items.copy(), numbers, None, times, is_borrowed=True).sorted(901)
    np.testing.assert_array_equal(found.ratings, numbers[order])
    assert [*np.diff(found.offsets)] == [(users == row).sum() for row, _ in pairwise(range(902))]
