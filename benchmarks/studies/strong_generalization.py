"""Strong generalization: metrics of users that a model was not trained on, in folds.

Every user is held out once, with all their ratings (Marlin 2004; Liang et al. 2018), so that means
and standard errors are over independent users, and over as many trained models as there are folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.entries import csr
from cinefold.metrics.accuracy import capped_recall_per_user, ndcg_per_user
from cinefold.models import FoldedUsers
from cinefold.models.rating_input import only_users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization

    Record = dict[str, Any]
    UserValues = dict[str, NDArray[np.float64]]

NDCG_AT, RECALL_AT = 10, 20
METRICS = {
    "ndcg_at_10": "NDCG@10",
    "capped_recall_at_20": "Capped recall@20",
    "liked_ndcg_at_10": "NDCG@10 of liked movies",
    "disliked_at_10": "Disliked movies in 10",
}
"""Metrics and their titles.

All test movies count as relevant in the first two, those rated above the middle of the scale in the
third. The last is the mean number of test movies rated below the middle among the first ten.
"""


@dataclass(frozen=True)
class Curves:
    """Metrics as a tidy table, for Altair or any dataframe library.

    Attributes
    ----------
    records : list of dict
        One row for each method, place on the curve and metric: ``metric`` (a key of `METRICS`),
        ``mean``, ``standard_error`` (over users), ``n_users``, and ``gain`` with
        ``gain_standard_error``: the mean difference to the baseline, user by user.
    settings : dict
        How it was computed: reproduces the table with the same data and model.
    """

    records: list[Record]
    settings: dict[str, Any]

    def where(self, **fields: Any) -> list[Record]:
        """The records with these values."""
        return [r for r in self.records if all(r[name] == fields[name] for name in fields)]


@dataclass(frozen=True)
class Fold:
    """A model, and users it has not seen.

    Attributes
    ----------
    model : WeightedMatrixFactorization
        Fitted on the other folds.
    ratings : csr_array, shape (n_users, n_items)
        All ratings of the held-out users.
    middle : float
        Of the scale of ratings.
    seed : int
        For what else is random in this fold.
    """

    model: WeightedMatrixFactorization
    ratings: csr_array
    middle: float
    seed: int


def folds_of_users(
    interactions: Interactions,
    model: WeightedMatrixFactorization,
    n_folds: int,
    max_users: int,
    random_state: int,
) -> Iterator[Fold]:
    """Fit `model`, as often as there are folds, each time without the users of one fold.

    Parameters
    ----------
    interactions : Interactions
    model : WeightedMatrixFactorization
        Its parameters; it is not fitted itself.
    n_folds : int
        At least 2.
    max_users : int
        At most so many of a fold's users are evaluated; all are held out.
    random_state : int
    """
    if not 2 <= n_folds <= interactions.n_users:
        raise ValueError(
            f"n_folds must be from 2 to the number of users, {interactions.n_users}, not {n_folds}"
        )
    order = np.random.default_rng(random_state).permutation(interactions.n_users)
    values = interactions.by_user.data
    for number, users in enumerate(np.array_split(order, n_folds)):
        seed = random_state + 1 + number
        fitted = type(model)(**model.get_params())
        fitted.fit(without_users(interactions, users), progress=False)
        held_out = interactions.by_user[np.sort(users[:max_users])]
        yield Fold(fitted, held_out, (float(values.min()) + float(values.max())) / 2, seed)


def without_users(interactions: Interactions, users: NDArray[np.int64]) -> Interactions:
    """The ratings of the other users, and only them as users."""
    kept = np.ones(interactions.n_users, np.bool_)
    kept[users] = False
    return only_users(interactions, kept)


def part_of(ratings: csr_array, chosen: NDArray[np.bool_]) -> csr_array:
    """The entries where `chosen` (n_ratings,), in a matrix of the same shape."""
    offsets = np.concatenate([[0], np.cumsum(chosen)])[ratings.indptr]
    return csr(ratings.data[chosen], ratings.indices[chosen], offsets, ratings.shape[1])


def pattern(ratings: csr_array) -> csr_array:
    """1 for every entry, a stored zero too."""
    return csr(np.ones(ratings.nnz), ratings.indices, ratings.indptr, ratings.shape[1])


def lists(
    model: WeightedMatrixFactorization,
    factors: NDArray[np.float32],
    hidden: csr_array,
    among: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Item indices of the best movies of each new user, best first, -1 where there is none.

    Parameters
    ----------
    model : WeightedMatrixFactorization
    factors : ndarray, shape (n_users, n_factors)
    hidden : csr_array, shape (n_users, n_items)
        Stored entries are not listed.
    among : ndarray of bool, shape (n_items,), optional
        Only these are.
    """
    known = model.interactions_
    allowed = None if among is None else known.item_ids[among]
    found = model.recommend(FoldedUsers(factors, hidden), RECALL_AT, among=allowed)
    return found.indices(known)


