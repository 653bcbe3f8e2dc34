"""The constants of native/rows/choose_solver.h, measured on this processor.

    python -m benchmarks.solver_constants

Times rows of one length at a time, on one thread, by each way of solving them, and solves for the
constants of their cost model; then what the choice by the constants in the code loses.
CINEFOLD_SIMD chooses the instruction set.
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

# Floats of a vector, rows of a tile and its vectors, as in CMakeLists.txt; and how many floats are
# multiplied at once.
TILES = {
    "avx512": (16, 8, 2, 16),
    "avx512_halves": (16, 8, 2, 8),
    "avx2": (8, 4, 3, 8),
    "neon": (4, 4, 4, 4),
    "baseline": (4, 4, 2, 4),
}
FACTORS = (64, 128, 256)
LENGTHS = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1, 2, 4, 8)  # of rows, in factors, to try the choice on
ROUNDS = 9
FACTORS_IN_STEP = 8  # observations that a step's own vectors are worth, as in choose_solver.h
PRIMAL, DUAL, CG = Method(row_solver="primal"), Method(row_solver="dual"), Method(row_solver="cg")
FEW, TOLERANT = Method(max_steps=3, tolerance=0.0), Method(max_steps=3, tolerance=0.1)
CHOSEN = Method()
WAYS = PRIMAL, DUAL, CG, CHOSEN
Case = tuple[int, Method]  # observations of a row; 0 for those that are not of LENGTHS


class Rows:
    """Rows of `n` observations each, in random columns, and how long solving one of them takes.

    Long ones are of many columns, as in data: their vectors do not stay in the cache.
    """

    def __init__(self, n_factors: int, n: int, lam: float = 10.0) -> None:
        rng = np.random.default_rng(n_factors)
        n_columns = 10_000 if is_copied(n_factors, n) else 100_000
        vectors = rng.standard_normal((n_columns, n_factors), np.float32) / np.sqrt(n_factors)
        self.n_rows = max(256, 30_000 // n) if is_copied(n_factors, n) else 16
        columns = np.sort(rng.integers(0, n_columns, (self.n_rows, n)).astype(np.int32))
        ratings = sp.csr_array(
            (np.ones(columns.size, np.float32), columns.ravel(), n * np.arange(self.n_rows + 1)),
            shape=(self.n_rows, n_columns),
        )
        self.n = n
        self.fixed = FixedSide.of(vectors.astype(np.float32), 1)
        self.rows = Observations(Objective(0.001, lam), ratings)
        self.steps = expected_steps(self.rows, self.fixed, self.start())
        self.n_steps = max((steps for _, steps in self.steps), default=0)

    def start(self) -> NDArray[np.float32]:
        return np.zeros((self.n_rows, self.fixed.n_factors), np.float32)


def is_copied(d: int, n: int) -> bool:
    """As native/rows/workspace.h has it."""
    return n * d <= 1 << 19


def measured(cases: dict[Case, Rows]) -> dict[Case, float]:
    """Seconds of a row of each case, the least of rounds in which all have their turn."""
    best = dict.fromkeys(cases, np.inf)
    for _ in range(ROUNDS):
        for case, rows in cases.items():
            out, started = rows.start(), time.process_time()
            solve_rows(rows.rows, rows.fixed, out, 1, case[1], expected_steps=rows.steps)
            best[case] = min(best[case], (time.process_time() - started) / rows.n_rows)
    return best


def constants(d: int) -> tuple[list[float], list[float]]:
    """The constants found with d factors; seconds of the way chosen over the fastest's."""
    lengths = {int(share * d): Rows(d, int(share * d)) for share in LENGTHS}
    easy, long_row = Rows(d, 4 * d, lam=100.0), Rows(d, (1 << 19) // d + d)
    cases = {(n, way): rows for n, rows in lengths.items() for way in WAYS if n < d or way != DUAL}
    cases |= {(0, CG): easy, (0, FEW): long_row, (4 * d, TOLERANT): lengths[4 * d]}
    found = measured(cases)
    width, *_, lanes = TILES[simd_level()]
    products = d * (d + width + lanes / 2) / 2
    unit = (found[8 * d, PRIMAL] - found[2 * d, PRIMAL]) / (6 * d) / products
    took = {case: seconds / unit for case, seconds in found.items()}
    n, half, hard = d // 4, d // 2, lengths[4 * d]
    pivot = (took[n, PRIMAL] - n * products - d**3 / 6) / d
    transposed = (took[half, DUAL] - d * half**2 / 2 - half**3 / 6 - pivot * half) / (half * d)
    step = (took[4 * d, CG] - took[0, CG]) / (hard.n_steps - easy.n_steps)
    return [
        pivot,
        step / d / (4 * d + FACTORS_IN_STEP),
        took[0, FEW] / (1 + FEW.max_steps) / long_row.n / d,
        transposed,
        took[0, CG] / step - easy.n_steps,
        took[4 * d, TOLERANT] / (1 + TOLERANT.max_steps) / (4 * d) / d,
    ], [found[n, CHOSEN] / min(found[n, way] for way in WAYS if (n, way) in found) for n in lengths]


def wasted(order: int, width: int, rows: int, vectors: int) -> float:
    """Of the products of native/blas/syrk.h the share below the diagonal, which nobody reads."""
    products = 0
    for col in range(0, order, vectors * width):
        n_vectors = min(vectors, (order - col) // width)
        for row in range(0, col + n_vectors * width, rows):
            products += rows * (n_vectors - max(row - col, 0) // width) * width
    return 1 - order * (order + 1) / 2 / products


def main() -> None:
    level = simd_level()
    for name, (*tile, _) in TILES.items():
        shares = (f"{wasted(d, *tile):.1%} at {d}" for d in FACTORS)
        print(f"Products wasted by {name}'s tiles: {', '.join(shares)} factors")
    *_, lanes = TILES[level]
    used = {
        "pivot_cost": 80 * lanes,
        "step_cost": 1.4 + 0.14 * lanes,
        "in_place": 1.1 * lanes,
        "kTransposed": 16,
        "kStepsToCopy": 6,
        "kFewSteps": 5,
    }
    print(f"{level:16}" + "".join(f"{name:>15}" for name in used))
    print(f"{'in the code':16}" + "".join(f"{value:15.1f}" for value in used.values()))
    losses = {}
    for d in FACTORS:
        found, losses[d] = constants(d)
        print(f"{f'{d} factors':16}" + "".join(f"{value:15.1f}" for value in found))
    lengths = "".join(f"{f'{share:g} d':>9}" for share in LENGTHS)
    print(f"\nThe way chosen takes, of the fastest, rows of {lengths}")
    for d in FACTORS:
        print(f"{f'{d} factors':46}" + "".join(f"{loss:9.2f}" for loss in losses[d]))


if __name__ == "__main__":
    main()
