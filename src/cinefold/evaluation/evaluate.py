"""Measuring one fitted model on ratings that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from cinefold.metrics import accuracy, beyond_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions
    from cinefold.models.results import Ranking

_SCORES_AT_A_TIME = 1 << 21
_PREDICTIONS_AT_A_TIME = 1 << 16
LIST_METRICS = ("coverage", "novelty", "diversity", "gini")
ERRORS = ("rmse", "mae")
MEASURES = (*ERRORS, *accuracy.RANKING_METRICS, "auc", *LIST_METRICS)
"""Names of all there is to measure."""


class Ranker(Protocol):
    """What can be evaluated: a fitted model that ranks unseen items.

    With ``predict`` its predicted ratings are measured too, with ``scores`` AUC, and with
    ``fold_in`` it can meet users it was not fitted on.
    """

    def recommend(self, users: Any, k: int = 10) -> Ranking: ...


@runtime_checkable
class FoldsIn(Protocol):
    """A model that meets users it was not fitted on.

    What ``fold_in`` gives has a length, can be indexed like an array of ids, and takes the place of
    one in ``recommend``, ``predict`` and ``scores``.
    """

    def fold_in(self, ratings: Any) -> Any: ...


@runtime_checkable
class PredictsRatings(Protocol):
    """A model with predicted ratings."""

    def predict(self, users: Any, items: ArrayLike) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one model on one division of the ratings.

    Attributes
    ----------
    per_user : dict of str to ndarray of float64, shape (n_users,)
        Measures that are means over users, such as "ndcg_at_10"; NaN where a user has none.
    users : ndarray, shape (n_users,)
        Their ids: those who have both training and held-out ratings.
    totals : dict of str to float
        Measures of all lists together, such as "coverage_at_10".
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
        """One number for every measure; NaN where there was nothing to measure."""
        n = self.counts.sum()
        error = {name: float(sums.sum() / n) if n else np.nan for name, sums in self.errors.items()}
        if "rmse" in error:
            error["rmse"] = float(np.sqrt(error["rmse"]))
        return {
            **error,
            **{name: accuracy.mean(values) for name, values in self.per_user.items()},
            **self.totals,
        }


def evaluate(
    model: Ranker, held_out: Interactions, *, k: int = 10, training: Interactions | None = None
) -> dict[str, float]:
    """Measure a fitted model on ratings that it has not seen.

    Parameters
    ----------
    model : Ranker
        Its lists leave out what it was fitted on, and rank all other items.
    held_out : Interactions
        Ids as in the training data. Users without ratings here do not count.
    k : int
        Length of the beyond_accuracy.
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
    return measure(model, held_out, training=training, ks=(k,), names=names).means


