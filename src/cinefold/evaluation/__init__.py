"""How good a model is: measures of predictions and lists, and what to compare them with."""

from cinefold.evaluation.baselines import Baseline, BiasBaseline, Ease, Popularity
from cinefold.evaluation.comparison import Comparison, compare
from cinefold.evaluation.estimates import Measure
from cinefold.evaluation.measuring import Evaluation, Ranker, evaluate, measure
from cinefold.evaluation.metrics import mae, ndcg, ndcg_per_user, recall, rmse
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
    "mae",
    "measure",
    "ndcg",
    "ndcg_per_user",
    "recall",
    "rmse",
]
