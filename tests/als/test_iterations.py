"""What iterations hand from one half-step to the next, and where they keep it."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from cinefold.als import iterations
from cinefold.als.iterations import Problem, alternate, choose_solver
from cinefold.als.objective import Objective

OBJECTIVE = Objective(0.1, 1.0)


def endless_steps(interactions, n_factors, solver):
    problem = Problem(interactions, OBJECTIVE, 1)
    return alternate(problem, n_factors, 0, choose_solver(solver, n_factors))


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("n_factors", [5, 16])
def test_one_copy_of_the_users_serves_all_endless_steps(interactions, n_factors, solver):
    steps = endless_steps(interactions, n_factors, solver)
    first, second, third = (step.factors for step in islice(steps, 3))
    assert first.users.base is second.users.base is third.users.base
    assert not np.shares_memory(first.items.rows, second.items.rows)


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("n_factors", [5, 16])
def test_half_steps_start_from_the_same_scores(interactions, n_factors, solver, monkeypatch):
    before, after = [], []  # a half-step: scores of all users and items

    def watched(rows, fixed, out, *arguments, **options):
        def scores():
            product = out @ fixed.factors.T
            return product if len(out) == interactions.n_users else product.T

        before.append(scores())
        solve_rows(rows, fixed, out, *arguments, **options)
        after.append(scores())

    solve_rows = iterations.solve_rows
    monkeypatch.setattr(iterations, "solve_rows", watched)
    list(islice(endless_steps(interactions, n_factors, solver), 4))
    for reached, start in zip(after, before[1:], strict=False):
        np.testing.assert_allclose(start, reached, atol=1e-4)