def popular_lists(
    counts: NDArray[np.int64], hidden: csr_array, among: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """The same of the most rated movies, those of a lower index first among equals."""
    order = np.argsort(-counts, kind="stable")
    if among is not None:
        order = order[among[order]]
    longest = int(np.diff(hidden.indptr).max(initial=0))
    first = order[: RECALL_AT + longest]
    taken = pattern(hidden)[:, first].toarray() > 0
    places = np.argsort(taken, axis=1, kind="stable")[:, :RECALL_AT]
    return np.where(np.take_along_axis(taken, places, 1), -1, first[places])


def metrics_of_lists(found: NDArray[np.int64], test: csr_array, middle: float) -> UserValues:
    """Each of `METRICS` for each user, NaN where a user has nothing to compute it on."""
    top = found[:, :NDCG_AT]
    return {
        "ndcg_at_10": ndcg_per_user(top, test),
        "capped_recall_at_20": capped_recall_per_user(found, test),
        "liked_ndcg_at_10": ndcg_per_user(top, part_of(test, test.data > middle)),
        "disliked_at_10": _disliked(_stars(top, test), middle),
    }


def _stars(found: NDArray[np.int64], test: csr_array) -> NDArray[np.float64]:
    """The test rating in each place of each list, -inf where there is none."""
    n, n_items = test.shape
    keys = np.repeat(np.arange(n), np.diff(test.indptr)) * n_items + test.indices
    wanted = np.arange(n)[:, np.newaxis] * n_items + found
    places = np.searchsorted(keys, wanted).clip(max=max(0, len(keys) - 1))
    if not len(keys):
        return np.full(found.shape, -np.inf)
    return np.where((keys[places] == wanted) & (found >= 0), test.data[places], -np.inf)


def _disliked(stars: NDArray[np.float64], middle: float) -> NDArray[np.float64]:
    return np.asarray(((stars < middle) & np.isfinite(stars)).sum(axis=1), np.float64)


class Table:
    """Collects the metrics of users, fold by fold."""

    def __init__(self) -> None:
        self._values: dict[tuple[tuple[tuple[str, Any], ...], str], list[NDArray[np.float64]]] = {}

    def add(self, place: Record, values_of: UserValues) -> None:
        """Values of one fold's users at a place, such as a method and a number of ratings."""
        for metric, values in values_of.items():
            self._values.setdefault((tuple(place.items()), metric), []).append(values)

    def records(self, baseline: Record) -> list[Record]:
        """Means and standard errors; gains over the place that differs by `baseline`."""
        pooled = {key: np.concatenate(values) for key, values in self._values.items()}
        rows = []
        for (place, metric), values in pooled.items():
            against = tuple((dict(place) | baseline).items())
            mean, error, n = _mean_and_error(values)
            gain, gain_error, _ = _mean_and_error(values - pooled[against, metric])
            rows.append(
                {
                    **dict(place),
                    "metric": metric,
                    "mean": mean,
                    "standard_error": error,
                    "gain": gain,
                    "gain_standard_error": gain_error,
                    "n_users": n,
                }
            )
        return rows


def _mean_and_error(values: NDArray[np.float64]) -> tuple[float, float, int]:
    defined = values[~np.isnan(values)]
    n = len(defined)
    if n == 0:
        return float("nan"), float("nan"), 0
    error = defined.std(ddof=1) / np.sqrt(n) if n > 1 else float("nan")
    return float(defined.mean()), float(error), n
