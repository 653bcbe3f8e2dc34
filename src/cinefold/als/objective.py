"""The loss that weighted matrix factorization minimizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """

    unobserved_weight: float
    regularization: float
    regularization_exponent: float = 0.0
    target: Target = "rating"
    alpha: float = 0.0

    def __post_init__(self) -> None:
        for name in ("unobserved_weight", "regularization", "regularization_exponent", "alpha"):
            object.__setattr__(self, name, float(getattr(self, name)))  # integers would overflow

    def targets(self, ratings: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.target == "binary":
            return (ratings > 0).astype(np.float32)
        if self.target == "sqrt":
            if ratings.size and ratings.min() < 0:
                raise ValueError(
                    f"target 'sqrt' is for ratings of 0 and more, but there is {ratings.min()}"
                )
            return np.sqrt(ratings)
        return ratings

    def target_size(self, ratings: NDArray[np.float32]) -> float:
        """The mean size of a target, the unit they are in; 1 if all are 0."""
        return float(np.abs(self.targets(ratings)).mean(dtype=np.float64)) or 1.0

    def confidence(
        self, ratings: NDArray[np.float32], weights: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        """c of each observation; None when all are 1."""
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
