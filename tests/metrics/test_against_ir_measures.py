"""Metrics equal those of independent libraries, for random lists, scores and errors."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG
from sklearn.metrics import mean_absolute_error, roc_auc_score, root_mean_squared_error

from cinefold.metrics import METRICS, mae, rmse
from cinefold.metrics.accuracy import auc_per_user

THEIRS = {"ndcg": nDCG, "recall": R, "precision": P, "map": AP, "mrr": RR, "hit_rate": Success}
N_ITEMS = 30


def random_lists(seed, k):
    """Lists of 12 users, some shorter than k, and what was held out (nothing for some)."""
    rng = np.random.default_rng(seed)
    top = np.stack([rng.permutation(N_ITEMS)[:k] for _ in range(12)])
    for user in range(4):
        top[user, k - rng.integers(0, k) :] = -1
    held_out = sp.csr_array(rng.random((12, N_ITEMS)) < rng.uniform(0, 0.4, (12, 1)))
    return top, held_out.astype(np.float32)


def test_every_metric_of_hits_has_a_peer():
    """But for the recall of Liang et al., which has values by hand."""
    hits = {name for name, metric in METRICS.items() if metric.kind == "hits"}
    assert hits == {*THEIRS, "capped_recall"}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), k=st.sampled_from([1, 3, 10]))
@pytest.mark.parametrize("name", THEIRS)
def test_lists(name, seed, k):
    top, held_out = random_lists(seed, k)
    ours = METRICS[name].function(top, held_out)
    judged = {str(user): {str(item): 1 for item in held_out[[user]].indices} for user in range(12)}
    run = {
        str(user): {str(item): float(k - place) for place, item in enumerate(items) if item >= 0}
        for user, items in enumerate(top.tolist())
    }
    judged = {user: items for user, items in judged.items() if items}
    run = {user: items for user, items in run.items() if items}
    expected = np.full(12, np.nan)
    for user in judged:
        expected[int(user)] = 0.0
    for metric in ir_measures.iter_calc([THEIRS[name] @ k], judged, run):
        expected[int(metric.query_id)] = metric.value
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20), levels=st.sampled_from([3, 1000]))
def test_auc_with_ties(seed, levels):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (6, N_ITEMS)).astype(float)
    kind = rng.choice([0, 1, 2], (6, N_ITEMS), p=[0.6, 0.2, 0.2])  # other, held out, seen
    kind[0] = 0  # nothing held out
    ours = auc_per_user(
        scores, sp.csr_array((kind == 1).astype(float)), sp.csr_array((kind == 2).astype(float))
    )
    assert np.isnan(ours[0])
    for user in range(1, 6):
        unseen = kind[user] < 2
        if 0 < (kind[user] == 1).sum() < unseen.sum():
            expected = roc_auc_score(kind[user][unseen] == 1, scores[user][unseen])
            assert ours[user] == pytest.approx(expected, abs=1e-9)


@given(seed=st.integers(0, 2**20), n=st.integers(1, 50))
def test_errors(seed, n):
    predicted, actual = np.random.default_rng(seed).normal(3, 1, (2, n))
    assert rmse(predicted, actual) == pytest.approx(root_mean_squared_error(actual, predicted))
    assert mae(predicted, actual) == pytest.approx(mean_absolute_error(actual, predicted))
