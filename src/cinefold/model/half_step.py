"""One half of an alternating step: all rows of one side solved exactly, the other side fixed.

With V fixed, the row of user i is the solution of (Hu, Koren, Volinsky 2008, eq. 4, generalized)

    (w0 V'V + sum_{j in Obs(i)} (c_ij - w0) v_j v_j' + lambda_i I) u_i = sum_j c_ij t_ij v_j.

V is first rotated into the eigenbasis of V'V = Q L Q'. Then w0 V'V is diagonal, so that rows with
few observations can be solved in the much smaller dual (see native/exact.h). Rotating both
sides by the same Q changes neither their products nor their norms, so fit keeps the rotated
factors: no row is ever rotated back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from cinefold import _core

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from cinefold.model.objective import Observations


# The core forms V'V from products in float32 and rotates in float32. What they round off, V'V keeps
# off its diagonal: it averages out over many rows; over few it would show in ill-conditioned
# solutions.
_ROWS_IN_DOUBLE = 4096


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[object]:
    """For small matrices: more BLAS threads would only spin beside the solver's."""
    limited: AbstractContextManager[object] = _blas().limit(limits=1, user_api="blas")
    return limited


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
    """The side that a half-step holds fixed, in the eigenbasis of its Gram matrix.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, padded n_factors)
        V Q, padded with zero columns.
    norms : ndarray of float32, shape (n,)
        Squared length of each row.
    spectrum : ndarray of float64, shape (n_factors,)
        Eigenvalues of V'V, falling.
    rotation : ndarray of float64, shape (n_factors, n_factors)
        Q.
    """

    rows: NDArray[np.float32]
    norms: NDArray[np.float32]
    spectrum: NDArray[np.float64]
    rotation: NDArray[np.float64]

    @classmethod
    def of(
        cls, factors: NDArray[np.float32], n_threads: int, *, overwrite: bool = False
    ) -> FixedSide:
        """Rotate `factors` (n, n_factors) into the eigenbasis of their Gram matrix.

        With `overwrite` in their own memory, if n_factors needs no padding.
        """
        if len(factors) <= _ROWS_IN_DOUBLE:
            exact = factors.astype(np.float64)
            with one_blas_thread():
                gram = exact.T @ exact
        else:
            gram = _core.gram(factors, n_threads)
        if not np.isfinite(gram).all():
            raise ValueError(
                "the factors have grown beyond what float32 can hold; "
                "increase regularization or scale the ratings down"
            )
        with one_blas_thread():
            spectrum, rotation = np.linalg.eigh(gram)
        spectrum, rotation = spectrum[::-1].clip(0), rotation[:, ::-1]
        rows = _rotate(factors, rotation, n_threads, overwrite)
        return cls(rows, _core.squared_norms(rows, n_threads), spectrum, rotation)

    @classmethod
    def in_eigenbasis(
        cls, factors: NDArray[np.float32], spectrum: NDArray[np.float64], n_threads: int
    ) -> FixedSide:
        """`factors` that have been rotated already."""
        rotation = np.eye(len(spectrum))
        rows = _rotate(factors, rotation, n_threads)
        return cls(rows, _core.squared_norms(rows, n_threads), spectrum, rotation)

    @property
    def n_factors(self) -> int:
        return len(self.spectrum)

    @cached_property
    def factors(self) -> NDArray[np.float32]:
        """The rotated rows without their padding, (n, n_factors), contiguous."""
        return np.ascontiguousarray(self.rows[:, : self.n_factors])

    def rotate(
        self, factors: NDArray[np.float32], n_threads: int, *, overwrite: bool = False
    ) -> NDArray[np.float32]:
        """The other side's `factors` (n, n_factors) turned as these were."""
        rows = _rotate(factors, self.rotation, n_threads, overwrite)
        return np.ascontiguousarray(rows[:, : self.n_factors])

    def rotate_back(self, factors: NDArray[np.float32], n_threads: int) -> NDArray[np.float32]:
        """Rotated `factors` (n, n_factors) as they were before."""
        rows = _rotate(factors, np.ascontiguousarray(self.rotation.T), n_threads)
        return np.ascontiguousarray(rows[:, : self.n_factors])


def _rotate(
    factors: NDArray[np.float32],
    rotation: NDArray[np.float64],
    n_threads: int,
    overwrite: bool = False,
) -> NDArray[np.float32]:
    n, d = factors.shape
    width = _core.padded_length(d)
    out = factors if overwrite and width == d else _core.aligned(n, width)
    if n <= _ROWS_IN_DOUBLE:
        with one_blas_thread():
            exact = factors.astype(np.float64) @ rotation
        out[:, :d], out[:, d:] = exact, 0
    else:
        _core.rotate(factors, _padded(rotation), out, n_threads)
    return out


def _padded(rotation: NDArray[np.float64]) -> NDArray[np.float32]:
    d = len(rotation)
    q = np.zeros((d, _core.padded_length(d)), np.float32)
    q[:, :d] = rotation
    return q


def solve_rows(
    observations: Observations,
    fixed: FixedSide,
    unobserved_weight: float,
    out: NDArray[np.float32],
    n_threads: int,
    solver: Solver = EXACT,
) -> tuple[float, float]:
    """Solve every row against `fixed`, in its basis, into `out` (n_rows, n_factors).

    A solver that is not exact starts from what `out` holds.

    Returns
    -------
    weighted, squared : float
        The objective without the regularization of the fixed side, and the sum of squared errors
        over the observations, both at the solution.

    Raises
    ------
    SingularRowError
        If a row has no unique solution.
    KeyboardInterrupt
        On Ctrl-C, within a fraction of a second; `out` is then only partly written.
    """
    losses = np.empty((observations.n_rows, 2))
    base = np.zeros(fixed.rows.shape[1])
    base[: fixed.n_factors] = unobserved_weight * fixed.spectrum
    try:
        _core.solve_rows(
            fixed.rows,
            fixed.norms,
            base,
            unobserved_weight,
            observations.offsets,
            observations.columns,
            observations.targets,
            observations.weights,
            observations.regularization,
            observations.order,
            solver.max_steps,
            solver.tolerance,
            out,
            losses,
            n_threads,
        )
    except ArithmeticError as error:
        raise SingularRowError(int(error.args[0])) from None
    weighted, squared = losses.sum(axis=0)
    return float(weighted), float(squared)
