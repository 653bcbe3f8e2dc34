"""All libraries are given the same problem."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import scipy.sparse as sp
from benchmarks.contestants import (
    FIELD,
    Problem,
    choose,
    estimate,
    implicit_parameters,
    irspack_parameters,
    lenskit_parameters,
)
from benchmarks.convergence import evaluate
from benchmarks.synthetic import SIZES, Shape, ratings

from benchmarks import contestants, fold_in

W0, LAMBDA = 0.2, 3.0
RNG = np.random.default_rng(0)
OBSERVED = RNG.random((30, 20)) < 0.3
USERS, ITEMS = RNG.standard_normal((30, 4)), RNG.standard_normal((20, 4))


def loss(users, items, observed_weight, everywhere, regularization, target=1.0):
    """Sums of weights (target - s)^2 over observed pairs, of s^2 over `everywhere`, and norms."""
    scores, (weight, pairs) = users @ items.T, everywhere
    fit = observed_weight * ((target - scores)[OBSERVED] ** 2).sum()
    norms = (users**2).sum() + (items**2).sum()
    return fit + weight * (scores[pairs] ** 2).sum() + regularization * norms


def ours():
    return loss(USERS, ITEMS, 1, (W0, ~OBSERVED), LAMBDA)


def test_loss_of_implicit_is_a_multiple_of_ours():
    p = implicit_parameters(W0, LAMBDA)
    theirs = loss(USERS, ITEMS, p["alpha"], (1, ~OBSERVED), p["regularization"])
    assert theirs == pytest.approx(ours() / W0)


def test_loss_of_lenskit_and_cmfrec_is_a_multiple_of_ours():
    p = lenskit_parameters(W0, LAMBDA)
    theirs = loss(USERS, ITEMS, 1 + p["weight"], (1, ~OBSERVED), p["regularization"])
    assert theirs == pytest.approx(ours() / W0)


def test_loss_of_irspack_is_ours_in_its_scale_but_for_a_constant():
    p, scale = irspack_parameters(W0, LAMBDA), np.sqrt(1 - W0)
    everywhere = p["alpha0"], np.ones_like(OBSERVED)
    theirs = loss(scale * USERS, scale * ITEMS, 1, everywhere, p["reg"])
    assert theirs - W0 * OBSERVED.sum() == pytest.approx((1 - W0) * ours())
    assert (p["nu"], p["loss_type"]) == (0, "IALSPP")


def test_fold_in_of_irspack_is_ours_in_its_scale():
    p, row = fold_in.fold_in_parameters(W0, LAMBDA), OBSERVED[0]
    v, eye = ITEMS[row], np.eye(4)
    mine = np.linalg.solve((1 - W0) * v.T @ v + W0 * ITEMS.T @ ITEMS + LAMBDA * eye, v.sum(axis=0))
    equations = v.T @ v + p["alpha0"] * ITEMS.T @ ITEMS + p["reg"] * eye
    np.testing.assert_allclose(np.linalg.solve(equations, v.sum(axis=0)) / (1 - W0), mine)


# Spark has another objective; every step of cmfrec's CG starts from zero and does not converge.
COMPARABLE = [name for name in FIELD if not name.startswith("spark") and name != "cmfrec, CG"]


@pytest.mark.parametrize("name", [name for name in COMPARABLE if find_spec(FIELD[name].package)])
@pytest.mark.filterwarnings("ignore")
def test_installed_libraries_converge_to_the_same_objective(name):
    problem = Problem(ratings(Shape(120, 80, 1_500)), 4, 2)
    rivals = [FIELD[n].start(problem) for n in ("cinefold, exact", name)]
    for contestant in rivals:
        for _ in range(12 if name.startswith("cmfrec") else 40):
            contestant.epoch()
    first, second = (evaluate(problem, *contestant.factors()) for contestant in rivals)
    assert second == pytest.approx(first, rel=1e-3)


def test_constant_keeps_the_pattern_and_copies_no_more_than_values():
    problem = Problem(ratings(Shape(50, 40, 300)), 4, 1)
    matrix = problem.constant(2.5)
    assert isinstance(matrix, sp.csr_matrix)
    assert set(matrix.data) == {2.5}
    assert np.shares_memory(matrix.indices, problem.ratings.indices)


def test_estimates_grow_with_ratings_and_factors():
    one = estimate("irspack, Cholesky", SIZES["1m"], 64)
    assert one < estimate("irspack, Cholesky", SIZES["10m"], 64)
    assert one < estimate("irspack, Cholesky", SIZES["1m"], 128)


def test_who_is_left_out_and_why(monkeypatch):
    monkeypatch.setattr(
        contestants, "find_spec", lambda package: None if package == "lenskit" else package
    )
    names = ("cinefold, exact", "implicit, exact", "lenskit, exact")
    chosen, left_out = choose(names, SIZES["10m"], 256, 4)
    assert chosen == ["cinefold, exact"]
    assert left_out["lenskit, exact"] == "lenskit is not installed"
    assert "--slow" in left_out["implicit, exact"]
    assert choose(names, SIZES["100k"], 32, 4)[0] == ["cinefold, exact", "implicit, exact"]
    assert "implicit, exact" in choose(names, SIZES["10m"], 256, 4, slow=True)[0]
