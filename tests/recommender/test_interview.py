from __future__ import annotations

import math

import pytest

from cinefold import UnknownIdError
from cinefold.models import WeightedMatrixFactorization
from cinefold.recommender import Interview, MovieRecommender


@pytest.fixture(scope="module")
def recommender(data):
    model = WeightedMatrixFactorization.preset(
        "plain", n_factors=8, regularization=5.0, n_threads=1
    )
    return MovieRecommender(data, model.fit(data.interactions, progress=False))


def ids(movies):
    return [movie.id for movie in movies]


def fan_of(genre, interview, n):
    """Answers n questions: 5 stars to the genre, the rest not seen."""
    for _ in range(n):
        (movie,) = interview.next()
        if genre in movie.genres:
            interview.answer(movie.id, 5)
        else:
            interview.not_seen(movie.id)


def test_it_starts_with_what_people_like_in_general(recommender):
    interview = Interview(recommender)
    lines = interview.recommendations(5)
    users = recommender.model.user_factors_.mean(axis=0)
    scores = recommender.model.item_factors_ @ users
    assert [line.score for line in lines] == pytest.approx(
        sorted(scores, reverse=True)[:5], rel=0.1
    )
    assert interview.movement.overlap == 1
    assert interview.movement.new == ()


def test_no_question_is_asked_twice(recommender):
    interview, asked = Interview(recommender), []
    for number in range(12):
        (movie,) = interview.next()
        asked.append(movie.id)
        (interview.not_seen, interview.skip, lambda movie: interview.answer(movie, 3))[number % 3](
            movie.id
        )
    assert len(set(asked)) == 12
    assert set(ids(interview.next(500))).isdisjoint(asked)
    assert [answer.movie.id for answer in interview.answers] == asked
    assert [answer.kind for answer in interview.answers][:3] == ["not seen", "skipped", "rated"]
    assert interview.answers[2].stars == 3


def test_the_list_moves_towards_what_they_like(recommender):
    interview = Interview(recommender)
    before = sum("Horror" in line.movie.genres for line in interview.recommendations())
    fan_of("Horror", interview, 12)
    after = sum("Horror" in line.movie.genres for line in interview.recommendations())
    assert after > before + 2
    assert interview.movement.overlap < 0.7


def test_movement_is_the_difference_of_the_lists_without_what_was_rated(recommender):
    interview = Interview(recommender, length=6)
    fan_of("Western", interview, 4)
    (movie,) = interview.next()
    before = ids(line.movie for line in interview.recommendations(7))
    answer = interview.answer(movie.id, 1)
    after = ids(line.movie for line in interview.recommendations(6))
    moved = answer.movement
    assert ids(moved.before) == [other for other in before if other != movie.id][:6]
    assert ids(moved.after) == after
    assert ids(moved.new) == [movie for movie in after if movie not in ids(moved.before)]
    assert moved.overlap == 1 - len(moved.new) / 6
    assert movie.id not in after


def test_a_movie_not_seen_may_be_recommended_and_a_rated_one_not(recommender):
    best = ids(line.movie for line in Interview(recommender).recommendations(1))[0]
    interview = Interview(recommender, not_seen=[best])
    assert best in ids(line.movie for line in interview.recommendations(500))
    interview.answer(best, 4)
    assert best not in ids(line.movie for line in interview.recommendations(500))
    assert interview.not_seen_ids == []


def test_skipping_tells_nothing(recommender):
    interview = Interview(recommender, {1: 5.0})
    before = interview.recommendations()
    answer = interview.skip(interview.next()[0].id)
    assert interview.recommendations() == before
    assert answer.movement.overlap == 1


def test_an_answer_can_be_taken_back(recommender):
    interview = Interview(recommender)
    questions, lines = interview.next(5), interview.recommendations()
    interview.answer(questions[0].id, 5)
    interview.not_seen(questions[1].id)
    assert interview.recommendations() != lines
    interview.take_back(questions[0].id)
    interview.take_back(questions[1].id)
    assert (interview.next(5), interview.recommendations()) == (questions, lines)
    assert interview.answers == []


def test_what_was_known_before_counts_but_is_no_answer(recommender):
    known = Interview(recommender, {1: 5.0, 2: 4.0}, not_seen=[30], skipped=[31])
    assert known.answers == []
    assert known.movement.overlap == 1
    assert {1, 2, 30, 31}.isdisjoint(ids(known.next(500)))
    asked = Interview(recommender)
    asked.answer(1, 5)
    asked.answer(2, 4)
    asked.not_seen(30)
    assert known.recommendations() == asked.recommendations()


@pytest.mark.parametrize("stars", [math.nan, math.inf])
def test_wrong_answers_are_refused_and_change_nothing(recommender, stars):
    interview = Interview(recommender, {1: 5.0})
    with pytest.raises(ValueError, match=r"the rating of movie 2 must be a finite number"):
        interview.answer(2, stars)
    with pytest.raises(UnknownIdError, match="98765"):
        interview.not_seen(98765)
    assert interview.ratings == {1: 5.0}
    assert interview.not_seen_ids == interview.answers == []
