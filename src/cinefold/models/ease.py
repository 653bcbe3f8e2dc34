"""EASE: a linear model of all pairs of items, solved exactly."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cinefold._memory import check_memory
from cinefold.interactions import Interactions
from cinefold.models.baselines import Baseline, Lists

_SCORES_AT_A_TIME = 1 << 22
_BYTES_PER_PAIR = 8 + 4  # a matrix, and two quarters of it, or the weights
_LEAST_LEFT = 1e-9  # of 1, where the rest is cancelled
# Threaded factorisations of OpenBLAS, NumPy's and SciPy's, end the process with a segmentation
# fault from 16,000 rows on (0.3.30 and 0.3.31, AVX-512 kernels, float64).
_LARGEST_FACTORISATION = 8192


class Ease(Baseline):
    """EASE: one weight for each pair of items, in closed form (Steck 2019).

    X is the binary matrix of who rated what, :math:`P = (X^\\top X + \\lambda I)^{-1}`, and scores
    are :math:`X B` with :math:`B_{ij} = -P_{ij} / P_{jj}` and a zero diagonal. They are no ratings.

    Parameters
    ----------
    regularization : float
        lambda.
    max_items : int
        More are refused: 12 bytes are needed for each pair of items while fitting, 4 after it
        and where there are more than twice as many items as users.

    Attributes
    ----------
    weights_ : ndarray of float32, shape (n_items, n_items)
        B.
    """

    weights_: NDArray[np.float32]

    def __init__(self, *, regularization: float = 300.0, max_items: int = 20_000) -> None:
        self.regularization = regularization
        self.max_items = max_items

    def fit(self, interactions: Interactions) -> Self:
        """Solve for the weights.

        Parameters
        ----------
        interactions : Interactions

        Raises
        ------
        ValueError
            If there are more than max_items items or more than fit into memory, or the
            regularization is not above 0.
        """
        n, n_users = interactions.n_items, interactions.n_users
        by_users = 2 * n_users < n
        n_bytes = _BYTES_PER_PAIR * n_users**2 + 4 * n * n if by_users else _BYTES_PER_PAIR * n * n
        if n > self.max_items:
            raise ValueError(
                f"EASE needs {n:,} x {n:,} numbers ({n_bytes / 1e9:.1f} GB) for these items; "
                f"max_items={self.max_items} allows fewer"
            )
        if not self.regularization > 0:
            raise ValueError(f"regularization must be above 0, not {self.regularization}")
        check_memory(n_bytes, f"EASE for {n:,} items")
        self.interactions_ = interactions
        seen = _binary(interactions.by_user)
        try:
            weights = (_ease_by_users if by_users else _ease_by_items)(seen, self.regularization)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"regularization={self.regularization} is too small to solve for EASE"
            ) from None
        np.fill_diagonal(weights, 0)
        self.weights_ = weights
        return self

    def _scores(self, ratings: csr_array) -> NDArray[np.float64]:
        return np.asarray(_binary(ratings) @ self.weights_, np.float64)

    def _best(self, ratings: csr_array, k: int) -> Lists:
        n, n_items = ratings.shape
        items, found = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
        step = max(1, _SCORES_AT_A_TIME // n_items)
        for begin in range(0, n, step):
            block = slice(begin, begin + step)
            rows = ratings[block]
            scores = self._scores(rows)
            scores[np.repeat(np.arange(len(scores)), np.diff(rows.indptr)), rows.indices] = -np.inf
            items[block] = _highest(scores, k)
            found[block] = np.take_along_axis(scores, items[block], axis=1)
        items[np.isneginf(found)] = -1
        return items, found


def _ease_by_items(seen: csr_array, regularization: float) -> NDArray[np.float32]:
    """The weights of EASE by the inverse of the items' matrix; the diagonal is any."""
    inverse = _inverse_gram(seen.T.tocsr(), regularization)
    weights = inverse.astype(np.float32)
    weights /= -weights.diagonal().copy()
    return weights


def _ease_by_users(seen: csr_array, regularization: float) -> NDArray[np.float32]:
    """The same by that of the users' matrix, for few users (Woodbury, Sherman-Morrison).

    With :math:`S = X^\\top (X X^\\top + \\lambda I)^{-1} X` it is :math:`P = (I - S) / \\lambda`.
    """
    n = seen.shape[1]
    inverse, by_item = _inverse_gram(seen, regularization), seen.T.tocsr()
    weights = np.empty((n, n), np.float32)
    for begin in range(0, n, step := max(1, _SCORES_AT_A_TIME // n)):
        block = slice(begin, begin + step)
        shares = by_item @ (by_item[block] @ inverse).T
        left = 1 - np.diagonal(shares, -begin)
        if not left.min() > _LEAST_LEFT:
            raise np.linalg.LinAlgError
        weights[:, block] = shares / left
    return weights


def _inverse_gram(rows: csr_array, regularization: float) -> NDArray[np.float64]:
    """Of the products of all pairs of rows, with the regularization on the diagonal."""
    n = rows.shape[0]
    matrix = np.empty((n, n))
    for begin in range(0, n, step := max(1, _SCORES_AT_A_TIME // n)):
        matrix[begin : begin + step] = (rows[begin : begin + step] @ rows.T).toarray()
    matrix[np.diag_indices(n)] += regularization
    _invert(matrix)
    return matrix


def _invert(matrix: NDArray[np.float64]) -> None:
    """The inverse of a symmetric positive definite matrix (n, n) in its place, block by block."""
    from scipy.linalg import cho_factor, lapack  # slow to import for those who make no such model

    n = len(matrix)
    if n <= _LARGEST_FACTORISATION:
        lower = np.tril(
            lapack.dpotri(cho_factor(matrix, lower=True, check_finite=False)[0], lower=1)[0]
        )
        matrix[:] = lower + np.tril(lower, -1).T
        return
    half = n // 2
    first, corner, last = matrix[:half, :half], matrix[half:, :half], matrix[half:, half:]
    _invert(first)
    ratio = corner @ first
    last -= ratio @ corner.T
    _invert(last)
    corner[:] = last @ -ratio
    first -= ratio.T @ corner
    matrix[:half, half:] = corner.T


def _binary(ratings: csr_array) -> csr_array:
    ones: Any = ratings.astype(np.float64)
    ones.data[:] = 1
    binary: csr_array = ones
    return binary


def _highest(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """The k columns of each row with the highest scores, equals by column, shape (n, k)."""
    n_items = scores.shape[1]
    last = np.partition(scores, n_items - k, axis=1)[:, [n_items - k]]
    higher, equal = scores > last, scores == last
    missing = k - higher.sum(axis=1, keepdims=True)
    chosen = higher | (equal & (equal.cumsum(axis=1) <= missing))
    columns = chosen.nonzero()[1].reshape(len(scores), k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
