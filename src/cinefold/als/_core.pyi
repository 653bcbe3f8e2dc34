import numpy as np
from numpy.typing import NDArray

class FixedSide:
    def __init__(
        self,
        rows: NDArray[np.float32],
        spectrum: NDArray[np.float64],
        norms: NDArray[np.float32],
        largest_norm: float,
    ) -> None: ...

class Observations:
    def __init__(
        self,
        offsets: NDArray[np.int64],
        columns: NDArray[np.int32],
        ratings: NDArray[np.float32],
        weights: NDArray[np.float32] | None,
        regularization: NDArray[np.float64],
        n_columns: int,
        unobserved_weight: float,
        target: str,
        alpha: float,
    ) -> None: ...
    def with_baseline(self, baseline: NDArray[np.float32] | None) -> Observations: ...

class Method:
    def __init__(
        self,
        max_steps: int,
        tolerance: float,
        relaxation: float,
        solver: str,
        expected_steps: list[tuple[int, int]],
    ) -> None: ...

def gram(
    v: NDArray[np.float32], scale: NDArray[np.float32] | None, n_threads: int
) -> NDArray[np.float64]: ...
def aligned(rows: int, columns: int) -> NDArray[np.float32]: ...
def rotate(
    v: NDArray[np.float32], columns: NDArray[np.float32], out: NDArray[np.float32], n_threads: int
) -> tuple[NDArray[np.float32], float]: ...
def row_norms(rows: NDArray[np.float32], n_threads: int) -> tuple[NDArray[np.float32], float]: ...
def expected_steps(
    observations: Observations,
    fixed: FixedSide,
    previous: NDArray[np.float32],
    change: NDArray[np.float32] | None,
    n_threads: int,
) -> list[tuple[int, int]]: ...
def solve_rows(
    observations: Observations,
    fixed: FixedSide,
    method: Method,
    previous: NDArray[np.float32],
    change: NDArray[np.float32] | None,
    factors: NDArray[np.float32],
    losses: NDArray[np.float64] | None,
    gram: NDArray[np.float64] | None,
    n_threads: int,
) -> None: ...
def top_k(
    queries: NDArray[np.float32],
    items: NDArray[np.float32],
    k: int,
    offsets: NDArray[np.int64] | None,
    excluded: NDArray[np.int32] | None,
    allowed: NDArray[np.uint8] | None,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...
def record(on: bool) -> list[tuple[float, list[list[float]]]]: ...
def padded_length(n_factors: int) -> int: ...
def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
