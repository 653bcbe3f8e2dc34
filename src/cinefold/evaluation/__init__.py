"""How good a model is: measures of predictions and lists, and what to compare them with."""

from cinefold.evaluation.baselines import Baseline, BiasBaseline, Ease, Popularity
from cinefold.evaluation.comparison import Comparison, Measure, compare
from cinefold.evaluation.measuring import Evaluation, Ranker, evaluate, measure
from cinefold.evaluation.metrics import ndcg, ndcg_per_user, recall, rmse
from cinefold.evaluation.protocols import Division, divide

__all__ = [
    "Baseline",
    "BiasBaseline",
    "Comparison",
    "Division",
    "Ease",
    "Evaluation",
    "Measure",
    "Popularity",
    "Ranker",
    "compare",
    "divide",
    "evaluate",
    "measure",
    "ndcg",
    "ndcg_per_user",
    "recall",
    "rmse",
]
