"""Sums over rows whose order does not depend on how rows are divided among calls or machines.

Rows are summed in chunks of :data:`ROWS_PER_SUM` first. Numbers of chunks are added in their order.
Gram matrices of chunks, the leaves, are added in pairs up a binary tree; a node (level, index) is
the sum of leaves index 2^level to (index + 1) 2^level. Whoever has some of the rows finds nodes of
them, and the nodes of all make the root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

ROWS_PER_SUM = 1024


def chunk_sums(values: NDArray[Any]) -> Doubles:
    """Sums (n_chunks, ...) of each chunk of `values` (n_rows, ...)."""
    starts = np.arange(0, len(values), ROWS_PER_SUM)
    sums: Doubles = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
    return sums


def sum_in_pairs(terms: list[Doubles]) -> Doubles:
    """The sum of leaves up the tree."""
    while len(terms) > 1:
        pairs = range(0, len(terms) - 1, 2)
        terms = [terms[i] + terms[i + 1] for i in pairs] + terms[2 * len(pairs) :]
    return terms[0]


def nodes_of(begin: int, end: int, n_rows: int) -> Iterator[tuple[tuple[int, int], slice]]:
    """The fewest nodes that rows `begin` to `end` of `n_rows` make up, and the rows of each.

    `begin` is a multiple of ROWS_PER_SUM, and `end` is one or the last row.
    """
    leaf, stop, n_leaves = begin // ROWS_PER_SUM, _leaves(end), _leaves(n_rows)
    while leaf < stop:
        size, level = 1, 0
        while (
            leaf % (2 * size) == 0
            and min(leaf + 2 * size, n_leaves) <= stop
            and leaf + size < n_leaves
        ):
            size, level = 2 * size, level + 1
        first = leaf * ROWS_PER_SUM
        yield (level, leaf >> level), slice(first, min(first + size * ROWS_PER_SUM, n_rows))
        leaf += size


def root_of(nodes: Mapping[tuple[int, int], Doubles], n_rows: int) -> Doubles:
    """The sum of all rows, from nodes that have each row once."""
    n_leaves = _leaves(n_rows)

    def sum_of(level: int, index: int) -> Doubles:
        if (level, index) in nodes:
            return nodes[level, index]
        left = sum_of(level - 1, 2 * index)
        if (2 * index + 1) << (level - 1) >= n_leaves:
            return left
        return left + sum_of(level - 1, 2 * index + 1)

    return sum_of((n_leaves - 1).bit_length(), 0)


def rounded(value: float) -> float:
    """To nine digits, so that the order in which machines add up numbers does not show."""
    return float(f"{value:.9g}")


def _leaves(n_rows: int) -> int:
    return -(-n_rows // ROWS_PER_SUM)
