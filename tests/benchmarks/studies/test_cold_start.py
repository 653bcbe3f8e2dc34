from __future__ import annotations

import numpy as np
import pytest
from benchmarks.studies.cold_start import (
    ABOVE_LOWEST,
    COLD_START,
    PLAIN,
    POPULARITY,
    SOMEBODY_ELSE,
    cold_start_curves,
)

from cinefold import Interactions, WeightedMatrixFactorization

MODEL = WeightedMatrixFactorization.preset(
    "plain", n_factors=5, max_iter=4, regularization=3.0, n_threads=1
)


def ratings_of_tastes(n_users=60, n_items=90) -> Interactions:
    """Three tastes; people rate a third of their own kind, and little of the others."""
    rng = np.random.default_rng(5)
    same = (np.arange(n_users) % 3)[:, None] == (np.arange(n_items) % 3)
    rated = rng.random(same.shape) < np.where(same, 0.6, 0.06)
    stars = np.where(same, rng.integers(4, 6, same.shape), rng.integers(1, 4, same.shape))
    users, items = rated.nonzero()
    return Interactions.from_arrays(users, items, stars[rated], item_ids=np.arange(n_items))


@pytest.fixture(scope="module")
def curves():
    return cold_start_curves(
        ratings_of_tastes(), MODEL, n_given=(1, 3, 6), n_folds=3, test_share=0.4, progress=False
    )


def means(curves, metric="ndcg_at_10", **where):
    return [record["mean"] for record in curves.where(metric=metric, **where)]


def test_every_place_of_the_curves_is_measured_on_the_same_users(curves):
    methods = (POPULARITY, PLAIN, ABOVE_LOWEST, COLD_START, SOMEBODY_ELSE)
    assert len(curves.records) == 4 * 3 * 3 * 5  # metrics, methods, orders, numbers
    for order in ("random", "popular", "asked"):
        for method in methods:
            records = curves.where(metric="ndcg_at_10", order=order, method=method)
            assert [record["n_given"] for record in records] == [1, 3, 6]
    assert len({r["n_users"] for r in curves.where(metric="ndcg_at_10")}) == 1


def test_popularity_is_the_same_however_many_ratings_there_are(curves):
    for metric in ("ndcg_at_10", "capped_recall_at_20"):
        values = [r for order in ("random", "popular", "asked")
                  for r in means(curves, metric, order=order, method=POPULARITY)]  # fmt: skip
        assert len(set(values)) == 1


def test_lists_get_personal(curves):
    for order in ("random", "popular", "asked"):
        own = means(curves, order=order, method=COLD_START)
        others = means(curves, order=order, method=SOMEBODY_ELSE)
        (popular, *_) = means(curves, order=order, method=POPULARITY)
        assert own[-1] > own[0]
        assert own[-1] > 1.5 * popular
        assert own[-1] > 1.5 * others[-1]
        last = curves.where(metric="ndcg_at_10", order=order, method=COLD_START)[-1]
        assert last["gain"] == pytest.approx(own[-1] - popular)
        assert last["gain"] > 5 * last["gain_standard_error"] > 0


def test_all_ratings_of_the_pool_are_the_same_in_any_order():
    """With as many ratings given as everybody has, the order cannot matter."""
    full = ratings_of_tastes()
    mask = np.zeros(full.n_ratings, bool)
    for begin in full.by_user.indptr[:-1]:
        mask[begin : begin + 10] = True
    curves = cold_start_curves(
        full.select(mask), MODEL, n_given=(6,), n_folds=2, test_share=0.4, progress=False
    )
    values = {means(curves, order=o, method=COLD_START)[0] for o in ("random", "popular", "asked")}
    assert len(values) == 1


def test_the_same_seed_gives_the_same_figures():
    def run(seed):
        return cold_start_curves(
            ratings_of_tastes(), MODEL, n_given=(2,), n_folds=2, random_state=seed, progress=False
        ).records

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_given": ()}, "n_given must be numbers of ratings"),
        ({"n_given": (0, 3)}, r"1 or more, not \[0, 3\]"),
        ({"orders": ("best",)}, r"orders must be among .*not \('best',\)"),
        ({"orders": ()}, "orders must be among"),
        ({"test_share": 1.0}, "test_share must be between 0 and 1, not 1.0"),
        ({"n_given": (80,)}, "no user has 80 ratings to give beside 25% to measure on"),
        ({"n_folds": 1}, "n_folds must be from 2"),
    ],
)
def test_wrong_parameters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cold_start_curves(
            ratings_of_tastes(), MODEL, **{"n_folds": 2, "progress": False, **arguments}
        )
