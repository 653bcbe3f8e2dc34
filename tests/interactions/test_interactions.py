"""Interactions: every way in gives the same, wrong input is named, and looking in is right."""

from __future__ import annotations

import datetime
import warnings
from decimal import Decimal
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

from cinefold import Interactions, UnknownIdError


def _dense(data: Interactions) -> np.ndarray[Any, Any]:
    return data.by_user.toarray()


def _assert_same(one: Interactions, other: Interactions) -> None:
    for name in ("user_ids", "item_ids", "weights", "timestamps"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype.kind == b.dtype.kind, name
            np.testing.assert_array_equal(a, b)
    for name in ("data", "indices", "indptr"):
        a, b = getattr(one.by_user, name), getattr(other.by_user, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert one.by_user.shape == other.by_user.shape


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


def _plain(text: str) -> bool:
    # NumPy's strings end before trailing NULs, and Arrow takes no lone surrogates.
    return "\0" not in text and text.isprintable()


# -- ways in ------------------------------------------------------------------------------------


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
        _assert_same(Interactions.from_dataframe(frame, timestamp="time", weight="weight"), arrays)
    matrix = Interactions.from_sparse(
        arrays.by_user,
        user_ids=arrays.user_ids,
        item_ids=arrays.item_ids,
        weights=arrays.weights,
    )
    assert arrays.timestamps is not None
    _assert_same(matrix, Interactions(*_parts(arrays)))
    _assert_rows(arrays, table)


def _parts(data: Interactions) -> tuple[Any, ...]:
    return data.user_ids, data.item_ids, data.by_user, data.weights


def _assert_rows(data: Interactions, table: dict[str, list[Any]]) -> None:
    rows = data.user_index(table["user_id"])
    columns = data.item_index(table["item_id"])
    assert data.user_ids[rows].tolist() == table["user_id"]
    assert data.item_ids[columns].tolist() == table["item_id"]
    np.testing.assert_array_equal(_dense(data)[rows, columns], np.float32(table["rating"]))
    assert data.n_ratings == len(data) == len(table["rating"])


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "coo_array", "lil_array", "csr_matrix"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, bool])
def test_sparse_forms_and_types(form: str, dtype: Any) -> None:
    dense = np.array([[0, 1, 0], [1, 0, 1]], dtype)
    data = Interactions.from_sparse(getattr(sp, form)(dense))
    np.testing.assert_array_equal(_dense(data), dense)
    assert data.by_user.dtype == np.float32
    assert data.user_ids.tolist() == [0, 1]
    assert data.item_ids.tolist() == [0, 1, 2]


def _untidy() -> sp.csr_array:
    """Unsorted indices, a stored zero, and a pair stored twice."""
    return sp.csr_array(
        (np.array([5.0, 1.0, 0.0, 2.0, 4.0]), np.array([2, 0, 1, 0, 2]), np.array([0, 2, 5])),
        shape=(2, 3),
    )


def test_untidy_sparse_matrix_is_put_in_order_and_left_as_it_was() -> None:
    matrix = sp.csr_array(
        (np.array([5.0, 1.0, 0.0, 2.0, 4.0]), np.array([2, 0, 1, 2, 2]), np.array([0, 2, 5])),
        shape=(2, 3),
    )
    before = [matrix.data.copy(), matrix.indices.copy(), matrix.indptr.copy()]
    data = Interactions.from_sparse(matrix)
    assert data.by_user.indices.tolist() == [0, 2, 1, 2]
    assert data.by_user.data.tolist() == [1, 5, 0, 6]
    for old, new in zip(before, (matrix.data, matrix.indices, matrix.indptr), strict=True):
        np.testing.assert_array_equal(old, new)


def test_small_integers_are_added_up_without_overflow() -> None:
    positions = (np.array([0, 0]), np.array([1, 1]))
    coo = sp.coo_array((np.array([100, 100], np.int8), positions), shape=(1, 2))
    assert Interactions.from_sparse(coo).by_user.data.tolist() == [200]


def test_sparse_with_unsorted_ids() -> None:
    data = Interactions.from_sparse(
        _untidy(), user_ids=["zoe", "adam"], item_ids=[30, 10, 20], weights=[1, 2, 3, 4, 5]
    )
    assert data.user_ids.tolist() == ["adam", "zoe"]
    assert data.item_ids.tolist() == [10, 20, 30]
    items, ratings = data.user_ratings("zoe")
    assert dict(zip(items.tolist(), ratings.tolist(), strict=True)) == {20: 5, 30: 1}
    assert data.by_user.data.tolist() == [0, 4, 2, 5, 1]
    assert data.weights is not None
    assert data.weights.tolist() == [4, 5, 3, 2, 1]


