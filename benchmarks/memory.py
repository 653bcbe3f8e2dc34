"""Peak memory of training, each library in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import irspack_parameters
from benchmarks.machine import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.section_case import Case

    Fit = Callable[[sp.csr_matrix, int, int], object]

EPOCHS = 3


def memory(case: Case) -> dict[str, Any]:
    """Megabytes at the peak of a fit, beyond what the process had before it loaded the ratings.

    All that a user would see counts: the matrix as it is handed over, what the library makes of
    it, work space and factors. Interpreter and libraries, after a tiny fit, do not.
    """
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.npz"
        parts = {name: getattr(case.ratings, name) for name in ("data", "indices", "indptr")}
        np.savez(path, shape=case.ratings.shape, **parts)
        for name, (package, _) in FITS.items():
            if find_spec(package) is None:
                case.left_out[name] = f"{package} is not installed"
                continue
            say(f"memory, {case.n_factors} factors: {name}")
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                future = process.submit(_peak, name, path, case.n_factors, case.n_threads)
                peaks[name] = future.result() / 1e6
    needed = two_copies_and_factors(sum(case.ratings.shape), case.ratings.nnz, case.n_factors)
    return {"megabytes": peaks, "two copies and factors": needed / 1e6}


def two_copies_and_factors(n_rows: int, n_ratings: int, n_factors: int) -> int:
    """Bytes: float32 ratings with int32 columns, by user and by item; int64 offsets; factors."""
    return 2 * 8 * n_ratings + 8 * (n_rows + 2) + 4 * n_factors * n_rows


def _peak(name: str, path: Path, n_factors: int, n_threads: int) -> int:
    fit: Fit = FITS[name][1]
    fit(sp.csr_matrix(np.eye(4, dtype=np.float32)), 2, n_threads)  # loads libraries, starts threads
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # start the high-water mark anew
    with np.load(path) as stored:
        arrays = stored["data"], stored["indices"], stored["indptr"]
        ratings = sp.csr_matrix(arrays, shape=tuple(stored["shape"]))
    del arrays
    fit(ratings, n_factors, n_threads)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def _cinefold(solver: Any) -> Fit:
    def fit(ratings: sp.csr_matrix, n_factors: int, n_threads: int) -> object:
        from cinefold import WeightedMatrixFactorization

        model = WeightedMatrixFactorization(
            n_factors, solver=solver, max_iter=EPOCHS, tol=0, n_threads=n_threads
        )
        return model.fit(ratings, progress=False)

    return fit


def _irspack(ratings: sp.csr_matrix, n_factors: int, n_threads: int) -> object:
    from irspack.recommenders.ials import IALSRecommender

    model = IALSRecommender(
        ratings,
        n_components=n_factors,
        n_threads=n_threads,
        solver_type="CHOLESKY",
        **irspack_parameters(0.1, 10.0),
    )
    model.start_learning()  # learn() would do no more than this, with a progress bar
    for _ in range(EPOCHS):
        model.run_epoch()
    return model


def _implicit(ratings: sp.csr_matrix, n_factors: int, n_threads: int) -> object:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(n_factors, num_threads=n_threads, iterations=EPOCHS)
    model.fit(ratings, show_progress=False)
    return model


FITS: dict[str, tuple[str, Fit]] = {
    "cinefold, exact": ("cinefold", _cinefold("exact")),
    "cinefold, CG": ("cinefold", _cinefold("cg")),
    "irspack, Cholesky": ("irspack", _irspack),
    "implicit, CG": ("implicit", _implicit),
}
