"""The specification: weighted matrix factorization in dense float64 NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class DenseProblem:
    """The whole weighted problem of one side: every pair has a target and a weight.

    target, weight : (n_rows, n_columns);  regularization : lambda, w0, nu as in the objective
    """

    target: np.ndarray
    weight: np.ndarray
    regularization: np.ndarray  # (n_rows,)

    @classmethod
    def of(
        cls,
        ratings,
        *,
        w0,
        lam,
        nu=0.0,
        target="rating",
        alpha=0.0,
        confidence=None,
        row_weights=1.0,
        column_weights=1.0,
    ):
        """From sparse ratings (stored entries are observed); confidence has the same pattern.

        Every pair is weighed by those of its row and column, the regularization by the row's.
        """
        ratings = sp.csr_array(ratings)
        n_rows, n_columns = ratings.shape
        rows = np.repeat(np.arange(n_rows), np.diff(ratings.indptr))
        at = rows, ratings.indices
        values = ratings.data.astype(np.float64)
        dense_target = np.zeros(ratings.shape)
        if target == "binary":
            dense_target[at] = values > 0
        else:
            dense_target[at] = np.sqrt(values) if target == "sqrt" else values
        weight = np.full(ratings.shape, float(w0))
        weight[at] = (1 + alpha * values) * (1 if confidence is None else confidence)
        counts = np.diff(ratings.indptr)
        row_weights = np.broadcast_to(row_weights, n_rows)
        return cls(
            dense_target,
            weight * np.outer(row_weights, np.broadcast_to(column_weights, n_columns)),
            row_weights * lam * (counts + w0 * (n_columns - counts)) ** float(nu),
        )

    def equations(self, row: int, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weighted = fixed.T * self.weight[row]
        identity = np.eye(fixed.shape[1])
        return (
            weighted @ fixed + self.regularization[row] * identity,
            weighted @ self.target[row],
        )

    def solve(self, fixed: np.ndarray) -> np.ndarray:
        """The exact minimizer of all rows with the other side fixed."""
        fixed = fixed.astype(np.float64)
        return np.array(
            [np.linalg.solve(*self.equations(row, fixed)) for row in range(len(self.target))]
        )

    def row_losses(self, rows: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        rows, fixed = rows.astype(np.float64), fixed.astype(np.float64)
        errors = self.weight * (self.target - rows @ fixed.T) ** 2
        return errors.sum(axis=1) + self.regularization * (rows**2).sum(axis=1)

    def condition(self, fixed: np.ndarray) -> float:
        fixed = fixed.astype(np.float64)
        return max(np.linalg.cond(self.equations(row, fixed)[0]) for row in range(len(self.target)))


def loss(users: DenseProblem, items: DenseProblem, u: np.ndarray, v: np.ndarray) -> float:
    """The objective at factors u and v; `items` gives the item side's regularization."""
    norms = (v.astype(np.float64) ** 2).sum(axis=1)
    return float(users.row_losses(u, v).sum() + items.regularization @ norms)


def relative_error(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest error of a row, relative to the row's length.

    A row much shorter than the others is the rest of a cancellation; its error is taken relative
    to a tenth of the typical length (and absolute where all rows are zero).
    """
    lengths = np.linalg.norm(exact, axis=1)
    lengths = np.maximum(lengths, 0.1 * np.sqrt((lengths**2).mean()))
    errors = np.linalg.norm(found - exact, axis=1)
    return float(np.max(errors / np.where(lengths > 0, lengths, 1), initial=0))
