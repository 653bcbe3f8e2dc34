"""Changes of basis: coordinates in which a half-step costs least and gets furthest.

For any invertible T the factors U T and V T^-T have the same products as U and V. Two such changes
serve the fit. A rotation into the eigenbasis of a Gram matrix makes it diagonal (backend.py).
And of all T one makes the sum of both sides' regularization least: alternating steps find it
slowly, since each changes one side only, and with it found they need fewer iterations.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

# Squared lengths below this fraction of the largest may be the rounding of nothing at all: such
# directions are scaled as if they were that long.
_NEGLIGIBLE = 1e-8


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


_lock = Lock()
_limits: list[Any] = []  # one for each block that is being executed, in any thread


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """For small matrices: more BLAS threads would only spin beside the solver's.

    The number is one of the whole process: the first block to begin changes it, and the last to end
    changes it back.
    """
    with _lock:
        _limits.append(_limits[0] if _limits else _blas().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:
                limit.restore_original_limits()


@dataclass(frozen=True)
class Basis:
    """A change of basis that makes the Gram matrix of the fixed side diagonal.

    Attributes
    ----------
    spectrum : ndarray of float64, shape (n_factors,)
        That diagonal, falling.
    fixed : ndarray of float64, shape (n_factors, n_factors)
        T: the fixed side V becomes V T.
    other : ndarray of float64, shape (n_factors, n_factors)
        T^-T: the other side U becomes U T^-T.
    """

    spectrum: Matrix
    fixed: Matrix
    other: Matrix

    @classmethod
    def of_eigenvectors(cls, gram: Matrix) -> Basis:
        """T = Q, where `gram` is Q L Q'."""
        spectrum, rotation = _eigen(gram)
        return cls(spectrum, rotation, rotation)

    @classmethod
    def balanced(cls, fixed: Matrix, other: Matrix) -> Basis:
        """T for which tr T'A T + tr T^-1 B T^-T is least, A the fixed side's Gram matrix.

        For a diagonal B with B^1/2 A B^1/2 = P S^2 P' it is T = B^1/2 P S^-1/2, which makes A and B
        both the diagonal S; for another B the same in its eigenbasis.

        Parameters
        ----------
        fixed, other : ndarray of float64, shape (n_factors, n_factors)
            A, and B of the other side; a B that is diagonal may be given as its diagonal.
        """
        if other.ndim == 2:
            turn = cls.of_eigenvectors(other)
            return turn._then(cls.balanced(turn._of(fixed), turn.spectrum))
        root = np.sqrt(_at_least_negligible(other))[:, np.newaxis]
        squares, rotation = _eigen(root * fixed * root.T)
        scale = np.sqrt(_at_least_negligible(np.sqrt(squares)))
        return cls(squares / scale**2, root * rotation / scale, rotation / root * scale)

    def then_diagonal(self, gram: Matrix) -> Basis:
        """This change, and a rotation after it into the eigenbasis of T' gram T."""
        return self._then(Basis.of_eigenvectors(self._of(gram)))

    def _of(self, gram: Matrix) -> Matrix:
        with one_blas_thread():
            return self.fixed.T @ gram @ self.fixed

    def _then(self, change: Basis) -> Basis:
        with one_blas_thread():
            return Basis(change.spectrum, self.fixed @ change.fixed, self.other @ change.other)


def _eigen(symmetric: Matrix) -> tuple[Matrix, Matrix]:
    """Eigenvalues, falling and not below 0, and eigenvectors."""
    with one_blas_thread():
        values, vectors = np.linalg.eigh(symmetric)
    return values[::-1].clip(0), vectors[:, ::-1]


def _at_least_negligible(values: Matrix) -> Matrix:
    floored: Matrix = np.maximum(values, _NEGLIGIBLE * values.max())
    return floored
