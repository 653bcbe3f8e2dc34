"""Half-steps in the original basis, and ratings for them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cinefold.als.backend import (
    FixedSide,
    expected_steps,
    solve_rows,
)
from cinefold.als.method import EXACT
from cinefold.als.observations import Observations


def random_ratings(rng, n_rows, n_columns, density):
    mask = rng.random((n_rows, n_columns)) < density
    stars = rng.integers(1, 11, (n_rows, n_columns)).astype(np.float32) / 2
    rows, columns = np.nonzero(mask)
    offsets = np.searchsorted(rows, np.arange(n_rows + 1))
    return sp.csr_array((stars[mask], columns.astype(np.int32), offsets), shape=mask.shape)


def half_step(
    ratings, fixed, objective, weights=None, n_threads=1, method=EXACT, start=None, steps=True
):
    """Rows in the original basis, their losses, and the losses' sums."""
    side = FixedSide.of(fixed, n_threads)
    out = np.full((ratings.shape[0], fixed.shape[1]), np.nan, np.float32)
    if start is not None:
        out[:] = start @ side.basis.fixed
    observations = Observations(objective, ratings, weights)
    losses = np.empty((len(out), 2))
    expected = expected_steps(observations, side, out) if steps else None
    solve_rows(observations, side, out, n_threads, method, expected_steps=expected, losses=losses)
    return out @ side.basis.fixed.T, tuple(losses.sum(axis=0))
