"""What can be asked of a fitted factor model."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Literal, overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from cinefold.als.backend import top_k
from cinefold.als.iterations import available_threads
from cinefold.als.observations import Observations
from cinefold.als.row_equations import RowEquations
from cinefold.interactions.entries import csr
from cinefold.models import checks
from cinefold.models.fitted import FittedAttributes
from cinefold.models.results import Explanation, FoldedItems, FoldedUsers, Ranking


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
        factors, found = self._factors, self._users(user)
        queries, single = np.atleast_2d(found.factors), found.factors.ndim == 1
        unknown = ~queries.any(axis=1) & (np.diff(found.ratings.indptr) == 0)
        if single and unknown[0]:
            name = "this user" if isinstance(user, FoldedUsers) else f"user {user!r}"
            raise ValueError(f"{name} has no ratings to recommend by; at least one is needed")
        excluded = found.ratings if exclude_seen else None
        allowed = self._allowed(exclude, among)
        vectors = factors.queries(queries)
        return self._ranking(vectors, factors.candidates, k, excluded, allowed, unknown, single)

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
        factors, directions = self._factors, self._factors.directions
        if isinstance(item, FoldedItems):
            self._check_own(item)
            single, itself = item.factors.ndim == 1, None
            queries = factors.directions_of(np.atleast_2d(item.factors))
        else:
            index = self._index("item", item)
            single, index = np.ndim(index) == 0, np.atleast_1d(index)
            queries = directions[index]
            itself = csr(np.ones(len(index)), index, np.arange(len(index) + 1), len(directions))
        unknown = np.asarray(~queries.any(axis=1))
        if single and unknown[0]:
            name = "this item" if isinstance(item, FoldedItems) else f"item {item!r}"
            raise ValueError(f"{name} has no ratings by which others could be similar")
        allowed = self._allowed(exclude, among)
        return self._ranking(queries, directions, k, itself, allowed, unknown, single)

    # -- scores -------------------------------------------------------------------------------

    def predict(self, users: Any, items: ArrayLike) -> NDArray[np.float32]:
        """Scores of pairs: one user (id or folded) with each item, or arrays of equal length.

        They are u.v, and the biases where the model has them.

        Parameters
        ----------
        users : a user id, an array of user ids, or FoldedUsers
        items : an item id or an array of item ids

        Returns
        -------
        ndarray of float32, shape (n_pairs,), or a scalar for one user and one item

        Raises
        ------
        UnknownIdError
            For a user or item that was not in the training data.
        ValueError
            If several users and the items are not equally many.
        """
        if isinstance(users, FoldedUsers):
            self._check_own(users)
            found = users.factors
        else:  # without their ratings, which are many
            found = self._factors.user_vectors(self._index("user", users))
        queries, single = np.atleast_2d(found), found.ndim == 1
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

        Raises
        ------
        UnknownIdError
            For a user that was not in the training data.
        """
        factors, found = self._factors, self._users(users).factors
        scores: NDArray[np.float32] = factors.queries(np.atleast_2d(found)) @ factors.candidates.T
        return scores[0] if found.ndim == 1 else scores

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

        Raises
        ------
        UnknownIdError
            For a user or item that was not in the training data.
        ValueError
            For several users.
        """
        index = self._index("item", item)
        ratings, places = self._users(user).ratings, np.atleast_1d(index)
        found = self.explain_by(self.row_equations(user), ratings, places)
        return found[0] if np.ndim(index) == 0 else found

    def explain_by(
        self, equations: RowEquations, ratings: sp.csr_array, items: NDArray[np.int64]
    ) -> list[Explanation]:
        """What each rating of one user adds to the scores of items, by equations of any prior.

        Parameters
        ----------
        equations : RowEquations
            Of the user; their first observations are `ratings`.
        ratings : csr_array, shape (1, n_items)
        items : ndarray of int64, shape (n,)
            Columns of `ratings`.

        Returns
        -------
        list of Explanation
            One for each of `items`.
        """
        ids, baseline = self.interactions_.item_ids, self.item_baseline_
        starts, contributions = equations.explain(self.item_factors_[items])
        if baseline is not None:
            starts = starts + baseline[items]
        found = []
        terms = zip(ids[items].tolist(), starts.tolist(), contributions, strict=True)
        for item, start, added in terms:
            order = np.argsort(-added[: ratings.nnz], kind="stable")
            score, rated = start + float(added.sum()), ids[ratings.indices[order]]
            explained = Explanation(item, score, start, rated, ratings.data[order], added[order])
            found.append(explained)
        return found

    def row_equations(self, user: Any, *, n_missing: int = 0) -> RowEquations:
        """The equations whose solution is a user's vector; they answer what it rests on.

        Parameters
        ----------
        user : a user id or one folded user
        n_missing : int
            The regularization is that of a user with so many ratings less; 1 makes
            ``row_equations(user, n_missing=1).without()`` what fold-ins without one rating are.

        Returns
        -------
        RowEquations

        Raises
        ------
        UnknownIdError
            For a user that was not in the training data.
        ValueError
            For several users.
        """
        found = self._users(user)
        if len(found) != 1:
            raise ValueError(f"the equations are those of one user, not of {len(found)}")
        factors = self._factors
        row = Observations(self.objective_, found.ratings, found.weights)
        return RowEquations.plain(
            row.with_baseline(factors.baseline),
            self.item_factors_,
            factors.items.spectrum,
            n_missing,
            self.item_weights_,
        )

    # -- ids in, ids out ----------------------------------------------------------------------

    def _users(self, user: Any) -> FoldedUsers:
        """Known users as if they were folded in, with weights if it is just one."""
        if isinstance(user, FoldedUsers):
            self._check_own(user)
            return user
        index = self._index("user", user)
        vectors = self._factors.user_vectors(index)
        by_user, weights = self.interactions_.by_user, self.interactions_.weights
        if np.ndim(index):
            return FoldedUsers(vectors, by_user[index])
        own = slice(*by_user.indptr[index : index + 2])
        stars, columns = by_user.data[own], by_user.indices[own]
        ratings = csr(stars, columns, [0, len(stars)], by_user.shape[1])
        return FoldedUsers(vectors, ratings, None if weights is None else weights[own])

    def _index(self, side: Literal["user", "item"], ids: Any) -> Any:
        """Of one id an integer, of several an array (n,)."""
        known = self.interactions_
        index = known.user_index(ids) if side == "user" else known.item_index(ids)
        if np.ndim(index) > 1:
            raise ValueError(
                f"{side} must be one {side} id or a one-dimensional array of them, not of shape "
                f"{index.shape}"
            )
        return index

    def _check_own(self, folded: FoldedUsers | FoldedItems) -> None:
        n_factors, ratings = self._factors.items.n_factors, getattr(folded, "ratings", None)
        fits = ratings is None or ratings.shape[1] == self.interactions_.n_items
        own = folded.model in (None, self._fitted.digest)
        if not (own and fits and folded.factors.shape[-1] == n_factors):
            raise ValueError(
                f"these {type(folded).__name__} are of another model, or of this one before it "
                "changed; fold their ratings in again"
            )

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
        values = list(ids) if isinstance(ids, Set) else ids
        return np.asarray(self.interactions_.item_index(values))

    def _ranking(
        self,
        queries: NDArray[np.float32],
        candidates: NDArray[np.float32],
        k: int,
        excluded: sp.csr_array | None,
        allowed: NDArray[np.bool_] | None,
        unknown: NDArray[np.bool_],
        single: bool,
    ) -> Ranking:
        """The best candidates of each query, none of `unknown` ones; of a `single` one its row."""
        checks.integer("k", k, 1)
        n_threads = available_threads(self.n_threads)
        indices, scores = top_k(
            queries, candidates, k, excluded=excluded, allowed=allowed, n_threads=n_threads
        )
        indices[unknown] = -1
        rows = (indices[0], scores[0]) if single else (indices, scores)
        return Ranking.of(self.interactions_.item_ids, *rows)
