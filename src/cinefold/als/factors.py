"""The vectors of users and items: how they make scores, and how new rows are solved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold._cache import PickledWithoutCaches
from cinefold.als.backend import FixedSide, SingularRowError, compact, solve_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.objective import PairWeights
    from cinefold.als.observations import Observations

    Floats = NDArray[np.float32]

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
    baseline: Floats
    direction: Floats

    def with_constant(self, rows: Floats) -> Floats:
        """`rows` (n, n_factors + 1) with the constant s of biased.py in place of their biases."""
        spread = np.linalg.norm(self.direction)
        unit = self.direction / spread
        changed: Floats = rows + np.outer(spread - rows @ unit, unit)
        return changed


@dataclass(frozen=True)
class Factors(PickledWithoutCaches):
    """User vectors, item vectors in their eigenbasis, and biases where the model has them.

    With biases, the vectors have one column more than n_factors. With weights of pairs, these are
    the x and y of :class:`~cinefold.als.objective.PairWeights`.
    """

    users: Floats
    items: FixedSide
    biases: Biases | None = None
    pair_weights: PairWeights | None = None

    @classmethod
    def in_eigenbasis(
        cls,
        users: Floats,
        items: Floats,
        biases: Biases | None,
        pair_weights: PairWeights | None,
        n_threads: int,
    ) -> Factors:
        """From both sides (n, d) in another basis; their products stay."""
        fixed = FixedSide.of(items, n_threads)
        if biases is not None:
            direction = (biases.direction @ fixed.basis.fixed).astype(np.float32)
            biases = replace(biases, direction=direction)
        users = compact(fixed.change_basis(users, n_threads))
        return cls(users, fixed, biases, pair_weights)

    @cached_property
    def item_vectors(self) -> Floats:
        """v of each item, (n_items, d)."""
        if self.pair_weights is None:
            return self.items.rows
        return np.asarray(self.items.factors / self.pair_weights.items[:, np.newaxis])

    def user_vectors(self, index: Any = slice(None)) -> Floats:
        """u of these users."""
        users: Floats = self.users[index]
        if self.pair_weights is None:
            return users
        return np.asarray(users / self.pair_weights.users[index, np.newaxis])

    @property
    def baseline(self) -> Floats | None:
        """What is added to the scores of each item, (n_items,)."""
        return None if self.biases is None else self.biases.baseline

    @property
    def item_norms(self) -> Floats:
        """What the regularization of each item weighs, (n_items,): |v|^2, and the bias's share."""
        if self.biases is None:
            return self.items.norms
        squared_spread = self.biases.direction @ self.biases.direction
        own = np.square(self.biases.baseline - np.float32(self.biases.mean)) / squared_spread
        norms: Floats = self.items.norms - squared_spread + own
        return norms

    @cached_property
    def candidates(self) -> Floats:
        """Rows whose inner products with `queries` are the scores."""
        if self.baseline is None:
            return self.item_vectors
        return np.column_stack([self.items.rows, self.baseline])

    def queries(self, users: Floats) -> Floats:
        """User vectors (n, columns of `users`), in the form that `candidates` are multiplied by."""
        if self.baseline is None:
            return users
        return np.hstack([users, np.ones((len(users), 1), np.float32)])

    def predict(self, users: Floats, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        """Scores of the vectors ``users[rows]`` for the items `columns`, (n,), block by block."""
        out = np.empty(len(rows), np.float32)
        block = _PAIRS_AT_A_TIME // self.items.n_factors + 1
        for begin in range(0, len(rows), block):
            pairs = slice(begin, begin + block)
            u, v = users[rows[pairs]], self.item_vectors[columns[pairs]]
            np.einsum("ij,ij->i", u, v, out=out[pairs])
        if self.baseline is not None:
            out += self.baseline[columns]
        return out

    @cached_property
    def directions(self) -> Floats:
        """Item vectors of length 1 (0 where there is none), without the users' biases."""
        return self.directions_of(self.items.rows)

    def directions_of(self, rows: Floats) -> Floats:
        """The same of other items' vectors, (n, n_factors)."""
        if self.biases is not None:
            unit = self.biases.direction / np.linalg.norm(self.biases.direction)
            rows = rows - np.outer(rows @ unit, unit)
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        lengths[lengths == 0] = 1
        return np.asarray(rows / lengths[:, np.newaxis], np.float32)

    def fold_in_users(self, rows: Observations, n_threads: int) -> Floats:
        """Vectors (n, d) of users with these ratings (n, n_items); 0 for a user without any."""
        return _solve(rows.with_baseline(self.baseline), self.items, n_threads)

    def fold_in_items(self, rows: Observations, n_threads: int) -> tuple[Floats, Floats | None]:
        """Vectors (n, d) of items with these ratings (n, n_users), and baselines with biases."""
        users, biases = self.users, self.biases
        if biases is not None:
            rows = rows.with_baseline(np.float32(biases.mean) + users @ biases.direction)
            users = biases.with_constant(users)
        fixed = FixedSide.of(users, n_threads)
        vectors = fixed.restore_basis(_solve(rows, fixed, n_threads), n_threads)
        if biases is None:
            return np.ascontiguousarray(vectors), None
        baseline = np.float32(biases.mean) + vectors @ biases.direction
        return biases.with_constant(vectors), baseline


def _solve(rows: Observations, fixed: FixedSide, n_threads: int) -> Floats:
    out = np.zeros((rows.n_rows, fixed.n_factors), np.float32)
    try:
        solve_rows(rows, fixed, out, n_threads)
    except SingularRowError as error:
        raise ValueError(
            f"the equations of row {error.row} have no unique solution; the model was fitted with "
            "too little regularization to fold in rows with few ratings"
        ) from None
    return out
