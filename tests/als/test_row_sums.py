"""Sums over rows are the same however the rows are divided."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cinefold.als.backend import gram_matrix, is_summed_in_double
from cinefold.als.iterations import fill_randomly
from cinefold.als.row_sums import ROWS_PER_SUM, chunk_sums, nodes_of, root_of


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_rows", [700, 3 * ROWS_PER_SUM, 5_000, 17 * ROWS_PER_SUM + 1, 70_001])
def test_gram_matrices_of_parts_make_that_of_all(n_rows, weighted):
    rng = np.random.default_rng(n_rows)
    rows = rng.standard_normal((n_rows, 5)).astype(np.float32)
    weights = rng.random(n_rows) if weighted else None
    chunks = np.arange(0, n_rows, ROWS_PER_SUM)
    cuts = np.sort(rng.choice(chunks, min(4, len(chunks)), replace=False))
    ends = [0, *cuts[cuts > 0].tolist(), n_rows]
    in_double = is_summed_in_double(n_rows)
    nodes = {
        node: gram_matrix(rows[part], 1, None if weights is None else weights[part], in_double)
        for begin, end in pairwise(ends)
        for node, part in nodes_of(begin, end, n_rows)
    }
    whole = gram_matrix(rows, 2, weights)
    np.testing.assert_array_equal(root_of(nodes, n_rows), whole)
    exact = rows.astype(float).T @ (rows * (1 if weights is None else weights[:, np.newaxis]))
    np.testing.assert_allclose(whole, exact, rtol=1e-5, atol=1e-4 * np.sqrt(n_rows))


def test_few_nodes_make_up_many_rows():
    assert len(list(nodes_of(ROWS_PER_SUM, 1000 * ROWS_PER_SUM, 2000 * ROWS_PER_SUM))) < 20


def test_chunks_of_numbers():
    numbers = np.ones((2 * ROWS_PER_SUM + 3, 2))
    np.testing.assert_array_equal(chunk_sums(numbers)[:, 0], [ROWS_PER_SUM, ROWS_PER_SUM, 3])


def test_random_users_are_the_same_in_parts():
    whole, part = np.empty((3000, 4), np.float32), np.empty((1000, 4), np.float32)
    fill_randomly(whole, 7, 1.0)
    fill_randomly(part, 7, 1.0, 2 * ROWS_PER_SUM)
    np.testing.assert_array_equal(whole[2 * ROWS_PER_SUM :], part[: 3000 - 2 * ROWS_PER_SUM])
    assert not (whole[:900] == whole[ROWS_PER_SUM : ROWS_PER_SUM + 900]).any()
