"""Parameters that follow the data: what ``"scale"`` stands for.

The constants were measured on MovieLens 100K and parts of it (docs/defaults.md). Multiplying all
confidences, or all targets, by a constant leaves the minimizers where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cinefold.als.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.objective import Target
    from cinefold.interactions import Interactions

    Histogram: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

Scaled = Literal["scale"]

_UNOBSERVED, _RIDGE = 4 / 3, 0.41


@dataclass(frozen=True)
class RatingStatistics:
    """What the scaled parameters are made of.

    Attributes
    ----------
    n_users, n_items, n_ratings : int
    mean_confidence : float
        c, with the estimator's alpha.
    mean_target : float
        t: the mean size of a target of the estimator's kind.
    user_counts, item_counts : pair of ndarray of int64
        Each number of ratings that users, or items, have; and how many of them have it.
    """

    n_users: int
    n_items: int
    n_ratings: int
    mean_confidence: float
    mean_target: float
    user_counts: Histogram
    item_counts: Histogram

    @classmethod
    def of(
        cls, train: Interactions | RatingStatistics, target: Target, alpha: float
    ) -> RatingStatistics:
        if isinstance(train, RatingStatistics):
            return train
        objective, ratings = Objective(0.0, 0.0, target=target, alpha=alpha), train.by_user.data
        confidence = objective.confidence(ratings, train.weights)
        return cls(
            train.n_users,
            train.n_items,
            train.n_ratings,
            1.0 if confidence is None else float(confidence.mean(dtype=np.float64)),
            float(np.abs(objective.targets(ratings)).mean(dtype=np.float64)),
            np.unique(train.user_counts(), return_counts=True),
            np.unique(train.item_counts(), return_counts=True),
        )

    @property
    def density(self) -> float:
        """Share of all pairs that are observed."""
        return self.n_ratings / (self.n_users * self.n_items)


def scaled_unobserved_weight(known: RatingStatistics) -> float:
    """w0 = 4/3 sqrt(density) times the mean confidence c, and at most c.

    Unobserved pairs then weigh about 1/sqrt(density) times as much in sum as observed ones.
    """
    return known.mean_confidence * min(1.0, _UNOBSERVED * float(np.sqrt(known.density)))


def scaled_regularization(known: RatingStatistics, objective: Objective) -> float:
    r"""lambda that takes away what a matrix of noise would have, but little more.

    Its mean over the users and its mean over the items have the geometric mean

    .. math:: 0.41\, t\, \sqrt{c\, w_0}\, p^{1/4} (\sqrt{n_{users}} + \sqrt{n_{items}})

    with the mean size t of a target, the mean confidence c and the density p. At the scaled w0 this
    is about half of :math:`t \sqrt{p} (\sqrt{n_{users}} + \sqrt{n_{items}})`, the largest singular
    value of independent entries of variance :math:`t^2 p` (Bai and Yin 1993); and lambda is what
    the objective takes off singular values. Where w0 is below c p, that stands in for it, so that
    w0 = 0 has a lambda too.
    """
    unit = replace(objective, regularization=1.0)

    def mean(histogram: Histogram, n_columns: int) -> float:
        counts, times = histogram
        return float(np.average(unit.row_regularization(counts, n_columns), weights=times))

    users, items = mean(known.user_counts, known.n_items), mean(known.item_counts, known.n_users)
    confidence, density = known.mean_confidence, known.density
    w0 = max(objective.unobserved_weight, confidence * density)
    noise = density**0.25 * (np.sqrt(known.n_users) + np.sqrt(known.n_items))
    size = _RIDGE * (known.mean_target or 1.0) * np.sqrt(confidence * w0)
    return float(size * noise / np.sqrt(users * items))


def objective_for(model: Any, train: Interactions | RatingStatistics) -> Objective:
    """The estimator's parameters, with numbers that fit the data in place of "scale"."""
    weight, ridge = model.unobserved_weight, model.regularization
    if "scale" in (weight, ridge):
        known = RatingStatistics.of(train, model.target, model.alpha)
    if weight == "scale":
        weight = _rounded(scaled_unobserved_weight(known))
    objective = Objective(weight, 1.0, model.regularization_exponent, model.target, model.alpha)
    if ridge == "scale":
        ridge = _rounded(scaled_regularization(known, objective))
    return replace(objective, regularization=ridge)


def _rounded(value: float) -> float:
    """To nine digits, so that the order in which machines sum the ratings does not show."""
    return float(f"{value:.9g}")
