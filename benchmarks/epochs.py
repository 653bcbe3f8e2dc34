"""Seconds per epoch: by library and number of factors, by instruction set, by threads."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.contestants import FIELD, SLOW, Problem, cinefold, field, irspack
from benchmarks.machine import peak, race, say
from cinefold import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    import scipy.sparse as sp

LONG_TAIL = ("cinefold, exact", "irspack, Cholesky", "irspack, CG", "implicit, CG")


def epochs(
    ratings: sp.csr_array,
    factors: list[int],
    rounds: int,
    n_threads: int,
    names: tuple[str, ...] | None = None,
) -> list[dict[str, Any]]:
    """One record for each number of factors; all but the slow libraries by default."""
    names = tuple(name for name in FIELD if name not in SLOW) if names is None else names
    records = []
    for d in factors:
        peaks: list[float] = []
        say(f"{d} factors: setting up")
        contestants = field(Problem(ratings, d, n_threads), names)
        seconds = race(
            {name: contestant.epoch for name, contestant in contestants.items()},
            rounds,
            f"epoch, {d} factors",
            lambda peaks=peaks: peaks.append(peak(n_threads)),
        )
        records.append(
            {
                "factors": d,
                "shape": ratings.shape,
                "ratings": int(ratings.nnz),
                "flops": flops(ratings, d),
                "peak": peaks,
                "seconds": seconds,
            }
        )
    return records


def levels(
    ratings: sp.csr_array, factors: list[int], rounds: int, n_threads: int
) -> list[dict[str, Any]]:
    """Cinefold held to lower instruction sets than the machine's, against irspack as it comes."""
    records = []
    for d in factors:
        problem = Problem(ratings, d, n_threads)
        contestants = {}
        for level in _core.simd_levels():
            run = cinefold(problem, "cholesky").epoch

            def forced(level: str = level, run: Any = run) -> float:
                with simd(level):
                    return float(run())

            contestants[f"cinefold, {level}"] = forced
        contestants["irspack, Cholesky"] = irspack(problem, "CHOLESKY").epoch
        seconds = race(contestants, rounds, f"levels, {d} factors")
        records.append({"factors": d, "seconds": seconds})
    return records


def scaling(ratings: sp.csr_array, n_factors: int, rounds: int, n_threads: int) -> dict[str, Any]:
    """An exact epoch on one thread and on more."""
    contestants = {
        str(n): cinefold(Problem(ratings, n_factors, n), "cholesky").epoch for n in (1, n_threads)
    }
    return {"factors": n_factors, "seconds": race(contestants, rounds, "threads")}


def flops(ratings: sp.csr_array, n_factors: int) -> float:
    """Useful operations of an exact epoch: n d^2 + d^3 / 3 a row, on both sides."""
    return 2 * ratings.nnz * n_factors**2 + sum(ratings.shape) * n_factors**3 / 3


@contextmanager
def simd(level: str) -> Iterator[None]:
    """The core reads the variable at every call."""
    before = os.environ.get("CINEFOLD_SIMD")
    os.environ["CINEFOLD_SIMD"] = level
    try:
        yield
    finally:
        if before is None:
            del os.environ["CINEFOLD_SIMD"]
        else:
            os.environ["CINEFOLD_SIMD"] = before
