"""Peak memory of training, each library in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import Problem, cinefold, implicit, installed, irspack
from benchmarks.machine import matrix_bytes, say

CONTESTANTS = {
    "cinefold, exact": lambda problem: cinefold(problem, "cholesky"),
    "cinefold, CG": lambda problem: cinefold(problem, "cg"),
    "irspack, Cholesky": lambda problem: irspack(problem, "CHOLESKY"),
    "implicit, CG": lambda problem: implicit(problem, True),
}


def memory(ratings: sp.csr_array, n_factors: int, n_threads: int) -> dict[str, Any]:
    """Megabytes at the peak of three epochs, beyond those before the ratings were loaded.

    All of it counts: the matrix as it was given, what a library makes of it, and factors.
    """
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.npz"
        np.savez(path, data=ratings.data, indices=ratings.indices, indptr=ratings.indptr)
        context = multiprocessing.get_context("spawn")
        for name in filter(installed, CONTESTANTS):
            say(f"memory: {name}")
            with context.Pool(1) as pool:
                arguments = name, path, ratings.shape, n_factors, n_threads
                peaks[name] = pool.apply(_peak, arguments) / 1e6
    say("")
    needed = matrix_bytes(ratings, n_factors) / 1e6
    return {"factors": n_factors, "peak": peaks, "two copies and factors": needed}


def _peak(name: str, path: Path, shape: tuple[int, int], n_factors: int, n_threads: int) -> int:
    tiny = sp.csr_array(np.eye(4, dtype=np.float32))
    CONTESTANTS[name](Problem(tiny, 2, n_threads)).epoch()  # libraries are loaded, threads started
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # start the high-water mark anew
    with np.load(path) as arrays:
        ratings = sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)
    contestant = CONTESTANTS[name](Problem(ratings, n_factors, n_threads))
    for _ in range(3):
        contestant.epoch()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name + ":"))
