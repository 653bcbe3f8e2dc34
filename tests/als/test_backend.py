"""Every path of the row solver against the dense specification."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold.als.backend import (
    FixedSide,
    SingularRowError,
    compact,
    empty_factors,
    expected_steps,
    gram_matrix,
    rotate,
    simd_level,
    simd_levels,
    solve_rows,
    top_k,
)
from cinefold.als.method import EXACT, Method
from cinefold.als.objective import Objective
from cinefold.als.observations import Observations
from cinefold.als.row_sums import ROWS_PER_SUM
from tests.oracle import DenseProblem, relative_error


@pytest.fixture(params=simd_levels())
def level(request, monkeypatch):
    """Each instruction set of this machine; native/tests has the whole grid, of all of them."""
    monkeypatch.setenv("CINEFOLD_SIMD", request.param)
    assert simd_level() == request.param


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


def test_threads_do_not_change_a_bit():
    rng = np.random.default_rng(9)
    ratings = random_ratings(rng, 400, 900, 0.1)
    fixed = rng.standard_normal((900, 50)).astype(np.float32)
    one = half_step(ratings, fixed, Objective(0.1, 1.0), n_threads=1)
    for n_threads in (2, 3, 5):
        other = half_step(ratings, fixed, Objective(0.1, 1.0), n_threads=n_threads)
        assert np.array_equal(one[0], other[0])
        assert one[1] == other[1]


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


def test_observations_hold_no_copy_of_the_ratings():
    ratings = random_ratings(np.random.default_rng(15), 9, 20, 0.5)
    rows = Observations(Objective(0.1, 1.0, target="sqrt", alpha=2.0), ratings)
    assert np.shares_memory(rows.ratings, ratings.data)
    assert np.array_equal(rows.targets, np.sqrt(ratings.data))
    assert np.array_equal(rows.confidence, 1 + 2 * ratings.data)


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


def test_gram_matrix_in_double_precision():
    rng = np.random.default_rng(11)
    for n, d in [(1, 1), (5, 3), (1000, 33), (20_000, 17)]:
        v = rng.standard_normal((n, d)).astype(np.float32)
        exact = v.astype(np.float64).T @ v
        for n_threads in (1, 2):
            found = gram_matrix(v, n_threads)
            assert np.allclose(found, exact, rtol=0, atol=2e-6 * exact.max())
        weights = rng.uniform(0, 5, n)
        exact = (v.T * weights).astype(np.float64) @ v
        found = gram_matrix(v, 2, weights)
        assert np.allclose(found, exact, rtol=0, atol=4e-6 * exact.max())


def test_an_unknown_instruction_set_is_refused(monkeypatch):
    monkeypatch.setenv("CINEFOLD_SIMD", "abacus")
    with pytest.raises(ValueError, match="CINEFOLD_SIMD is 'abacus'; this machine runs: "):
        simd_level()


@pytest.mark.parametrize("n", [0, 1, 3, 10_000])
def test_factors_are_compacted_in_their_own_memory(n):
    factors = empty_factors(n, 5)
    factors[:] = np.arange(factors.size).reshape(factors.shape)
    before = factors.copy()
    compacted = compact(factors)
    assert compacted.flags.c_contiguous
    np.testing.assert_array_equal(compacted, before)
    assert n < 2 or np.shares_memory(compacted, factors)


def test_rows_of_results_may_lie_apart():
    rng = np.random.default_rng(0)
    fixed = FixedSide.of(rng.standard_normal((40, 5), np.float32), 1)
    ratings = sp.random_array((30, 40), density=0.3, format="csr", dtype=np.float32, rng=rng)
    observations = Observations(Objective(0.1, 1.0), ratings)
    together, apart = np.zeros((30, 5), np.float32), np.zeros((30, 16), np.float32)
    solve_rows(observations, fixed, together, 1)
    solve_rows(observations, fixed, apart[:, :5], 1)
    np.testing.assert_array_equal(apart[:, :5], together)
    assert not apart[:, 5:].any()


def test_rows_of_others_are_copied_and_not_changed():
    padded = np.random.default_rng(1).standard_normal((6, 16), np.float32)
    before = padded.copy()
    fixed = FixedSide.in_eigenbasis(padded[:, :5], np.ones(5), 1)
    assert not np.shares_memory(fixed.rows, padded)
    assert np.array_equal(compact(padded[:, :5]), before[:, :5])
    with pytest.raises(ValueError, match="out must be of empty_factors"):
        FixedSide.of(np.ones((5000, 5), np.float32), 1, out=np.ones((5000, 16), np.float32)[:, :5])
    assert np.array_equal(padded, before)


@pytest.mark.parametrize("n_factors", [5, 16, 40])
@pytest.mark.parametrize("n", [7, 5000])
def test_a_fixed_side_that_was_pickled_or_copied_is_the_same(n, n_factors):
    rng = np.random.default_rng(n)
    fixed = FixedSide.of(rng.standard_normal((n, n_factors), np.float32), 2)
    ratings = sp.random_array((3, n), density=0.3, format="csr", dtype=np.float32, rng=rng)
    observations = Observations(Objective(0.1, 1.0), ratings)
    found = []
    pickled = pickle.loads(pickle.dumps(fixed))  # noqa: S301
    for side in (fixed, pickled, copy.deepcopy(fixed)):
        found.append(np.zeros((3, n_factors), np.float32))
        solve_rows(observations, side, found[-1], 1)
        np.testing.assert_array_equal(side.norms, fixed.norms)
    assert all(np.array_equal(found[0], rows) for rows in found)


# -- the same rows, however they are cut into calls ---------------------------------------------


@pytest.mark.parametrize("n_factors", [5, 16, 33, 64, 100])
@pytest.mark.parametrize("method", [EXACT, Method(3, 0.1), Method(3, 0.1, 1.6)], ids=str)
@pytest.mark.parametrize("tried", [True, False], ids=["steps expected", "none"])
def test_rows_are_the_same_to_the_last_bit_in_any_call(n_factors, method, tried):
    rng = np.random.default_rng(n_factors)
    densities = 0.6 * rng.random(300) ** 2
    mask = rng.random((300, 4 * n_factors)) < densities[:, np.newaxis]
    stars = np.where(mask, rng.integers(1, 6, mask.shape), 0).astype(np.float32)
    ratings = sp.csr_array(stars)
    weights = rng.uniform(0.3, 3, ratings.nnz).astype(np.float32)
    fixed = FixedSide.of(rng.standard_normal((4 * n_factors, n_factors), np.float32) / 8, 1)
    start = (rng.standard_normal((300, n_factors)) / 8).astype(np.float32)
    objective = Objective(0.2, 6.0)
    everything = Observations(objective, ratings, weights)
    steps = expected_steps(everything, fixed, start) if tried else None
    assert not tried or len(steps) == 6

    def solve(observations, out, n_threads):
        losses = np.empty((len(out), 2))
        solve_rows(observations, fixed, out, n_threads, method, expected_steps=steps, losses=losses)
        return out, losses

    whole = solve(everything, start.copy(), 1)
    for n_threads in (2, 5):
        again = solve(everything, start.copy(), n_threads)
        assert all(map(np.array_equal, again, whole))
    if tried and n_factors == 100 and method is EXACT:  # or the steps would prove nothing
        directly = start.copy()
        solve_rows(everything, fixed, directly, 1, method)
        assert not np.array_equal(directly, whole[0])
    shuffled = rng.permutation(300)
    for rows in [*np.split(shuffled, [1, 4, 150]), shuffled]:
        entries = np.concatenate([np.arange(*ratings.indptr[i : i + 2]) for i in rows])
        part = Observations(objective, ratings[rows], weights[entries])
        found = solve(part, start[rows], 1 + len(rows) % 3)
        assert np.array_equal(found[0], whole[0][rows])
        assert np.array_equal(found[1], whole[1][rows])


@pytest.mark.parametrize("n_factors", [5, 33, 64])
@pytest.mark.parametrize("method", [EXACT, Method(relaxation=1.8), Method(3, 0.1)], ids=str)
def test_a_change_of_basis_in_a_half_step_is_one_before_it(n_factors, method):
    rng = np.random.default_rng(n_factors)
    n = 2 * ROWS_PER_SUM + 500  # leaves of a Gram matrix
    densities = 0.4 * rng.random(n) ** 4
    densities[: ROWS_PER_SUM + 100 : 2] = 0  # not rated
    ratings = sp.csr_array((rng.random((n, 300)) < densities[:, np.newaxis]).astype(np.float32))
    fixed = FixedSide.of(rng.standard_normal((300, n_factors), np.float32) / 8, 1)
    observations = Observations(Objective(0.2, 6.0), ratings)
    previous = (rng.standard_normal((n, n_factors)) / 8).astype(np.float32)
    change = rng.standard_normal((n_factors, n_factors)) / 8
    out = np.ascontiguousarray(rotate(previous, change, 1, None, in_double=False))
    steps = expected_steps(observations, fixed, out)
    assert steps == expected_steps(observations, fixed, previous, 2, change)
    solve_rows(observations, fixed, out, 1, method, expected_steps=steps)
    for n_threads in (1, 3):
        found, gram = np.empty_like(out), np.empty((n_factors, n_factors))
        start = {"previous": previous, "change": change, "gram": gram}
        solve_rows(observations, fixed, found, n_threads, method, expected_steps=steps, **start)
        np.testing.assert_array_equal(found, out)
        np.testing.assert_array_equal(gram, gram_matrix(out, n_threads, in_double=False))
    np.testing.assert_allclose(gram, out.T.astype(np.float64) @ out, rtol=1e-5, atol=1e-5)


def test_rows_of_zeros_stay_zeros():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((5_000, 20), np.float32)
    vectors[rng.random(5_000) < 0.4] = 0
    fixed = FixedSide.of(vectors, 2)
    np.testing.assert_allclose(fixed.rows, vectors @ fixed.basis.fixed, atol=1e-4)
    np.testing.assert_allclose(fixed.norms, (fixed.rows**2).sum(axis=1), rtol=1e-5)
    assert not fixed.rows[~vectors.any(axis=1)].any()


# -- what the core is given has been checked ----------------------------------------------------


def csr(indices, indptr, shape=(2, 4)):
    """Without scipy's own checks."""
    matrix = sp.csr_array(shape, dtype=np.float32)
    matrix.data = np.ones(len(indices), np.float32)
    matrix.indices, matrix.indptr = np.asarray(indices), np.asarray(indptr)
    return matrix


