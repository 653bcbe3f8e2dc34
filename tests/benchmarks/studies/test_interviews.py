from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from benchmarks.studies.interviews import (
    BASELINE,
    SHIPPED,
    STRATEGIES,
    _told,
    interview,
    interview_curves,
)

from cinefold.models import WeightedMatrixFactorization
from cinefold.recommender import ColdStart, Interview, MovieRecommender
from tests.benchmarks.studies.test_cold_start import MODEL, ratings_of_tastes


@pytest.fixture(scope="module")
def curves():
    return interview_curves(
        ratings_of_tastes(), MODEL, n_questions=(0, 2, 6, 12), n_folds=3, progress=False
    )


@pytest.fixture(scope="module")
def cold_start():
    model = WeightedMatrixFactorization.preset(
        "plain", n_factors=5, max_iter=3, regularization=3.0, n_threads=1
    )
    return ColdStart(model.fit(ratings_of_tastes(), progress=False))


def line(curves, strategy, fold_in="cold start", metric="ndcg_at_10"):
    return curves.where(metric=metric, strategy=strategy, fold_in=fold_in)


def test_every_strategy_is_measured_after_each_number_of_questions(curves):
    for strategy in STRATEGIES:
        assert [record["n_questions"] for record in line(curves, strategy)] == [0, 2, 6, 12]
        known = [record["mean"] for record in line(curves, strategy, metric="n_answers")]
        assert known == sorted(known)
        assert known[0] == 0
        assert known[-1] <= 12


def test_without_questions_all_are_alike(curves):
    assert len({line(curves, strategy)[0]["mean"] for strategy in STRATEGIES}) == 1


def test_answers_improve_lists_and_good_questions_more_than_random_ones(curves):
    shipped, random = line(curves, SHIPPED), line(curves, "Random")
    assert shipped[-1]["mean"] > shipped[0]["mean"] + 0.1
    assert shipped[2]["mean"] > random[2]["mean"]
    gain = shipped[1]["mean"] - line(curves, BASELINE)[1]["mean"]
    assert shipped[1]["gain"] == pytest.approx(gain)


def test_what_is_asked_about_is_never_in_the_list():
    """Lists come from the half of the movies that is not asked about, so 'not seen' is no leak."""
    curves = interview_curves(
        ratings_of_tastes(), MODEL, strategies=[BASELINE], n_questions=(0, 45), n_folds=2,
        progress=False,
    )  # fmt: skip
    known = curves.where(metric="n_answers", fold_in="cold start")[-1]["mean"]
    recall = curves.where(metric="capped_recall_at_20", fold_in="cold start")[-1]["mean"]
    ratings = ratings_of_tastes()
    assert known == pytest.approx(ratings.n_ratings / ratings.n_users / 2, rel=0.2)
    assert recall > 0.6  # of the other half


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_movie_is_asked_about_twice_nor_outside_of_what_may_be(cold_start, strategy):
    ratings = ratings_of_tastes().by_user[:7]
    counts = cold_start.model.interactions_.item_counts()
    counts[50:] = -1
    asked = interview(cold_start, counts, ratings, STRATEGIES[strategy], 60)
    assert (np.sort(asked[:, :50], axis=1) == np.arange(50)).all()
    assert (asked[:, 50:] == -1).all()


def test_only_what_they_have_rated(cold_start):
    ratings = ratings_of_tastes().by_user[:7]
    counts = cold_start.model.interactions_.item_counts()
    n = int(np.diff(ratings.indptr).max())
    asked = interview(cold_start, counts, ratings, STRATEGIES[SHIPPED], n, only_rated=True)
    for row, questions in enumerate(asked):
        rated = ratings[[row]].indices
        assert sorted(questions[questions >= 0]) == sorted(rated)
        assert (questions[len(rated) :] == -1).all()


def test_the_most_popular_are_asked_about_in_their_order(cold_start):
    counts = cold_start.model.interactions_.item_counts()
    asked = interview(cold_start, counts, ratings_of_tastes().by_user[:2], STRATEGIES[BASELINE], 9)
    np.testing.assert_array_equal(asked[0], np.argsort(-counts, kind="stable")[:9])


def test_what_is_measured_is_what_an_interview_asks(data):
    """The simulation and the Interview of the app agree, question by question."""
    model = WeightedMatrixFactorization.preset(
        "plain", n_factors=8, regularization=5.0, n_threads=1
    )
    recommender = MovieRecommender(data, model.fit(data.interactions, progress=False))
    twins = {movie.id for movie in data.movies if movie.title == "The Harbour Lights"}
    counts = data.interactions.item_counts()
    counts[data.interactions.item_index(sorted(twins))] = -1
    person = data.interactions.by_user[[4]]
    asked = interview(recommender.cold_start, counts, person, STRATEGIES[SHIPPED], 12)
    items, stars = data.interactions.user_ratings(data.interactions.user_ids[4])
    known = dict(zip(items.tolist(), stars.tolist(), strict=True))
    real, order = Interview(recommender, skipped=twins), []
    for _ in range(12):
        (movie,) = real.next()
        order.append(movie.id)
        if movie.id in known:
            real.answer(movie.id, known[movie.id])
        else:
            real.not_seen(movie.id)
    assert data.interactions.item_ids[asked[0]].tolist() == order


def test_answers_are_ratings_or_not_seen():
    answers = sp.csr_array(np.array([[0, 5.0, 0, 3], [0, 0, 0, 0], [2, 0, 0, 0]]))
    asked = np.array([[3, 0], [2, -1], [-1, -1]])
    told, not_seen = _told(answers, asked)
    np.testing.assert_array_equal(told.toarray(), [[0, 0, 0, 3], [0] * 4, [0] * 4])
    np.testing.assert_array_equal(not_seen.toarray(), [[1, 0, 0, 0], [0, 0, 1, 0], [0] * 4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_questions": ()}, "n_questions must be numbers of questions"),
        ({"n_questions": (-1,)}, r"0 or more, not \[-1\]"),
        ({"strategies": ["Best"]}, "strategies must be among .*not 'Best'"),
    ],
)
def test_wrong_parameters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        interview_curves(ratings_of_tastes(), MODEL, progress=False, **arguments)
