"""New users and items without retraining: their rows are solved exactly, all others stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from cinefold.als.factors import Factors
from cinefold.als.iterations import available_threads
from cinefold.als.observations import Observations
from cinefold.models.factor_model import FactorModel
from cinefold.models.rating_input import new_rows, union, with_own_ids
from cinefold.models.results import FoldedItems, FoldedUsers

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

        Raises
        ------
        UnknownIdError
            For an item that was not in the training data.
        ValueError
            For an empty mapping. A row without ratings in a batch gets the vector 0.
        """
        factors = self._factors
        new = new_rows(ratings, self.interactions_, "user")
        rows = Observations(self.objective_, new.matrix, new.weights)
        n_threads = 1 if new.is_single else available_threads(self.n_threads)
        found = factors.fold_in_users(rows, n_threads)
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

        Raises
        ------
        UnknownIdError
            For a user that was not in the training data.
        ValueError
            For an empty mapping.
        """
        factors = self._factors
        new = new_rows(ratings, self.interactions_, "item")
        rows = Observations(self.objective_, new.matrix, new.weights)
        found, baseline = factors.fold_in_items(rows, available_threads(self.n_threads))
        vectors = found[0] if new.is_single else found
        return FoldedItems(vectors, baseline, new.ids, self._fitted.digest)

    def partial_fit_users(self, ratings: Ratings) -> Self:
        """Add ratings of new or known users, solved exactly; items and other users stay.

        What a known user has rated before counts as well, unless it is rated anew. So their vectors
        are those of :meth:`fold_in` for all of their ratings.

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
        users = _rows(merged.n_users, merged.user_index(known.user_ids), factors.users)
        chosen = np.isin(np.arange(merged.n_users), rows)
        own = merged.select(np.repeat(chosen, merged.user_counts()))
        observed = Observations(self.objective_, own.by_user[rows], own.weights)
        users[rows] = factors.fold_in_users(observed, n_threads)
        factors = replace(factors, users=users)
        self._state = replace(self._fitted, interactions=merged, factors=factors)
        return self

    def partial_fit_items(self, ratings: Ratings) -> Self:
        """Add ratings of new or known items, solved exactly; scores of other items stay.

        As :meth:`partial_fit_users`, with users and items in each other's places. All vectors
        change to the eigenbasis of the items that there are now.
        """
        new, known, factors = with_own_ids(ratings), self.interactions_, self._factors
        known.user_index(new.user_ids)
        merged = union(known, new)
        rows = np.asarray(merged.item_index(new.item_ids))
        n_threads = available_threads(self.n_threads)
        own = merged.select(np.isin(merged.by_user.indices, rows)).transposed
        observed = Observations(self.objective_, own.by_user[rows], own.weights)
        found, baseline = factors.fold_in_items(observed, n_threads)
        places = merged.item_index(known.item_ids)
        items = _rows(merged.n_items, places, factors.items.factors)
        items[rows] = found
        biases = factors.biases
        if biases is not None:
            baselines = _rows(merged.n_items, places, biases.baseline)
            baselines[rows] = baseline
            biases = replace(biases, baseline=baselines)
        factors = Factors.in_eigenbasis(factors.users, items, biases, n_threads)
        self._state = replace(self._fitted, interactions=merged, factors=factors)
        return self


def _rows(n: int, places: NDArray[np.int64], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """`known` at its `places` among `n` rows; the others are still to come."""
    rows = np.empty((n, *known.shape[1:]), np.float32)
    rows[places] = known
    return rows
