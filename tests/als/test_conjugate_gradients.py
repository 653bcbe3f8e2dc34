"""Rows solved by steps, and relaxed ones, against the dense specification."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold.als.method import Method
from cinefold.als.objective import Objective
from tests.als.half_steps import half_step, random_ratings
from tests.oracle import DenseProblem, relative_error


@pytest.mark.parametrize("n_factors", [16, 60, 100, 144, 300])
@pytest.mark.parametrize("relaxation", [1.0, 1.8])
@pytest.mark.parametrize("weighted", [False, True])
def test_exact_rows_by_conjugate_gradients(n_factors, relaxation, weighted):
    """Of many rows, from good starts and bad ones: as exact as those solved directly."""
    rng = np.random.default_rng(n_factors)
    few = random_ratings(rng, 3, 4 * n_factors, 0.1)
    rows = [few, *(random_ratings(rng, 2, 4 * n_factors, p) for p in (0.2, 0.4, 0.8))]
    ratings = sp.csr_array(sp.vstack(rows * 30))
    confidence = rng.uniform(0.3, 3, ratings.nnz // 30).astype(np.float32) if weighted else None
    weights = np.tile(confidence, 30) if weighted else None
    fixed = (rng.standard_normal((4 * n_factors, n_factors)) / 8).astype(np.float32)
    dense = DenseProblem.of(sp.vstack(rows), w0=0.2, lam=6.0, confidence=confidence)
    solved = np.tile(dense.solve(fixed), (30, 1))
    found = []
    for scale in (0, 0.1, 10):
        start = (scale * rng.standard_normal(solved.shape)).astype(np.float32)
        rows_found, (weighted_loss, _) = half_step(
            ratings, fixed, Objective(0.2, 6.0), weights, 2, Method(relaxation=relaxation), start
        )
        exact = start + relaxation * (solved - start)
        kept = abs(1 - relaxation) * np.linalg.norm(start, axis=1)
        lengths = np.maximum(np.linalg.norm(solved, axis=1), kept)
        assert (np.linalg.norm(rows_found - exact, axis=1) < 4e-6 * lengths).all()
        losses = sum(dense.row_losses(part, fixed).sum() for part in np.split(exact, 30))
        assert weighted_loss == pytest.approx(losses, rel=1e-5)
        found.append((rows_found - (1 - relaxation) * start) / relaxation)
    if n_factors >= 100:  # what is solved directly does not depend on the start
        assert not np.allclose(found[0], found[1], rtol=0, atol=1e-12)


CONFIDENCES = {"equal": None, "any": (0.1, 2.0), "below w0": (0.0, 0.4)}


@pytest.mark.parametrize("confidence", CONFIDENCES.values(), ids=CONFIDENCES)
@pytest.mark.parametrize("w0", [0.0, 0.3])
def test_conjugate_gradients_lower_the_loss_down_to_the_optimum(w0, confidence):
    rng = np.random.default_rng(12)
    ratings = random_ratings(rng, 7, 400, 0.5)  # enough for every row not to be solved exactly
    ratings = sp.csr_array(sp.vstack([ratings, sp.csr_array((1, 400))]))
    fixed = rng.standard_normal((400, 130)).astype(np.float32)
    weights = None
    if confidence is not None:
        weights = rng.uniform(*confidence, ratings.nnz).astype(np.float32)
    objective = Objective(w0, 20.0)
    dense = DenseProblem.of(ratings, w0=w0, lam=20.0, confidence=weights)
    rows = rng.standard_normal((8, 130)).astype(np.float32)
    losses = dense.row_losses(rows, fixed)
    for _ in range(8):
        rows, (weighted, squared) = half_step(
            ratings, fixed, objective, weights, method=Method(6, 1e-6), start=rows
        )
        now = dense.row_losses(rows, fixed)
        assert (now <= losses * (1 + 1e-6)).all()
        assert weighted == pytest.approx(now.sum(), rel=1e-5)
        at = np.repeat(np.arange(8), np.diff(ratings.indptr)), ratings.indices
        errors = ratings.data - (rows @ fixed.T.astype(np.float64))[at]
        assert squared == pytest.approx((errors**2).sum(), rel=1e-4)
        losses = now
    assert relative_error(rows, dense.solve(fixed)) < 1e-4


def test_conjugate_gradients_stop_at_the_tolerance():
    rng = np.random.default_rng(13)
    ratings = random_ratings(rng, 5, 300, 0.6)
    fixed = rng.standard_normal((300, 140)).astype(np.float32)
    start = np.zeros((5, 140), np.float32)
    dense = DenseProblem.of(ratings, w0=0.1, lam=5.0)
    best = dense.row_losses(dense.solve(fixed), fixed)
    excess = [
        dense.row_losses(
            half_step(
                ratings, fixed, Objective(0.1, 5.0), method=Method(7, tolerance), start=start
            )[0],
            fixed,
        )
        - best
        for tolerance in (0.5, 0.1, 0.01)
    ]
    assert (excess[0] > excess[1]).all()
    assert (excess[1] > excess[2]).all()


@pytest.mark.parametrize("confidence", CONFIDENCES.values(), ids=CONFIDENCES)
@pytest.mark.parametrize("steps", [0, 2], ids=["exact", "cg"])
@pytest.mark.parametrize("relaxation", [0.3, 1.6, 2.0])
def test_relaxed_rows_and_their_losses(relaxation, steps, confidence):
    rng = np.random.default_rng(15)
    few = random_ratings(rng, 12, 300, 0.03)  # solved in the dual
    ratings = sp.csr_array(sp.vstack([few, random_ratings(rng, 6, 300, 0.7)]))
    fixed = rng.standard_normal((300, 90)).astype(np.float32)
    start = rng.standard_normal((18, 90)).astype(np.float32)
    weights = None
    if confidence is not None:
        weights = rng.uniform(*confidence, ratings.nnz).astype(np.float32)
    objective, method = Objective(0.2, 4.0), Method(steps, 1e-6)
    dense = DenseProblem.of(ratings, w0=0.2, lam=4.0, confidence=weights)
    solved, _ = half_step(ratings, fixed, objective, weights, 1, method, start)
    relaxed, (weighted, squared) = half_step(
        ratings, fixed, objective, weights, 2, replace(method, relaxation=relaxation), start
    )
    assert relative_error(relaxed, start + relaxation * (solved - start)) < 2e-5
    losses = dense.row_losses(relaxed, fixed)
    assert weighted == pytest.approx(losses.sum(), rel=1e-5)
    assert (losses <= dense.row_losses(start, fixed) * (1 + 1e-5)).all()
    at = np.repeat(np.arange(18), np.diff(ratings.indptr)), ratings.indices
    errors = ratings.data - (relaxed @ fixed.T.astype(np.float64))[at]
    assert squared == pytest.approx((errors**2).sum(), rel=1e-4)
