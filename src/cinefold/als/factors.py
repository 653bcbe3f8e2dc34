"""What a fit arrives at: the vectors of users and items, and how they make scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.backend import FixedSide

_PAIRS_AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class Biases:
    """What predictions of explicit ratings start from; see :mod:`cinefold.als.biased`.

    Attributes
    ----------
    mean : float
        Of all ratings.
    baseline : ndarray of float32, shape (n_items,)
        The mean and the item's bias: what targets are measured from.
    direction : ndarray of float32, shape (n_factors + 1,)
        Users' vectors times this are the users' biases.
    """

    mean: float
    baseline: NDArray[np.float32]
    direction: NDArray[np.float32]


@dataclass(frozen=True)
class Factors:
    """User vectors, item vectors in their eigenbasis, and biases where the model has them.

    With biases, the vectors have one column more than n_factors.
    """

    users: NDArray[np.float32]
    items: FixedSide
    biases: Biases | None = None

    @property
    def baseline(self) -> NDArray[np.float32] | None:
        """What is added to the scores of each item, (n_items,)."""
        return None if self.biases is None else self.biases.baseline

    @property
    def item_norms(self) -> NDArray[np.float32]:
        """What the regularization of each item weighs, (n_items,): |v|^2, and the bias's share."""
        if self.biases is None:
            return self.items.norms
        squared_spread = self.biases.direction @ self.biases.direction
        own = np.square(self.biases.baseline - np.float32(self.biases.mean)) / squared_spread
        norms: NDArray[np.float32] = self.items.norms - squared_spread + own
        return norms

    @cached_property
    def candidates(self) -> NDArray[np.float32]:
        """Rows whose inner products with `queries` are the scores."""
        if self.baseline is None:
            return self.items.rows
        return np.column_stack([self.items.rows, self.baseline])

    def queries(self, users: NDArray[np.float32]) -> NDArray[np.float32]:
        """User vectors (n, columns of `users`), in the form that `candidates` are multiplied by."""
        if self.baseline is None:
            return users
        return np.hstack([users, np.ones((len(users), 1), np.float32)])

    def predict(
        self, users: NDArray[np.float32], rows: NDArray[Any], columns: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Scores of ``users[rows]`` for the items `columns`, (n,), in blocks of bounded memory."""
        out = np.empty(len(rows), np.float32)
        block = _PAIRS_AT_A_TIME // self.items.n_factors + 1
        for begin in range(0, len(rows), block):
            pairs = slice(begin, begin + block)
            u, v = users[rows[pairs]], self.items.rows[columns[pairs]]
            np.einsum("ij,ij->i", u, v, out=out[pairs])
        if self.baseline is not None:
            out += self.baseline[columns]
        return out

    @cached_property
    def directions(self) -> NDArray[np.float32]:
        """Item vectors of length 1 (0 where there is none), without the users' biases."""
        return self.directions_of(self.items.rows)

    def directions_of(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same of other items' vectors, (n, n_factors)."""
        if self.biases is not None:
            unit = self.biases.direction / np.linalg.norm(self.biases.direction)
            rows = rows - np.outer(rows @ unit, unit)
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        lengths[lengths == 0] = 1
        return np.asarray(rows / lengths[:, np.newaxis], np.float32)
