"""How long MovieLens' large files take to read, and how much memory.

python -m benchmarks.loading            # 20 million ratings, as ml-20m has
python -m benchmarks.loading 32_000_204
"""

from __future__ import annotations

import sys
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.machine import say

_USERS, _MOVIES = 138_493, 27_278
_STEP = 1_000_000


def main(n_ratings: int = 20_000_263) -> None:
    """Print seconds and peak memory for the zip file, and for its members as one CSV file."""
    with tempfile.TemporaryDirectory() as folder:
        say(f"writing {n_ratings:,} ratings")
        archive = write(Path(folder), n_ratings)
        for what in ("load_movielens, zip file", "load_ratings, CSV file"):
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                seconds, before, peak, kept = process.submit(measure, what, archive).result()
            print(
                f"{what}: {seconds:.1f} s; {peak / 1e6:,.0f} MB at the peak, "
                f"{before / 1e6:,.0f} MB of them Python and its libraries; the result has "
                f"{kept / 1e6:,.0f} MB"
            )


def write(folder: Path, n_ratings: int, seed: int = 0) -> Path:
    """A zip file in the form of ml-20m, with its CSV files beside it; popular movies come often.

    By user, then movie, as the true file is; pairs that come up twice are left out.
    """
    generator = np.random.default_rng(seed)
    pairs = generator.integers(0, _USERS, int(1.02 * n_ratings)) * _MOVIES
    pairs += (_MOVIES * generator.random(len(pairs)) ** 2).astype(np.int64)
    pairs = np.unique(pairs)
    pairs = pairs[np.sort(generator.permutation(len(pairs))[:n_ratings])]
    ratings, movies_file = folder / "ratings.csv", folder / "movies.csv"
    with ratings.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        for begin in range(0, n_ratings, _STEP):
            users, movies = np.divmod(pairs[begin : begin + _STEP], _MOVIES)
            n = len(users)
            pl.DataFrame(
                {
                    "user": users + 1,
                    "movie": movies + 1,
                    "rating": generator.integers(1, 11, n) / 2,
                    "time": generator.integers(800_000_000, 1_400_000_000, n),
                }
            ).write_csv(file, include_header=False)
    movies = (f'{movie},"Movie, The {movie} (1999)",Drama|War\n' for movie in range(1, _MOVIES + 1))
    movies_file.write_text("movieId,title,genres\n" + "".join(movies), encoding="utf-8")
    path = folder / "ml-20m.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in (ratings, movies_file):
            archive.write(member, f"ml-20m/{member.name}")
    return path


def measure(what: str, archive: Path) -> tuple[float, int, int, int]:
    """Seconds, and bytes: of the process before, at its peak, and of the interactions."""
    import cinefold

    before = _resident("VmRSS")
    start = time.perf_counter()
    if what.startswith("load_movielens"):
        data = cinefold.load_movielens("ml-20m", path=archive)
    else:
        data = cinefold.load_ratings(archive.with_name("ratings.csv"))
    seconds = time.perf_counter() - start
    found = data.interactions
    matrix = found.by_user
    arrays = (matrix.data, matrix.indices, matrix.indptr, found.timestamps)
    return seconds, before, _resident("VmHWM"), sum(a.nbytes for a in arrays if a is not None)


def _resident(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(what))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
