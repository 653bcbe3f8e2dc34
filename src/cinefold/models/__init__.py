"""Estimators: weighted matrix factorization, baselines, the predictor of ratings."""

from cinefold.models.baselines import Baseline, BiasBaseline, Popularity
from cinefold.models.ease import Ease
from cinefold.models.presets import PRESETS
from cinefold.models.rating_predictor import StarPredictor
from cinefold.models.results import Explanation, FoldedItems, FoldedUsers, NotFittedError, Ranking
from cinefold.models.wmf import WeightedMatrixFactorization

__all__ = [
    "PRESETS",
    "Baseline",
    "BiasBaseline",
    "Ease",
    "Explanation",
    "FoldedItems",
    "FoldedUsers",
    "NotFittedError",
    "Popularity",
    "Ranking",
    "StarPredictor",
    "WeightedMatrixFactorization",
]
