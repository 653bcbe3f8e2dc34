"""Explicit ALS with biases: some users rate higher than others, some items are rated higher.

A rating is predicted as (Koren, Bell, Volinsky 2009, eq. 4)

    mu + b_i + b_j + u_i.v_j

with the mean mu of all ratings, and lambda_i (|u_i|^2 + b_i^2 / s^2) in the objective, likewise for
items. A bias is then one more factor, whose counterpart is the constant s:
[u_i, b_i / s].[v_j, s] = u_i.v_j + b_i. So a half-step finds vectors and biases together, exactly,
by the same equations, with the biases of the fixed side taken off the targets.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import FixedSide
from cinefold.als.factors import Biases, Factors
from cinefold.als.iterations import Iteration

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from cinefold.als.iterations import Problem
    from cinefold.als.method import Method

# s, in the unit of factors: what pulls the biases to 0 is a third of lambda, as they vary more than
# a factor does.
_SPREAD = np.sqrt(3)
_USUAL_DEVIATION = 0.944  # of a rating from the mean, where factors of length 1 start well


def alternate_with_biases(
    problem: Problem,
    n_factors: int,
    seed: Any,
    method: Method,
) -> Generator[Iteration]:
    """As :func:`cinefold.als.iterations.alternate`, for an objective without unobserved pairs."""
    train, n_threads, mean = problem.train, problem.n_threads, problem.mean_rating
    rng = np.random.default_rng(seed)
    users = rng.standard_normal((train.n_users, n_factors + 1), np.float32)
    length = np.sqrt(problem.deviation(mean) / _USUAL_DEVIATION)
    users *= np.float32(length / np.sqrt(n_factors))
    spread = np.float32(_SPREAD * length)
    users[:, -1] = 0
    items = np.zeros((train.n_items, n_factors + 1), np.float32)
    while True:
        started = time.perf_counter()
        fixed = FixedSide.of(_with_constant(users, spread), n_threads)
        turned = fixed.change_basis(items, n_threads)
        problem.solve_items(fixed, turned, method, baseline=mean + spread * users[:, -1])
        items = fixed.restore_basis(turned, n_threads)
        fixed = FixedSide.of(_with_constant(items, spread), n_threads)
        direction = (spread * fixed.basis.fixed[-1]).astype(np.float32)
        biases = Biases(float(mean), mean + spread * items[:, -1], direction)
        factors = Factors(fixed.change_basis(users, n_threads), fixed, biases)
        loss, rmse = problem.solve_users(factors, method)
        yield Iteration(factors, loss, rmse, time.perf_counter() - started)
        users = fixed.restore_basis(factors.users, n_threads)


def _with_constant(rows: NDArray[np.float32], spread: np.float32) -> NDArray[np.float32]:
    """`rows` with s in place of their biases."""
    fixed = rows.copy()
    fixed[:, -1] = spread
    return fixed
