"""How good a list is after so many ratings of somebody new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from tqdm.auto import tqdm

from benchmarks.studies.interviews import informative, interview
from benchmarks.studies.strong_generalization import (
    Curves,
    Fold,
    Table,
    folds_of_users,
    lists,
    metrics_of_lists,
    part_of,
    popular_lists,
)
from cinefold.interactions.entries import csr
from cinefold.interactions.splits import per_user_holdout
from cinefold.recommender import ColdStart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization

Order = Literal["random", "popular", "asked"]

POPULARITY = "Popularity"
PLAIN = "Plain fold-in"
ABOVE_LOWEST = "Plain, above lowest"
COLD_START = "Cold start"
SOMEBODY_ELSE = "Somebody else's ratings"


def cold_start_curves(
    interactions: Interactions,
    model: WeightedMatrixFactorization,
    *,
    n_given: Sequence[int] = (1, 3, 5, 10, 20),
    orders: Sequence[Order] = get_args(Order),
    n_folds: int = 5,
    test_share: float = 0.25,
    max_users: int = 1000,
    random_state: int = 0,
    progress: bool | None = None,
) -> Curves:
    """Lists for users that the model was not trained on, by how many of their ratings it is given.

    A random part of a user's ratings is for measuring, the rest for giving. All users with enough
    ratings are measured at every place of the curve, on the same test movies, and nothing of what
    might have been given is ever listed: only what the model was told differs. So popularity is the
    same for all numbers of ratings.

    Parameters
    ----------
    interactions : Interactions
    model : WeightedMatrixFactorization
        Its parameters; it is fitted anew for each fold.
    n_given : sequence of int
        Numbers of ratings given.
    orders : sequence of {"random", "popular", "asked"}
        Which come first: any, those of the most rated movies, or those that an interview asks about
        next among the movies they know.
    n_folds : int
        Every user is held out in one of them.
    test_share : float
        Of each user's ratings, between 0 and 1.
    max_users : int
        At most so many users of a fold are measured.
    random_state : int
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.

    Returns
    -------
    Curves
        Records have ``order``, ``n_given`` and ``method``: popularity; the model's plain fold-in,
        of the ratings as they are and of what they are above the lowest; `ColdStart`'s;
        and that of the ratings of somebody else, which shows what is not personal about a list.
        Gains are over popularity.

    Raises
    ------
    ValueError
        If a parameter is out of range, or no user has enough ratings.
    """
    given = sorted(set(n_given))
    _check(given, orders, test_share)
    counts = interactions.user_counts()
    if not (counts - np.floor(test_share * counts + 0.5) >= given[-1]).any():
        raise ValueError(
            f"no user has {given[-1]} ratings to give beside {test_share:.0%} to measure on; "
            "give fewer"
        )
    table = Table()
    folds = folds_of_users(interactions, model, n_folds, max_users, random_state)
    hidden_bar = None if progress is None else not progress
    for fold in tqdm(folds, total=n_folds, desc="Cold start", unit="fold", disable=hidden_bar):
        _measure_fold(table, fold, given, orders, test_share)
    settings = {
        "n_given": given,
        "orders": list(orders),
        "n_folds": n_folds,
        "test_share": test_share,
        "max_users": max_users,
        "random_state": random_state,
    }
    return Curves(table.records({"method": POPULARITY}), settings)


def _check(given: list[int], orders: Sequence[str], test_share: float) -> None:
    if not given or given[0] < 1:
        raise ValueError(f"n_given must be numbers of ratings, 1 or more, not {given}")
    unknown = set(orders) - set(get_args(Order))
    if unknown or not orders:
        raise ValueError(f"orders must be among {get_args(Order)}, not {tuple(orders)}")
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must be between 0 and 1, not {test_share}")


def _measure_fold(
    table: Table, fold: Fold, given: list[int], orders: Sequence[Order], test_share: float
) -> None:
    in_test = per_user_holdout(fold.ratings.indptr, test_share, fold.seed) > 0
    pool, test = part_of(fold.ratings, ~in_test), part_of(fold.ratings, in_test)
    enough = (np.diff(pool.indptr) >= given[-1]) & (np.diff(test.indptr) > 0)
    pool, test = pool[enough], test[enough]
    if not enough.any():
        return
    cold_start = ColdStart(fold.model)
    counts = fold.model.interactions_.item_counts()
    popular = metrics_of_lists(popular_lists(counts, pool), test, fold.middle)
    lowest = float(fold.model.interactions_.by_user.data.min())
    for order in orders:
        rank = _rank(order, cold_start, counts, pool, given[-1], fold.seed)
        for n in given:
            told = part_of(pool, rank < n)
            own = cold_start.fold_in(told).factors
            by_method: dict[str, NDArray[np.float32]] = {
                PLAIN: fold.model.fold_in(told).factors,
                ABOVE_LOWEST: fold.model.fold_in(_above(lowest, told)).factors,
                COLD_START: own,
                SOMEBODY_ELSE: np.roll(own, 1, axis=0),
            }
            place: dict[str, Any] = {"order": order, "n_given": n}
            table.add({"method": POPULARITY, **place}, popular)
            for method, factors in by_method.items():
                found = lists(fold.model, factors, pool)
                table.add({"method": method, **place}, metrics_of_lists(found, test, fold.middle))


def _above(lowest: float, ratings: csr_array) -> csr_array:
    above = np.maximum(ratings.data - lowest, 0)
    return csr(above, ratings.indices, ratings.indptr, ratings.shape[1])


def _rank(
    order: Order,
    cold_start: ColdStart,
    counts: NDArray[np.int64],
    pool: csr_array,
    n: int,
    seed: int,
) -> NDArray[np.int64]:
    """The place of each rating of the pool in the order of giving, from 0."""
    rows = np.repeat(np.arange(pool.shape[0]), np.diff(pool.indptr))
    keys: NDArray[np.float64]
    if order == "asked":
        keys = n + 1 / (1.0 + counts[pool.indices])  # what is never asked about: by popularity
        asked = interview(cold_start, counts, pool, informative, n, only_rated=True)
        who, question = np.nonzero(asked >= 0)
        told = rows * pool.shape[1] + pool.indices
        keys[np.searchsorted(told, who * pool.shape[1] + asked[who, question])] = question
    elif order == "popular":
        keys = -counts[pool.indices].astype(np.float64)
    else:
        keys = np.random.default_rng(seed).random(pool.nnz)
    sorted_ = np.lexsort((keys, rows))
    rank = np.empty(pool.nnz, np.int64)
    rank[sorted_] = np.arange(pool.nnz) - pool.indptr[rows]
    return rank
