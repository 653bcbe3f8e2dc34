"""Changes of basis against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from cinefold.als.basis import Basis, _blas, one_blas_thread


def factors(rng, n, d, rank, spread):
    """Of that rank, with singular values over some powers of ten."""
    left = np.linalg.qr(rng.standard_normal((n, min(n, rank))))[0]
    right = np.linalg.qr(rng.standard_normal((d, min(n, rank))))[0]
    return (left * np.logspace(0, -spread, left.shape[1])) @ right.T * rng.uniform(0.01, 100)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_users=st.integers(1, 40),
    n_items=st.integers(1, 40),
    d=st.integers(1, 30),
    ranks=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    spread=st.floats(0, 3),
)
def test_balanced_factors_are_the_shortest_with_their_products(
    seed, n_users, n_items, d, ranks, spread
):
    rng = np.random.default_rng(seed)
    u = factors(rng, n_users, d, min(ranks[0], d), spread)
    v = factors(rng, n_items, d, min(ranks[1], d), spread)
    basis = Basis.balanced(u.T @ u, v.T @ v)
    balanced_u, balanced_v = u @ basis.fixed, v @ basis.other
    products = u @ v.T
    size = np.linalg.norm(u, 2) * np.linalg.norm(v, 2)
    assert np.allclose(balanced_u @ balanced_v.T, products, rtol=0, atol=1e-9 * size)
    # |U|^2 + |V|^2 is least where it is twice the nuclear norm (Srebro, Rennie, Jaakkola 2004)
    least = 2 * np.linalg.norm(products, "nuc")
    lengths = (balanced_u**2).sum() + (balanced_v**2).sum()
    assert least * (1 - 1e-9) <= lengths <= least + 2e-4 * d * size
    gram = balanced_u.T @ balanced_u
    assert np.allclose(gram, np.diag(basis.spectrum), rtol=0, atol=1e-7 * (gram.max() + least))
    assert (np.diff(basis.spectrum) <= 1e-12 * basis.spectrum.max()).all()


def test_a_diagonal_may_be_given_as_a_vector():
    rng = np.random.default_rng(0)
    u, lengths = rng.standard_normal((20, 6)), np.array([5.0, 4, 2, 1, 0.1, 0])
    one, other = (Basis.balanced(u.T @ u, b) for b in (lengths, np.diag(lengths)))
    assert np.allclose(one.spectrum, other.spectrum)
    assert np.allclose(np.abs(one.fixed), np.abs(other.fixed))


def test_weighted_lengths_are_least_in_a_basis_diagonal_for_others():
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((30, 7)), rng.standard_normal((25, 7))
    of_u, of_v = rng.uniform(0.1, 9, (30, 1)), rng.uniform(0.1, 9, (25, 1))
    basis = Basis.balanced(u.T @ (of_u * u), v.T @ (of_v * v)).then_diagonal(u.T @ u)
    balanced = u @ basis.fixed, v @ basis.other
    assert np.allclose(balanced[0] @ balanced[1].T, u @ v.T)
    gram = balanced[0].T @ balanced[0]
    assert np.allclose(gram, np.diag(basis.spectrum), atol=1e-10 * gram.max())

    def regularization(u, v):
        return (of_u * u**2).sum() + (of_v * v**2).sum()

    least = regularization(*balanced)
    weighted = np.linalg.norm((np.sqrt(of_u) * u) @ (np.sqrt(of_v) * v).T, "nuc")
    assert least == pytest.approx(2 * weighted)
    for _ in range(20):
        change = np.eye(7) + 0.05 * rng.standard_normal((7, 7))
        other = np.linalg.inv(change).T
        assert regularization(balanced[0] @ change, balanced[1] @ other) > least


def test_blas_has_its_threads_back_after_blocks_of_several_threads():
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    _blas.cache_clear()  # other tests may have loaded SciPy's meanwhile
    first, second = one_blas_thread(), one_blas_thread()
    with threadpool_limits(2, user_api="blas"):
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == {2}
