"""Exact top-k by inner product, in blocks of bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True)
class Ranking:
    """Items by falling score, for one user (or item) or for several.

    Unpacks as a pair: ``items, scores = model.recommend(user)``.

    Attributes
    ----------
    items : ndarray, shape (n,) or (n_users, k)
        Original item ids. One user's ranking has n <= k entries: fewer when fewer items are left.
        In a batch, places without an item repeat an arbitrary id and have score -inf.
    scores : ndarray of float32, the same shape
    """

    items: NDArray[Any]
    scores: NDArray[np.float32]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.items, self.scores))

    def __len__(self) -> int:
        return len(self.items)

    @property
    def counts(self) -> NDArray[np.int64] | int:
        """How many items each user got; below k when fewer were left."""
        found = np.isfinite(self.scores).sum(axis=-1)
        return int(found) if self.scores.ndim == 1 else found

    def to_columns(self, users: NDArray[Any] | None = None) -> dict[str, NDArray[Any]]:
        """The ranking as tidy columns (user, item, score, rank) for any dataframe library.

        Parameters
        ----------
        users : array, shape (n_users,), optional
            The ids a batch was asked for, repeated in the column ``user``; without them that
            column holds the position in the batch (and is left out for a single user).
        """
        found = np.isfinite(self.scores)
        rank = np.broadcast_to(np.arange(1, self.scores.shape[-1] + 1), found.shape)
        columns = {"item": self.items[found], "score": self.scores[found], "rank": rank[found]}
        if found.ndim == 1:
            return columns
        who = np.arange(len(found)) if users is None else np.asarray(users)
        return {"user": np.repeat(who, found.sum(axis=1)), **columns}


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

    Parameters
    ----------
    queries : ndarray of float32, shape (n, n_factors)
    items : ndarray of float32, shape (n_items, n_factors)
    excluded : csr_array, shape (n, n_items), optional
        The stored entries of a row are not candidates for it.
    allowed : ndarray of bool, shape (n_items,) or (n, n_items), optional
        The only candidates.

    Returns
    -------
    indices : ndarray of int32, shape (n, min(k, n_items)); -1 where no candidate is left
    scores : ndarray of float32, the same shape; -inf there
    """
    k = min(k, len(items))
    block = max(1, _BLOCK_BYTES // (4 * max(1, len(items))))
    indices = np.empty((len(queries), k), np.int32)
    best = np.empty((len(queries), k), np.float32)
    for begin in range(0, len(queries), block):
        rows = slice(begin, begin + block)
        scores = queries[rows] @ items.T
        if allowed is not None:
            np.copyto(scores, -np.inf, where=~(allowed if allowed.ndim == 1 else allowed[rows]))
        if excluded is not None:
            _hide(scores, excluded, begin)
        indices[rows], best[rows] = _core.top_k(scores, k, n_threads)
    return indices, best


def _hide(scores: NDArray[np.float32], excluded: csr_array, begin: int) -> None:
    offsets = excluded.indptr[begin : begin + len(scores) + 1]
    rows = np.repeat(np.arange(len(scores)), np.diff(offsets))
    scores[rows, excluded.indices[offsets[0] : offsets[-1]]] = -np.inf
