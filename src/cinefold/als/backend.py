"""One half of an alternating step: all rows of one side solved exactly, the other side fixed.

With V fixed, the row of user i is the solution of (Hu, Koren, Volinsky 2008, eq. 4, generalized)

    (w0 V'V + sum_{j in Obs(i)} (c_ij - w0) v_j v_j' + lambda_i I) u_i = sum_j c_ij t_ij v_j.

V is first brought to a basis where V'V is diagonal (basis.py). Then w0 V'V is diagonal, so that
rows with few observations can be solved in the much smaller dual (see native/exact.h). The other
side changes with it, so that no product does, and fit keeps both: no row is ever turned back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

import cinefold._core as _core
from cinefold.als.basis import Basis, one_blas_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.objective import Observations


# The core forms V'V from products in float32 and rotates in float32. What they round off, V'V keeps
# off its diagonal: it averages out over many rows; over few it would show in ill-conditioned
# solutions.
_ROWS_IN_DOUBLE = 4096
_ROWS_MOVED = 4096  # at a time


@dataclass(frozen=True)
class Solver:
    """How the rows of a half-step are solved.

    Attributes
    ----------
    max_steps : int
        Steps of conjugate gradients in a row, from its previous solution; 0 solves every row
        exactly. Rows that an exact solution costs less are solved exactly in any case.
    tolerance : float
        Steps end when the preconditioned residual has shrunk by this factor.
    """

    max_steps: int = 0
    tolerance: float = 0.0

    @property
    def is_exact(self) -> bool:
        return self.max_steps == 0


EXACT = Solver()


class SingularRowError(ArithmeticError):
    """The equations of a row have no unique solution in float32; ``row`` is its index."""

    def __init__(self, row: int) -> None:
        super().__init__(f"the normal equations of row {row} are singular")
        self.row = row


@dataclass(frozen=True)
class FixedSide:
    """The side that a half-step holds fixed, in a basis where its Gram matrix is diagonal.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, padded n_factors)
        V T, padded with zero columns.
    norms : ndarray of float32, shape (n,)
        Squared length of each row.
    largest_entries : ndarray of float32, shape (padded n_factors,)
        The largest magnitude in each column.
    basis : Basis
        T.
    """

    rows: NDArray[np.float32]
    norms: NDArray[np.float32]
    largest_entries: NDArray[np.float32]
    basis: Basis

    @classmethod
    def of(
        cls,
        factors: NDArray[np.float32],
        n_threads: int,
        basis: Basis | None = None,
        *,
        room: NDArray[np.float32] | None = None,
    ) -> FixedSide:
        """`factors` (n, n_factors) in `basis`, by default the eigenbasis of their Gram matrix.

        The rows come into `room` (n, padded n_factors), whose first columns `factors` may be.
        """
        if basis is None:
            basis = Basis.of_eigenvectors(gram_matrix(factors, n_threads))
        rows = _multiply(factors, basis.fixed, n_threads, room)
        return cls(rows, *_core.measure(rows, n_threads), basis)

    @classmethod
    def in_eigenbasis(
        cls, factors: NDArray[np.float32], spectrum: NDArray[np.float64], n_threads: int
    ) -> FixedSide:
        """`factors` that are in theirs already."""
        identity = np.eye(len(spectrum))
        return cls.of(factors, n_threads, Basis(spectrum, identity, identity))

    @property
    def spectrum(self) -> NDArray[np.float64]:
        """The diagonal of the Gram matrix (n_factors,), falling."""
        return self.basis.spectrum

    @property
    def n_factors(self) -> int:
        return len(self.spectrum)

    @cached_property
    def largest_norm(self) -> float:
        return float(self.norms.max(initial=0.0))

    @cached_property
    def factors(self) -> NDArray[np.float32]:
        """The rows without their padding, (n, n_factors), contiguous."""
        return np.ascontiguousarray(self.rows[:, : self.n_factors])

    def follow(
        self,
        factors: NDArray[np.float32],
        n_threads: int,
        *,
        room: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """The other side's `factors` (n, n_factors) changed so that all products stay.

        They are the first columns of `room` (n, padded n_factors), as `factors` may be.
        """
        return _multiply(factors, self.basis.other, n_threads, room)[:, : self.n_factors]

    def follow_back(self, factors: NDArray[np.float32], n_threads: int) -> NDArray[np.float32]:
        """The other side's `factors` as they were before `follow`."""
        return _multiply(factors, self.basis.fixed.T, n_threads)[:, : self.n_factors]


