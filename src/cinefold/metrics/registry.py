"""All metrics by name.

To add one, write its function in `accuracy` or `beyond_accuracy` and give it a line in `METRICS`:
evaluation, comparison and the command line take it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cinefold.metrics import accuracy as acc
from cinefold.metrics import beyond_accuracy as beyond


@dataclass(frozen=True)
class Metric:
    """How a metric is computed and shown.

    Attributes
    ----------
    kind : str
        What `function` takes and returns:

        - "hits": ``(top_items, held_out)``, one number a user, NaN without held-out items;
        - "lists": ``(top_items, training)``, one number a user;
        - "all lists": ``(top_items, training)``, one number;
        - "scores": ``(scores, held_out, seen)``, one number a user;
        - "errors": ``predicted - actual``, one number a rating, whose mean is the metric.

        ``top_items`` is of shape (n_users, k), item indices, best first, -1 for empty places;
        ``held_out`` and ``seen`` are csr_arrays, ``scores`` an array of shape (n_users, n_items);
        ``training`` is the Interactions that the model was fitted on.
    function : callable
    title : str
        For tables.
    lower_is_better : bool
    root : bool
        Of kind "errors": the metric is the square root of the mean.
    """

    kind: Literal["hits", "lists", "all lists", "scores", "errors"]
    function: Callable[..., Any]
    title: str
    lower_is_better: bool = False
    root: bool = False


METRICS: Mapping[str, Metric] = {
    "rmse": Metric("errors", np.square, "RMSE", lower_is_better=True, root=True),
    "mae": Metric("errors", np.abs, "MAE", lower_is_better=True),
    "ndcg": Metric("hits", acc.ndcg_per_user, "NDCG"),
    "recall": Metric("hits", acc.recall_per_user, "Recall"),
    "capped_recall": Metric("hits", acc.capped_recall_per_user, "Capped recall"),
    "precision": Metric("hits", acc.precision_per_user, "Precision"),
    "map": Metric("hits", acc.average_precision_per_user, "MAP"),
    "mrr": Metric("hits", acc.reciprocal_rank_per_user, "MRR"),
    "hit_rate": Metric("hits", acc.hit_per_user, "Hit rate"),
    "auc": Metric("scores", acc.auc_per_user, "AUC"),
    "coverage": Metric(
        "all lists", lambda top, training: beyond.coverage(top, training.n_items), "Coverage"
    ),
    "novelty": Metric(
        "lists",
        lambda top, training: beyond.novelty_per_user(
            top, training.item_counts(), training.n_users
        ),
        "Novelty",
    ),
    "diversity": Metric(
        "lists",
        lambda top, training: beyond.diversity_per_user(top, training.by_item),
        "Diversity",
    ),
    "gini": Metric(
        "all lists",
        lambda top, training: beyond.gini(top, training.n_items),
        "Gini",
        lower_is_better=True,
    ),
}
"""All metrics by the names that `cinefold.evaluation` and ``cinefold evaluate`` take."""


def metric_of(name: str) -> Metric:
    """The metric of a name that may end in the length of lists, such as "ndcg_at_10"."""
    return METRICS[name.partition("_at_")[0]]


def metric_title(name: str) -> str:
    """What tables call it, such as "NDCG@10"."""
    _, _, k = name.partition("_at_")
    return metric_of(name).title + (f"@{k}" if k else "")
