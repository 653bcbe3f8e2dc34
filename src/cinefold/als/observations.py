"""The observed entries of one side's rows, as half-steps take them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cinefold.als.backend import check_observations
from cinefold.interactions.entries import csr

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.objective import Objective

    Floats = NDArray[np.float32]


class Observations:
    """The observed entries of all rows of one side, checked, in the form that the core reads.

    Parameters
    ----------
    objective : Objective
        What the ratings stand for. The core works it out row by row: targets and confidences of
        all observations would take as much memory as the ratings.
    ratings : csr_array of float32, shape (n_rows, n_columns)
        Kept, not copied: not to be changed afterwards.
    weights : ndarray of float32, shape (n_observed,), optional
        In the order of `ratings`; None when all are 1.
    roots : (ndarray of float32, ndarray of float32), shapes (n_rows,) and (n_columns,), optional
        Square roots of the weights of rows and columns; then the core solves for x against y, as
        `PairWeights` calls them, from targets of its own.
    n_columns : int, optional
        How many there are in all, where `ratings` has only those that its rows need.

    Attributes
    ----------
    columns : ndarray of int32 or int64, shape (n_observed,)
    ratings : ndarray of float32, shape (n_observed,)
    weights : ndarray of float32, shape (n_observed,), or None
    regularization : ndarray of float64, shape (n_rows,)
        lambda of each row.
    baseline : ndarray of float32, shape (n_columns,), or None
        What the targets of each column are measured from.
    row_roots : ndarray of float32, shape (n_rows,), or None

    Raises
    ------
    ValueError
        For ratings without a target or with a negative confidence, for columns that are out of
        range, and offsets that do not rise from 0 to the number of entries.
    """

    def __init__(
        self,
        objective: Objective,
        ratings: csr_array,
        weights: Floats | None = None,
        roots: tuple[Floats, Floats] | None = None,
        n_columns: int | None = None,
    ) -> None:
        lowest = ratings.data[:1] if ratings.nnz == 0 else ratings.data.min(keepdims=True)
        objective.targets(lowest)  # raises what the core would not, as the next does
        objective.confidence(lowest, None)
        self.objective, self.weights = objective, weights
        self.columns, self.ratings = ratings.indices, ratings.data
        counts = np.diff(ratings.indptr).astype(np.int64, copy=False)
        self.regularization = objective.row_regularization(counts, n_columns or ratings.shape[1])
        self.baseline: Floats | None = None
        self.row_roots = roots and roots[0]
        if roots is not None:
            scaled = objective.targets(ratings.data) * roots[1][ratings.indices]
            scaled *= np.repeat(roots[0], counts)
            weights = objective.confidence(ratings.data, weights)
            ratings = csr(scaled, ratings.indices, ratings.indptr, ratings.shape[1])
            objective = replace(objective, target="rating", alpha=0.0)
        self.checked = check_observations(ratings, weights, self.regularization, objective)

    @property
    def n_rows(self) -> int:
        """Of this side, also those without observations."""
        return len(self.regularization)

    @property
    def targets(self) -> Floats:
        """t of each observation, less the baseline."""
        targets = self.objective.targets(self.ratings)
        return targets if self.baseline is None else targets - self.baseline[self.columns]

    @property
    def confidence(self) -> Floats | None:
        """c of each observation; None when all are 1."""
        return self.objective.confidence(self.ratings, self.weights)

    def with_baseline(self, baseline: Floats | None) -> Observations:
        """The same with targets measured from the `baseline` (n_columns,) of their columns."""
        other = copy.copy(self)
        other.baseline, other.checked = baseline, self.checked.with_baseline(baseline)
        return other
