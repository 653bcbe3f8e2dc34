from __future__ import annotations

import numpy as np
import pytest

from cinefold.recommender import ColdStart
from cinefold.recommender.question_selection import QuestionSelection
from tests.recommender.test_cold_start import N_ITEMS, OBJECTIVES, equations, fitted

NOTHING = np.empty(0, np.int64)


def setting(parameters=OBJECTIVES[0]):
    model = fitted(**parameters)
    cold_start = ColdStart(model)
    return cold_start, QuestionSelection(cold_start, model.interactions_.item_counts())


def gain(cold_start, covariance, scores, item):
    """How much less uncertain the scores are, by inverting the equations anew."""
    vectors = cold_start.vectors
    confidence = cold_start.weights[item] * cold_start.typical_confidence
    rated = np.outer(vectors[item], vectors[item]) * confidence
    after = np.linalg.inv(np.linalg.inv(covariance) + rated)
    left = np.einsum("id,de,ie->i", vectors, covariance - after, vectors)
    return np.square(scores.clip(0)) @ left


@pytest.mark.parametrize("parameters", OBJECTIVES)
def test_a_question_is_worth_its_gain_times_the_chance_of_an_answer(parameters):
    cold_start, selection = setting(parameters)
    posterior = equations(cold_start, {2: 5.0, 9: 2.0}, [4]).posterior()
    candidates = np.array([0, 7, 30, 5])
    scores = cold_start.vectors @ posterior.mean
    if cold_start.model.objective_.unobserved_weight:
        chance = (scores / cold_start.typical_target).clip(0.01, 1)
    else:  # scores are stars, and do not tell whether they know a movie
        chance = (
            cold_start.model.interactions_.item_counts() / cold_start.model.interactions_.n_users
        )
    expected = [
        chance[item] * gain(cold_start, posterior.covariance, scores, item) for item in candidates
    ]
    np.testing.assert_allclose(
        selection.values(posterior, candidates), expected, rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("parameters", OBJECTIVES)
def test_each_question_assumes_that_those_before_it_are_answered(parameters):
    cold_start, selection = setting(parameters)
    never = np.array([2, 9, 4, 6])
    posterior = equations(cold_start, {2: 5.0, 9: 2.0}, [4]).posterior()
    covariance, scores = posterior.covariance, cold_start.vectors @ posterior.mean
    if cold_start.model.objective_.unobserved_weight:
        chance = (scores / cold_start.typical_target).clip(0.01, 1)
    else:
        chance = (
            cold_start.model.interactions_.item_counts() / cold_start.model.interactions_.n_users
        )
    left = [item for item in range(N_ITEMS) if item not in never]
    expected = []
    for _ in range(4):
        best = max(left, key=lambda item: chance[item] * gain(cold_start, covariance, scores, item))
        expected.append(best)
        left.remove(best)
        vector = cold_start.vectors[best]
        confidence = cold_start.weights[best] * cold_start.typical_confidence
        rated = np.outer(vector, vector) * confidence
        covariance = np.linalg.inv(np.linalg.inv(covariance) + rated)
    assert selection.choose(posterior, 4, never=never) == expected


def test_only_the_best_known_are_asked_about_until_they_run_out(monkeypatch):
    monkeypatch.setattr("cinefold.recommender.question_selection._WELL_KNOWN", 6)
    cold_start, selection = setting()
    counts = cold_start.model.interactions_.item_counts()
    by_count = np.argsort(-counts, kind="stable")
    nobody = equations(cold_start, {}).posterior()
    first = selection.choose(nobody, 20, never=NOTHING)
    assert sorted(first) == sorted(by_count[:6].tolist())
    later = selection.choose(nobody, 20, never=by_count[:4])
    assert sorted(later) == sorted(by_count[4:10].tolist())
    assert selection.choose(nobody, 20, never=by_count) == []


def test_answers_move_the_questions_to_what_they_know():
    """Who likes even movies, and has not seen odd ones, is asked about even ones."""
    cold_start, selection = setting()
    posterior = equations(cold_start, dict.fromkeys([0, 2, 4], 5.0), [1, 3, 5]).posterior()
    asked = selection.choose(posterior, 5, never=np.arange(6))
    assert sum(item % 2 == 0 for item in asked) >= 4