def test_sparse_weights_as_matrix() -> None:
    matrix = sp.csr_array(np.array([[0, 2.0], [3, 0]]))
    weights = sp.csc_array(np.array([[0, 7.0], [8, 0]]))
    data = Interactions.from_sparse(matrix, weights=weights)
    assert data.weights is not None
    assert data.weights.tolist() == [7, 8]


def test_input_that_fits_is_shared_not_copied() -> None:
    matrix = sp.random_array((20, 30), density=0.2, dtype=np.float32, rng=0, format="csr")
    assert np.shares_memory(Interactions.from_sparse(matrix).by_user.data, matrix.data)


COLUMNS = {
    "pandas string": pd.Series(["b", "a", "b"], dtype="string"),
    "pandas object": pd.Series(["b", "a", "b"], dtype=object),
    "pandas categorical": pd.Series(["b", "a", "b"], dtype="category"),
    "pandas nullable": pd.Series([2, 1, 2], dtype="Int64"),
    "pandas objects of int": pd.Series([2, 1, 2], dtype=object),
    "pandas whole floats": pd.Series([2.0, 1.0, 2.0]),
    "pandas arrow": pd.Series([2, 1, 2], dtype="int32[pyarrow]"),
    "pandas categorical of int": pd.Series([2, 1, 2], dtype="category"),
    "Polars string": pl.Series(["b", "a", "b"]),
    "Polars categorical": pl.Series(["b", "a", "b"], dtype=pl.Categorical),
    "Polars enum": pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "a"])),
    "Polars small": pl.Series([2, 1, 2], dtype=pl.UInt8),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_id_columns(kind: str) -> None:
    column = COLUMNS[kind]
    frame_type: Any = pd.DataFrame if kind.startswith("pandas") else pl.DataFrame
    frame = frame_type({"user_id": column, "item_id": [1, 2, 3], "rating": [5, 4, 3]})
    data = Interactions.from_dataframe(frame)
    text = column[0] == "b"
    assert data.user_ids.tolist() == (["a", "b"] if text else [1, 2])
    assert data.user_ids.dtype.kind == ("U" if text else "i")
    assert _dense(data).tolist() == [[0, 4, 0], [5, 0, 3]]


def test_decimal_and_nullable_ratings() -> None:
    for ratings in (
        pl.Series([Decimal("4.5")], dtype=pl.Decimal(4, 1)),
        pd.Series([4.5], dtype="Float32"),
        pd.Series([4.5], dtype=object),
    ):
        frame_type: Any = pl.DataFrame if isinstance(ratings, pl.Series) else pd.DataFrame
        data = Interactions.from_dataframe(
            frame_type({"user_id": [1], "item_id": [1], "rating": ratings})
        )
        assert data.by_user.data.tolist() == [4.5]


MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "times",
    [
        pd.Series([MOMENT.replace(tzinfo=None)]),
        pd.Series([MOMENT]),
        pl.Series([MOMENT.replace(tzinfo=None)]),
        pl.Series([MOMENT]),
        np.array(["2020-01-02T03:04:05"], "datetime64[s]"),
        np.array(["2020-01-02T03:04:05"], "datetime64[ns]"),
    ],
)
def test_datetimes_are_microseconds(times: Any) -> None:
    if isinstance(times, np.ndarray):
        data = Interactions.from_arrays([1], [2], [3], timestamps=times)
    else:
        frame_type: Any = pd.DataFrame if isinstance(times, pd.Series) else pl.DataFrame
        frame = frame_type({"user_id": [1], "item_id": [2], "rating": [3], "t": times})
        data = Interactions.from_dataframe(frame, timestamp="t")
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [int(MOMENT.timestamp() * 1e6)]


def test_polars_dates() -> None:
    frame = pl.DataFrame({"user_id": [1], "item_id": [2], "t": [datetime.date(1970, 1, 2)]})
    data = Interactions.from_dataframe(frame, rating=None, timestamp="t")
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [86_400_000_000]
    assert data.by_user.data.tolist() == [1]


def test_other_column_names() -> None:
    frame = pl.DataFrame({"who": ["x"], "what": [7], "stars": [3]})
    data = Interactions.from_dataframe(frame, user="who", item="what", rating="stars")
    assert data.user_ratings("x") == ([7], [3])


