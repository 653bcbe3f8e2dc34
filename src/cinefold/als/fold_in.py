"""New users or items, solved exactly against the other side of a fitted model, which stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cinefold.als.backend import (
    FixedSide,
    SingularRowError,
    compact,
    solve_rows,
)
from cinefold.als.factors import Factors
from cinefold.als.observations import Observations

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.factors import Biases
    from cinefold.als.objective import Objective

    Floats = NDArray[np.float32]


def fold_in_users(
    factors: Factors,
    objective: Objective,
    ratings: csr_array,
    weights: Floats | None,
    n_threads: int,
) -> Floats:
    """Vectors (n, d) of users with these ratings (n, n_items); 0 for a user without any."""
    observations = Observations(objective, ratings, weights).with_baseline(factors.baseline)
    return _solve(observations, factors.items, n_threads)


def fold_in_items(
    factors: Factors,
    objective: Objective,
    ratings: csr_array,
    weights: Floats | None,
    n_threads: int,
) -> tuple[Floats, Floats | None]:
    """Vectors (n, d) of items with these ratings (n, n_users), and baselines (n,) with biases."""
    users, biases = factors.users, factors.biases
    observations = Observations(objective, ratings, weights)
    if biases is not None:
        users = _with_constant(users, biases)
        observations = observations.with_baseline(
            np.float32(biases.mean) + factors.users @ biases.direction
        )
    fixed = FixedSide.of(users, n_threads)
    vectors = fixed.restore_basis(_solve(observations, fixed, n_threads), n_threads)
    if biases is None:
        return np.ascontiguousarray(vectors), None
    baseline = np.float32(biases.mean) + vectors @ biases.direction
    return _with_constant(vectors, biases), baseline


def in_eigenbasis(users: Floats, items: Floats, biases: Biases | None, n_threads: int) -> Factors:
    """Both sides (n, d) changed to the eigenbasis of the items; their products stay."""
    fixed = FixedSide.of(items, n_threads)
    if biases is not None:
        direction = (biases.direction @ fixed.basis.fixed).astype(np.float32)
        biases = replace(biases, direction=direction)
    return Factors(compact(fixed.change_basis(users, n_threads)), fixed, biases)


def _with_constant(rows: Floats, biases: Biases) -> Floats:
    """`rows` with the constant s of biased.py in place of their biases."""
    spread = np.linalg.norm(biases.direction)
    unit = biases.direction / spread
    changed: Floats = rows + np.outer(spread - rows @ unit, unit)
    return changed


def _solve(observations: Observations, fixed: FixedSide, n_threads: int) -> Floats:
    out = np.zeros((observations.n_rows, fixed.n_factors), np.float32)
    try:
        solve_rows(observations, fixed, out, n_threads)
    except SingularRowError as error:
        raise ValueError(
            f"the equations of row {error.row} have no unique solution; the model was fitted with "
            "too little regularization to fold in rows with few ratings"
        ) from None
    return out
