"""New users and items without retraining: their rows are solved exactly, all others stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from cinefold.als.factors import Factors
from cinefold.als.iterations import available_threads
from cinefold.als.observations import Observations
from cinefold.models.factor_model import FactorModel
from cinefold.models.rating_input import new_rows, union, with_own_ids
from cinefold.models.results import FoldedItems, FoldedUsers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions
    from cinefold.models.rating_input import NewRatings, Ratings


class IncrementalModel(FactorModel):
    """A factor model that takes in users and items that it was not fitted on."""

    def fold_in(self, ratings: NewRatings) -> FoldedUsers:
        """New users, solved exactly against the item factors; the model does not change.

        Parameters
        ----------
        ratings : mapping, Interactions, data frame, or sparse matrix (n_users, n_items)
            One user as a mapping {item id: rating}; many as interactions or a data frame, whose
            items the model must know and whose users, sorted, are the rows of the result; or as a
            matrix with the model's item order.

        Returns
        -------
        FoldedUsers
            In place of ids for the other methods.

        Raises
        ------
        UnknownIdError
            For an item that was not in the training data.
        ValueError
            For an empty mapping. A row without ratings in a batch gets the vector 0.
        """
        factors = self._factors
        new = new_rows(ratings, self.interactions_, "user")
        rows = self._observed(new.matrix, new.weights, "user")
        n_threads = 1 if new.is_single else available_threads(self.n_threads)
        found = _divided(factors.fold_in_users(rows, n_threads), rows)
        vectors = found[0] if new.is_single else found
        return FoldedUsers(vectors, new.matrix, new.weights, new.ids, self._fitted.digest)

    def fold_in_items(self, ratings: NewRatings) -> FoldedItems:
        """New items, solved exactly against the user factors; the model does not change.

        Parameters
        ----------
        ratings : mapping, Interactions, data frame, or sparse matrix (n_users, n_items)
            One item as a mapping {user id: rating}; many as interactions or a data frame, whose
            users the model must know and whose items, sorted, are the rows of the result; or as a
            matrix with the model's user order.

        Returns
        -------
        FoldedItems

        Raises
        ------
        UnknownIdError
            For a user that was not in the training data.
        ValueError
            For an empty mapping.
        """
        factors = self._factors
        new = new_rows(ratings, self.interactions_, "item")
        rows = self._observed(new.matrix, new.weights, "item")
        found, baseline = factors.fold_in_items(rows, available_threads(self.n_threads))
        found = _divided(found, rows)
        vectors = found[0] if new.is_single else found
        return FoldedItems(vectors, baseline, new.ids, self._fitted.digest)

    def partial_fit_users(self, ratings: Ratings) -> Self:
        """Add ratings of new or known users, solved exactly; items and other users stay.

        What a known user has rated before counts as well, unless it is rated anew. So their vectors
        are those of :meth:`fold_in` for all of their ratings. Where pairs have weights, items keep
        theirs, and these users' follow their ratings.

        Parameters
        ----------
        ratings : Interactions or data frame
            Of items that the model knows.

        Raises
        ------
        UnknownIdError
            For an item that the model does not know.
        """
        new, known, factors = with_own_ids(ratings), self.interactions_, self._factors
        known.item_index(new.item_ids)
        merged = union(known, new)
        rows = np.asarray(merged.user_index(new.user_ids))
        n_threads = available_threads(self.n_threads)
        places = merged.user_index(known.user_ids)
        users = _rows(merged.n_users, places, factors.users)
        chosen = np.isin(np.arange(merged.n_users), rows)
        own = merged.select(np.repeat(chosen, merged.user_counts()))
        pair_weights, roots = factors.pair_weights, None
        if pair_weights is not None:
            roots = self._new_roots("user", pair_weights.users, merged, places, rows)
            pair_weights = replace(pair_weights, users=roots)
            roots = roots[rows]
        observed = self._observed(own.by_user[rows], own.weights, "user", roots)
        users[rows] = factors.fold_in_users(observed, n_threads)
        factors = replace(factors, users=users, pair_weights=pair_weights)
        self._state = replace(self._fitted, interactions=merged, factors=factors)
        return self

    def partial_fit_items(self, ratings: Ratings) -> Self:
        """Add ratings of new or known items, solved exactly; scores of other items stay.

        As :meth:`partial_fit_users`, with users and items in each other's places. All vectors
        change to the eigenbasis of the items that there are now.

        Parameters
        ----------
        ratings : Interactions or data frame
            Of users that the model knows.

        Raises
        ------
        UnknownIdError
            For a user that the model does not know.
        """
        new, known, factors = with_own_ids(ratings), self.interactions_, self._factors
        known.user_index(new.user_ids)
        merged = union(known, new)
        rows = np.asarray(merged.item_index(new.item_ids))
        n_threads = available_threads(self.n_threads)
        own = merged.select(np.isin(merged.by_user.indices, rows)).transposed
        places = merged.item_index(known.item_ids)
        pair_weights, roots = factors.pair_weights, None
        if pair_weights is not None:
            roots = self._new_roots("item", pair_weights.items, merged.transposed, places, rows)
            pair_weights = replace(pair_weights, items=roots)
            roots = roots[rows]
        observed = self._observed(own.by_user[rows], own.weights, "item", roots)
        found, baseline = factors.fold_in_items(observed, n_threads)
        items = _rows(merged.n_items, places, factors.items.factors)
        items[rows] = found
        biases = factors.biases
        if biases is not None:
            baselines = _rows(merged.n_items, places, biases.baseline)
            baselines[rows] = baseline
            biases = replace(biases, baseline=baselines)
        factors = Factors.in_eigenbasis(factors.users, items, biases, pair_weights, n_threads)
        self._state = replace(self._fitted, interactions=merged, factors=factors)
        return self

    def _observed(
        self,
        ratings: csr_array,
        weights: NDArray[np.float32] | None,
        side: Literal["user", "item"],
        own_roots: NDArray[np.float32] | None = None,
    ) -> Observations:
        """Rows of users or items, with roots of their weights: by default those of new ones."""
        known = self._factors.pair_weights
        if known is None:
            return Observations(self.objective_, ratings, weights)
        if own_roots is None:
            own_roots = self.objective_.degree_roots(np.diff(ratings.indptr), side)
        others = known.items if side == "user" else known.users
        return Observations(self.objective_, ratings, weights, (own_roots, others))

    def _new_roots(
        self,
        side: Literal["user", "item"],
        known: NDArray[np.float32],
        merged: Interactions,
        places: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Roots of the weights of all users of `merged`, those at `rows` by what they have now."""
        before = self.interactions_ if side == "user" else self.interactions_.transposed
        given = np.ones(merged.n_users, np.float32)
        given[places] = known / self.objective_.degree_roots(before.user_counts(), side)
        roots = _rows(merged.n_users, places, known)
        roots[rows] = (given * self.objective_.degree_roots(merged.user_counts(), side))[rows]
        return roots


def _divided(rows: NDArray[np.float32], solved: Observations) -> NDArray[np.float32]:
    """u of x, or v of y, as `PairWeights` calls them."""
    roots = solved.row_roots
    return rows if roots is None else np.asarray(rows / roots[:, np.newaxis])


def _rows(n: int, places: NDArray[np.int64], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """`known` at its `places` among `n` rows; the others are still to come."""
    rows = np.empty((n, *known.shape[1:]), np.float32)
    rows[places] = known
    return rows
