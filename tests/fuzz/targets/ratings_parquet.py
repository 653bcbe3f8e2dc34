"""Anybody's ratings as Parquet."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime

import polars as pl

from cinefold.datasets import DatasetError, load_ratings
from tests.fuzz.scratch import file_of

logging.getLogger("cinefold").setLevel(logging.ERROR)


def _parquet(compression: str, **columns: object) -> bytes:
    content = io.BytesIO()
    pl.DataFrame(columns).write_parquet(content, compression=compression)
    return content.getvalue()


SEEDS = [
    _parquet("zstd", user=[1, 2, 3] * 9, item=["a", "b", "c"] * 9, rating=[1.0, 2.5, 4.0] * 9),
    _parquet("uncompressed", user=[1, 2, 3], item=["a", "b", "c"], time=[3, 4, 5], note=[""] * 3),
    _parquet("snappy", user=pl.Series(["u", "v"]).cast(pl.Categorical), item=[1, None],
             date=[datetime(2020, 1, 1, tzinfo=UTC)] * 2),
]  # fmt: skip


def check(data: bytes) -> None:
    try:
        loaded = load_ratings(file_of(data, "mine.parquet"))
    except DatasetError as error:
        assert "mine.parquet" in str(error)  # noqa: PT017
        assert len(str(error)) < 1000  # noqa: PT017
        return
    assert loaded.interactions.n_ratings >= 1
