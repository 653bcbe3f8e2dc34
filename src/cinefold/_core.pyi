import numpy as np
from numpy.typing import NDArray

def gram(
    v: NDArray[np.float32], scale: NDArray[np.float32] | None, n_threads: int
) -> NDArray[np.float64]: ...
def aligned(rows: int, columns: int) -> NDArray[np.float32]: ...
def rotate(
    v: NDArray[np.float32], q: NDArray[np.float32], out: NDArray[np.float32], n_threads: int
) -> None: ...
def measure(
    rows: NDArray[np.float32], n_threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def solve_rows(
    fixed: NDArray[np.float32],
    norms: NDArray[np.float32],
    largest_norm: float,
    largest_entries: NDArray[np.float32],
    base: NDArray[np.float64],
    unobserved_weight: float,
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    ratings: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    target: str,
    alpha: float,
    baseline: NDArray[np.float32] | None,
    regularization: NDArray[np.float64],
    order: NDArray[np.int64],
    max_steps: int,
    tolerance: float,
    relaxation: float,
    factors: NDArray[np.float32],
    losses: NDArray[np.float64] | None,
    n_threads: int,
) -> None: ...
def top_k(
    queries: NDArray[np.float32],
    items: NDArray[np.float32],
    k: int,
    offsets: NDArray[np.int64] | None,
    excluded: NDArray[np.int32] | None,
    allowed: NDArray[np.bool_] | None,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...
def padded_length(n_factors: int) -> int: ...
def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
