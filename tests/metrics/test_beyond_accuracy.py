"""Metrics of lists without held-out items, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold.metrics import beyond_accuracy

TOP = np.array([[0, 1, 2], [0, 1, -1], [0, -1, -1]])


def test_coverage():
    assert beyond_accuracy.coverage(TOP, 6) == pytest.approx(3 / 6)


def test_novelty():
    counts = np.array([8, 4, 0, 1])  # of 8 users; what nobody rated counts as rated by one
    top = np.array([[0, 1, 2], [0, 3, -1], [-1, -1, -1]])
    bits = beyond_accuracy.novelty_per_user(top, counts, 8)
    np.testing.assert_allclose(bits, [(0 + 1 + 3) / 3, 3 / 2, np.nan])


def test_diversity():
    seen = sp.csr_array(np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]], float))
    near = 1 / np.sqrt(2)  # items 0 and 1; item 2 shares nobody with them
    found = beyond_accuracy.diversity_per_user(TOP, seen)
    np.testing.assert_allclose(found, [1 - near / 3, 1 - near, np.nan])


def test_diversity_against_dense_cosines():
    rng = np.random.default_rng(0)
    seen = (rng.random((40, 25)) < 0.3).astype(float)
    top = np.stack([rng.permutation(40)[:6] for _ in range(50)])
    lengths = np.sqrt(np.maximum(seen.sum(1), 1))
    cosines = seen @ seen.T / np.outer(lengths, lengths)
    pairs = [(a, b) for a in range(6) for b in range(a)]
    expected = [1 - np.mean([cosines[row[a], row[b]] for a, b in pairs]) for row in top]
    np.testing.assert_allclose(
        beyond_accuracy.diversity_per_user(top, sp.csr_array(seen)), expected
    )


def test_gini():
    assert beyond_accuracy.gini(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(0)
    assert beyond_accuracy.gini(np.array([[0], [0]]), 4) == pytest.approx(0.75)
    counts = np.array([3, 2, 1, 0])
    differences = np.abs(counts[:, None] - counts).sum() / (2 * 4 * counts.sum())
    assert beyond_accuracy.gini(TOP, 4) == pytest.approx(differences)
