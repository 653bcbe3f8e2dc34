"""What the estimator returns besides rankings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array


class NotFittedError(ValueError, AttributeError):
    """The model has no factors yet: call ``fit`` or ``load`` first."""


@dataclass(frozen=True)
class FoldedUsers:
    """Users the model was not trained on, solved exactly from their ratings.

    ``recommend``, ``predict`` and ``explain`` take it in place of a user id.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_factors,) or (n_users, n_factors)
        One vector for a mapping of ratings, rows for a batch.
    ratings : csr_array of float32, shape (n_users, n_items)
        What they rated (one row for a single user), in the model's item order.
    weights : ndarray of float32, shape (n_ratings,), or None
        Confidence of each rating, in the order of `ratings`.
    """

    factors: NDArray[np.float32]
    ratings: csr_array
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Explanation:
    """A score, taken apart into what each rating of the user adds to it.

    Attributes
    ----------
    item : object
        The item whose score is explained.
    score : float
        `start` and the sum of `contributions`.
    start : float
        What the item scores before any rating of the user is taken into account: 0, or in a model
        with biases the mean of all ratings and the item's bias.
    items, ratings, contributions : ndarray, shape (n_rated,)
        The user's ratings, by falling contribution.
    """

    item: Any
    score: float
    start: float
    items: NDArray[Any]
    ratings: NDArray[np.float32]
    contributions: NDArray[np.float64]
