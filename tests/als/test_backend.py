"""What goes through the backend: memory, checks, the same rows in any call, top-k."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold.als.backend import (
    FixedSide,
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
from tests.als.half_steps import half_step, random_ratings


def test_threads_do_not_change_a_bit():
    rng = np.random.default_rng(9)
    ratings = random_ratings(rng, 400, 900, 0.1)
    fixed = rng.standard_normal((900, 50)).astype(np.float32)
    one = half_step(ratings, fixed, Objective(0.1, 1.0), n_threads=1)
    for n_threads in (2, 3, 5):
        other = half_step(ratings, fixed, Objective(0.1, 1.0), n_threads=n_threads)
        assert np.array_equal(one[0], other[0])
        assert one[1] == other[1]


def test_observations_hold_no_copy_of_the_ratings():
    ratings = random_ratings(np.random.default_rng(15), 9, 20, 0.5)
    rows = Observations(Objective(0.1, 1.0, target="sqrt", alpha=2.0), ratings)
    assert np.shares_memory(rows.ratings, ratings.data)
    assert np.array_equal(rows.targets, np.sqrt(ratings.data))
    assert np.array_equal(rows.confidence, 1 + 2 * ratings.data)


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


def test_what_costs_least_depends_on_what_is_multiplied_at_once(monkeypatch):
    """Steps are worth more where that is less than the 16 floats of AVX-512."""
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((600, 64)).astype(np.float32) / 8
    fixed = FixedSide.of(vectors, 1)
    ratings = sp.csr_array((np.arange(600) < 512)[np.newaxis].astype(np.float32))
    rows = Observations(Objective(0.1, 10.0), ratings)

    def solved(row_solver):
        out = np.zeros((1, 64), np.float32)
        method = Method(row_solver=row_solver)
        solve_rows(rows, fixed, out, 1, method, expected_steps=[(512, 8)])
        return out

    for level in simd_levels():
        monkeypatch.setenv("CINEFOLD_SIMD", level)
        chosen, other = ("primal", "cg") if level == "avx512" else ("cg", "primal")
        assert np.array_equal(solved("automatic"), solved(chosen))
        assert not np.array_equal(solved("automatic"), solved(other))
