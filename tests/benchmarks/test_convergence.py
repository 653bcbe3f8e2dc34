"""The objective that all are measured by."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.contestants import FIELD, Problem
from benchmarks.convergence import convergence, evaluate, time_to
from benchmarks.section_case import Case
from benchmarks.synthetic import Shape, ratings

SHAPE = Shape(90, 60, 800)


@pytest.mark.parametrize("block", [7, 90, 2048])
def test_evaluation_is_that_of_dense_numpy(block):
    problem = Problem(ratings(SHAPE), 5, 1, unobserved_weight=0.3, regularization=2.0)
    rng = np.random.default_rng(1)
    users, items = rng.standard_normal((90, 5)), rng.standard_normal((60, 5))
    observed, scores = problem.ratings.toarray() > 0, users @ items.T
    dense = np.where(observed, (1 - scores) ** 2, 0.3 * scores**2).sum()
    dense += 2.0 * ((users**2).sum() + (items**2).sum())
    assert evaluate(problem, users, items, block) == pytest.approx(dense, rel=1e-6)


def test_evaluation_is_what_the_solver_reports():
    problem = Problem(ratings(SHAPE), 5, 1)
    contestant = FIELD["cinefold, exact"].start(problem)
    assert contestant.epoch() > 0
    users, items = contestant.factors()
    scores = users.astype(float) @ items.T.astype(float)
    observed = problem.ratings.toarray() > 0
    residuals = np.where(observed, 1 - scores, 0.1 * -scores)
    # The users are the minimizer: the gradient of their loss is zero.
    np.testing.assert_allclose(residuals @ items, problem.regularization * users, atol=1e-4)


def test_time_to_the_objective():
    curve = {"seconds": [1.0, 2.5, 4.0], "objective": [110.0, 100.05, 100.0]}
    assert time_to(curve, 100.0) == (2.5, 2)
    assert time_to(curve, 99.0) is None


def test_a_race_to_the_objective():
    names = ("cinefold, exact", "cinefold, CG")
    case = Case(SHAPE, 4, 1, epochs=30, long_run=30, names=names)
    result = convergence(case)
    assert set(result["curves"]) == set(names)
    for curve in result["curves"].values():
        assert (np.diff(curve["seconds"]) > 0).all()
        assert (np.diff(curve["objective"]) <= 1e-6 * result["best"]).all()
        assert min(curve["objective"]) >= result["best"]
        assert time_to(curve, result["best"])
    assert -1e-6 <= result["fall of the last tenth"] < 1e-2
