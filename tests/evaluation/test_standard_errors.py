"""Differences, intervals, and comparisons that do not go as planned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import Comparison, Estimate, Evaluation, compare
from cinefold.models import BiasBaseline, Ease, Popularity


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    users, items = np.nonzero(rng.random((40, 30)) < 0.4)
    return Interactions.from_arrays(users, items, rng.integers(1, 6, len(users)))


def one(values=(), coverage=0.5, errors=None, counts=()):
    values = np.asarray(values, float)
    users = np.arange(max(len(values), len(counts)))
    per_user = {"ndcg_at_10": values} if len(values) else {}
    sums = {} if errors is None else {"rmse": np.asarray(errors, float)}
    return Evaluation(per_user, users, {"coverage_at_10": coverage}, sums, np.asarray(counts, int))


def test_intervals_hold_what_they_say():
    """Of means of 3 divisions, 95 % of intervals hold the truth; the normal one would 81 %."""
    rng = np.random.default_rng(0)
    held = 0
    for values in rng.normal(0.3, 0.02, (4000, 3)):
        parts = {"a": [one(coverage=value) for value in values]}
        low, high = Comparison({}, parts).estimate("a", "coverage_at_10").interval
        held += low <= 0.3 <= high
    assert held / 4000 == pytest.approx(0.95, abs=0.015)


def test_intervals_over_users_are_normal():
    low, high = Estimate(0.5, 0.1, 30).interval
    assert (low, high) == pytest.approx(stats.norm.interval(0.95, 0.5, 0.1), rel=1e-6)


def test_one_division_has_no_error():
    found = Comparison({}, {"a": [one([0.1, 0.2])]})
    assert np.isnan(found.estimate("a", "coverage_at_10").standard_error)
    assert "0.5000\n" in str(found) + "\n"  # and no half-width


def test_what_varies_over_divisions():
    parts = [one([0.1, 0.3]), one([0.3, 0.5]), one([0.2, 0.1])]
    found = Comparison({}, {"a": parts}).over_divisions("a", "ndcg_at_10")
    values = [0.2, 0.4, 0.15]
    assert found.value == pytest.approx(np.mean(values))
    assert found.standard_error == pytest.approx(stats.sem(values))
    assert (found.n, found.over) == (3, "divisions")
    assert Comparison({}, {"a": parts}).over_divisions("a", "rmse") is None


def test_differences_of_lists_are_over_divisions():
    a = [one(coverage=value) for value in (0.5, 0.6, 0.7)]
    b = [one(coverage=value) for value in (0.4, 0.5, 0.65)]
    found = Comparison({}, {"a": a, "b": b}).difference("a", "b", "coverage_at_10")
    assert found.value == pytest.approx(0.25 / 3)
    assert found.standard_error == pytest.approx(stats.sem([0.1, 0.1, 0.05]))


def test_the_difference_of_errors_is_that_of_a_bootstrap_over_users():
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 30, 200)
    base = rng.chisquare(counts)
    better = base * rng.uniform(0.7, 1.0, 200)
    both = Comparison(
        {}, {"a": [one(errors=base, counts=counts)], "b": [one(errors=better, counts=counts)]}
    )
    gap = both.difference("a", "b", "rmse")
    drawn = rng.integers(0, 200, (4000, 200))
    total = counts[drawn].sum(1)
    bootstrap = np.sqrt(base[drawn].sum(1) / total) - np.sqrt(better[drawn].sum(1) / total)
    assert gap.value == pytest.approx(
        both.estimate("a", "rmse").value - both.estimate("b", "rmse").value
    )
    assert gap.standard_error == pytest.approx(bootstrap.std(), rel=0.1)
    assert gap.standard_error < both.estimate("a", "rmse").standard_error


def test_everybody_against_the_best():
    found = Comparison(
        {}, {"a": [one([0.1, 0.2])], "b": [one([0.3, 0.4])], "c": [one([0.2, 0.6])]}
    ).differences()
    rows = [row for row in found if row["metric"] == "ndcg_at_10"]
    assert [(row["model"], row["other"]) for row in rows] == [("a", "c"), ("b", "c")]
    assert rows[0]["value"] == pytest.approx(-0.25)
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]


def test_perfect_predictions_have_no_error():
    found = Comparison({}, {"a": [one(errors=[0, 0], counts=[2, 3])]}).estimate("a", "rmse")
    assert (found.value, found.standard_error) == (0, 0)


def test_errors_are_best_when_low():
    parts = {"a": [one(errors=[9, 9], counts=[1, 1])], "b": [one(errors=[1, 1], counts=[1, 1])]}
    assert Comparison({}, parts).best("rmse") == "b"
    assert Comparison({}, parts).best("ndcg_at_10") is None


def test_the_table_as_text(data):
    found = compare({"popularity": Popularity(), "ease": Ease(max_items=3)}, data, progress=False)
    header, line, note = str(found).splitlines()
    assert header.split() == found.metrics
    assert line.startswith("popularity")
    assert "±" in line
    assert note.startswith("ease was left out: EASE needs 30 x 30")


def test_a_model_that_cannot_fold_in_is_left_out_of_strong_generalisation(data):
    class Lists:
        def __init__(self, training):
            self.recommend = Popularity().fit(training).recommend

    found = compare(
        {"lists": Lists, "popularity": Popularity()}, data, "strong", folds=2, progress=False
    )
    assert found.models == ["popularity"]
    assert found.left_out == {"lists": "Lists cannot fold in new users"}


def test_a_model_that_fails_later_is_left_out_everywhere(data):
    calls = []

    def fickle(training):
        calls.append(training)
        if len(calls) == 2:
            raise ValueError("not this time")
        return Popularity().fit(training)

    found = compare({"fickle": fickle, "bias": BiasBaseline()}, data, repeats=3, progress=False)
    assert found.models == ["bias"]
    assert len(found.evaluations["bias"]) == 3
    assert len(calls) == 2


def test_ctrl_c_keeps_the_divisions_that_are_finished(data):
    fits = []

    def slow(training):
        fits.append(training)
        if len(fits) == 3:
            raise KeyboardInterrupt
        return Popularity().fit(training)

    candidates = {"popularity": Popularity(), "slow": slow}
    found = compare(candidates, data, "k-fold", progress=False, keep_interrupted=True)
    assert found.interrupted
    assert {model: len(parts) for model, parts in found.evaluations.items()} == {
        "popularity": 2,
        "slow": 2,
    }
    for options in ({"keep_interrupted": True}, {"protocol": "k-fold"}):
        fits[:] = [None, None] if "protocol" not in options else []
        with pytest.raises(KeyboardInterrupt):  # nothing is finished, or nobody asked to keep it
            compare(candidates, data, progress=False, **options)


def test_ctrl_c_that_a_fit_takes_as_its_end_ends_the_comparison_too(data):
    fits = []

    def stop(model, record):
        if len(fits) == 2:
            raise KeyboardInterrupt

    def ours(training):
        fits.append(training)
        model = WeightedMatrixFactorization(n_factors=2, max_iter=3)
        return model.fit(training, callbacks=[stop], progress=False)

    found = compare({"ours": ours}, data, repeats=3, progress=False, keep_interrupted=True)
    assert found.interrupted
    assert len(found.evaluations["ours"]) == 1
    assert len(fits) == 2


def test_the_models_given_are_not_changed(data):
    model = BiasBaseline()
    compare({"bias": model}, data, progress=False)
    assert not hasattr(model, "user_biases_")


@pytest.mark.parametrize(
    ("candidates", "options", "words"),
    [
        ({}, {}, "no models"),
        ({"a": Popularity()}, {"names": ["f1"]}, "no metric 'f1'"),
        ({"a": Popularity()}, {"ks": [0]}, "at least 1"),
        ({"a": Popularity()}, {"fraction": 0.01}, "nobody has both"),
    ],
)
def test_what_cannot_be_compared_is_said(data, candidates, options, words):
    with pytest.raises(ValueError, match=words):
        compare(candidates, data, progress=False, **options)


# -- many samples ---------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_the_order_of_people_and_of_divisions_changes_no_estimate(seed):
    rng = np.random.default_rng(seed)
    parts = [_people(rng, 12) for _ in range(3)]
    shuffled = [_shuffled(parts[number], rng) for number in rng.permutation(3)]
    one, other = Comparison({}, {"a": parts}), Comparison({}, {"a": shuffled})
    for name in ("ndcg_at_10", "rmse"):
        first, second = one.estimate("a", name), other.estimate("a", name)
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
        (study, study.estimate("a", "ndcg_at_10"), study.estimate("a", "rmse")) for study in studies
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