def measure(
    model: Ranker,
    held_out: Interactions,
    *,
    training: Interactions | None = None,
    given: Interactions | None = None,
    ks: Sequence[int] = (10,),
    names: Sequence[str] = ("rmse", "ndcg", "recall"),
) -> Evaluation:
    """Measure a fitted model by the measures in `names`.

    Parameters
    ----------
    model : Ranker
    held_out, training : Interactions
        As in `evaluate`.
    given : Interactions, optional
        The held-out users are new to the model, and folded in from these ratings.
    ks : sequence of int
        Lengths of the beyond_accuracy.
    names : sequence of str
        Of ``accuracy.RANKING_METRICS``, `LIST_METRICS`, `ERRORS`, and "auc". What a model cannot
        do is left out: errors without ``predict``, AUC without ``scores``.

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
    users = np.flatnonzero(has_ratings)
    relevant = held_out.by_user[users]
    asked: Any = held_out.user_ids[users]
    if given is not None:
        if not isinstance(model, FoldsIn):
            raise ValueError(f"{type(model).__name__} cannot fold in new users")
        asked = model.fold_in(given.by_user[users])
    seen = None if seen_in is None else seen_in.by_user[users]
    top = _lists(model, asked, held_out, seen, max(ks))
    per_user = {
        f"{name}_at_{k}": accuracy.RANKING_METRICS[name](top[:, :k], relevant)
        for name in names
        if name in accuracy.RANKING_METRICS
        for k in ks
    }
    totals: dict[str, float] = {}
    if training is not None:
        for k in ks:
            _measure_lists(top[:, :k], training, names, k, per_user, totals)
    if "auc" in names and hasattr(model, "scores") and seen is not None:
        per_user["auc"] = _auc(model, asked, relevant, seen)
    errors = {}
    if set(names) & set(ERRORS) and isinstance(model, PredictsRatings):
        errors = _errors(model, asked, held_out, relevant, names)
    return Evaluation(per_user, held_out.user_ids[users], totals, errors, np.diff(relevant.indptr))


def check_asked(ks: Sequence[int], names: Sequence[str]) -> None:
    """ValueError for names of no measures, and for lengths of no beyond_accuracy."""
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise ValueError(f"there is no measure {unknown[0]!r}; there are {', '.join(MEASURES)}")
    if not ks or min(ks) < 1:
        raise ValueError(f"ks must hold lengths of at least 1, not {list(ks)}")


def _measure_lists(
    top: NDArray[np.int64],
    training: Interactions,
    names: Sequence[str],
    k: int,
    per_user: dict[str, NDArray[np.float64]],
    totals: dict[str, float],
) -> None:
    if "coverage" in names:
        totals[f"coverage_at_{k}"] = beyond_accuracy.coverage(top, training.n_items)
    if "gini" in names:
        totals[f"gini_at_{k}"] = beyond_accuracy.gini(top, training.n_items)
    if "novelty" in names:
        counts = training.item_counts()
        per_user[f"novelty_at_{k}"] = beyond_accuracy.novelty_per_user(
            top, counts, training.n_users
        )
    if "diversity" in names and k > 1:
        per_user[f"diversity_at_{k}"] = beyond_accuracy.diversity_per_user(top, training.by_item)


def _errors(
    model: PredictsRatings,
    asked: Any,
    held_out: Interactions,
    relevant: csr_array,
    names: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """Sums of squared and absolute errors of each user."""
    rows = np.repeat(np.arange(relevant.shape[0]), np.diff(relevant.indptr))
    predicted = np.empty(len(rows))
    for begin in range(0, len(rows), _PREDICTIONS_AT_A_TIME):
        block = slice(begin, begin + _PREDICTIONS_AT_A_TIME)
        items = held_out.item_ids[relevant.indices[block]]
        predicted[block] = model.predict(asked[rows[block]], items)
    if not np.isfinite(predicted).all():
        raise ValueError(f"{type(model).__name__} predicts NaN or infinity for held-out ratings")
    error = predicted - relevant.data
    sizes = {"rmse": np.square(error), "mae": np.abs(error)}
    n = relevant.shape[0]
    sums = ((name, np.bincount(rows, sizes[name], n)) for name in ERRORS if name in names)
    return {name: np.asarray(total, np.float64) for name, total in sums}


def _auc(model: Any, asked: Any, relevant: csr_array, seen: csr_array) -> NDArray[np.float64]:
    n, n_items = relevant.shape
    found = np.empty(n)
    step = max(1, _SCORES_AT_A_TIME // n_items)
    for begin in range(0, n, step):
        block = np.arange(begin, min(begin + step, n))
        scores = model.scores(asked[block])
        found[block] = accuracy.auc_per_user(scores, relevant[block], seen[block])
    return found


def _lists(
    model: Ranker, asked: Any, held_out: Interactions, seen: csr_array | None, k: int
) -> NDArray[np.int64]:
    """The lists of users as item indices, (n, k), -1 where there is none."""
    if not len(asked):
        return np.empty((0, k), np.int64)
    items, scores = model.recommend(asked, k)
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
