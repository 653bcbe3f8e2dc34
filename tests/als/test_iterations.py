"""What iterations hand from one half-step to the next, and where they keep it."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from cinefold import WeightedMatrixFactorization
from cinefold.als import backend, iterations
from cinefold.als.iterations import Problem, alternate, method_named
from cinefold.als.objective import Objective

OBJECTIVE = Objective(0.1, 1.0)


def endless_steps(interactions, n_factors, solver):
    problem = Problem(interactions, OBJECTIVE, 1)
    return alternate(problem, n_factors, 0, method_named(solver, n_factors))


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("n_factors", [5, 16])
def test_one_copy_of_the_users_serves_all_endless_steps(interactions, n_factors, solver):
    steps = endless_steps(interactions, n_factors, solver)
    first, second, third = (step.factors for step in islice(steps, 3))
    assert first.users.base is second.users.base is third.users.base
    assert not np.shares_memory(first.items.rows, second.items.rows)


def test_items_come_into_memory_that_nobody_reads_any_more(interactions):
    steps = endless_steps(interactions, 5, "exact")
    kept = next(steps).factors.items.rows[3:]
    before = kept.copy()
    places = [next(steps).factors.items.rows.ctypes.data for _ in range(6)]
    assert places[2:] == places[:2] * 2
    np.testing.assert_array_equal(kept, before)


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("n_factors", [5, 16])
def test_half_steps_start_from_the_same_scores(interactions, n_factors, solver, monkeypatch):
    before, after = [], []  # a half-step: scores of all users and items

    def watched(rows, fixed, out, *arguments, **options):
        def scores(vectors):
            product = vectors @ fixed.factors.T
            return product if len(out) == interactions.n_users else product.T

        before.append(scores(options["previous"] @ options["change"]))
        solve_rows(rows, fixed, out, *arguments, **options)
        after.append(scores(out))

    solve_rows = backend.solve_rows
    monkeypatch.setattr(iterations, "solve_rows", watched)
    list(islice(endless_steps(interactions, n_factors, solver), 4))
    for reached, start in zip(after, before[1:], strict=False):
        np.testing.assert_allclose(start, reached, atol=1e-4)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("unit", [1e9, 1e-10])
def test_the_unit_of_ratings_is_that_of_the_scores(interactions, biases, unit):
    multiples = interactions.by_user.copy()
    multiples.data *= np.float32(unit)
    options = {"n_factors": 4, "max_iter": 4, "target": "rating", "biases": biases}
    options |= {"unobserved_weight": 0.0} if biases else {}
    first, second = (
        WeightedMatrixFactorization(**options).fit(ratings)
        for ratings in (interactions.by_user, multiples)
    )
    expected = first.scores(3)
    np.testing.assert_allclose(second.scores(3) / unit, expected, rtol=1e-3, atol=1e-4)
    explained = second.explain(3, 5)
    assert explained.score / unit == pytest.approx(expected[5], rel=1e-3)
    assert second.n_iter_ == first.n_iter_