def gram_matrix(
    factors: NDArray[np.float32], n_threads: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """V'V, or V'WV with a weight for each row."""
    scale = None if weights is None else np.sqrt(weights)
    if len(factors) <= _ROWS_IN_DOUBLE:
        exact = factors.astype(np.float64)
        if scale is not None:
            exact *= scale[:, np.newaxis]
        with one_blas_thread():
            gram: NDArray[np.float64] = exact.T @ exact
    else:
        gram = _core.gram(factors, scale if scale is None else scale.astype(np.float32), n_threads)
    if not np.isfinite(gram).all():
        raise ValueError(
            "the factors have grown beyond what float32 can hold; "
            "increase regularization or scale the ratings down"
        )
    return gram


def closed_up(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`factors` (n, n_factors), the first columns of padded rows, contiguous in their memory."""
    if factors.flags.c_contiguous:
        return factors
    (n, d), rows = factors.shape, factors.base
    assert rows is not None  # noqa: S101 - for the type checker
    closed: NDArray[np.float32] = rows.reshape(-1)[: n * d].reshape(n, d)
    for begin in range(0, n, _ROWS_MOVED):
        end = begin + _ROWS_MOVED
        closed[begin:end] = factors[begin:end].copy()
    return closed


def _multiply(
    factors: NDArray[np.float32],
    change: NDArray[np.float64],
    n_threads: int,
    room: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    n, d = factors.shape
    out = _core.aligned(n, _core.padded_length(d)) if room is None else room
    if n <= _ROWS_IN_DOUBLE:
        with one_blas_thread():
            exact = factors.astype(np.float64) @ change
        out[:, :d], out[:, d:] = exact, 0
    else:
        _core.rotate(factors, _padded(change), out, n_threads)
    return out


def _padded(change: NDArray[np.float64]) -> NDArray[np.float32]:
    d = len(change)
    padded = np.zeros((d, _core.padded_length(d)), np.float32)
    padded[:, :d] = change
    return padded


def solve_rows(
    observations: Observations,
    fixed: FixedSide,
    unobserved_weight: float,
    out: NDArray[np.float32],
    n_threads: int,
    solver: Solver = EXACT,
    *,
    relaxation: float = 1.0,
    losses: NDArray[np.float64] | None = None,
) -> None:
    """Solve every row against `fixed`, in its basis, into `out` (n_rows, n_factors).

    Parameters
    ----------
    out : ndarray of float32, shape (n_rows, n_factors)
        What it holds is where conjugate gradients start, which exact solutions may be made by as
        well.
    relaxation : float
        Each row becomes previous + relaxation * (solution - previous), with `out` as the previous
        rows. Between 0 and 2 its loss is no higher than it was: it is quadratic in the row.
    losses : ndarray of float64, shape (n_rows, 2), optional
        Filled with each row's part of the objective, without the regularization of the fixed side,
        and with its sum of squared errors over the observations.

    Raises
    ------
    SingularRowError
        If a row has no unique solution.
    KeyboardInterrupt
        On Ctrl-C, within a fraction of a second; `out` is then only partly written.
    """
    base = np.zeros(fixed.rows.shape[1])
    base[: fixed.n_factors] = unobserved_weight * fixed.spectrum
    try:
        _core.solve_rows(
            fixed.rows,
            fixed.norms,
            fixed.largest_norm,
            fixed.largest_entries,
            base,
            unobserved_weight,
            observations.offsets,
            observations.columns,
            observations.ratings,
            observations.weights,
            observations.objective.target,
            observations.objective.alpha,
            observations.baseline,
            observations.regularization,
            observations.order,
            solver.max_steps,
            solver.tolerance,
            relaxation,
            out,
            losses,
            n_threads,
        )
    except ArithmeticError as error:
        raise SingularRowError(int(error.args[0])) from None
