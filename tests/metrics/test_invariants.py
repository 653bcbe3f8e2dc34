"""What must hold of every list, of every order of people, and of errors over many samples."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold.evaluation import Comparison, Evaluation
from cinefold.metrics.accuracy import RANKING_METRICS

BY_PLACE = ("ndcg", "map", "mrr")


@st.composite
def one_list(draw):
    """A list of distinct items, and what was held out of the same user, at least one item."""
    n_items = draw(st.integers(2, 15))
    items = draw(st.permutations(range(n_items)))
    k = draw(st.integers(1, n_items))
    held_out = draw(st.sets(st.integers(0, n_items - 1), min_size=1))
    relevant = np.zeros((1, n_items), np.float32)
    relevant[0, list(held_out)] = 1
    return np.array([items[:k]]), sp.csr_array(relevant)


@given(one_list(), st.data())
@pytest.mark.parametrize("name", BY_PLACE)
def test_a_hit_one_place_further_up_never_costs(name, case, data):
    top, relevant = case
    measured = RANKING_METRICS[name]
    before = measured(top, relevant)[0]
    hits = [p for p in range(1, top.shape[1]) if relevant[0, top[0, p]]]
    if not hits:
        return
    place = data.draw(st.sampled_from(hits))
    other_hit = bool(relevant[0, top[0, place - 1]])
    top[0, [place - 1, place]] = top[0, [place, place - 1]]
    after = measured(top, relevant)[0]
    assert after >= before - 1e-12
    if name != "mrr" and not other_hit:
        assert after > before


@given(one_list())
@pytest.mark.parametrize("name", RANKING_METRICS)
def test_only_hits_count_not_which_items_they_are(name, case):
    """Renaming the items changes nothing."""
    top, relevant = case
    renamed = np.random.default_rng(0).permutation(relevant.shape[1])
    there = np.zeros_like(relevant.toarray())
    there[0, renamed[relevant.indices]] = 1
    measured = RANKING_METRICS[name]
    np.testing.assert_array_equal(
        measured(renamed[top], sp.csr_array(there)), measured(top, relevant)
    )


@given(st.integers(1, 12), st.integers(1, 12))
def test_perfect_lists(n_held_out, k):
    """All measures that can reach 1 with fewer or more held-out items than places do."""
    relevant = sp.csr_array(np.ones((1, n_held_out), np.float32))
    relevant.resize((1, 24))
    top = np.arange(k)[None]
    best = {name: RANKING_METRICS[name](top, relevant)[0] for name in RANKING_METRICS}
    hits = min(k, n_held_out)
    share, reached = hits / n_held_out, hits / k
    expected = {"recall": share, "map": share, "precision": reached}
    for name, value in best.items():
        assert value == pytest.approx(expected.get(name, 1.0), abs=1e-12), name


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_the_order_of_people_and_of_divisions_changes_no_measure(seed):
    rng = np.random.default_rng(seed)
    parts = [_people(rng, 12) for _ in range(3)]
    shuffled = [_shuffled(parts[number], rng) for number in rng.permutation(3)]
    one, other = Comparison({}, {"a": parts}), Comparison({}, {"a": shuffled})
    for name in ("ndcg_at_10", "rmse"):
        first, second = one.measure("a", name), other.measure("a", name)
        assert second.value == pytest.approx(first.value)
        assert second.standard_error == pytest.approx(first.standard_error)
        assert second.n == first.n


def _people(rng, n):
    """One division of `n` people, each with their own mean NDCG, error, and number of ratings."""
    values = rng.beta(1, 2, n)
    counts = rng.integers(1, 20, n)
    scale = rng.uniform(0.5, 1.5, n)
    squares = np.array(
        [(rng.normal(0, s, c) ** 2).sum() for s, c in zip(scale, counts, strict=True)]
    )
    return Evaluation({"ndcg_at_10": values}, np.arange(n), {}, {"rmse": squares}, counts)


def _shuffled(part, rng):
    order = rng.permutation(len(part.users))
    return Evaluation(
        {"ndcg_at_10": part.per_user["ndcg_at_10"][order]},
        part.users[order],
        {},
        {"rmse": part.errors["rmse"][order]},
        part.counts[order],
    )


@pytest.fixture(scope="module")
def samples():
    """A study of two models that are alike with 150 people, done anew with others 600 times."""
    rng = np.random.default_rng(5)
    studies = [
        Comparison({}, {"a": [_people(rng, 150)], "b": [_people(rng, 150)]}) for _ in range(600)
    ]
    return [
        (study, study.measure("a", "ndcg_at_10"), study.measure("a", "rmse")) for study in studies
    ]


@pytest.mark.parametrize("which", [1, 2], ids=["ndcg_at_10", "rmse"])
def test_the_stated_error_is_how_far_other_people_would_move_it(samples, which):
    values = np.array([study[which].value for study in samples])
    stated = np.array([study[which].standard_error for study in samples])
    assert stated.mean() == pytest.approx(values.std(ddof=1), rel=0.08)


@pytest.mark.parametrize("which", [1, 2], ids=["ndcg_at_10", "rmse"])
def test_intervals_hold_the_truth_as_often_as_they_say(samples, which):
    truth = np.mean([study[which].value for study in samples])
    held = [low <= truth <= high for low, high in (study[which].interval for study in samples)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_two_models_that_are_alike_differ_by_chance_in_one_of_twenty(samples):
    for name in ("ndcg_at_10", "rmse"):
        gaps = [study.difference("a", "b", name).interval for study, *_ in samples]
        sure = [not low <= 0 <= high for low, high in gaps]
        assert np.mean(sure) == pytest.approx(0.05, abs=0.03)
