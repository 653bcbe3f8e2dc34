"""Exact top-k by inner product, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import cinefold._core as _core

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array


def top_k(
    queries: NDArray[np.float32],
    items: NDArray[np.float32],
    k: int,
    *,
    excluded: csr_array | None = None,
    allowed: NDArray[np.bool_] | None = None,
    n_threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k items of largest inner product with each query; equal scores by rising index.

    A score does not depend on the batch it is computed in, nor on the number of threads.

    Parameters
    ----------
    queries : ndarray of float32, shape (n, n_factors)
    items : ndarray of float32, shape (n_items, padded n_factors)
        Rows as :class:`~cinefold.als.backend.FixedSide` holds them.
    excluded : csr_array, shape (n, n_items), optional
        The stored entries of a row, with rising columns, are not candidates for it.
    allowed : ndarray of bool, shape (n_items,), optional
        The only candidates.

    Returns
    -------
    indices : ndarray of int32, shape (n, min(k, n_items)); -1 where no candidate is left
    scores : ndarray of float32, the same shape; -inf there
    """
    offsets = columns = None
    if excluded is not None:
        offsets = excluded.indptr.astype(np.int64, copy=False)
        columns = excluded.indices.astype(np.int32, copy=False)
    rows = np.ascontiguousarray(queries)
    return _core.top_k(rows, items, min(k, len(items)), offsets, columns, allowed, n_threads)
