"""The constants of native/rows/choose_solver.h, measured on this processor.

    python -m benchmarks.solver_constants

Times rows of one length at a time, on one thread, by each way of solving them, and solves for the
constants of their cost model. CINEFOLD_SIMD chooses the instruction set.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from cinefold.als import Objective
from cinefold.als.backend import FixedSide, expected_steps, simd_level, solve_rows
from cinefold.als.method import Method
from cinefold.als.observations import Observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Floats of a vector, rows of a tile and its vectors, as in CMakeLists.txt.
TILES = {"avx512": (16, 8, 2), "avx2": (8, 4, 3), "neon": (4, 4, 4), "baseline": (4, 4, 2)}
N_COLUMNS = 10_000
FACTORS = (64, 128, 256)
OBSERVATIONS_AT_ONCE = 200_000
ROUNDS = 5


class Rows:
    """Rows of `n` observations each, in random columns, and how long solving one of them takes."""

    def __init__(self, n_factors: int, n: int, lam: float = 10.0) -> None:
        rng = np.random.default_rng(n_factors)
        vectors = rng.standard_normal((N_COLUMNS, n_factors), np.float32) / np.sqrt(n_factors)
        self.n = n
        self.n_rows = max(256, OBSERVATIONS_AT_ONCE // n)
        columns = np.sort(rng.integers(0, N_COLUMNS, (self.n_rows, n)).astype(np.int32))
        ratings = sp.csr_array(
            (np.ones(columns.size, np.float32), columns.ravel(), n * np.arange(self.n_rows + 1)),
            shape=(self.n_rows, N_COLUMNS),
        )
        self.fixed = FixedSide.of(vectors.astype(np.float32), 1)
        self.rows = Observations(Objective(0.001, lam), ratings)

    def start(self) -> NDArray[np.float32]:
        return np.zeros((self.n_rows, self.fixed.n_factors), np.float32)

    def seconds(self, method: Method) -> float:
        """Of one row."""
        best = np.inf
        for _ in range(ROUNDS):
            out, started = self.start(), time.process_time()
            solve_rows(self.rows, self.fixed, out, 1, method)
            best = min(best, time.process_time() - started)
        return best / self.n_rows

    def steps(self) -> int:
        return max(steps for _, steps in expected_steps(self.rows, self.fixed, self.start()))


def tile_and_pivot(d: int) -> tuple[float, float]:
    """Seconds of a multiply-add in a tile, and kPivot: of short rows of few factors."""
    primal = Method(row_solver="primal")
    unit = (Rows(d, 8 * d).seconds(primal) - Rows(d, 2 * d).seconds(primal)) / (6 * d) / (d * d / 2)
    n, few = 8, 32
    cholesky = Rows(few, n).seconds(primal) / unit - n * few * few / 2
    return unit, (cholesky - few**3 / 6) / few


def transposed(d: int, lanes: int, unit: float, pivot: float) -> float:
    """kTransposed: what the dual takes beside its product and its factorisation."""
    n = d // 2 // lanes * lanes
    dual = Rows(d, n).seconds(Method(row_solver="dual")) / unit
    return (dual - d * n * n / 2 - n**3 / 6 - pivot * n) / (n * d)


def on_copies(d: int, unit: float) -> tuple[float, float]:
    """kStepOnCopies and kStepsToCopy: of rows that differ in how many steps they take alone."""
    easy, hard = Rows(d, 4 * d, lam=30.0), Rows(d, 4 * d, lam=1.0)
    cg = Method(row_solver="cg")
    t_easy, t_hard = easy.seconds(cg) / unit, hard.seconds(cg) / unit
    step = (t_hard - t_easy) / (hard.steps() - easy.steps())
    return step / (easy.n * d), t_easy / step - easy.steps()


def steps(d: int, n: int, unit: float, tolerance: float) -> float:
    """An entry in a step of a few that read vectors in place, a look at the row among them."""
    seconds = Rows(d, n).seconds(Method(max_steps=3, tolerance=tolerance))
    return seconds / unit / ((1 + 3) * n * d)


def wasted(order: int, lanes: int, rows: int, vectors: int) -> float:
    """Of the products of native/blas/syrk.h the share below the diagonal, which nobody reads."""
    products = 0
    for col in range(0, order, vectors * lanes):
        width = min(vectors, (order - col) // lanes)
        for row in range(0, col + width * lanes, rows):
            products += rows * (width - max(row - col, 0) // lanes) * lanes
    return 1 - order * (order + 1) / 2 / products


def main() -> None:
    level = simd_level()
    for name, tile in TILES.items():
        shares = (f"{wasted(d, *tile):.1%} at {d}" for d in FACTORS)
        print(f"Products wasted by {name}'s tiles: {', '.join(shares)} factors")
    lanes, *_ = TILES[level]
    used = {
        "kPivot": 30 * lanes,
        "kTransposed": 3,
        "kStepOnCopies": 1.8 + 0.1 * lanes,
        "kStepsToCopy": 5,
        "kStepInPlace": 4 + 0.65 * lanes,
        "kFewSteps": 4,
    }
    print(f"{level:16}" + "".join(f"{name:>15}" for name in used))
    print(f"{'in the code':16}" + "".join(f"{value:15.1f}" for value in used.values()))
    for d in FACTORS:
        unit, pivot = tile_and_pivot(d)
        found = (
            pivot,
            transposed(d, lanes, unit, pivot),
            *on_copies(d, unit),
            steps(d, (1 << 19) // d + d, unit, 0.0),  # too long to be copied
            steps(d, 4 * d, unit, 0.1),
        )
        print(f"{f'{d} factors':16}" + "".join(f"{value:15.1f}" for value in found))


if __name__ == "__main__":
    main()
