"""Columns of tables and arrays: what is taken, and how what is not is named."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cinefold import Interactions
from tests.interactions.comparing import assert_same, dense

COLUMNS = {
    "pandas string": pd.Series(["b", "a", "b"], dtype="string"),
    "pandas string, Python's": pd.Series(["b", "a", "b"], dtype="string[python]"),
    "pandas object": pd.Series(["b", "a", "b"], dtype=object),
    "pandas categorical": pd.Series(["b", "a", "b"], dtype="category"),
    "pandas nullable": pd.Series([2, 1, 2], dtype="Int64"),
    "pandas objects of int": pd.Series([2, 1, 2], dtype=object),
    "pandas whole floats": pd.Series([2.0, 1.0, 2.0]),
    "pandas arrow": pd.Series([2, 1, 2], dtype="int32[pyarrow]"),
    "pandas categorical in another order": pd.Series(
        pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"], ordered=True)
    ),
    "pandas categorical of int": pd.Series([2, 1, 2], dtype="category"),
    "Polars string": pl.Series(["b", "a", "b"]),
    "Polars categorical": pl.Series(["b", "a", "b"], dtype=pl.Categorical),
    "Polars categorical of a part": pl.Series(["x", "b", "a", "b"], dtype=pl.Categorical)[1:],
    "Polars enum": pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "c", "a"])),
    "Polars small": pl.Series([2, 1, 2], dtype=pl.UInt8),
    "Arrow dictionary": pa.array(["b", "a", "b"]).dictionary_encode(),
    "Arrow dictionary of int": pa.array([2, 1, 2]).dictionary_encode(),
    "Arrow dictionary that repeats": pa.DictionaryArray.from_arrays([0, 1, 2], ["b", "a", "b"]),
}
FRAMES: dict[str, Any] = {"pandas": pd.DataFrame, "Polars": pl.DataFrame, "Arrow": pa.table}


@pytest.mark.parametrize(
    "kind", ["i1", "u1", "i2", ">i2", "u4", ">u4", "i8", ">i8", "u8", "f4", "f8"]
)
def test_integers_of_any_width(kind: str) -> None:
    largest = 2**20 if kind[0] == "f" else np.iinfo(kind).max // (2 if kind == "u8" else 1)
    ids = np.array([largest, 0, 3, largest, largest // 2 + 1], kind)
    data = Interactions.from_arrays(ids, [0, 0, 0, 1, 0])
    assert data.user_ids.tolist() == sorted({*map(int, ids)})
    assert data.user_counts().tolist() == [1, 1, 1, 2]
    assert data.user_index(ids).tolist() == [3, 0, 1, 3, 2]


@pytest.mark.parametrize("kind", COLUMNS)
def test_id_columns(kind: str) -> None:
    column = COLUMNS[kind]
    frame_type = FRAMES[kind.split()[0]]
    frame = frame_type({"user_id": column, "item_id": [1, 2, 3], "rating": [5, 4, 3]})
    data = Interactions.from_dataframe(frame)
    assert_same(Interactions.from_arrays(column, [1, 2, 3], [5, 4, 3]), data)
    text = str(column[0]) == "b"
    assert data.user_ids.tolist() == (["a", "b"] if text else [1, 2])
    assert data.user_ids.dtype.kind == ("O" if text else "i")
    assert dense(data).tolist() == [[0, 4, 0], [5, 0, 3]]


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


EAST = datetime.timezone(datetime.timedelta(hours=14))
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "times",
    [
        pd.Series([MOMENT.replace(tzinfo=None)]),
        pd.Series([MOMENT]),
        pl.Series([MOMENT.replace(tzinfo=None)]),
        pl.Series([MOMENT]),
        np.array(["2020-01-02T03:04:05"], "datetime64[s]"),
        [MOMENT],
        [MOMENT.astimezone(EAST).replace(fold=1)],
        [MOMENT.replace(tzinfo=None)],
        [pd.Timestamp(MOMENT)],
        [np.datetime64("2020-01-02T03:04:05")],
        np.array([int(MOMENT.timestamp() * 1e6)], object),
        np.array(["2020-01-02T03:04:05"], "datetime64[ns]"),
    ],
)
def test_datetimes_are_microseconds(times: Any) -> None:
    if isinstance(times, np.ndarray | list):
        data = Interactions.from_arrays([1], [2], [3], timestamps=times)
    else:
        frame_type: Any = pd.DataFrame if isinstance(times, pd.Series) else pl.DataFrame
        frame = frame_type({"user_id": [1], "item_id": [2], "rating": [3], "t": times})
        data = Interactions.from_dataframe(frame, timestamp="t")
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [int(MOMENT.timestamp() * 1e6)]


@pytest.mark.parametrize(
    "times",
    [
        pl.Series([2**31 - 1], dtype=pl.Int32).cast(pl.Date),
        pl.Series([2**60]).cast(pl.Datetime("ms")),
        pd.Series(np.array([2**60], "M8[s]")),
        pa.array([2**60], pa.timestamp("s")),
    ],
)
def test_times_that_have_no_room_are_refused(times: Any) -> None:
    frame_type: Any = {pd.Series: pd.DataFrame, pl.Series: pl.DataFrame}.get(type(times), pa.table)
    frame = frame_type({"user_id": [1], "item_id": [2], "t": times})
    with pytest.raises(ValueError, match="column 't' must fit into 64 bits as microseconds"):
        Interactions.from_dataframe(frame, rating=None, timestamp="t")


def test_polars_dates() -> None:
    frame = pl.DataFrame({"user_id": [1], "item_id": [2], "t": [datetime.date(1970, 1, 2)]})
    data = Interactions.from_dataframe(frame, rating=None, timestamp="t")
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [86_400_000_000]
    assert data.by_user.data.tolist() == [1]


@pytest.mark.parametrize("names", [("who", "what", "stars"), (0, 1, 2)])
def test_columns_of_any_name(names: Any) -> None:
    frame = pd.DataFrame([["x", 7, 3.0]], columns=list(names))
    options = dict(zip(("user", "item", "rating"), names, strict=True))
    assert Interactions.from_dataframe(frame, **options).user_ratings("x") == ([7], [3])


def test_ids_of_text_keep_every_character_in_bounded_memory() -> None:
    users = ["a", "a\0", "", "\0", "x" * 5_000_000, *map(str, range(2_000))]
    for given in (users, np.array(users, object), pd.Series(users, dtype=object)):
        data = Interactions.from_arrays(given, np.arange(len(users)))
        assert data.n_users == len(users)
        assert data.user_ratings("a\0")[0].tolist() == [1]
        assert data.user_ratings("\0")[0].tolist() == [3]
        assert (
            data.user_index(users).tolist() == data.user_index([[u] for u in users]).T.tolist()[0]
        )
    with pytest.raises(ValueError, match="unknown user: 'y") as caught:
        data.user_index("y" * 5_000_000)
    assert len(str(caught.value)) < 200


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
    "null id": ({"users": pl.Series(["a", None])}, TypeError, "not NoneType and str"),
    "null category": ({"items": pl.Series(["a", None], dtype=pl.Categorical)}, TypeError, "None"),
    "None id": ({"items": ["a", None]}, TypeError, "items must be .* not NoneType and str"),
    "fraction": ({"users": [1.5, 2]}, ValueError, "found 1.5 at position 0"),
    "NaN id": ({"users": [1, np.nan]}, ValueError, "found nan at position 1"),
    "huge float id": ({"users": [1, 1e300]}, ValueError, r"found 1e\+300 at position 1"),
    "huge id": ({"users": [1, 2**70]}, ValueError, "64 bits"),
    "huge id beside a fraction": ({"users": [0.5, 10**400]}, ValueError, "64 bits"),
    "huge unsigned id": ({"users": np.array([1, 2**64 - 1], np.uint64)}, ValueError, "64 bits"),
    "bool ids": ({"users": [True, False]}, TypeError, "must be integers or strings, not bool"),
    "bool in ids": ({"users": np.array([True, 1], object)}, TypeError, "not bool and int"),
    "bytes": ({"users": np.array([b"a", b"b"], object)}, TypeError, "strings, not bytes"),
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
    "no room": ({"timestamps": np.array([1, 2**60], "M8[s]")}, ValueError, "64 bits .* position 1"),
    "datetime and number": ({"timestamps": [MOMENT, 1]}, TypeError, "found 1 at position 1"),
    "pandas NaT": ({"timestamps": [MOMENT, pd.NaT]}, ValueError, "missing times .*position 1"),
    "before year 1": (
        {"timestamps": [datetime.datetime(1, 1, 1, tzinfo=EAST)] * 2},
        ValueError, "years 1 to 9999 of UTC; found 0001-01-01 .* position 0",
    ),
    "NaT": ({"timestamps": np.array(["NaT", "2020"], "M8[s]")}, ValueError, "missing times"),
    "masked": (
        {"ratings": np.ma.array([1, -999], mask=[0, 1])}, ValueError, "is masked at position 1 ",
    ),
    "masked ids": ({"users": np.ma.array([1, 2], mask=[1, 0])}, ValueError, "users is masked"),
    "single-precision id": (
        {"users": np.array([2**24, 1], np.float32)}, ValueError, "found 16777216.0 at position 0",
    ),
    "dates": ({"ratings": np.array(["2020"] * 2, "M8[D]")}, TypeError, "not datetime64"),
    "late time": ({"timestamps": [1.0, 1e30]}, ValueError, r"64 bits with a sign; found 1e\+30"),
    "huge rating": ({"ratings": [1, 10**400]}, ValueError, "finite float32 numbers"),
    "two dimensions": ({"users": [[1, 2]]}, ValueError, "users must have one dimension, not 2"),
    "ragged": ({"users": [[1, 2], [3]]}, TypeError, "users must be all integers .*, not list"),
    "scalar": ({"users": 1}, ValueError, "users must have one dimension, not 0"),
}  # fmt: skip


def test_text_of_numpy_that_is_missing() -> None:
    kind = getattr(np.dtypes, "StringDType", None)  # of NumPy 2
    users = np.array(["a", None], kind(na_object=None) if kind else object)
    with pytest.raises(TypeError, match="all strings, not NoneType and str"):
        _arrays(users=users)


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
        "there is no column 'item_id'; the table has user_id, rating, w; item= says which it is$",
    ),
    "no ratings": (
        _frame().drop("rating"), ValueError, "; rating= says which it is, None that there is none",
    ),
    "null": (_frame(rating=[None, 1.0]), ValueError, "'rating' is empty in 1 rows .first: row 0"),
    "null id": (_frame(user_id=[1, None]), ValueError, "'user_id' is empty .* row 1"),
    "NaN": (_frame(rating=[1.0, np.nan]), ValueError, "column 'rating' must be finite"),
    "pandas NaN": (
        _frame().to_pandas().replace(5.0, np.nan), ValueError, "column 'rating' is empty in 1 rows",
    ),
    "text": (_frame(rating=["a", "b"]), TypeError, "column 'rating' must be numbers"),
    "dates": (
        _frame(rating=[MOMENT.date()] * 2), TypeError, "column 'rating' must be .* not datetime64",
    ),
    "two of one name": (
        pd.DataFrame([[1, 2, 3, 4]], columns=["user_id", "item_id", "rating", "rating"]),
        ValueError, "'rating' 2 times",
    ),
    "lists": (_frame(user_id=[[1], [2]]), TypeError, "column 'user_id' must be"),
    "float ids": (_frame(user_id=[1.5, 2.0]), ValueError, "column 'user_id' .*found 1.5"),
    "bool ids": (_frame(user_id=[True, False]), TypeError, "column 'user_id' .*bool"),
    "zero weight": (_frame(w=[0, 1]), ValueError, "column 'w' must be above 0"),
    "128 bits": (_frame(user_id=pl.Series([1, 2**70], dtype=pl.Int128)), ValueError, "64 bits"),
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
