"""How far scores and predicted stars are from ratings."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.calibration import COUNTS, HeldOut, by_popularity, predict, reliability, report

from cinefold import WeightedMatrixFactorization
from cinefold.metrics import rmse


@pytest.fixture(scope="module")
def found(data):
    small = {"n_factors": 4, "n_threads": 1}
    return predict(data.interactions, WeightedMatrixFactorization.preset("plain", **small), 0)


def test_scores_are_drawn_towards_zero_and_stars_are_not(found):
    assert found.scores.mean() < found.actual.mean() - 0.2
    assert found.stars.mean() == pytest.approx(found.actual.mean(), abs=0.3)
    assert rmse(found.stars, found.actual) < rmse(found.scores, found.actual)


def test_the_same_seed_gives_the_same_pairs(data, found):
    again = predict(data.interactions, WeightedMatrixFactorization.preset("stars"), 0)
    np.testing.assert_array_equal(again.actual, found.actual)
    np.testing.assert_array_equal(again.counts, found.counts)


def test_counts_are_those_of_training(data, found):
    assert found.counts.max() <= data.interactions.item_counts().max()
    assert len(found.actual) == pytest.approx(0.1 * data.interactions.n_ratings, rel=0.3)


HAND = HeldOut(
    actual=np.array([1.0, 3, 5, 4]),
    scores=np.array([0.0, 1, 2, 3]),
    stars=np.array([2.74, 2.26, 4.75, 4.8]),
    counts=np.array([9, 10, 300, 2000]),
)


def test_lines_by_popularity_by_hand():
    assert COUNTS[:2] == (0, 10)
    assert by_popularity(HAND) == [
        ["0 to 9", "1", "1.00", "0.00", "2.74"],
        ["10 to 29", "1", "3.00", "1.00", "2.26"],
        ["300 or more", "2", "4.50", "2.50", "4.78"],
    ]


def test_lines_by_half_stars_by_hand():
    """2.26 and 2.74 round to 2.5, 4.75 up to 5; the error of a mean of two is half their gap."""
    assert reliability(HAND) == [
        ["2.5", "2", "2.50", "2.00 ± 1.00"],
        ["5.0", "2", "4.78", "4.50 ± 0.50"],
    ]


def test_the_report_has_errors_and_both_tables():
    lines = report(HAND).splitlines()
    assert lines[0] == f"RMSE of scores (u.v): {np.sqrt((1 + 4 + 9 + 1) / 4):.3f}"
    assert [line.count("|") for line in lines if line.startswith("| movie")] == [6]
    assert [line.count("|") for line in lines if line.startswith("| predicted")] == [5]
