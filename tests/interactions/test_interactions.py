"""Every way in gives the same, and looking in is right."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

from cinefold import Interactions
from cinefold.interactions.blocks import BLOCK
from tests.interactions.comparing import assert_same, dense

if TYPE_CHECKING:
    from collections.abc import Iterator


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Columns of ratings, each pair once, in any order."""
    ids = draw(
        st.sampled_from([st.integers(-(2**63), 2**63 - 1), st.text(min_size=1).filter(_plain)])
    )
    pairs = draw(st.lists(st.tuples(ids, ids), min_size=1, max_size=25, unique=True))
    n = len(pairs)
    ratings = draw(hnp.arrays(np.float32, n, elements=st.floats(-10, 10, width=32)))
    times = draw(st.lists(st.integers(0, 2**40), min_size=n, max_size=n))
    weights = draw(hnp.arrays(np.float32, n, elements=st.floats(0.125, 8, width=32)))
    return {
        "user_id": [user for user, _ in pairs],
        "item_id": [item for _, item in pairs],
        "rating": ratings.tolist(),
        "time": times,
        "weight": weights.tolist(),
    }


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(1, 5))
def test_batches_give_the_same(table: dict[str, list[Any]], size: int) -> None:
    frame, columns = pl.DataFrame(table), {"timestamp": "time", "weight": "weight"}
    batches = (frame[at : at + size] for at in range(0, len(frame) + size, size))  # the last empty
    whole = Interactions.from_dataframe(frame, **columns)
    assert_same(Interactions.from_batches(batches, **columns), whole)


def test_batches_are_let_go_before_the_next() -> None:
    last: list[weakref.ref[pd.DataFrame]] = []

    def batches() -> Iterator[pd.DataFrame]:
        for user in range(3):
            assert all(batch() is None for batch in last)
            batch = pd.DataFrame({"user_id": [user], "item_id": ["b"], "rating": [1.0]})
            last.append(weakref.ref(batch))
            yield batch
            del batch

    assert Interactions.from_batches(batches()).n_users == 3


def test_batches_of_other_kinds_of_ids_are_refused() -> None:
    batches = [pl.DataFrame({"user_id": [user], "item_id": [1]}) for user in (1, "a")]
    with pytest.raises(ValueError, match="users are integers in some tables and text in others"):
        Interactions.from_batches(batches, rating=None)
    with pytest.raises(ValueError, match="there are no ratings"):
        Interactions.from_batches([])


def _plain(text: str) -> bool:
    return text.encode(errors="ignore").decode() == text  # Arrow takes no lone surrogates


@settings(max_examples=60, deadline=None)
@given(tables())
def test_every_way_in_gives_the_same(table: dict[str, list[Any]]) -> None:
    arrays = Interactions.from_arrays(
        table["user_id"],
        table["item_id"],
        table["rating"],
        timestamps=table["time"],
        weights=table["weight"],
    )
    for frame in (pd.DataFrame(table), pl.DataFrame(table), pa.table(table)):
        assert_same(Interactions.from_dataframe(frame, timestamp="time", weight="weight"), arrays)
    matrix = Interactions.from_sparse(
        arrays.by_user,
        user_ids=arrays.user_ids,
        item_ids=arrays.item_ids,
        weights=arrays.weights,
    )
    assert arrays.timestamps is not None
    assert_same(matrix, Interactions(*_parts(arrays)))
    _assert_rows(arrays, table)


def _parts(data: Interactions) -> tuple[Any, ...]:
    return data.user_ids, data.item_ids, data.by_user, data.weights


def _assert_rows(data: Interactions, table: dict[str, list[Any]]) -> None:
    rows = data.user_index(table["user_id"])
    columns = data.item_index(table["item_id"])
    assert data.user_ids[rows].tolist() == table["user_id"]
    assert data.item_ids[columns].tolist() == table["item_id"]
    np.testing.assert_array_equal(dense(data)[rows, columns], np.float32(table["rating"]))
    assert data.n_ratings == len(data) == len(table["rating"])


