"""How good a model is: measures of predictions and lists, and what to compare them with."""

from cinefold.evaluation.baselines import Popularity
from cinefold.evaluation.metrics import ndcg, ndcg_per_user, recall, rmse
from cinefold.evaluation.protocol import Ranker, evaluate

__all__ = ["Popularity", "Ranker", "evaluate", "ndcg", "ndcg_per_user", "recall", "rmse"]
