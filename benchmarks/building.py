"""How long it takes to build, divide and look into the ratings of MovieLens 32M's shape.

python -m benchmarks.building            # 32 million ratings; about 6 GB
python -m benchmarks.building 5_000_000
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.machine import say
from benchmarks.synthetic import SIZES, Columns, columns
from cinefold import Interactions, load_ratings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Steps = Iterator[tuple[str, Callable[[], object]]]

_BLOCKS = 16
_NAMES = {"users": "user_id", "items": "item_id", "ratings": "rating", "timestamps": "time"}


def main(n_ratings: int = SIZES["32m"].n_ratings, rounds: int = 3) -> None:
    """Print seconds, of processors, and of the first thread alone: medians of all rounds."""
    shape = SIZES["32m"]._replace(n_ratings=n_ratings, n_users=n_ratings // 159)
    say(f"ratings: {shape}")
    made = Columns(*map(np.concatenate, zip(*columns(shape, 0, _BLOCKS), strict=True)))
    print(f"{shape}; seconds, of processors, on one thread; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for name, step in chain(_building(made, Path(folder)), _using(made)):
            say(name)
            seconds = [_timed(step) for _ in range(rounds)]
            print(
                f"{name:44}", *(f"{statistics.median(s):6.2f}" for s in zip(*seconds, strict=True))
            )


def _building(made: Columns, folder: Path) -> Steps:
    users, items, ratings, times = made

    def build(users: Any, items: Any, at: Any = slice(None)) -> Callable[[], object]:
        return lambda: Interactions.from_arrays(users, items, ratings[at], timestamps=times[at])

    yield "copying the columns", lambda: [column.copy() for column in made]
    yield "from arrays, by user and item", build(users, items)
    order = np.argsort(times)
    yield "from arrays, by time", build(users[order], items[order], order)
    yield "the same, integers far apart", build(users[order] * 10**10, items[order] * 10**10, order)
    frame = pl.DataFrame({name: getattr(made, column) for column, name in _NAMES.items()})
    frame.write_parquet(file := folder / "ratings.parquet", row_group_size=1 << 18)
    yield "from Parquet, some row groups at a time", lambda: load_ratings(file)
    text = frame.with_columns(pl.format("user {}", "user_id").alias("user_id"))
    text = text.with_columns(pl.format("item {}", "item_id").alias("item_id"))
    yield "from a frame, text, by user and item", partial(_of, text)
    text = text[order]
    yield "from a frame, text, by time", partial(_of, text)
    yield "the same, of pandas", partial(_of, text.to_pandas())
    text = text.with_columns(pl.col("user_id", "item_id").cast(pl.Categorical))
    yield "the same, categories", partial(_of, text)
    for what, kind in {"Python's strings": object, "NumPy's text": str}.items():
        every = np.array([f"id {i}" for i in range(max(users.max(), items.max()) + 1)], kind)
        yield (
            f"from arrays of {what}, by time",
            build(every[users[order]], every[items[order]], order),
        )


def _of(frame: Any) -> Interactions:
    return Interactions.from_dataframe(frame, timestamp="time")


def _using(made: Columns) -> Steps:
    data = Interactions.from_arrays(*made[:3], timestamps=made.timestamps)
    for method in ("per-user", "random", "leave-last-out", "time"):
        yield f"split, {method}", partial(data.split, method)
    yield "split, per-user, three parts", lambda: data.split(fraction=(0.1, 0.1))
    mask = np.random.default_rng(0).random(data.n_ratings) < 0.9
    yield "select nine of ten", lambda: data.select(mask)
    yield "by_item", lambda: data.select(np.ones(data.n_ratings, bool)).by_item
    yield "user_ratings of 10,000 users", lambda: [*map(data.user_ratings, data.user_ids[:10_000])]


def _timed(step: Callable[[], object]) -> list[float]:
    clocks = time.perf_counter, time.process_time, time.thread_time
    begun = [clock() for clock in clocks]
    step()
    return [clock() - begin for clock, begin in zip(clocks, begun, strict=True)]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
