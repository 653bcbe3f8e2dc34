"""Metrics of predictions and of ranked lists, on arrays."""

from cinefold.metrics.accuracy import mae, ndcg, ndcg_per_user, recall, rmse

__all__ = ["mae", "ndcg", "ndcg_per_user", "recall", "rmse"]
