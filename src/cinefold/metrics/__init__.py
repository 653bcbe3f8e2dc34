"""Metrics of predictions and of ranked lists, on arrays; `registry` has all of them by name."""

from cinefold.metrics.accuracy import mae, ndcg, ndcg_per_user, recall, rmse
from cinefold.metrics.registry import METRICS, Metric

__all__ = ["METRICS", "Metric", "mae", "ndcg", "ndcg_per_user", "recall", "rmse"]
