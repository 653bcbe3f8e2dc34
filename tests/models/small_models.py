"""Models that fit the shared interactions in a moment, and their dense problems."""

from __future__ import annotations

import numpy as np

from cinefold import WeightedMatrixFactorization
from tests.oracle import DenseProblem

OPTIONS = {
    "plain": {},
    "explicit": {"unobserved_weight": 0.0},
    "heavy unobserved": {"unobserved_weight": 1.7},
    "confidence": {"alpha": 0.5, "target": "binary", "unobserved_weight": 1.0},
    "nu 0.5": {"regularization": 0.1, "regularization_exponent": 0.5},
    "nu 1": {"regularization": 0.02, "regularization_exponent": 1.0},
    "square roots": {"target": "sqrt"},
    "scaled": {
        "unobserved_weight": "scale",
        "regularization": "scale",
        "regularization_exponent": 1.0,
        "target": "sqrt",
        "alpha": 0.2,
    },
    "degrees": {"degree_exponent": 0.5},
    "degrees of items": {
        "degree_exponent": (0.0, 0.3),
        "regularization": "scale",
        "regularization_exponent": 0.5,
        "alpha": 0.3,
        "target": "sqrt",
    },
}


def small_model(**options):
    defaults = {"n_factors": 6, "max_iter": 5, "tol": 0.0, "unobserved_weight": 0.1}
    defaults |= {"regularization": 2.0, "regularization_exponent": 0.0, "target": "rating"}
    return WeightedMatrixFactorization(**{**defaults, **options})


def by_degree(model, side, counts):
    """The weights of users or items with so many ratings."""
    objective, user = model.objective_, side == "user"
    p = objective.user_degree_exponent if user else objective.item_degree_exponent
    typical = objective.typical_user_degree if user else objective.typical_item_degree
    return (np.maximum(counts, 1) / typical) ** (-2 * p)


def dense(model, matrix, confidence=None, side="user"):
    """Of the rows of `matrix`, users or items, against what the model has on the other side."""
    objective = model.objective_
    others = model.item_weights_ if side == "user" else model.user_weights_
    return DenseProblem.of(
        matrix,
        w0=objective.unobserved_weight,
        lam=objective.regularization,
        nu=objective.regularization_exponent,
        target=objective.target,
        alpha=objective.alpha,
        confidence=confidence,
        row_weights=by_degree(model, side, np.diff(matrix.indptr)),
        column_weights=1.0 if others is None else others,
    )
