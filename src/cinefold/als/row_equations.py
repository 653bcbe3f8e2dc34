r"""The equations of one user or item, with the vectors of the other side fixed.

The vector u of a row is the solution of A u = b with

.. math::

    A = P + \sum_j (c_j - w_0) v_j v_j', \qquad b = P m + \sum_j c_j t_j v_j

over its observations j: vectors v, confidences c, targets t. P and m are the precision and the mean
of a Gaussian prior, in units in which an observation with confidence 1 has variance 1. The plain
fold-in has P = w0 V'V + lambda I and m = 0 (Hu, Koren, Volinsky 2008, eq. 4, generalized).

`RowEquations` forms these equations in float64 and answers questions about them. To solve many
plain rows is `cinefold.als.backend.solve_rows`, which gives the same solutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cinefold.als.basis import one_blas_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.observations import Observations

    Array = NDArray[np.float64]


# Without regularization, few observations leave the solution open. Of the Gram matrix's diagonal:
_LEAST_RIDGE = 1e-9


@dataclass(frozen=True)
class Posterior:
    """The normal distribution that the observations of a row leave of its vector.

    Attributes
    ----------
    mean : ndarray of float64, shape (n_factors,)
        The solution.
    covariance : ndarray of float64, shape (n_factors, n_factors)
        A^-1, in units of the variance of an observation with confidence 1.
    """

    mean: Array
    covariance: Array

    def after_expected(self, vector: Array, confidence: float) -> Posterior:
        """After one more observation, of `vector`, that is as expected: the mean stays."""
        spread = self.covariance @ vector
        lost = np.outer(spread, spread) / (1 / confidence + spread @ vector)
        return Posterior(self.mean, self.covariance - lost)


def inverse(matrix: Array) -> Array:
    """The precision of a covariance, or the covariance of a precision, (n, n)."""
    with one_blas_thread():
        return np.asarray(np.linalg.inv(matrix), np.float64)


@dataclass(frozen=True)
class RowEquations:
    """A u = b of one row.

    Attributes
    ----------
    vectors : ndarray of float64, shape (n_observed, n_factors)
        v of each observation.
    confidence, targets : ndarray of float64, shape (n_observed,)
    unobserved_weight : float, or ndarray of float64 of shape (n_observed,)
        w0: what P already holds of each observation's v v'.
    precision : ndarray of float64, shape (n_factors, n_factors)
        P.
    pull : ndarray of float64, shape (n_factors,)
        P m.
    """

    vectors: Array
    confidence: Array
    targets: Array
    unobserved_weight: float | Array
    precision: Array
    pull: Array

    @classmethod
    def plain(
        cls,
        row: Observations,
        factors: NDArray[np.float32],
        spectrum: Array,
        n_missing: int = 0,
        column_weights: NDArray[np.float32] | None = None,
    ) -> RowEquations:
        """The equations that `solve_rows` solves, of one row.

        Parameters
        ----------
        row : Observations
            Of one row.
        factors : ndarray of float32, shape (n_columns, n_factors)
            V, in a basis where V'BV is diagonal, B the weights of columns.
        spectrum : ndarray of float64, shape (n_factors,)
            That diagonal.
        n_missing : int
            The regularization is that of a row with so many observations less.
        column_weights : ndarray of float32, shape (n_columns,), optional
            B; 1 by default. Confidences are multiplied by it. (The weight of the row falls out.)
        """
        objective, confidence = row.objective, row.confidence
        weights = np.ones(len(row.columns))
        if column_weights is not None:
            weights *= column_weights[row.columns]
        counts = np.array([len(row.columns) - n_missing])
        least = _LEAST_RIDGE * spectrum.max() or 1.0
        ridge = objective.row_regularization(counts, len(factors)).clip(least)
        return cls(
            factors[row.columns].astype(np.float64),
            weights if confidence is None else weights * confidence,
            row.targets.astype(np.float64),
            objective.unobserved_weight * weights,
            np.diag(objective.unobserved_weight * spectrum + ridge),
            np.zeros(len(spectrum)),
        )

    @cached_property
    def _excess(self) -> Array:
        return self.confidence - self.unobserved_weight

    @cached_property
    def matrix(self) -> Array:
        """A, shape (n_factors, n_factors)."""
        return self.precision + self.vectors.T * self._excess @ self.vectors

    @cached_property
    def right_side(self) -> Array:
        """b, shape (n_factors,)."""
        return self.pull + self.confidence * self.targets @ self.vectors

    def solve(self) -> Array:
        """The vector of the row, shape (n_factors,).

        Raises
        ------
        numpy.linalg.LinAlgError
            If there is no unique solution.
        """
        return self._inverse_times(self.right_side)

    def posterior(self) -> Posterior:
        """The solution and how uncertain it is."""
        covariance = inverse(self.matrix)
        return Posterior(covariance @ self.right_side, covariance)

    def explain(self, targets: NDArray[np.floating]) -> tuple[Array, Array]:
        """The terms of scores v'u: v' A^-1 P m, and c_j t_j v' A^-1 v_j.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_factors)
            v of each score.

        Returns
        -------
        prior : ndarray of float64, shape (n_targets,)
            What each score is without any target, by the prior alone.
        contributions : ndarray of float64, shape (n_targets, n_observed)
            What each observation adds to it.
        """
        directions = self._inverse_times(targets.T.astype(np.float64)).T
        contributions = self.confidence * self.targets * (directions @ self.vectors.T)
        return directions @ self.pull, np.asarray(contributions)

    def without(self) -> Array:
        r"""The vectors that the row would have without each of its observations, all else the same.

        Without observation j, A loses w v_j v_j' with w = c_j - w0, and b loses c_j t_j v_j. By
        the formula of Sherman and Morrison, with a_j = A^-1 v_j,

        .. math:: u_j = u + a_j \frac{w\, v_j'u - c_j t_j}{1 - w\, v_j'a_j}

        Where the prior depends on how many observations there are, it has to be given as it is
        with one observation less.

        Returns
        -------
        ndarray of float64, shape (n_observed, n_factors)
        """
        solution, moved = self.solve(), self._inverse_times(self.vectors.T).T
        step = self._excess * (self.vectors @ solution) - self.confidence * self.targets
        step /= 1 - self._excess * np.einsum("jd,jd->j", self.vectors, moved)
        return np.asarray(solution + step[:, np.newaxis] * moved)

    def _inverse_times(self, right_sides: Array) -> Array:
        with one_blas_thread():
            return np.asarray(np.linalg.solve(self.matrix, right_sides))
