"""The loss that weighted matrix factorization minimizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold.interactions.blocks import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Target = Literal["rating", "sqrt", "binary"]


@dataclass(frozen=True)
class Objective:
    """The weighted squared loss of Hu, Koren and Volinsky (2008), in its general form.

    .. math::

        \\sum_{(i,j) \\in Obs} c_{ij} (t_{ij} - u_i \\cdot v_j)^2
        + w_0 \\sum_{(i,j) \\notin Obs} (u_i \\cdot v_j)^2
        + \\sum_i \\lambda_i |u_i|^2 + \\sum_j \\lambda_j |v_j|^2

    with :math:`\\lambda_i = \\lambda (n_i + w_0 (N - n_i))^\\nu` (Rendle et al. 2021, eq. 9): a
    row's number of observations, and of unobserved entries by their weight, to the power nu.
    In a model with `PairWeights` each pair's term is multiplied by :math:`a_i b_j`, and the two of
    the regularization by :math:`a_i` and :math:`b_j`.

    Parameters
    ----------
    unobserved_weight : float
        w0, the weight of an unobserved pair.
    regularization : float
        lambda.
    regularization_exponent : float
        nu; 0 is one lambda for all rows.
    target : {"rating", "sqrt", "binary"}
        t is the rating, its square root, or 1 for a rating above 0 and 0 for others.
    alpha : float
        c is (1 + alpha * rating) times the confidence weight of the observation.
    user_degree_exponent, item_degree_exponent : float
        p: a user's or item's weight is (n / typical degree)^(-2p), for n observations.
    typical_user_degree, typical_item_degree : float
        As many observations have the weight 1.
    """

    unobserved_weight: float
    regularization: float
    regularization_exponent: float = 0.0
    target: Target = "rating"
    alpha: float = 0.0
    user_degree_exponent: float = 0.0
    item_degree_exponent: float = 0.0
    typical_user_degree: float = 1.0
    typical_item_degree: float = 1.0

    def __post_init__(self) -> None:
        for name in ("unobserved_weight", "regularization", "regularization_exponent", "alpha"):
            object.__setattr__(self, name, float(getattr(self, name)))  # integers would overflow

    def targets(self, ratings: NDArray[np.float32]) -> NDArray[np.float32]:
        """t of each observation.

        Parameters
        ----------
        ratings : ndarray of float32, shape (n_observed,)

        Returns
        -------
        ndarray of float32, shape (n_observed,)
            `ratings` itself where these are the targets.

        Raises
        ------
        ValueError
            For the square root of a negative rating.
        """
        if self.target == "binary":
            return (ratings > 0).astype(np.float32)
        if self.target == "sqrt":
            if ratings.size and ratings.min() < 0:
                raise ValueError(
                    f"target 'sqrt' is for ratings of 0 and more, but there is {ratings.min()}"
                )
            return np.sqrt(ratings)
        return ratings

    def target_size(self, ratings: NDArray[np.float32], mean: np.float32 | None = None) -> float:
        """The mean size of a target, the unit they are in, or of what is beyond `mean`; 1 for 0."""

        def size(block: slice) -> float:  # of all at once, it would be the peak of a fit's memory
            own = ratings[block] if mean is None else ratings[block] - mean
            return float(np.abs(self.targets(own)).sum(dtype=np.float64))

        return sum(in_blocks(len(ratings), size)) / max(len(ratings), 1) or 1.0

    def confidence(
        self, ratings: NDArray[np.float32], weights: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        """c of each observation; None when all are 1.

        Parameters
        ----------
        ratings : ndarray of float32, shape (n_observed,)
        weights : ndarray of float32, shape (n_observed,), or None
            Confidence weights of the observations; None when all are 1.

        Raises
        ------
        ValueError
            For a confidence below 0.
        """
        if self.alpha == 0:
            return weights
        confidence = 1 + np.float32(self.alpha) * ratings
        if confidence.size and confidence.min() < 0:
            raise ValueError(
                f"alpha={self.alpha} gives a negative confidence 1 + alpha * rating for the "
                f"rating {ratings[confidence.argmin()]}; ratings must be above -1/alpha"
            )
        return confidence if weights is None else confidence * weights

    def row_regularization(self, counts: NDArray[np.int64], n_columns: int) -> NDArray[np.float64]:
        """lambda_i for rows with `counts` observations among `n_columns`."""
        scaled = counts + self.unobserved_weight * (n_columns - counts)
        return self.regularization * np.asarray(scaled, np.float64) ** self.regularization_exponent

    def degree_roots(self, counts: NDArray[Any], side: Literal["user", "item"]) -> Floats:
        """The square roots of the weights of users or items with so many observations."""
        exponent = getattr(self, f"{side}_degree_exponent")
        relative = np.maximum(counts, 1) / getattr(self, f"typical_{side}_degree")
        return np.asarray(relative**-exponent, np.float32)


@dataclass(frozen=True)
class PairWeights:
    """Weights of rank one, a_i b_j for user i and item j, by which every pair counts.

    With :math:`x_i = \\sqrt{a_i} u_i` and :math:`y_j = \\sqrt{b_j} v_j` the objective is that of
    equal weights with the targets :math:`\\sqrt{a_i b_j} t_{ij}`; x and y are what half-steps solve
    for.

    Attributes
    ----------
    users, items : ndarray of float32, shape (n_users,), (n_items,)
        The square roots of a and b.
    """

    users: Floats
    items: Floats

    def total(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
        """a_i b_j of the pairs of these users and items."""
        return np.asarray(np.square(self.users[rows] * self.items[columns], dtype=np.float64))


def typical_degree(counts: NDArray[np.int64], times: NDArray[np.int64], exponent: float) -> float:
    """The degree whose :meth:`Objective.degree_roots` is the mean over all observations.

    `times` says how many rows have each of the `counts` of observations.
    """
    if exponent == 0:
        return 1.0
    weights = (counts * times).astype(np.float64)
    return float(
        np.average(np.maximum(counts, 1.0) ** -exponent, weights=weights) ** (-1 / exponent)
    )