BAD_ROWS = {
    "negative": (csr(np.array([0, -5], np.int32), [0, 1, 2]), "column -5 of row 1 is not one of"),
    "too large": (csr(np.array([0, 9_000_000], np.int32), [0, 1, 2]), "column 9000000 of row 1"),
    "wraps around": (csr(np.array([0, 2**32 + 1]), [0, 1, 2]), "column 4294967297 is not one of"),
    "begins late": (csr(np.array([0, 1], np.int32), [1, 1, 2]), "must start at 0, not at 1"),
    "falls": (csr(np.array([0, 1], np.int32), [0, 3, 2]), "row 1 begins at 3 and ends at 2"),
    "ends late": (csr(np.array([0, 1], np.int32), [0, 1, 5]), "number of entries, 2, not at 5"),
    "ends early": (csr(np.array([0, 1], np.int32), [0, 1, 1]), "number of entries, 2, not at 1"),
}


@pytest.mark.parametrize(("matrix", "words"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_indices_that_would_leave_the_arrays_are_refused(matrix, words):
    with pytest.raises(ValueError, match=words):
        Observations(Objective(0.1, 1.0), matrix)
    vectors = np.ones((4, 3), np.float32)
    with pytest.raises(ValueError, match=words):
        top_k(vectors[:2], vectors, 2, excluded=matrix)


def test_arguments_must_fit_together():
    fixed = FixedSide.of(np.eye(4, 3, dtype=np.float32), 1)
    observations = Observations(Objective(0.1, 1.0), sp.csr_array(np.eye(2, 5, dtype=np.float32)))
    with pytest.raises(ValueError, match="one column per row of the fixed side"):
        solve_rows(observations, fixed, np.zeros((2, 3), np.float32), 1)
    with pytest.raises(ValueError, match="baseline must have one entry per column"):
        observations.with_baseline(np.zeros(4, np.float32))
    observations = Observations(Objective(0.1, 1.0), sp.csr_array(np.eye(2, 4, dtype=np.float32)))
    for shape in ((1, 3), (2, 4)):
        with pytest.raises(ValueError, match="factors must have shape"):
            solve_rows(observations, fixed, np.zeros(shape, np.float32), 1)
    with pytest.raises(ValueError, match="losses must have"):
        solve_rows(observations, fixed, np.zeros((2, 3), np.float32), 1, losses=np.zeros((1, 2)))
    with pytest.raises(ValueError, match="one entry per observation"):
        Observations(
            Objective(0.1, 1.0),
            sp.csr_array(np.eye(2, 4, dtype=np.float32)),
            np.ones(1, np.float32),
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_factors_that_are_not_finite_are_refused(value):
    rows = np.full((2, 3), value, np.float32)
    with pytest.raises(ValueError, match="not finite, or too large"):
        FixedSide.in_eigenbasis(rows, np.ones(3), 1)


# -- top-k --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_factors", [1, 5, 16, 33])
def test_top_k(n_factors, level):
    rng = np.random.default_rng(n_factors)
    items = rng.integers(-3, 4, (700, n_factors)).astype(np.float32)  # many equal scores
    queries = rng.integers(-3, 4, (70, n_factors)).astype(np.float32)
    allowed = rng.random(700) < 0.9
    excluded = sp.random_array((70, 700), density=0.1, format="csr", rng=rng)
    excluded.sort_indices()
    scores = queries @ items.T
    scores[:, ~allowed] = -np.inf
    scores[excluded.nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :12]
    padded = empty_factors(*items.shape)
    padded[:] = items
    for rows in (items, padded):
        for n_threads in (1, 3):
            found, values = top_k(
                queries, rows, 12, excluded=excluded, allowed=allowed, n_threads=n_threads
            )
            assert np.array_equal(found, best)
            assert np.array_equal(values, np.take_along_axis(scores, best, axis=1))


def test_excluded_items_must_rise():
    vectors = np.ones((4, 3), np.float32)
    excluded = csr(np.array([2, 1], np.int32), [0, 2, 2])
    with pytest.raises(ValueError, match="the columns of row 0 must rise"):
        top_k(vectors[:2], vectors, 2, excluded=excluded)
