"""Metrics of one fitted model, on ratings that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cinefold.interactions import Interactions
from cinefold.metrics import METRICS, Metric, accuracy
from cinefold.models import checks
from cinefold.models.rating_input import warn_of_trained_on
from cinefold.models.results import Ranking

_SCORES_AT_A_TIME = 1 << 21
_PREDICTIONS_AT_A_TIME = 1 << 16


class Ranker(Protocol):
    """What can be evaluated: a fitted model that ranks unseen items.

    Metrics of predicted ratings need ``predict``, AUC needs ``scores``, and users it was not fitted
    on need ``fold_in``. What ``fold_in`` gives has a length, can be indexed like an array of ids,
    and takes the place of one in ``recommend``, ``predict`` and ``scores``.
    """

    def recommend(self, users: Any, k: int = 10) -> Ranking:
        """The k best items for each of `users`, without those that they have rated."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one model on one division of the ratings.

    Attributes
    ----------
    per_user : dict of str to ndarray of float64, shape (n_users,)
        Metrics that are means over users, such as "ndcg_at_10"; NaN where a user has none.
    users : ndarray, shape (n_users,)
        Their ids: those who have both training and held-out ratings.
    totals : dict of str to float
        Metrics of all lists together, such as "coverage_at_10".
    errors : dict of str to ndarray of float64, shape (n_users,)
        Sums of squared ("rmse") and absolute errors ("mae") over each user's held-out ratings.
    counts : ndarray of int64, shape (n_users,)
        Held-out ratings of each user.
    """

    per_user: dict[str, NDArray[np.float64]]
    users: NDArray[Any]
    totals: dict[str, float]
    errors: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def means(self) -> dict[str, float]:
        """One number for every metric; NaN where no user has any."""
        n = self.counts.sum()
        errors = {name: sums.sum() / n if n else np.nan for name, sums in self.errors.items()}
        return {
            **{name: float(np.sqrt(e) if METRICS[name].root else e) for name, e in errors.items()},
            **{name: accuracy.mean(values) for name, values in self.per_user.items()},
            **self.totals,
        }


def evaluate(
    model: Ranker, held_out: Interactions, *, k: int = 10, training: Interactions | None = None
) -> dict[str, float]:
    """RMSE, NDCG and recall of a fitted model, on ratings that it has not seen.

    Parameters
    ----------
    model : Ranker
        Its lists leave out what it was fitted on, and rank all other items.
    held_out : Interactions
        Ids as in the training data. Users without ratings here do not count. Of ratings that were
        trained on, which lists leave out, a warning tells.
    k : int
        Length of the lists.
    training : Interactions, optional
        What it was fitted on; by default its ``interactions_``. Users without ratings there do not
        count either.

    Returns
    -------
    dict
        ``rmse`` over all held-out ratings (in stars, predictions not clipped; missing for a model
        without ``predict``), ``ndcg_at_k`` and ``recall_at_k`` (with k's value in the name) as
        means over users, between 0 and 1.

    Raises
    ------
    UnknownIdError
        If the model does not know a user or item of `held_out`.
    """
    names = ("rmse", "ndcg", "recall")
    return evaluate_per_user(model, held_out, training=training, ks=(k,), names=names).means


def evaluate_per_user(
    model: Ranker,
    held_out: Interactions,
    *,
    training: Interactions | None = None,
    given: Interactions | None = None,
    ks: Sequence[int] = (10,),
    names: Sequence[str] = ("rmse", "ndcg", "recall"),
) -> Evaluation:
    """The metrics in `names` of a fitted model, with the values of each user.

    Parameters
    ----------
    model : Ranker
    held_out, training : Interactions
        As in `evaluate`.
    given : Interactions, optional
        The held-out users are new to the model, and folded in from these ratings.
    ks : sequence of int
        Lengths of the lists.
    names : sequence of str
        Keys of `cinefold.metrics.METRICS`. What a model cannot do is left out: errors without
        ``predict``, AUC without ``scores``.

    Raises
    ------
    ValueError
        For a name that is none of these; if a list repeats an item, or has one that the user has
        rated already; if scores or predictions are not finite; if `given` is there and the model
        has no ``fold_in``.
    """
    check_asked(ks, names)
    training = training if training is not None else getattr(model, "interactions_", None)
    seen_in = given if given is not None else training
    has_ratings = held_out.user_counts() > 0
    if seen_in is not None:
        has_ratings &= seen_in.user_counts() > 0
    rows = np.flatnonzero(has_ratings)
    relevant = held_out.by_user[rows]
    users: Any = held_out.user_ids[rows]
    if given is not None:
        if not hasattr(model, "fold_in"):
            raise ValueError(f"{type(model).__name__} cannot fold in new users")
        users = model.fold_in(given.by_user[rows])
    seen = None if seen_in is None else seen_in.by_user[rows]
    result = Evaluation({}, held_out.user_ids[rows], {}, {}, np.diff(relevant.indptr))
    of_rating = np.repeat(np.arange(len(rows)), result.counts)
    kinds = {METRICS[name].kind for name in names}
    if seen is not None and kinds & {"hits", "scores"}:
        warn_of_trained_on(relevant, seen, "held-out", stacklevel=3)
    top = np.empty((len(rows), 0), np.int64)
    if kinds - {"errors", "scores"}:
        top = _lists(model, users, held_out, seen, max(ks))
    scored = "scores" in kinds and hasattr(model, "scores") and seen is not None
    errors = None
    if "errors" in kinds and hasattr(model, "predict"):
        errors = _errors(model, users, of_rating, held_out, relevant)
    for name in names:
        metric = METRICS[name]
        if metric.kind == "errors" and errors is not None:
            sums = np.bincount(of_rating, metric.function(errors), len(rows))
            result.errors[name] = np.asarray(sums, np.float64)
        elif metric.kind == "scores" and scored:
            result.per_user[name] = _of_scores(metric, model, users, relevant, seen)
        elif metric.kind == "hits":
            for k in ks:
                result.per_user[f"{name}_at_{k}"] = metric.function(top[:, :k], relevant)
        elif metric.kind in ("lists", "all lists") and training is not None:
            found = result.per_user if metric.kind == "lists" else result.totals
            for k in ks:
                found[f"{name}_at_{k}"] = metric.function(top[:, :k], training)
    return result


def check_asked(ks: Sequence[int], names: Sequence[str]) -> None:
    """ValueError for names of no metrics, and for impossible lengths of lists."""
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ValueError(f"there is no metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    if not np.size(ks) or np.ndim(ks) != 1:
        raise ValueError(f"ks must be a sequence of lengths, not {ks!r}")
    for k in ks:
        checks.integer("each of ks", k, 1)


def _errors(
    model: Any,
    users: Any,
    rows: NDArray[np.int64],
    held_out: Interactions,
    relevant: csr_array,
) -> NDArray[np.float64]:
    """The error of each prediction, in the order of `relevant`, where `rows` tells the user."""
    predicted = np.empty(len(rows))
    for begin in range(0, len(rows), _PREDICTIONS_AT_A_TIME):
        block = slice(begin, begin + _PREDICTIONS_AT_A_TIME)
        items = held_out.item_ids[relevant.indices[block]]
        predicted[block] = model.predict(users[rows[block]], items)
    if not np.isfinite(predicted).all():
        raise ValueError(f"{type(model).__name__} predicts NaN or infinity for held-out ratings")
    return np.asarray(predicted - relevant.data)


def _of_scores(
    metric: Metric, model: Any, users: Any, relevant: csr_array, seen: csr_array
) -> NDArray[np.float64]:
    n, n_items = relevant.shape
    found = np.empty(n)
    step = max(1, _SCORES_AT_A_TIME // n_items)
    for begin in range(0, n, step):
        block = np.arange(begin, min(begin + step, n))
        scores = model.scores(users[block])
        found[block] = metric.function(scores, relevant[block], seen[block])
    return found


def _lists(
    model: Ranker, users: Any, held_out: Interactions, seen: csr_array | None, k: int
) -> NDArray[np.int64]:
    """The lists of users as item indices, (n, k), -1 where there is none."""
    if not len(users):
        return np.empty((0, k), np.int64)
    items, scores = model.recommend(users, k)
    indices = np.full((len(items), k), -1, np.int64)
    found = ~np.isneginf(scores)
    indices[:, : items.shape[1]][found] = held_out.item_index(items[found])
    in_order = np.sort(indices, axis=1)
    if ((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)).any():
        raise ValueError(f"{type(model).__name__} lists an item twice for one user")
    if seen is not None and accuracy.places_hit(indices, seen).any():
        raise ValueError(
            f"{type(model).__name__} lists items that their users have rated in the training data, "
            "which would count as misses; leave them out of its lists"
        )
    return indices
