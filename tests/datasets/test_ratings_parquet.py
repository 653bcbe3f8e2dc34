"""Ratings from Parquet: some rows at a time, or a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from cinefold import Interactions
from cinefold.datasets import DatasetError, load_ratings, ratings, readers
from tests.interactions.comparing import assert_same

if TYPE_CHECKING:
    pass


def test_dates_in_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    table = pl.DataFrame(
        {"user": [2**40, 1], "item": ["a", "b"], "date": ["2020-01-02", "1970-01-01"]}
    )
    table.write_parquet(path)
    expected = [0, 1577923200_000000]
    assert load_ratings(path).interactions.timestamps.tolist() == expected
    table.with_columns(pl.col("date").str.to_date()).write_parquet(path)
    assert load_ratings(path).interactions.timestamps.tolist() == expected


PARQUET = {
    "infinite": ({"rating": [1.0, float("inf")]}, "row 1: column 'rating' has inf"),
    "time": ({"time": [1.0, 1e300]}, "column 'timestamp'"),
    "no id": ({"user": [1, None]}, "row 1: column 'user' is empty"),
    "large id": ({"user": pl.Series([1, 2**64 - 1], dtype=pl.UInt64)}, "column 'user'.*64 bits"),
    "long id": (
        {"user": ["a", "x" * 1001]},
        "row 1: column 'user' has .*, not an id of up to 1,000",
    ),
    "far time": ({"time": pl.Series([1, 2**62]).cast(pl.Datetime("ms"))}, "row 1: column 'time'"),
    "far date": ({"time": pl.Series([1, 2**31 - 1], dtype=pl.Int32).cast(pl.Date)}, "row 1"),
    "lists": ({"user": [[1], [2]]}, "column 'user' must be"),
}


@pytest.mark.parametrize("case", PARQUET)
def test_parquet_that_is_refused(case, tmp_path):
    columns, message = PARQUET[case]
    path = tmp_path / "x.parquet"
    pl.DataFrame({"user": [1, 2], "item": ["a", "b"]} | columns).write_parquet(path)
    with pytest.raises(DatasetError, match=message) as caught:
        load_ratings(path)
    assert str(path) in str(caught.value)


def test_damaged_parquet_is_an_error_without_traces(tmp_path, capfd):
    path = tmp_path / "x.parquet"
    pl.DataFrame({"user": [1, 2] * 30, "item": ["a", "b"] * 30}).write_parquet(path)
    content, refused = path.read_bytes(), 0
    for position in range(0, len(content), 5):
        path.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
        try:
            load_ratings(path)
        except DatasetError as error:
            refused += str(path) in str(error)
    assert refused > len(content) / 15
    assert "panicked" not in capfd.readouterr().err


def test_parquet_of_nothing_but_repetitions(tmp_path):
    path = tmp_path / "x.parquet"
    rows = pl.repeat(1, 10_000_001, dtype=pl.Int8)
    pl.select(user=rows, item=rows).write_parquet(path)
    with pytest.raises(DatasetError, match="10,000,001 rows, too many"):
        load_ratings(path)


@pytest.mark.parametrize("held", [0, 1 << 20])
def test_parquet_is_read_some_rows_at_a_time(held, tmp_path, monkeypatch):
    rng, sizes = np.random.default_rng(0), []
    table = pl.DataFrame(
        {
            "user": [f"user {i}" for i in rng.integers(0, 30, 1_000)],
            "item": rng.integers(0, 50, 1_000) * 10**9,
            "rating": rng.random(1_000, np.float32),
            "time": rng.integers(0, 5, 1_000),
        }
    )
    table.write_parquet(tmp_path / "x.parquet", row_group_size=64)
    collect = readers.collect
    monkeypatch.setattr(ratings, "_ROWS", 150)
    monkeypatch.setattr(readers, "_LARGEST_HELD", held)
    monkeypatch.setattr(
        ratings, "collect", lambda *query: (sizes.append(len(f := collect(*query))), f)[1]
    )
    found = load_ratings(tmp_path / "x.parquet").interactions
    assert sizes == [150] * 6 + [100]
    with pytest.warns(UserWarning, match="repeat a pair"):
        whole = Interactions.from_dataframe(table, user="user", item="item", timestamp="time")
    assert_same(found, whole)


def test_folders_without_parquet(tmp_path):
    with pytest.raises(DatasetError, match=r"no file in the folder .* ends in \.parquet"):
        load_ratings(tmp_path)
