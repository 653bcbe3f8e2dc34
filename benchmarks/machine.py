"""The machine: its name, its peak, and taking turns on it."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cinefold import _core
from cinefold.diagnostics import installed_version, processor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIBRARIES = ("cinefold", "numpy", "scipy", "implicit", "irspack", "cmfrec", "lenskit")


def threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(n_threads: int) -> dict[str, Any]:
    """What a result depends on: processor, threads, levels and versions."""
    return {
        "processor": processor(),
        "threads": n_threads,
        "level": _core.simd_level(),
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := installed_version(name))},
    }


def peak(n_threads: int, order: int = 1024) -> float:
    """GFLOP/s of NumPy's sgemm, one product on each of `n_threads` threads at once."""
    seconds: list[float] = []

    def multiply() -> None:
        a = np.ones((order, order), np.float32)
        out = np.empty_like(a)
        for _ in range(8):
            started = time.perf_counter()
            np.matmul(a, a, out=out)
            seconds.append(time.perf_counter() - started)

    workers = [threading.Thread(target=multiply) for _ in range(n_threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return n_threads * 2 * order**3 / statistics.median(seconds) / 1e9


def race(
    contestants: Mapping[str, Callable[[], float]],
    rounds: int,
    label: str,
    between: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds of each contestant in `rounds` turns; a first turn warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            say(f"{label}, round {turn} of {rounds}: {name}")
            elapsed = run()
            if turn > 0:
                seconds[name].append(elapsed)
        between()
    say("")
    return seconds


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def say(text: str) -> None:
    """Progress, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text[:100]:100}", end="" if text else "\r", file=sys.stderr, flush=True)


def matrix_bytes(matrix: sp.csr_array, n_factors: int) -> int:
    """Two copies of the ratings (float32 values, int32 columns, int64 offsets) and the factors."""
    copies = 2 * 8 * matrix.nnz + 8 * (sum(matrix.shape) + 2)
    return copies + 4 * n_factors * sum(matrix.shape)