def test_sizes(data: Interactions) -> None:
    assert (data.n_users, data.n_items) == data.by_user.shape
    assert data.n_ratings == data.by_user.nnz == len(data)
    assert data.density == pytest.approx(len(data) / (data.n_users * data.n_items))
    np.testing.assert_array_equal(data.user_counts(), (dense(data) > 0).sum(1))
    np.testing.assert_array_equal(data.item_counts(), (dense(data) > 0).sum(0))
    assert repr(data) == "Interactions(240 ratings of 40 items by 30 users)"


def test_by_item_is_the_transpose_with_its_weights(data: Interactions) -> None:
    np.testing.assert_array_equal(data.by_item.toarray(), dense(data).T)
    assert data.by_item.has_sorted_indices
    assert data.weights is not None
    weights = sp.csr_array((data.weights, data.by_user.indices, data.by_user.indptr))
    by_item = sp.csr_array((data.weights_by_item, data.by_item.indices, data.by_item.indptr))
    np.testing.assert_array_equal(by_item.toarray(), weights.toarray().T)
    assert data.by_item.data is data.by_item.data
    assert Interactions.from_sparse(data.by_user).weights_by_item is None


def test_user_ratings(data: Interactions) -> None:
    items, ratings = data.user_ratings(50)
    row = dense(data)[5]
    assert items.tolist() == data.item_ids[row > 0].tolist()
    assert ratings.tolist() == row[row > 0].tolist()


def test_item_ratings(data: Interactions) -> None:
    for item, column in zip(data.item_ids, dense(data).T, strict=True):
        users, ratings = data.item_ratings(item)
        assert users.tolist() == data.user_ids[column > 0].tolist()
        assert ratings.tolist() == column[column > 0].tolist()
    wide = Interactions.from_sparse(sp.csr_array(np.arange(1, 2 * BLOCK + 1).reshape(2, BLOCK)))
    users, ratings = wide.item_ratings(BLOCK - 1)
    assert (users.tolist(), ratings.tolist()) == ([0, 1], [BLOCK, 2 * BLOCK])


def test_select(data: Interactions) -> None:
    mask = data.by_user.data >= 4
    chosen = data.select(mask)
    np.testing.assert_array_equal(dense(chosen), np.where(dense(data) >= 4, dense(data), 0))
    assert chosen.weights is not None
    assert chosen.timestamps is not None
    assert data.weights is not None
    assert data.timestamps is not None
    np.testing.assert_array_equal(chosen.weights, data.weights[mask])
    np.testing.assert_array_equal(chosen.timestamps, data.timestamps[mask])
    assert chosen.user_ids is data.user_ids
    assert chosen.by_item.shape == data.by_item.shape
    assert len(data.select(np.zeros(len(data), bool))) == 0


@pytest.mark.parametrize("mask", [[True], np.ones(240), np.ones((240, 1), bool)])
def test_select_with_a_wrong_mask(data: Interactions, mask: Any) -> None:
    with pytest.raises(ValueError, match=r"mask must be boolean of shape .240,"):
        data.select(mask)


def test_what_is_handed_out_changes_nothing(data: Interactions) -> None:
    before = data.fingerprint()
    for array in (data.user_ids, data.item_ids, data.weights, data.timestamps):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]  # type: ignore[index]
    for matrix in (data.by_user, data.by_item):
        with pytest.raises(ValueError, match="read-only"):
            matrix.data[0] = 9
        matrix.data = matrix.data.copy()
        matrix.data[:] = 0
        matrix.indptr = matrix.indptr[:1]
        own = data.by_user.copy()
        own.data[:] = 0
        own.eliminate_zeros()
    assert data.fingerprint() == before
    assert data.transposed.transposed.n_ratings == data.n_ratings
    with pytest.raises(ValueError, match=r"weights must be of shape \(240,\), not \(3,\)"):
        replace(data, weights=np.ones(3, np.float32))
    with pytest.raises(ValueError, match=r"item_ids must be of shape \(40,\)"):
        replace(data, item_ids=data.user_ids)


def test_a_side_needs_entries() -> None:
    wide = sp.coo_array(([1.0], ([0], [2**31 - 2])))
    for matrix in (wide, wide.T, wide.tocsr()):
        with pytest.raises(ValueError, match=r"too large for its 1 entries.*from_arrays numbers"):
            Interactions.from_sparse(matrix)