def test_explicit_universe() -> None:
    data = Interactions.from_arrays([3], ["b"], user_ids=[5, 3, 4], item_ids=["c", "b"])
    assert data.user_ids.tolist() == [3, 4, 5]
    assert data.item_ids.tolist() == ["b", "c"]
    assert _dense(data).tolist() == [[1, 0], [0, 0], [0, 0]]
    with pytest.raises(UnknownIdError, match="unknown item: 'x'"):
        Interactions.from_arrays([3], ["x"], item_ids=["b"])
    with pytest.raises(UnknownIdError, match="unknown user: 3"):
        Interactions.from_arrays([3], ["x"], user_ids=np.array([], np.int64))
    with pytest.raises(ValueError, match="user_ids has repeated ids: 3"):
        Interactions.from_arrays([3], ["x"], user_ids=[3, 3])


# -- duplicates ---------------------------------------------------------------------------------

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


# -- errors -------------------------------------------------------------------------------------


def _arrays(**changes: Any) -> Interactions:
    columns: dict[str, Any] = {"users": [1, 2], "items": [3, 4], "ratings": [5, 1]}
    return Interactions.from_arrays(**columns | changes)


WRONG_ARRAYS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "NaN": ({"ratings": [1, np.nan]}, ValueError, "ratings .*finite.* found nan at position 1"),
    "inf": ({"ratings": [-np.inf, 1]}, ValueError, "found -inf at position 0"),
    "overflow": ({"ratings": [1, 1e39]}, ValueError, r"found 1e\+39 at position 1"),
    "None": ({"ratings": [1, None]}, TypeError, "must be numbers; found None at position 1"),
    "text": ({"ratings": ["5", "1"]}, TypeError, "ratings must be numbers"),
    "complex": ({"ratings": [1j, 1]}, TypeError, "ratings must be numbers, not complex"),
    "empty": ({"users": [], "items": [], "ratings": []}, ValueError, "there are no ratings"),
    "mixed ids": ({"users": [1, "a"]}, TypeError, "all integers or all strings, not int and str"),
    "None id": ({"items": ["a", None]}, TypeError, "items must be .* not NoneType and str"),
    "fraction": ({"users": [1.5, 2]}, ValueError, "found 1.5 at position 0"),
    "NaN id": ({"users": [1, np.nan]}, ValueError, "found nan at position 1"),
    "huge float id": ({"users": [1, 1e300]}, ValueError, r"found 1e\+300 at position 1"),
    "huge id": ({"users": [1, 2**70]}, ValueError, "64 bits"),
    "huge unsigned id": ({"users": np.array([1, 2**64 - 1], np.uint64)}, ValueError, "64 bits"),
    "bool ids": ({"users": [True, False]}, TypeError, "must be integers or strings, not bool"),
    "bool in ids": ({"users": np.array([True, 1], object)}, TypeError, "not bool and int"),
    "items shorter": ({"items": [3]}, ValueError, "items has 1 entries, users has 2"),
    "ratings longer": ({"ratings": [1, 2, 3]}, ValueError, "ratings has 3 entries"),
    "weights shorter": ({"weights": [1]}, ValueError, "weights has 1 entries"),
    "times shorter": ({"timestamps": [1]}, ValueError, "timestamps has 1 entries"),
    "no items": ({"items": []}, ValueError, "items has 0 entries, users has 2"),
    "zero weight": ({"weights": [1, 0]}, ValueError, r"must be above 0; found 0.* position 1"),
    "negative weight": ({"weights": [-1, 1]}, ValueError, r"found -1\.0 at position 0"),
    "NaN weight": ({"weights": [np.nan, 1]}, ValueError, "weights must be finite"),
    "NaN time": ({"timestamps": [np.nan, 1]}, ValueError, "timestamps must be finite"),
    "text time": ({"timestamps": ["now", "then"]}, TypeError, "integers or datetimes"),
    "NaT": ({"timestamps": np.array(["NaT", "2020"], "M8[s]")}, ValueError, "missing times"),
    "two dimensions": ({"users": [[1, 2]]}, ValueError, "users must have one dimension, not 2"),
    "ragged": ({"users": [[1, 2], [3]]}, ValueError, "users must have one dimension"),
    "scalar": ({"users": 1}, ValueError, "users must have one dimension, not 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_wrong_arrays(case: str) -> None:
    changes, error, message = WRONG_ARRAYS[case]
    with pytest.raises(error, match=message):
        _arrays(**changes)


def _frame(**changes: Any) -> pl.DataFrame:
    return pl.DataFrame(
        {"user_id": [1, 2], "item_id": [3, 4], "rating": [5.0, 1.0], "w": [1, 2]} | changes,
        strict=False,
    )


WRONG_TABLES: dict[str, tuple[Any, type[Exception], str]] = {
    "missing column": (
        _frame().drop("item_id"), ValueError,
        "there is no column 'item_id'; the table has user_id, rating, w",
    ),
    "null": (_frame(rating=[None, 1.0]), ValueError, "'rating' is empty in 1 rows .first: row 0"),
    "null id": (_frame(user_id=[1, None]), ValueError, "'user_id' is empty .* row 1"),
    "NaN": (_frame(rating=[1.0, np.nan]), ValueError, "column 'rating' must be finite"),
    "pandas NaN": (
        _frame().to_pandas().replace(5.0, np.nan), ValueError, "column 'rating' is empty in 1 rows",
    ),
    "text": (_frame(rating=["a", "b"]), TypeError, "column 'rating' must be numbers"),
    "lists": (_frame(user_id=[[1], [2]]), TypeError, "column 'user_id' must be"),
    "float ids": (_frame(user_id=[1.5, 2.0]), ValueError, "column 'user_id' .*found 1.5"),
    "bool ids": (_frame(user_id=[True, False]), TypeError, "column 'user_id' .*bool"),
    "zero weight": (_frame(w=[0, 1]), ValueError, "column 'w' must be above 0"),
    "no rows": (_frame().head(0), ValueError, "there are no ratings"),
    "lazy": (_frame().lazy(), TypeError, "not LazyFrame"),
    "array": (np.ones((2, 3)), TypeError, "not ndarray; from_arrays and from_sparse"),
    "dict": ({"user_id": [1]}, TypeError, "not dict"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_TABLES)
def test_wrong_tables(case: str) -> None:
    frame, error, message = WRONG_TABLES[case]
    with pytest.raises(error, match=message):
        Interactions.from_dataframe(frame, weight="w")


MATRIX = sp.csr_array(np.array([[0, 2.0], [3, 0]]))
WRONG_MATRICES: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "dense": (np.ones((2, 2)), {}, TypeError, "must be scipy sparse .* not ndarray"),
    "list": ([[1]], {}, TypeError, "not list"),
    "empty": (sp.csr_array((3, 4)), {}, ValueError, r"shape \(3, 4\) is empty"),
    "no rows": (sp.csr_array((0, 4)), {}, ValueError, "no ratings"),
    "NaN": (MATRIX * np.nan, {}, ValueError, "matrix must be finite"),
    "complex": (MATRIX * 1j, {}, TypeError, "real numbers, not complex"),
    "one dimension": (sp.coo_array(np.ones(3)), {}, ValueError, "two dimensions, not 1"),
    "few ids": (MATRIX, {"user_ids": [1]}, ValueError, "user_ids has 1 ids for 2 users"),
    "same ids": (MATRIX, {"item_ids": ["a", "a"]}, ValueError, "item_ids has repeated ids: 'a'"),
    "few weights": (MATRIX, {"weights": [1]}, ValueError, "weights has 1 entries, the matrix 2"),
    "other weights": (MATRIX, {"weights": MATRIX.T[::-1]}, ValueError, "store the same entries"),
    "zero weights": (MATRIX, {"weights": MATRIX * 0}, ValueError, "weights must be above 0"),
}


@pytest.mark.parametrize("case", WRONG_MATRICES)
def test_wrong_matrices(case: str) -> None:
    matrix, options, error, message = WRONG_MATRICES[case]
    with pytest.raises(error, match=message):
        Interactions.from_sparse(matrix, **options)


# -- looking in ---------------------------------------------------------------------------------


@pytest.fixture
def data() -> Interactions:
    generator = np.random.default_rng(0)
    matrix = sp.random_array((30, 40), density=0.2, rng=generator, format="coo")
    matrix.data = generator.integers(1, 6, matrix.nnz)
    rows, columns = matrix.coords
    return Interactions.from_arrays(
        rows * 10,
        np.array([f"film {c:02}" for c in columns]),
        matrix.data,
        timestamps=generator.permutation(matrix.nnz),
        weights=generator.uniform(0.5, 2, matrix.nnz),
    )


def test_sizes(data: Interactions) -> None:
    assert (data.n_users, data.n_items) == data.by_user.shape
    assert data.n_ratings == data.by_user.nnz == len(data)
    assert data.density == pytest.approx(len(data) / (data.n_users * data.n_items))
    np.testing.assert_array_equal(data.user_counts(), (_dense(data) > 0).sum(1))
    np.testing.assert_array_equal(data.item_counts(), (_dense(data) > 0).sum(0))
    assert repr(data) == "Interactions(240 ratings of 40 items by 30 users)"


def test_by_item_is_the_transpose_with_its_weights(data: Interactions) -> None:
    np.testing.assert_array_equal(data.by_item.toarray(), _dense(data).T)
    assert data.by_item.has_sorted_indices
    assert data.weights is not None
    weights = sp.csr_array((data.weights, data.by_user.indices, data.by_user.indptr))
    by_item = sp.csr_array((data.weights_by_item, data.by_item.indices, data.by_item.indptr))
    np.testing.assert_array_equal(by_item.toarray(), weights.toarray().T)
    assert data.by_item is data.by_item
    assert Interactions.from_sparse(data.by_user).weights_by_item is None


def test_index_of_one_and_of_many(data: Interactions) -> None:
    assert data.user_index(30) == 3
    assert type(data.user_index(np.int32(30))) is int
    assert data.user_index(30.0) == 3
    assert data.item_index("film 07") == 7
    assert data.item_index(np.str_("film 07")) == 7
    for many in ([0, 290, 0], (0, 290, 0), np.array([0, 290, 0]), pd.Series([0, 290, 0])):
        assert data.user_index(many).tolist() == [0, 29, 0]
    assert data.user_index(pl.Series([10.0])).tolist() == [1]
    assert data.user_index([[0], [10]]).tolist() == [[0], [1]]
    assert data.item_index(pd.Series(["film 01"], dtype=object)).tolist() == [1]
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


def test_user_ratings(data: Interactions) -> None:
    items, ratings = data.user_ratings(50)
    row = _dense(data)[5]
    assert items.tolist() == data.item_ids[row > 0].tolist()
    assert ratings.tolist() == row[row > 0].tolist()


# -- dividing -----------------------------------------------------------------------------------


def test_select(data: Interactions) -> None:
    mask = data.by_user.data >= 4
    chosen = data.select(mask)
    np.testing.assert_array_equal(_dense(chosen), np.where(_dense(data) >= 4, _dense(data), 0))
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
    with pytest.raises(ValueError, match="mask must be boolean with 240 entries"):
        data.select(mask)


@pytest.mark.parametrize("method", ["per-user", "random", "leave-last-out"])
def test_split_divides_all_ratings(data: Interactions, method: Any) -> None:
    train, held_out = data.split(method, fraction=0.3, random_state=4)
    np.testing.assert_array_equal(_dense(train) + _dense(held_out), _dense(data))
    assert len(train) + len(held_out) == len(data)
    assert train.user_ids is held_out.user_ids is data.user_ids
    again = data.split(method, fraction=0.3, random_state=4)
    _assert_same(again[0], train)
    _assert_same(again[1], held_out)


@pytest.mark.parametrize("method", ["per-user", "random"])
def test_other_seed_other_split(data: Interactions, method: Any) -> None:
    one, other = (data.split(method, random_state=seed)[1] for seed in (0, 1))
    assert (_dense(one) != _dense(other)).any()


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, np.nan])
def test_wrong_fraction(data: Interactions, fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction must be between 0 and 1"):
        data.split(fraction=fraction)


def test_wrong_split(data: Interactions) -> None:
    with pytest.raises(ValueError, match=r"method must be .* not 'by-film'"):
        data.split("by-film")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs timestamps"):
        Interactions.from_sparse(data.by_user).split("leave-last-out")


def test_nothing_warns_without_duplicates() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Interactions.from_arrays([1, 1, 2], [1, 2, 1])


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
        _assert_same(wide, narrow)
        latest = {}
        for position in np.argsort(times, kind="stable"):
            latest[users[position] * spread, items[position] * spread] = ratings[position]
        if policy == "last":
            found = {
                (user, item): float(_dense(wide)[wide.user_index(user), wide.item_index(item)])
                for user, item in latest
            }
            assert found == latest


def test_ratings_in_order_are_not_shared_with_the_caller():
    ratings, times = np.array([1, 2], np.float32), np.array([5, 6])
    data = Interactions.from_arrays([1, 1], [1, 2], ratings, timestamps=times)
    ratings[:], times[:] = 9, 9
    assert data.by_user.data.tolist() == [1, 2]
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [5, 6]
