"""Ids and their indices."""

from __future__ import annotations

import warnings
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given

from cinefold import Interactions, UnknownIdError
from cinefold.interactions.column_values import as_id_column
from cinefold.interactions.ids import index_ids
from cinefold.interactions.numbering import HASH_FACTOR
from tests.interactions.comparing import assert_same, dense


def test_explicit_universe() -> None:
    data = Interactions.from_arrays([3], ["b"], user_ids=[5, 3, 4], item_ids=["c", "b"])
    assert data.user_ids.tolist() == [3, 4, 5]
    assert data.item_ids.tolist() == ["b", "c"]
    assert dense(data).tolist() == [[1, 0], [0, 0], [0, 0]]
    with pytest.raises(UnknownIdError, match="unknown item: 'x'"):
        Interactions.from_arrays([3], ["x"], item_ids=["b"])
    with pytest.raises(UnknownIdError, match="unknown user: 3"):
        Interactions.from_arrays([3], ["x"], user_ids=np.array([], np.int64))
    with pytest.raises(ValueError, match="user_ids has repeated ids: 3"):
        Interactions.from_arrays([3], ["x"], user_ids=[3, 3])


def of_one_hash() -> list[str]:
    """Two texts of 16 characters, each two words of 64 bits, of which the second makes up for it.

    As in ``_index_text``.
    """
    texts = []
    for first in (b"ABCDEFGH", b"hgfedcba"):
        mixed = int.from_bytes(first, "little") * int(HASH_FACTOR) % 2**64
        second = (0x3132333435363738 - (mixed ^ mixed >> 32)) % 2**64
        texts.append((first + second.to_bytes(8, "little")).decode("latin-1"))
    return texts


@pytest.mark.parametrize(
    "users",
    [
        np.array(["b", "a", "bb", "b"]),
        np.array(["b", "a", "bb", "b"], ">U3"),
        np.array(["b", "x", "a", "x", "bb", "x", "b"])[::2],
        np.array([*of_one_hash(), "a", *of_one_hash()]),
        np.array(["\u0100 one", "\xff", "\u0100 two", "\xff"]),
        np.array([f"{'long ' * 9}{n}" for n in (2, 1, 2)]),
        np.array([f"\u0438\u0434-{n} of many" for n in (12, 1, 12, 2)]),
        np.array(["the same"] * 2),
        np.array(["\U0001f3ac", "\uffff", "\U0001f3ac", "\xf3\x01"]),
        np.array([], str),
        pl.Series([], dtype=pl.Categorical),
        pl.Series([], dtype=pl.String),
    ],
)
def test_text(users: Any) -> None:
    known, indices = index_ids(as_id_column(users, "users"), None, "user")
    assert known.dtype == object
    assert known.tolist() == sorted({*users})
    assert known[indices].tolist() == [*users]


@pytest.mark.parametrize("make", ["tt{:07}".format, "id {} ".format, "\u0438\u0434-{}".format, hex])
def test_text_of_several_blocks(make: Any) -> None:
    numbers = np.random.default_rng(0).integers(0, 30_000, 150_000)  # few of them once
    every = np.array([make(n) for n in range(30_000)] + ["\U0001f3ac" * (make is hex)])
    users = np.append(every[numbers], every[-1])
    known, indices = index_ids(as_id_column(users, "users"), None, "user")
    expected, positions = np.unique(users, return_inverse=True)
    assert known.tolist() == expected.tolist()
    np.testing.assert_array_equal(indices, positions)


def test_index_of_one_and_of_many(data: Interactions) -> None:
    assert data.user_index(30) == 3
    assert type(data.user_index(np.int32(30))) is int
    assert data.user_index(30.0) == 3
    assert data.item_index("movie 07") == 7
    assert data.item_index(np.str_("movie 07")) == 7
    for many in ([0, 290, 0], (0, 290, 0), np.array([0, 290, 0]), pd.Series([0, 290, 0])):
        assert data.user_index(many).tolist() == [0, 29, 0]
    assert data.user_index(pl.Series([10.0])).tolist() == [1]
    assert data.user_index([[0], [10]]).tolist() == [[0], [1]]
    assert data.item_index(pd.Series(["movie 01"], dtype=object)).tolist() == [1]
    for empty in ([], np.array([], np.int64), np.array([], str)):
        found = data.item_index(empty)
        assert (found.shape, found.dtype) == ((0,), np.int64)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (5, "unknown user: 5$"),
        (10**6, "unknown user: 1000000$"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "unknown user: 1, 2, 3, 4, 5 and 2 more$"),
        ("10", "user ids are integers here; got '10'"),
        ([10, "10"], "user ids are integers here"),
        (10.5, "user ids are integers here; got 10.5"),
        (np.nan, "user ids are integers here; got nan"),
        (None, "user ids are integers here; got None"),
        (True, "user ids are integers here; got True"),
        (np.bool_(True), "user ids are integers here; got True"),
    ],
)
def test_unknown_ids_name_themselves_and_their_side(
    data: Interactions, ids: Any, message: str
) -> None:
    with pytest.raises(UnknownIdError, match=message):
        data.user_index(ids)


def test_unknown_items(data: Interactions) -> None:
    with pytest.raises(UnknownIdError, match="unknown item: 'Fargo'"):
        data.item_index("Fargo")
    with pytest.raises(UnknownIdError, match="item ids are strings here; got 3"):
        data.item_index(3)
    with pytest.raises(UnknownIdError, match="unknown user: 7"):
        data.user_ratings(7)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(-3, 3), st.integers(1, 9), st.integers(0, 3)),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([1, 1_000, 10**8]),
)
def test_ids_of_any_width_and_spread_give_the_same(rows, spread):
    users, items, ratings, times = np.array(rows).T
    for policy in ("last", "mean"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wide = Interactions.from_arrays(
                *(users * spread, items * spread, ratings), timestamps=times, duplicates=policy
            )
            narrow = Interactions.from_arrays(
                *((users * spread).astype(np.int32), (items * spread).astype(np.int32), ratings),
                timestamps=times,
                duplicates=policy,
            )
        assert_same(wide, narrow)
        latest = {}
        for position in np.argsort(times, kind="stable"):
            latest[users[position] * spread, items[position] * spread] = ratings[position]
        if policy == "last":
            found = {
                (user, item): float(dense(wide)[wide.user_index(user), wide.item_index(item)])
                for user, item in latest
            }
            assert found == latest
