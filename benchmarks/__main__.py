"""Seconds per epoch against other libraries, as medians of alternating runs."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.contestants import field
from benchmarks.synthetic import ratings
from cinefold import _core

SHAPES = {"100k": (1_000, 1_700), "1m": (6_000, 3_700), "10m": (70_000, 10_700)}
COUNTS = {"100k": 100_000, "1m": 1_000_000, "10m": 9_000_000}


def main() -> None:
    options = _options()
    console = Console()
    peak = _sgemm_peak(options.threads)
    console.print(f"{_processor()}, {options.threads} threads, core level {_core.simd_level()}")
    console.print(f"NumPy sgemm on one thread times {options.threads}: {peak:.0f} GFLOP/s")
    data = ratings(*SHAPES[options.size], COUNTS[options.size], options.seed)
    console.print(f"{data.shape[0]:,} users, {data.shape[1]:,} items, {data.nnz:,} ratings")
    for n_factors in options.factors:
        seconds = _race(data, n_factors, options)
        console.print(_table(data, n_factors, seconds, peak))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SHAPES, default="1m", help="of the synthetic ratings")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--rounds", type=int, default=5, help="counted epochs of each contestant")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _race(data: object, n_factors: int, options: argparse.Namespace) -> dict[str, list[float]]:
    contestants = field(data, n_factors, options.threads)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(options.rounds + 1):
        for name, epoch in contestants.items():
            print(f"\r{n_factors} factors, round {turn}: {name:24}", end="", file=sys.stderr)
            elapsed = epoch()
            if turn > 0:  # the first epoch warms caches and starts from random factors
                seconds[name].append(elapsed)
    print(f"\r{'':60}\r", end="", file=sys.stderr)
    return seconds


def _table(data: object, n_factors: int, seconds: dict[str, list[float]], peak: float) -> Table:
    table = Table(title=f"One epoch with {n_factors} factors")
    for column in ("library", "median s", "fastest s", "slowest s", "times Cinefold", "% of peak"):
        table.add_column(column, justify="left" if column == "library" else "right")
    ours = statistics.median(next(iter(seconds.values())))
    for name, times in seconds.items():
        median = statistics.median(times)
        exact = "CG" not in name
        share = f"{_flops(data, n_factors) / median / peak / 1e7:.0f}" if exact else ""
        cells = [f"{value:.3f}" for value in (median, min(times), max(times))]
        table.add_row(name, *cells, f"{median / ours:.2f}", share)
    return table


def _flops(data: object, n_factors: int) -> float:
    """Useful operations of an exact epoch: n d^2 + d^3 / 3 a row, on both sides."""
    return 2 * data.nnz * n_factors**2 + sum(data.shape) * n_factors**3 / 3


def _sgemm_peak(n_threads: int) -> float:
    a = np.ones((2048, 2048), np.float32)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(times) / 1e9 * n_threads


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
