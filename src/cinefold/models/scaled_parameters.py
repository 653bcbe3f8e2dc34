"""Parameters that follow the data: what ``"scale"`` stands for.

The constants were measured on MovieLens 100K and parts of it (docs/defaults.md). Multiplying all
confidences, or all targets, by a constant leaves the minimizers where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cinefold.als.objective import Objective, PairWeights, typical_degree
from cinefold.als.row_sums import rounded
from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cinefold.als.objective import Target

    Histogram: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

Scaled = Literal["scale"]

_UNOBSERVED, _RIDGE = 4 / 3, 0.41
_COUNTS = 20
# The equations have products of a target and two factors, each about as large as its square root.
_LEAST_TARGET, _LARGEST = 1e-24, float(np.finfo(np.float32).max)


def scaled_target(train: Interactions | RatingStatistics) -> Target:
    """1 for counts, of plays say, and the root of ratings on a scale.

    Few large counts would decide everything, even by their roots.
    """
    if isinstance(train, RatingStatistics) or not train.n_ratings:
        return "sqrt"
    return "binary" if are_counts(train.by_user.data) else "sqrt"


def are_counts(ratings: NDArray[np.float32]) -> bool:
    """Whether ratings are counts, of plays say, by the largest: far above the mean."""
    return bool(ratings.max() > _COUNTS * abs(ratings.mean(dtype=np.float64)))


@dataclass(frozen=True)
class RatingStatistics:
    """What the scaled parameters are made of, where the ratings themselves are elsewhere.

    Attributes
    ----------
    n_users, n_items, n_ratings : int
    mean_confidence : float
        c, with the estimator's alpha.
    mean_target : callable
        t: the mean size of a target under an objective, by the weights that it gives to pairs.
    user_counts, item_counts : pair of ndarray of int64
        Each number of ratings that users, or items, have; and how many of them have it.
    """

    n_users: int
    n_items: int
    n_ratings: int
    mean_confidence: float
    mean_target: Callable[[Objective], float]
    user_counts: Histogram
    item_counts: Histogram

    @property
    def density(self) -> float:
        """Share of all pairs that are observed."""
        return self.n_ratings / (self.n_users * self.n_items)


def scaled_unobserved_weight(train: Interactions | RatingStatistics, alpha: float) -> float:
    """w0 = 4/3 sqrt(density) times the mean confidence c, and at most c.

    Unobserved pairs then weigh about 1/sqrt(density) times as much in sum as observed ones.
    """
    return _mean_confidence(train, alpha) * min(1.0, _UNOBSERVED * float(np.sqrt(train.density)))


def scaled_regularization(train: Interactions | RatingStatistics, objective: Objective) -> float:
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

    def mean(known: Histogram, n_columns: int) -> float:
        counts, times = known
        return float(np.average(unit.row_regularization(counts, n_columns), weights=times))

    by_user, by_item = _histograms(train)
    users, items = mean(by_user, train.n_items), mean(by_item, train.n_users)
    target = _mean_target(train, objective)
    confidence, density = _mean_confidence(train, objective.alpha), train.density
    w0 = max(objective.unobserved_weight, confidence * density)
    noise = density**0.25 * (np.sqrt(train.n_users) + np.sqrt(train.n_items))
    return float(_RIDGE * target * np.sqrt(confidence * w0) * noise / np.sqrt(users * items))


def _histograms(train: Interactions | RatingStatistics) -> tuple[Histogram, Histogram]:
    if isinstance(train, RatingStatistics):
        return train.user_counts, train.item_counts
    users, items = train.user_counts(), train.item_counts()
    return np.unique(users, return_counts=True), np.unique(items, return_counts=True)


def _mean_target(train: Interactions | RatingStatistics, objective: Objective) -> float:
    if isinstance(train, RatingStatistics):
        return train.mean_target(objective)
    weights = pair_weights(objective, train.user_counts(), train.item_counts())
    if weights is None:
        return objective.target_size(train.by_user.data)
    rows = np.repeat(np.arange(train.n_users), train.user_counts())
    roots = np.sqrt(weights.total(rows, train.by_user.indices))
    return float((np.abs(objective.targets(train.by_user.data)) * roots).mean()) or 1.0


def objective_for(model: Any, train: Interactions | RatingStatistics) -> Objective:
    """The estimator's parameters, with numbers that fit the data in place of "scale"."""
    weight, ridge = model.unobserved_weight, model.regularization
    # Of ratings that are elsewhere, whoever has some of them checks these.
    largest = 0.0
    if isinstance(train, Interactions):
        largest = float(np.abs(train.by_user.data).max(initial=0))
    if model.alpha * largest >= _LARGEST:
        raise ValueError(
            f"alpha={model.alpha} gives a confidence 1 + alpha * rating beyond float32 for the "
            f"rating {largest:g}"
        )
    if model.target == "rating" and 0 < largest < _LEAST_TARGET:
        raise ValueError(
            f"no rating is larger than {largest:g}, which is too small for float32; scale them up"
        )
    if weight == "scale":
        weight = rounded(scaled_unobserved_weight(train, model.alpha))
    exponent = 0.0 if model.degree_exponent == "scale" else model.degree_exponent
    users, items = np.broadcast_to(exponent, 2).tolist()
    by_user, by_item = _histograms(train)
    objective = Objective(
        weight,
        1.0,
        model.regularization_exponent,
        scaled_target(train) if model.target == "scale" else model.target,
        model.alpha,
        users,
        items,
        typical_degree(*by_user, users),
        typical_degree(*by_item, items),
    )
    if ridge == "scale":
        ridge = rounded(scaled_regularization(train, objective))
    return replace(objective, regularization=ridge)


def pair_weights(
    objective: Objective,
    user_counts: NDArray[np.int64],
    item_counts: NDArray[np.int64],
    user_weights: NDArray[np.float32] | None = None,
    item_weights: NDArray[np.float32] | None = None,
) -> PairWeights | None:
    """The weights of users and items by their degrees and as given; None where all are 1."""
    exponents = objective.user_degree_exponent, objective.item_degree_exponent
    if exponents == (0, 0) and user_weights is None and item_weights is None:
        return None
    users = objective.degree_roots(user_counts, "user")
    items = objective.degree_roots(item_counts, "item")
    return PairWeights(
        users if user_weights is None else users * np.sqrt(user_weights),
        items if item_weights is None else items * np.sqrt(item_weights),
    )


def _mean_confidence(train: Interactions | RatingStatistics, alpha: float) -> float:
    if isinstance(train, RatingStatistics):
        return train.mean_confidence
    ratings = train.by_user.data
    confidence = Objective(0.0, 0.0, alpha=alpha).confidence(ratings, train.weights)
    return 1.0 if confidence is None else float(confidence.mean(dtype=np.float64))
