"""Parameters that follow the data: what ``"scale"`` stands for.

The constants were measured on MovieLens 100K and parts of it (docs/defaults.md). Multiplying all
confidences, or all targets, by a constant leaves the minimizers where they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cinefold.als.objective import Objective

if TYPE_CHECKING:
    from cinefold.interactions import Interactions

Scaled = Literal["scale"]

_UNOBSERVED, _RIDGE = 4 / 3, 0.41


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
    target = objective.target_size(train.by_user.data)
    confidence, density = _mean_confidence(train, objective.alpha), train.density
    w0 = max(objective.unobserved_weight, confidence * density)
    noise = density**0.25 * (np.sqrt(train.n_users) + np.sqrt(train.n_items))
    return float(_RIDGE * target * np.sqrt(confidence * w0) * noise / np.sqrt(users * items))


def objective_for(model: Any, train: Interactions) -> Objective:
    """The estimator's parameters, with numbers that fit the data in place of "scale"."""
    weight, ridge = model.unobserved_weight, model.regularization
    if weight == "scale":
        weight = scaled_unobserved_weight(train, model.alpha)
    objective = Objective(weight, 1.0, model.regularization_exponent, model.target, model.alpha)
    if ridge == "scale":
        ridge = scaled_regularization(train, objective)
    return replace(objective, regularization=ridge)


def _mean_confidence(train: Interactions, alpha: float) -> float:
    ratings = train.by_user.data
    confidence = Objective(0.0, 0.0, alpha=alpha).confidence(ratings, train.weights)
    return 1.0 if confidence is None else float(confidence.mean(dtype=np.float64))
