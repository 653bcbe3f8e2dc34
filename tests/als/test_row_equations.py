"""Questions to the equations of a row, against the backend and the dense oracle."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold.als.backend import (
    FixedSide,
    solve_rows,
)
from cinefold.als.objective import Objective
from cinefold.als.observations import Observations
from cinefold.als.row_equations import RowEquations
from tests.oracle import DenseProblem, relative_error

N_ROWS, N_COLUMNS, D = 12, 30, 5
SETTINGS = [
    {"w0": 0.3, "lam": 0.7},
    {"w0": 0.0, "lam": 0.5, "nu": 1.0},
    {"w0": 2.0, "lam": 0.1, "nu": 0.5, "target": "sqrt"},
    {"w0": 0.2, "lam": 0.3, "target": "binary", "alpha": 0.8},
]
RNG = np.random.default_rng(0)
RATINGS = sp.csr_array(
    np.where(RNG.random((N_ROWS, N_COLUMNS)) < 0.3, RNG.integers(1, 6, (N_ROWS, N_COLUMNS)), 0),
    dtype=np.float32,
)
WEIGHTS = RNG.uniform(0.2, 3, RATINGS.nnz).astype(np.float32)
# Orthogonal columns: V'V is diagonal.
FACTORS = (np.linalg.qr(RNG.standard_normal((N_COLUMNS, D)))[0] * [9, 7, 5, 3, 2]).astype(
    np.float32
)
SPECTRUM = np.square(FACTORS.astype(float)).sum(axis=0)


def objective_of(w0, lam, nu=0.0, target="rating", alpha=0.0):
    return Objective(w0, lam, nu, target, alpha)


def weights_of(row):
    return WEIGHTS[RATINGS.indptr[row] : RATINGS.indptr[row + 1]]


def equations(objective, ratings, weights, n_missing=0):
    observations = Observations(objective, ratings, weights)
    return RowEquations.plain(observations, FACTORS, SPECTRUM, n_missing)


@pytest.fixture(params=SETTINGS, ids=str)
def setting(request):
    return request.param


@pytest.fixture
def rows(setting):
    objective = objective_of(**setting)
    return [equations(objective, RATINGS[row : row + 1], weights_of(row)) for row in range(N_ROWS)]


@pytest.fixture
def problem(setting):
    return DenseProblem.of(RATINGS, confidence=WEIGHTS, **setting)


def test_solutions_are_those_of_the_oracle_and_of_the_backend(setting, rows, problem):
    found = np.array([row.solve() for row in rows])
    exact = problem.solve(FACTORS)
    assert relative_error(found, exact) < 1e-5
    solved = np.zeros((N_ROWS, D), np.float32)
    fixed = FixedSide.in_eigenbasis(FACTORS, SPECTRUM, 1)
    solve_rows(Observations(objective_of(**setting), RATINGS, WEIGHTS), fixed, solved, 1)
    assert relative_error(solved, found) < 1e-4


def test_the_covariance_is_the_inverse_and_the_mean_the_solution(rows):
    for row in rows:
        posterior = row.posterior()
        np.testing.assert_allclose(posterior.mean, row.solve(), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(posterior.covariance @ row.matrix, np.eye(D), atol=1e-7)


def test_scores_are_the_sum_of_contributions(rows, problem):
    exact = problem.solve(FACTORS)
    for number, row in enumerate(rows):
        prior, contributions = row.explain(FACTORS)
        assert contributions.shape == (N_COLUMNS, len(row.targets))
        np.testing.assert_array_equal(prior, 0)
        expected = FACTORS @ exact[number]
        np.testing.assert_allclose(contributions.sum(axis=1), expected, rtol=1e-4, atol=1e-5)


def test_a_contribution_is_what_the_score_lacks_without_that_target(rows):
    """The score is linear in the targets."""
    row = rows[0]
    _, contributions = row.explain(FACTORS)
    for observation in range(len(row.targets)):
        targets = row.targets.copy()
        targets[observation] = 0
        other = RowEquations(row.vectors, row.confidence, targets, row.unobserved_weight,
                             row.precision, row.pull)  # fmt: skip
        lost = FACTORS @ (row.solve() - other.solve())
        np.testing.assert_allclose(contributions[:, observation], lost, rtol=1e-7, atol=1e-9)


def test_with_a_prior_the_rest_of_the_score_is_the_priors():
    precision = np.cov(RNG.standard_normal((D, 40)))
    mean, vectors = RNG.standard_normal(D), RNG.standard_normal((3, D))
    row = RowEquations(vectors, np.array([1.0, 2.0, 0.5]), np.array([1.0, -2.0, 3.0]),
                       0.1, precision, precision @ mean)  # fmt: skip
    A = precision + sum(w * np.outer(v, v) for w, v in zip([0.9, 1.9, 0.4], vectors, strict=True))
    b = precision @ mean + vectors.T @ [1.0, -4.0, 1.5]
    np.testing.assert_allclose(row.solve(), np.linalg.solve(A, b))
    prior, contributions = row.explain(vectors)
    np.testing.assert_allclose(prior, vectors @ np.linalg.solve(A, precision @ mean))
    np.testing.assert_allclose(prior + contributions.sum(axis=1), vectors @ row.solve())
    nothing = RowEquations(vectors[:0], np.empty(0), np.empty(0), 0.1, precision,
                           precision @ mean)  # fmt: skip
    np.testing.assert_allclose(nothing.solve(), mean)


def test_without_an_observation_is_as_if_it_had_not_been_made(setting):
    objective = objective_of(**setting)
    for number in range(N_ROWS):
        ratings, weights = RATINGS[number : number + 1], weights_of(number)
        without = equations(objective, ratings, weights, n_missing=1).without()
        for observation in range(ratings.nnz):
            kept = np.arange(ratings.nnz) != observation
            left = sp.csr_array(
                (ratings.data[kept], ratings.indices[kept], [0, ratings.nnz - 1]), ratings.shape
            )
            exact = DenseProblem.of(left, confidence=weights[kept], **setting).solve(FACTORS)
            assert relative_error(without[observation : observation + 1], exact) < 1e-5


def test_an_observation_as_expected_keeps_the_mean_and_takes_uncertainty():
    vectors = RNG.standard_normal((3, D))
    row = RowEquations(vectors, np.ones(3), np.ones(3), 0.0, np.eye(D), np.zeros(D))
    vector, before = RNG.standard_normal(D), row.posterior()
    after = before.after_expected(vector, 2.5)
    vectors = np.vstack([vectors, vector])
    confidence, targets = np.array([1, 1, 1, 2.5]), np.append(np.ones(3), vector @ before.mean)
    row = RowEquations(vectors, confidence, targets, 0.0, np.eye(D), np.zeros(D))
    expected = row.posterior()
    np.testing.assert_allclose(after.mean, expected.mean)
    np.testing.assert_allclose(after.covariance, expected.covariance, atol=1e-12)


def test_without_regularization_few_observations_leave_the_shortest_solution():
    ratings = RATINGS[:1]
    row = equations(Objective(0.0, 0.0), ratings, None)
    assert np.isfinite(row.without()).all()
    vectors = FACTORS[ratings.indices[:2]].astype(float)
    two = sp.csr_array((ratings.data[:2], ratings.indices[:2], [0, 2]), ratings.shape)
    shortest = np.linalg.pinv(vectors) @ ratings.data[:2]
    found = equations(Objective(0.0, 0.0), two, None).solve()
    np.testing.assert_allclose(found, shortest, rtol=1e-4)
