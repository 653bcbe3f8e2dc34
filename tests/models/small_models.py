"""Models that fit the shared interactions in a moment, and their dense problems."""

from __future__ import annotations

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
}


def small_model(**options):
    defaults = {"n_factors": 6, "max_iter": 5, "tol": 0.0, "unobserved_weight": 0.1}
    defaults |= {"regularization": 2.0, "regularization_exponent": 0.0, "target": "rating"}
    return WeightedMatrixFactorization(**{**defaults, **options})


def dense(model, matrix, confidence=None):
    objective = model.objective_
    return DenseProblem.of(
        matrix,
        w0=objective.unobserved_weight,
        lam=objective.regularization,
        nu=objective.regularization_exponent,
        target=objective.target,
        alpha=objective.alpha,
        confidence=confidence,
    )
