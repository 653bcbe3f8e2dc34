"""Weighted matrix factorization: the estimator, its half-step, ranking and storage."""

from cinefold.model.factorization import WeightedMatrixFactorization
from cinefold.model.objective import Objective
from cinefold.model.presets import PRESETS
from cinefold.model.ranking import Ranking
from cinefold.model.results import Explanation, FoldedUsers, NotFittedError

__all__ = [
    "PRESETS",
    "Explanation",
    "FoldedUsers",
    "NotFittedError",
    "Objective",
    "Ranking",
    "WeightedMatrixFactorization",
]
