"""How far one machine goes: fits on ratings that are made in blocks, each in a new process.

    python -m benchmarks.large               # 20, 50 and 100 million ratings; 64 factors
    python -m benchmarks.large 500           # 14 GB

Prints seconds an epoch, and the peak of memory over two copies and factors, at each size.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from benchmarks.machine import say
from benchmarks.memory import EPOCHS, _status, two_copies_and_factors
from benchmarks.synthetic import Shape, blocks

_FACTORS, _ROWS = 64, 170
_BLOCK = 2_000_000


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.large",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("millions", type=int, nargs="*", default=[20, 50, 100], help="of ratings")
    for n in parser.parse_args(words).millions:
        shape = Shape(n * 10**6 // _ROWS, n * 10**5 // _ROWS, n * 10**6)
        say(f"fit: {shape}")
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            seconds, of_cores, given, peak, needed = process.submit(measure, shape).result()
        print(
            f"{shape}: {seconds:.2f} s an epoch, {of_cores / shape.n_ratings * 1e9:.0f} ns of a "
            f"core a rating; peak {peak / 1e9:.2f} GB, {peak / needed:.2f} of two copies and "
            f"factors, beside {given / 1e9:.2f} GB of the caller",
            flush=True,
        )


def measure(shape: Shape, n_factors: int = _FACTORS) -> tuple[float, float, int, int, int]:
    """Seconds an epoch, of all cores together, and bytes: given, at the peak beside it, needed."""
    from cinefold import WeightedMatrixFactorization

    model = WeightedMatrixFactorization(n_factors, max_iter=EPOCHS, tol=0)
    model.fit(sp.csr_array(np.eye(4, dtype=np.float32)), progress=False)
    ratings = made(shape)
    ctypes.CDLL(None).malloc_trim(0)  # what making them took is given back
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # start the high-water mark anew
    begun, worked = time.perf_counter(), time.process_time()
    model.fit(ratings, progress=False)
    seconds = (time.perf_counter() - begun) / EPOCHS
    of_cores = (time.process_time() - worked) / EPOCHS
    given = sum(part.nbytes for part in (ratings.data, ratings.indices, ratings.indptr))
    needed = two_copies_and_factors(sum(ratings.shape), ratings.nnz, n_factors)
    return seconds, of_cores, given, _status("VmHWM") - before, needed


def made(shape: Shape) -> sp.csr_array:
    """The matrix, without ever a second copy of its entries."""
    n_blocks = max(1, shape.n_ratings // _BLOCK)
    most = shape.n_ratings + n_blocks  # as each block's number is rounded
    data = np.empty(most, np.float32)
    indices = np.empty(most, np.int32 if most < 2**31 else np.int64)
    offsets = [np.zeros(1, indices.dtype)]
    for block in blocks(shape, 0, n_blocks):
        begin = offsets[-1][-1]
        end = begin + block.nnz
        data[begin:end], indices[begin:end] = block.data, block.indices
        offsets.append(begin + block.indptr[1:].astype(indices.dtype))
    n = int(offsets[-1][-1])
    parts = data[:n], indices[:n], np.concatenate(offsets)
    return sp.csr_array(parts, shape=(shape.n_users, shape.n_items))


if __name__ == "__main__":
    main()
