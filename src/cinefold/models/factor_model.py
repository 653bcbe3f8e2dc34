"""What can be asked of a fitted factor model."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from cinefold.als.backend import (
    top_k,
)
from cinefold.als.iterations import available_threads
from cinefold.als.observations import Observations
from cinefold.als.row_equations import RowEquations
from cinefold.interactions.entries import csr
from cinefold.models import checks, explanations
from cinefold.models.fitted import FittedAttributes
from cinefold.models.results import FoldedItems, FoldedUsers, Ranking

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import ArrayLike, NDArray

    from cinefold.models.results import Explanation

_NO_ITEMS = np.empty(0, np.int64)


class FactorModel(FittedAttributes):
    """Users and items as vectors, however they were found; original ids in, original ids out."""

    n_threads: int | None

    # -- lists --------------------------------------------------------------------------------

    def recommend(
        self,
        user: Any,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        exclude: ArrayLike | None = None,
        among: ArrayLike | None = None,
    ) -> Ranking:
        """The k items of highest score; equal scores in the order of the item ids.

        Parameters
        ----------
        user : a user id, an array of user ids, or FoldedUsers
        k : int
            At most so many; fewer than k left is not an error.
        exclude_seen : bool
            Leave out what the user has rated.
        exclude, among : array of item ids, optional
            Never these; only these.

        Returns
        -------
        Ranking
            ``items`` and ``scores``, of shape (n,) with n <= k for one user, (n_users, k) for an
            array or a batch of folded users. There, ``mask`` is False where a user has no item, as
            in all places of a user without ratings.

        Raises
        ------
        UnknownIdError
            For a user or item that was not in the training data (fold new users in).
        ValueError
            For one user without ratings.
        """
        checks.integer("k", k, 1)
        factors = self._factors
        queries, ratings, _, single = self._users(user)
        unknown = ~queries.any(axis=1) & (np.diff(ratings.indptr) == 0)
        if single and unknown[0]:
            name = "this user" if isinstance(user, FoldedUsers) else f"user {user!r}"
            raise ValueError(f"{name} has no ratings to recommend by; at least one is needed")
        indices, scores = top_k(
            factors.queries(queries),
            factors.candidates,
            k,
            excluded=ratings if exclude_seen else None,
            allowed=self._allowed(exclude, among),
            n_threads=available_threads(self.n_threads),
        )
        return self._ranking(indices, scores, unknown, single)

    def similar_items(
        self,
        item: Any,
        k: int = 10,
        *,
        exclude: ArrayLike | None = None,
        among: ArrayLike | None = None,
    ) -> Ranking:
        """The k items whose vectors point most nearly in the direction of `item`'s.

        Parameters
        ----------
        item : an item id, an array of item ids, or FoldedItems
        k, exclude, among
            As in :meth:`recommend`; an item is never listed as similar to itself.

        Returns
        -------
        Ranking
            Scores are cosines, at most 1. In a batch, ``mask`` is False for items without ratings.

        Raises
        ------
        UnknownIdError
            For an item that was not in the training data (fold new items in).
        ValueError
            For one item without ratings.
        """
        checks.integer("k", k, 1)
        factors, directions = self._factors, self._factors.directions
        if isinstance(item, FoldedItems):
            single, itself = item.factors.ndim == 1, None
            queries = factors.directions_of(np.atleast_2d(item.factors))
        else:
            single, index = np.ndim(item) == 0, np.atleast_1d(self.interactions_.item_index(item))
            queries = directions[index]
            itself = csr(np.ones(len(index)), index, np.arange(len(index) + 1), len(directions))
        unknown = np.asarray(~queries.any(axis=1))
        if single and unknown[0]:
            name = "this item" if isinstance(item, FoldedItems) else f"item {item!r}"
            raise ValueError(f"{name} has no ratings by which others could be similar")
        indices, scores = top_k(
            queries,
            directions,
            k,
            excluded=itself,
            allowed=self._allowed(exclude, among),
            n_threads=available_threads(self.n_threads),
        )
        return self._ranking(indices, scores, unknown, single)

    # -- scores -------------------------------------------------------------------------------

    def predict(self, users: Any, items: ArrayLike) -> NDArray[np.float32]:
        """Scores of pairs: one user (id or folded) with each item, or arrays of equal length.

        They are u.v, and the biases where the model has them.

        Returns
        -------
        ndarray of float32, shape (n_pairs,), or a scalar for one user and one item
        """
        queries, _, _, single = self._users(users)
        columns = np.asarray(self.interactions_.item_index(items))
        if not single and columns.shape != (len(queries),):
            raise ValueError(
                f"users and items must be of equal length; got {len(queries)} users and items of "
                f"shape {columns.shape}"
            )
        rows = np.zeros(columns.size, np.int64) if single else np.arange(len(queries))
        pairs = self._factors.predict(queries, rows, columns.ravel())
        return pairs.reshape(columns.shape)[()]

    def scores(self, users: Any) -> NDArray[np.float32]:
        """Scores of all items, also of those that were rated; mind the memory.

        Parameters
        ----------
        users : a user id, an array of user ids, or FoldedUsers

        Returns
        -------
        ndarray of float32, shape (n_items,) for one user, else (n_users, n_items)
        """
        factors = self._factors
        queries, _, _, single = self._users(users)
        rows = factors.queries(queries)
        found: NDArray[np.float32] = rows @ factors.candidates.T
        return found[0] if single else found

    # -- explanations -------------------------------------------------------------------------

    @overload
    def explain(self, user: Any, item: NDArray[Any]) -> list[Explanation]: ...

    @overload
    def explain(self, user: Any, item: Any) -> Explanation: ...

    def explain(self, user: Any, item: Any) -> Explanation | list[Explanation]:
        """What each of a user's ratings adds to the score of an item.

        The user's vector is linear in the targets, u = A^-1 sum_j c_j t_j v_j, so that the score
        is a sum over the rated items, v'u = sum_j c_j t_j v'A^-1 v_j (Hu et al. 2008, section 5).

        Parameters
        ----------
        user : a user id or one folded user
        item : an item id or an array of item ids
            The equations of a user are solved once for all of the items.

        Returns
        -------
        Explanation, or a list of them for an array
        """
        places = np.atleast_1d(self.interactions_.item_index(item))
        equations, (_, ratings, _, _) = self.row_equations(user), self._users(user)
        found = explanations.explain(self, equations, ratings, places)
        return found[0] if np.ndim(item) == 0 else found

    def row_equations(self, user: Any, *, n_missing: int = 0) -> RowEquations:
        """The equations whose solution is a user's vector; they answer what it rests on.

        Parameters
        ----------
        user : a user id or one folded user
        n_missing : int
            The regularization is that of a user with so many ratings less; 1 makes
            ``row_equations(user, n_missing=1).without()`` what fold-ins without one rating are.
        """
        queries, ratings, weights, _ = self._users(user)
        if len(queries) != 1:
            raise ValueError(f"the equations are those of one user, not of {len(queries)}")
        fixed = self._factors.items
        row = Observations(self.objective_, ratings, weights).with_baseline(self._factors.baseline)
        return RowEquations.plain(row, fixed.factors, fixed.spectrum, n_missing)

    # -- ids in, ids out ----------------------------------------------------------------------

    def _users(
        self, user: Any
    ) -> tuple[NDArray[np.float32], sp.csr_array, NDArray[np.float32] | None, bool]:
        """Vectors (n, n_factors), ratings (n, n_items) with weights, and whether it is just one."""
        factors = self._factors
        if isinstance(user, FoldedUsers):
            return np.atleast_2d(user.factors), user.ratings, user.weights, user.factors.ndim == 1
        index = self.interactions_.user_index(user)
        rows = np.atleast_1d(index)
        by_user, weights = self.interactions_.by_user, self.interactions_.weights
        if np.ndim(index) == 0:
            begin, end = by_user.indptr[rows[0] : rows[0] + 2]
            columns, n_items = by_user.indices[begin:end], by_user.shape[1]
            ratings = csr(by_user.data[begin:end], columns, [0, end - begin], n_items)
            weights = None if weights is None else weights[begin:end]
            return factors.users[rows], ratings, weights, True
        return factors.users[rows], by_user[rows], None, False

    def _allowed(
        self, exclude: ArrayLike | None, among: ArrayLike | None
    ) -> NDArray[np.bool_] | None:
        if exclude is None and among is None:
            return None
        n_items = self.interactions_.n_items
        allowed = np.full(n_items, among is None)
        if among is not None:
            allowed[self._items(among)] = True
        if exclude is not None:
            allowed[self._items(exclude)] = False
        return allowed

    def _items(self, ids: ArrayLike) -> NDArray[np.int64]:
        values = np.asarray(list(ids) if isinstance(ids, Set) else ids)
        return np.atleast_1d(self.interactions_.item_index(values)) if values.size else _NO_ITEMS

    def _ranking(
        self,
        indices: NDArray[np.int32],
        scores: NDArray[np.float32],
        unknown: NDArray[np.bool_],
        single: bool,
    ) -> Ranking:
        if single:
            found = indices[0] >= 0
            return Ranking(self.interactions_.item_ids[indices[0][found]], scores[0][found])
        indices[unknown] = -1
        return Ranking.of(self.interactions_.item_ids, indices, scores)
