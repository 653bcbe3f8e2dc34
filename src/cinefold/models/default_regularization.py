"""Parameters that follow the data: what ``"scale"`` stands for.

The constants were measured on MovieLens 100K and parts of it (docs/defaults.md). Multiplying all
confidences, or all targets, by a constant leaves the minimizers where they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold.als.objective import Objective, PairWeights, typical_degree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.objective import Target
    from cinefold.interactions import Interactions

Scaled = Literal["scale"]

_UNOBSERVED, _RIDGE = 4 / 3, 0.41
_COUNTS = 20


def scaled_target(train: Interactions) -> Target:
    """1 for counts, of plays say, and the root of ratings on a scale.

    Few large counts would decide everything, even by their roots.
    """
    ratings = train.by_user.data
    is_count = ratings.size and ratings.max() > _COUNTS * abs(ratings.mean(dtype=np.float64))
    return "binary" if is_count else "sqrt"


def scaled_unobserved_weight(train: Interactions, alpha: float) -> float:
    """w0 = 4/3 sqrt(density) times the mean confidence c, and at most c.

    Unobserved pairs then weigh about 1/sqrt(density) times as much in sum as observed ones.
    """
    return _mean_confidence(train, alpha) * min(1.0, _UNOBSERVED * float(np.sqrt(train.density)))


def scaled_regularization(train: Interactions, objective: Objective) -> float:
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
    users = unit.row_regularization(train.user_counts(), train.n_items).mean()
    items = unit.row_regularization(train.item_counts(), train.n_users).mean()
    weights = pair_weights(objective, train)
    if weights is None:
        target = objective.target_size(train.by_user.data)
    else:
        rows = np.repeat(np.arange(train.n_users), train.user_counts())
        roots = np.sqrt(weights.total(rows, train.by_user.indices))
        target = float((np.abs(objective.targets(train.by_user.data)) * roots).mean()) or 1.0
    confidence, density = _mean_confidence(train, objective.alpha), train.density
    w0 = max(objective.unobserved_weight, confidence * density)
    noise = density**0.25 * (np.sqrt(train.n_users) + np.sqrt(train.n_items))
    return float(_RIDGE * target * np.sqrt(confidence * w0) * noise / np.sqrt(users * items))


def objective_for(model: Any, train: Interactions) -> Objective:
    """The estimator's parameters, with numbers that fit the data in place of "scale"."""
    weight, ridge = model.unobserved_weight, model.regularization
    if weight == "scale":
        weight = scaled_unobserved_weight(train, model.alpha)
    exponent = 0.0 if model.degree_exponent == "scale" else model.degree_exponent
    users, items = np.broadcast_to(exponent, 2).tolist()
    objective = Objective(
        weight,
        1.0,
        model.regularization_exponent,
        scaled_target(train) if model.target == "scale" else model.target,
        model.alpha,
        users,
        items,
        typical_degree(train.user_counts(), users),
        typical_degree(train.item_counts(), items),
    )
    if ridge == "scale":
        ridge = scaled_regularization(train, objective)
    return replace(objective, regularization=ridge)


def pair_weights(
    objective: Objective,
    train: Interactions,
    user_weights: NDArray[np.float32] | None = None,
    item_weights: NDArray[np.float32] | None = None,
) -> PairWeights | None:
    """The weights of users and items by their degrees and as given; None where all are 1."""
    exponents = objective.user_degree_exponent, objective.item_degree_exponent
    if exponents == (0, 0) and user_weights is None and item_weights is None:
        return None
    users = objective.degree_roots(train.user_counts(), "user")
    items = objective.degree_roots(train.item_counts(), "item")
    return PairWeights(
        users if user_weights is None else users * np.sqrt(user_weights),
        items if item_weights is None else items * np.sqrt(item_weights),
    )


def _mean_confidence(train: Interactions, alpha: float) -> float:
    ratings = train.by_user.data
    confidence = Objective(0.0, 0.0, alpha=alpha).confidence(ratings, train.weights)
    return 1.0 if confidence is None else float(confidence.mean(dtype=np.float64))
