"""The machine: its name, its peak, and taking turns on it."""

from __future__ import annotations

import platform
import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold._show_versions import installed_version, processor
from cinefold.als import backend
from cinefold.als.iterations import available_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Series = dict[str, list[float]]

LIBRARIES = (
    "cinefold",
    "numpy",
    "scipy",
    "irspack",
    "implicit",
    "cmfrec",
    "lenskit",
    "torch",
    "pyspark",
)


def describe(n_threads: int) -> dict[str, Any]:
    """What a result depends on: processor, cores, threads, instruction set and versions."""
    return {
        "processor": processor(),
        "cores": available_threads(None),
        "threads": n_threads,
        "level": backend.simd_level(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := installed_version(name))},
    }


def peak(n_threads: int, order: int = 1024, products: int = 6) -> float:
    """GFLOP/s of NumPy's sgemm, one-threaded products on each of `n_threads` threads at once."""
    factor = np.random.default_rng(0).standard_normal((order, order), np.float32)
    seconds: list[float] = []

    def multiply() -> None:
        out = np.empty_like(factor)
        seconds.extend(timed(lambda: np.matmul(factor, factor, out=out)) for _ in range(products))

    workers = [threading.Thread(target=multiply) for _ in range(n_threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return n_threads * 2 * order**3 / statistics.median(seconds) / 1e9


def race(contestants: Mapping[str, Callable[[], float]], rounds: int, label: str) -> Series:
    """Seconds of each contestant in `rounds` turns; a first turn warms up and is not counted."""
    seconds: Series = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            say(f"{label}, round {turn} of {rounds}: {name}")
            elapsed = run()
            if turn > 0:
                seconds[name].append(elapsed)
    say("")
    return seconds


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def say(text: str) -> None:
    """Progress on standard error: one changing line of a terminal, else a line each."""
    if sys.stderr.isatty():
        print(f"\r{text[:100]:100}", end="" if text else "\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
