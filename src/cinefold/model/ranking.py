"""Exact top-k by inner product, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array


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

    A score does not depend on the batch it is computed in, nor on the number of threads.

    Parameters
    ----------
    queries : ndarray of float32, shape (n, n_factors)
    items : ndarray of float32, shape (n_items, padded n_factors)
        Rows as :class:`~cinefold.model.half_step.FixedSide` holds them.
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
