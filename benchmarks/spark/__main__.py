"""Seconds, CPU time and shuffled bytes per iteration, beside ``pyspark.ml.recommendation.ALS``.

All learn the same ratings in one session, with as many factors and blocks. An iteration of MLlib is
the difference of fits of one and of none, after a small fit that lets Java compile. CPU time is
that of all processes, Java's and Python's: on a machine that others use as well it says more than
seconds do. Bytes are what the stages of an iteration write to shuffles, as Spark's own status says;
of ours also those of the files that reach each executor. For one machine it is the same fit in this
process. In the end stand the ratios.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession

from benchmarks.machine import describe
from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.spark import DistributedWeightedMatrixFactorization
from cinefold.spark.session import start_session

W0, RIDGE = 0.1, 0.05


@dataclass
class Result:
    """Of one trainer at one size: per iteration."""

    trainer: str
    n_ratings: int
    n_factors: int
    n_blocks: int
    seconds: float
    cpu_seconds: float
    shuffled_mb: float = 0.0
    file_mb: float = 0.0


def ratings_file(n_ratings: int, folder: Path) -> Path:
    """Synthetic ratings with popular items and active users, as Parquet."""
    path = folder / f"ratings-{n_ratings}.parquet"
    rng = np.random.default_rng(0)
    n_users, n_items = max(n_ratings // 140, 100), max(int(n_ratings**0.5 * 4), 100)
    pairs = np.zeros(0, np.int64)
    while len(pairs) < n_ratings:
        size = int(1.3 * (n_ratings - len(pairs))) + 1000
        users = (rng.random(size) ** 1.7 * n_users).astype(np.int64)
        items = (rng.random(size) ** 3 * n_items).astype(np.int64)
        pairs = np.unique(np.concatenate([pairs, users * n_items + items]))
    pairs = np.sort(rng.choice(pairs, n_ratings, replace=False))
    import pyarrow as pa
    from pyarrow import parquet

    users, items = (part.astype(np.int32) for part in np.divmod(pairs, n_items))
    stars = rng.integers(1, 6, n_ratings).astype(np.float32)
    table = pa.table({"user": users, "item": items, "rating": stars})
    parquet.write_table(table, path, row_group_size=1 << 20)
    return path


def cpu_seconds() -> float:
    """Of this process, of those that it has started, and of theirs."""
    parents, used = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(status.parent.name)
        parents[pid], used[pid] = int(fields[1]), sum(map(int, fields[11:15]))

    def is_ours(pid: int) -> bool:
        while pid > 1 and pid != os.getpid():
            pid = parents.get(pid, 0)
        return pid == os.getpid()

    return sum(ticks for pid, ticks in used.items() if is_ours(pid)) / os.sysconf("SC_CLK_TCK")


def shuffled_mb(spark: SparkSession) -> float:
    """Written to shuffles by all stages so far."""
    context = spark.sparkContext
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/stages"
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - Spark's own, on this machine
        stages = json.load(answer)
    return float(sum(stage["shuffleWriteBytes"] for stage in stages)) / 1e6


def now(spark: SparkSession) -> tuple[float, ...]:
    return time.perf_counter(), cpu_seconds(), shuffled_mb(spark)


def differences(before: Iterable[float], after: Iterable[float], n: int) -> tuple[float, ...]:
    return tuple((end - begin) / n for begin, end in zip(before, after, strict=True))


def mllib(spark: SparkSession, ratings: DataFrame, n_factors: int, n_blocks: int) -> Result:
    def fit(ratings: DataFrame, n_iterations: int) -> tuple[float, ...]:
        als = ALS(
            rank=n_factors,
            maxIter=n_iterations,
            implicitPrefs=True,
            regParam=RIDGE,
            numUserBlocks=n_blocks,
            numItemBlocks=n_blocks,
            seed=0,
        )
        before = now(spark)
        als.fit(ratings).itemFactors.count()
        return differences(before, now(spark), 1)

    fit(ratings.limit(100_000), 2)
    per_iteration = differences(fit(ratings, 0), fit(ratings, 1), 1)
    return Result("MLlib", ratings.count(), n_factors, n_blocks, *per_iteration)


def cinefold(
    spark: SparkSession, ratings: DataFrame, n_factors: int, n_blocks: int, plan: str
) -> Result:
    at: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = DistributedWeightedMatrixFactorization(
            nFactors=n_factors,
            maxIter=4,
            tol=0.0,
            unobservedWeight=W0,
            regularization=RIDGE,
            solver="exact",
            numUserBlocks=n_blocks,
            numItemBlocks=n_blocks,
            plan=plan,
            checkpointDir=folder,
            checkpointInterval=1000,
        )
        model = trainer.fit(ratings, callbacks=[lambda *_: at.append(now(spark))])
        rows = model.userFactors.count() + model.itemFactors.count()
    per_iteration = differences(at[0], at[-1], len(at) - 1)
    # Both sides travel in each half-step: one is fixed, the other is where solvers start.
    files = 2 * rows * n_factors * 4 / 1e6 if plan == "held" else 0.0
    sizes = ratings.count(), n_factors, n_blocks
    return Result(f"Cinefold, {plan}", *sizes, *per_iteration, file_mb=files)


def one_machine(path: Path, n_factors: int, n_threads: int) -> Result:
    import polars as pl

    known = Interactions.from_dataframe(pl.read_parquet(path), user="user", item="item")
    at: list[tuple[float, float]] = []
    model = WeightedMatrixFactorization(
        n_factors=n_factors,
        max_iter=4,
        tol=0.0,
        unobserved_weight=W0,
        regularization=RIDGE,
        solver="exact",
        n_threads=n_threads,
    )
    model.fit(known, callbacks=[lambda *_: at.append((time.perf_counter(), cpu_seconds()))])
    per_iteration = differences(at[0], at[-1], len(at) - 1)
    return Result("Cinefold, one machine", known.n_ratings, n_factors, 1, *per_iteration)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=float, nargs="+", default=[5e6])
    parser.add_argument("--rank", type=int, nargs="+", default=[64])
    parser.add_argument("--blocks", type=int, nargs="+", default=[4])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--memory", default="6g", help="of Spark's process")
    parser.add_argument(
        "--trainers",
        nargs="+",
        default=["local", "held", "stored", "mllib"],
        choices=["local", "held", "stored", "mllib"],
    )
    asked = parser.parse_args()
    logging.getLogger("py4j").setLevel(logging.WARNING)
    spark = start_session(
        f"local[{asked.cores}]",
        {
            "spark.driver.memory": asked.memory,
            "spark.driver.host": "127.0.0.1",
            "spark.ui.retainedStages": "100000",
            "spark.ui.showConsoleProgress": "false",
        },
    )
    print(json.dumps(describe(asked.cores), default=str))
    print(
        f"{'trainer':24}{'ratings':>12}{'d':>5}{'blocks':>8}{'s':>9}{'CPU s':>9}"
        f"{'shuffled MB':>13}{'files':>9}"
    )
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for n_ratings in map(int, asked.ratings):
            path = ratings_file(n_ratings, Path(folder))
            ratings = spark.read.parquet(str(path)).cache()
            ratings.count()
            for rank, n_blocks, name in product(asked.rank, asked.blocks, asked.trainers):
                results.append(measure(name, spark, ratings, path, rank, n_blocks, asked.cores))
                show(results[-1])
            ratings.unpersist()
    for one in results:
        compare(one, results)


def compare(one: Result, results: list[Result]) -> None:
    """A trainer on Spark beside MLlib and one machine, of the same size."""
    if one.trainer not in ("Cinefold, held", "Cinefold, stored"):
        return
    for peer in results:
        sizes = (peer.n_ratings, peer.n_factors) == (one.n_ratings, one.n_factors)
        size = f"{one.trainer}, {one.n_ratings:,} ratings, d = {one.n_factors}"
        if sizes and peer.trainer == "MLlib" and peer.n_blocks == one.n_blocks:
            moved = one.shuffled_mb + one.file_mb
            print(
                f"{size}, {one.n_blocks} blocks: {one.seconds / peer.seconds:.3f} of MLlib's time, "
                f"{one.cpu_seconds / peer.cpu_seconds:.3f} of its CPU time, "
                f"{moved / peer.shuffled_mb:.2f} of its bytes, files included"
            )
        if sizes and peer.trainer == "Cinefold, one machine":
            print(
                f"{size}, {one.n_blocks} blocks: {one.seconds - peer.seconds:.2f} s and "
                f"{one.cpu_seconds - peer.cpu_seconds:.2f} CPU s more than one machine"
            )


def measure(
    name: str,
    spark: SparkSession,
    ratings: DataFrame,
    path: Path,
    n_factors: int,
    n_blocks: int,
    n_cores: int,
) -> Result:
    if name == "local":
        return one_machine(path, n_factors, n_cores)
    if name == "mllib":
        return mllib(spark, ratings, n_factors, n_blocks)
    return cinefold(spark, ratings, n_factors, n_blocks, name)


def show(result: Result) -> None:
    values: dict[str, Any] = asdict(result)
    print(
        "{trainer:24}{n_ratings:12,}{n_factors:5}{n_blocks:8}{seconds:9.2f}{cpu_seconds:9.2f}"
        "{shuffled_mb:13.1f}{file_mb:9.1f}".format(**values),
        flush=True,
    )


if __name__ == "__main__":
    main()
