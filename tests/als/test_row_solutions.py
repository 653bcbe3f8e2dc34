"""Every path of the row solver against the dense specification."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold.als.backend import (
    SingularRowError,
)
from cinefold.als.method import Method
from cinefold.als.objective import Objective
from tests.als.half_steps import half_step, random_ratings
from tests.oracle import DenseProblem, relative_error


def check(ratings, fixed, objective, weights=None, tolerance=2e-5):
    dense = DenseProblem.of(
        ratings,
        w0=objective.unobserved_weight,
        lam=objective.regularization,
        nu=objective.regularization_exponent,
        target=objective.target,
        alpha=objective.alpha,
        confidence=weights,
    )
    exact = dense.solve(fixed)
    found, (weighted, squared) = half_step(ratings, fixed, objective, weights)
    assert relative_error(found, exact) < tolerance
    assert weighted == pytest.approx(dense.row_losses(exact, fixed).sum(), rel=1e-5)
    rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    predicted = (exact @ fixed.T.astype(np.float64))[rows, ratings.indices]
    errors = objective.targets(ratings.data) - predicted
    assert squared == pytest.approx((errors**2).sum(), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("row_solver", ["automatic", "primal", "dual", "cg"])
@pytest.mark.parametrize("n_factors", [3, 33, 130])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_way_of_solving_a_row(row_solver, n_factors, weighted, level):
    rng = np.random.default_rng(n_factors)
    parts = [random_ratings(rng, 4, 300, density) for density in (0.005, 0.05, 0.2, 0.9)]
    ratings = sp.csr_array(sp.vstack(parts))
    weights = rng.uniform(0.3, 3, ratings.nnz).astype(np.float32) if weighted else None
    fixed = rng.standard_normal((300, n_factors)).astype(np.float32)
    start = np.zeros((16, n_factors), np.float32)
    dense = DenseProblem.of(ratings, w0=0.2, lam=3.0, confidence=weights)
    exact = dense.solve(fixed)
    found, (loss, _) = half_step(
        ratings, fixed, Objective(0.2, 3.0), weights, 2, Method(row_solver=row_solver), start
    )
    assert relative_error(found, exact) < 2e-5
    assert loss == pytest.approx(dense.row_losses(exact, fixed).sum(), rel=1e-5)


@pytest.mark.parametrize("n_factors", [1, 7, 16, 33, 64, 130])
@pytest.mark.parametrize("density", [0.02, 0.3, 0.9], ids=["light", "middle", "heavy"])
@pytest.mark.parametrize("w0", [0.0, 0.1, 1.0, 2.5])
def test_shapes_and_unobserved_weights(n_factors, density, w0):
    rng = np.random.default_rng(n_factors)
    ratings = random_ratings(rng, 12, 300, density)
    fixed = rng.standard_normal((300, n_factors)).astype(np.float32)
    check(ratings, fixed, Objective(w0, 3.0))


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("target", ["rating", "binary"])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_factors", [10, 48])
def test_options(nu, target, alpha, weighted, n_factors):
    rng = np.random.default_rng(3)
    ratings = random_ratings(rng, 20, 150, 0.2)
    # Confidence on both sides of w0, so that some rank-one weights are negative.
    weights = rng.uniform(0.05, 2, ratings.nnz).astype(np.float32) if weighted else None
    fixed = rng.standard_normal((150, n_factors)).astype(np.float32)
    check(ratings, fixed, Objective(0.4, 1.0, nu, target, alpha), weights)


@pytest.mark.parametrize("n_factors", [48, 65, 80, 90, 112, 113, 130, 150, 256])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_factors(n_factors, weighted):
    """Odd numbers of tiles, long rows and light ones."""
    rng = np.random.default_rng(n_factors)
    rows = [random_ratings(rng, 4, 800, density) for density in (0.08, 0.13, 0.25, 0.6)]
    ratings = sp.csr_array(sp.vstack(rows))
    weights = rng.uniform(0.3, 3, ratings.nnz).astype(np.float32) if weighted else None
    fixed = (rng.standard_normal((800, n_factors)) / 8).astype(np.float32)
    check(ratings, fixed, Objective(0.2, 6.0), weights, tolerance=4e-6)  # well conditioned
    check(ratings, fixed, Objective(0.2, 0.01), weights, tolerance=4e-6)  # ill conditioned


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_factors=st.integers(40, 200),
    density=st.floats(0.1, 0.9),
    spread=st.floats(0, 2),
    outlier=st.floats(0, 4),
    lam=st.floats(1e-3, 1e3),
    weighted=st.booleans(),
)
def test_a_row_s_precision_is_that_of_float32(
    seed, n_factors, density, spread, outlier, lam, weighted
):
    """However its matrix is summed: the error is what float32 makes of the condition number."""
    rng = np.random.default_rng(seed)
    ratings = random_ratings(rng, 4, 300, density)
    weights = rng.uniform(0.01, 2, ratings.nnz).astype(np.float32) if weighted else None
    fixed = rng.standard_normal((300, n_factors)) * np.logspace(0, -spread, n_factors)
    fixed[0] *= 10**outlier
    fixed = fixed.astype(np.float32)
    dense = DenseProblem.of(ratings, w0=0.1, lam=lam, confidence=weights)
    exact, bound = dense.solve(fixed), 2e-6 + 2**-24 * dense.condition(fixed)
    found, _ = half_step(ratings, fixed, Objective(0.1, lam), weights)
    assert relative_error(found, exact) < bound
    # So many rows that conjugate gradients solve those that they suit.
    many, copies = sp.csr_array(sp.vstack([ratings] * 64)), None
    if weights is not None:
        copies = np.tile(weights, 64)
    start = (rng.standard_normal((256, n_factors)) / 8).astype(np.float32)
    found, _ = half_step(many, fixed, Objective(0.1, lam), copies, start=start)
    assert relative_error(found, np.tile(exact, (64, 1))) < bound + 2e-6


def test_rows_longer_than_a_block_of_observations():
    rng = np.random.default_rng(5)
    ratings = random_ratings(rng, 3, 3000, 0.5)
    fixed = rng.standard_normal((3000, 40)).astype(np.float32)
    check(ratings, fixed, Objective(0.2, 5.0))
    weights = rng.uniform(0.1, 3, ratings.nnz).astype(np.float32)
    check(ratings, fixed, Objective(0.2, 5.0), weights)


def test_more_factors_than_columns():
    rng = np.random.default_rng(6)
    ratings = random_ratings(rng, 9, 20, 0.5)
    fixed = rng.standard_normal((20, 70)).astype(np.float32)
    check(ratings, fixed, Objective(0.1, 1.0))
    check(ratings, fixed, Objective(0.0, 1.0))


def test_large_number_of_factors():
    rng = np.random.default_rng(7)
    ratings = random_ratings(rng, 3, 2100, 0.05)
    fixed = (rng.standard_normal((2100, 1000)) / 10).astype(np.float32)
    check(ratings, fixed, Objective(0.1, 2.0))


def test_one_row_and_one_column():
    objective = Objective(0.3, 0.5)
    one = sp.csr_array(np.array([[4.0]], np.float32))
    check(one, np.array([[1.5, -0.5, 2]], np.float32), objective)
    check(sp.csr_array(np.array([[4.0, 0, 2]], np.float32)), np.eye(3, dtype=np.float32), objective)


@pytest.mark.parametrize("w0", [0.0, 0.2])
def test_rows_without_observations_are_zero(w0):
    ratings = sp.csr_array((3, 5), dtype=np.float32)
    found, losses = half_step(ratings, np.ones((5, 4), np.float32), Objective(w0, 1.0))
    assert not found.any()
    assert losses == (0.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_factors=st.integers(1, 80),
    density=st.floats(0, 1),
    w0=st.floats(0, 3),
    spread=st.floats(0, 1.5),
)
def test_condition_numbers_up_to_ten_thousand(seed, n_factors, density, w0, spread):
    rng = np.random.default_rng(seed)
    ratings = random_ratings(rng, 6, 120, density)
    fixed = rng.standard_normal((120, n_factors)) * np.logspace(0, -spread, n_factors)
    fixed = fixed.astype(np.float32)
    lam = 1e-3
    dense = DenseProblem.of(ratings, w0=w0, lam=lam)
    while dense.condition(fixed) > 1e4:
        lam *= 2
        dense = DenseProblem.of(ratings, w0=w0, lam=lam)
    found, _ = half_step(ratings, fixed, Objective(w0, lam))
    assert relative_error(found, dense.solve(fixed)) < 1e-4


@pytest.mark.parametrize("w0", [0.0, 0.3])
def test_ratings_of_a_million(w0):
    rng = np.random.default_rng(8)
    ratings = random_ratings(rng, 10, 80, 0.4)
    ratings.data *= 2e5
    check(ratings, rng.standard_normal((80, 20)).astype(np.float32), Objective(w0, 1.0))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_row_of_very_many_observations(weighted):
    """Long enough to be split over threads; its columns repeat to keep the oracle small."""
    rng = np.random.default_rng(14)
    fixed = rng.standard_normal((90, 20)).astype(np.float32)
    columns = np.concatenate([rng.integers(0, 90, 40_000), [3, 5]]).astype(np.int32)
    targets = rng.integers(1, 6, len(columns)).astype(np.float32)
    ratings = sp.csr_array((targets, columns, [0, 40_000, 40_002]), shape=(2, 90))
    weights = rng.uniform(0.2, 2, len(columns)).astype(np.float32) if weighted else None
    objective = Objective(0.1, 3.0, 0.0, *(("sqrt", 0.5) if weighted else ("rating", 0.0)))
    found = [half_step(ratings, fixed, objective, weights, n_threads=n) for n in (1, 2, 5)]
    assert all(np.array_equal(found[0][0], rows) for rows, _ in found)
    assert len({losses for _, losses in found}) == 1
    of_two = None if weights is None else np.tile(weights[:-2], 2)
    twice, _ = half_step(ratings[[0, 0]], fixed, objective, of_two)
    assert np.array_equal(twice, found[0][0][[0, 0]])
    v = fixed[columns[:-2]].astype(np.float64)
    c, t = np.ones(len(v)), targets[:-2].astype(np.float64)
    if weights is not None:
        c, t = weights[:-2] * (1 + 0.5 * t), np.sqrt(t)
    equations = (v.T * (c - 0.1)) @ v + 0.1 * fixed.T.astype(np.float64) @ fixed + 3 * np.eye(20)
    exact = np.linalg.solve(equations, v.T @ (c * t))
    assert relative_error(found[0][0][:1], exact[np.newaxis]) < 1e-5
    start = rng.standard_normal((2, 20)).astype(np.float32)
    relaxed, _ = half_step(ratings, fixed, objective, weights, 2, Method(relaxation=1.5), start)
    assert relative_error(relaxed, start + 1.5 * (found[0][0] - start)) < 1e-5


def test_singular_equations_name_the_row():
    ratings = sp.csr_array(np.array([[1, 2, 3, 4], [5, 0, 0, 0]], np.float32))
    with pytest.raises(SingularRowError) as error:
        half_step(ratings, np.eye(4, 3, dtype=np.float32), Objective(0.0, 0.0))
    assert error.value.row == 1


def test_the_optimum_cannot_be_improved_by_a_perturbation():
    rng = np.random.default_rng(10)
    ratings = random_ratings(rng, 5, 60, 0.3)
    fixed = rng.standard_normal((60, 12)).astype(np.float32)
    dense = DenseProblem.of(ratings, w0=0.2, lam=1.0)
    found, _ = half_step(ratings, fixed, Objective(0.2, 1.0))
    best = dense.row_losses(found, fixed)
    for _ in range(64):
        step = rng.standard_normal(found.shape)
        step *= (
            0.01
            * np.linalg.norm(found, axis=1, keepdims=True)
            / np.linalg.norm(step, axis=1, keepdims=True)
        )
        assert (dense.row_losses(found + step, fixed) > best).all()
