"""Hard cases on a cluster of processes, beside one machine: ``python -m benchmarks.spark.trials``.

Each fits the same ratings on two executors, which are processes of their own with little memory,
and on one machine, and says whether the factors are the same to the last bit.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from pyspark.sql import SparkSession

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.spark import DistributedWeightedMatrixFactorization
from cinefold.spark.session import start_session

MODEL = {"n_factors": 16, "max_iter": 3, "tol": 0.0, "solver": "exact"}


def random_ratings(n_ratings: int, n_users: int, n_items: int) -> pa.Table:
    rng = np.random.default_rng(0)
    users = (rng.random(n_ratings) ** 1.7 * n_users).astype(np.int64)
    items = (rng.random(n_ratings) ** 3 * n_items).astype(np.int64)
    pairs = np.unique(users * n_items + items)
    users, items = np.divmod(pairs, n_items)
    stars = rng.integers(1, 6, len(pairs)).astype(np.float32)
    return pa.table({"user": users, "item": items, "rating": stars})


def one_long_row(n_long: int) -> pa.Table:
    """A user of `n_long` ratings, and a thousand users of a few each."""
    others = random_ratings(20_000, 1_000, n_long)
    long = pa.table(
        {
            "user": np.full(n_long, 1_000),
            "item": np.arange(n_long),
            "rating": np.random.default_rng(1).integers(1, 6, n_long).astype(np.float32),
        }
    )
    return pa.concat_tables([others, long])


def with_names(table: pa.Table) -> pa.Table:
    """Ids that are strings, of other alphabets among them."""
    for at, (name, prefix) in enumerate((("user", "žena "), ("item", "映画 "))):
        names = [f"{prefix}{value}" for value in table.column(name).to_pylist()]
        table = table.set_column(at, name, pa.array(names))
    return table


class Killer(threading.Thread):
    """Kills one of two executors whenever both have started, at any moment, six times."""

    def __init__(self, spark: SparkSession, seconds: float) -> None:
        super().__init__(daemon=True)
        self._driver = spark._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
        self._seconds, self._rng, self.n_killed = seconds, np.random.default_rng(0), 0
        self.stopped = threading.Event()

    def run(self) -> None:
        while self.n_killed < 6 and not self.stopped.wait(
            self._seconds * self._rng.uniform(0.5, 1.5)
        ):
            listed = ["ps", "--ppid", str(self._driver), "-ww", "-o", "pid=", "-o", "args="]
            children = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
            executors = [line for line in children.splitlines() if "ExecutorBackend" in line]
            if len(executors) > 1:
                os.kill(int(self._rng.choice(executors).split()[0]), signal.SIGKILL)
                self.n_killed += 1


def trial(
    spark: SparkSession,
    name: str,
    table: pa.Table,
    n_partitions: int | None = None,
    kill_every: float | None = None,
    **params: Any,
) -> None:
    single = WeightedMatrixFactorization(**MODEL)
    arrays = [
        np.asarray(
            table.column(n).to_pylist()
            if pa.types.is_string(table.column(n).type)
            else table.column(n)
        )
        for n in ("user", "item", "rating")
    ]
    single.fit(Interactions.from_arrays(*arrays))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ratings.parquet"
        parquet.write_table(table, path, row_group_size=1 << 20)
        ratings = spark.read.parquet(path)
        if n_partitions is not None:
            ratings = ratings.repartition(n_partitions)
        trainer = DistributedWeightedMatrixFactorization.like(
            single, checkpointDir=f"{folder}/fit", **params
        )
        started, killer = time.perf_counter(), None
        if kill_every is not None:
            killer = Killer(spark, kill_every)
            killer.start()
        model = trainer.fit(ratings)
        if killer is not None:
            killer.stopped.set()
        seconds = time.perf_counter() - started
        local = model.toLocal()
    same = np.array_equal(local.user_factors_, single.user_factors_)
    same &= np.array_equal(local.item_factors_, single.item_factors_)
    killed = "" if killer is None else f", {killer.n_killed} executors killed"
    print(
        f"{name:24} {table.num_rows:11,} ratings {seconds:7.1f} s{killed}: "
        f"{'the same to the last bit' if same else 'NOT THE SAME'}",
        flush=True,
    )


TRIALS: dict[str, Callable[[SparkSession, int], None]] = {
    "memory": lambda spark, n: trial(
        spark, "more than memory", random_ratings(n, n // 140, int(n**0.5 * 4))
    ),
    "long-row": lambda spark, n: trial(spark, "one long row", one_long_row(min(n, 1_000_000))),
    "long-row-stored": lambda spark, n: trial(
        spark, "one long row, stored", one_long_row(min(n, 1_000_000)), plan="stored"
    ),
    "kills": lambda spark, n: trial(
        spark, "kills, held", random_ratings(min(n, 200_000), 8_000, 2_000), kill_every=15
    ),
    "kills-stored": lambda spark, n: trial(
        spark,
        "kills, stored",
        random_ratings(min(n, 200_000), 8_000, 2_000),
        plan="stored",
        kill_every=15,
    ),
    "names": lambda spark, n: trial(
        spark,
        "strings, empty parts",
        with_names(random_ratings(min(n, 3_000), 90, 60)),
        n_partitions=16,
        numUserBlocks=40,
        numItemBlocks=30,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "trials", nargs="*", default=[*TRIALS], metavar="trial", help=", ".join(TRIALS)
    )
    parser.add_argument("--ratings", type=float, default=8e6, help="at most")
    parser.add_argument("--executor-memory", default="460m", help="of each of two executors")
    parser.add_argument("--memory-fraction", default="0.2", help="of it for blocks and shuffles")
    asked = parser.parse_args()
    logging.getLogger("py4j").setLevel(logging.WARNING)
    spark = start_session(
        "local-cluster[2,1,1024]",
        {
            "spark.executor.memory": asked.executor_memory,
            "spark.memory.fraction": asked.memory_fraction,
            "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),
            "spark.task.maxFailures": "20",
            "spark.stage.maxConsecutiveAttempts": "20",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "4",
        },
    )
    spark.sparkContext.setLogLevel("ERROR")
    for name in asked.trials:
        TRIALS[name](spark, int(asked.ratings))
    spark.stop()


if __name__ == "__main__":
    main()
