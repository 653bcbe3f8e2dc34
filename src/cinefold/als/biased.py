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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import empty_factors
from cinefold.als.factors import Biases, Factors
from cinefold.als.iterations import Iteration

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from cinefold.als.basis import Basis
    from cinefold.als.iterations import Problem
    from cinefold.als.method import Method

    Floats = NDArray[np.float32]

# s, in the unit of factors: what pulls the biases to 0 is a third of lambda, as they vary more than
# a factor does.
_SPREAD = np.sqrt(3)
_USUAL_DEVIATION = 0.944  # of a rating from the mean, where factors of length 1 start well


@dataclass(frozen=True)
class Constant:
    """What stands in place of the biases of a fixed side, s, and the mean that they are added to.

    Attributes
    ----------
    mean : float32
    length : float
        Of users at the start.
    """

    mean: np.float32
    length: float

    @classmethod
    def of(cls, problem: Problem) -> Constant:
        mean = problem.mean_rating
        return cls(mean, np.sqrt(problem.deviation(mean) / _USUAL_DEVIATION))

    @property
    def spread(self) -> np.float32:
        return np.float32(_SPREAD * self.length)

    def in_place_of_biases(self, rows: Floats) -> tuple[Floats, Floats]:
        """A copy of `rows` with s as their last column, and their baseline (n,)."""
        fixed = empty_factors(*rows.shape)
        fixed[:] = rows
        fixed[:, -1] = self.spread
        return fixed, self.mean + self.spread * rows[:, -1]

    def biases(self, basis: Basis, baseline: Any) -> Biases:
        """Of items in `basis`."""
        direction = (self.spread * basis.fixed[-1]).astype(np.float32)
        return Biases(float(self.mean), baseline, direction)

    def first_users(self, rng: np.random.Generator, n: int, n_factors: int) -> Floats:
        """Random vectors, and biases of 0."""
        users = rng.standard_normal((n, n_factors + 1), np.float32)
        users *= np.float32(self.length / np.sqrt(n_factors))
        users[:, -1] = 0
        return users


def alternate_with_biases(
    problem: Problem,
    n_factors: int,
    seed: Any,
    method: Method,
) -> Generator[Iteration]:
    """As :func:`cinefold.als.iterations.alternate`, for an objective without unobserved pairs."""
    constant = Constant.of(problem)
    users, items = problem.start_with_biases(n_factors, seed, constant)
    while True:
        started = time.perf_counter()
        fixed, baseline = problem.fix_with_constant("user", users, constant)
        items = problem.turned(items, fixed.basis.other)
        problem.solve_items(fixed, items, method, baseline=baseline)
        items = problem.turned(items, fixed.basis.fixed.T)
        fixed, baseline = problem.fix_with_constant("item", items, constant)
        users = problem.turned(users, fixed.basis.other)
        factors = Factors(users, fixed, constant.biases(fixed.basis, baseline))
        loss, rmse = problem.solve_users(factors, method)
        yield Iteration(factors, loss, rmse, time.perf_counter() - started)
        users = problem.turned(users, fixed.basis.fixed.T)
