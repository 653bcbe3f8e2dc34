"""Lists from familiar to adventurous: the rule itself, and lists that follow it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold import WeightedMatrixFactorization
from cinefold.recommender import MovieFilter, MovieRecommender
from cinefold.recommender.reranking import CANDIDATES, rerank

ADVENTURES = st.floats(0, 1)


@st.composite
def candidates(draw):
    """Scores, falling, the best above 0, and percentiles."""
    n = draw(st.integers(1, 30))
    scores = sorted(draw(st.lists(st.floats(-1, 4), min_size=n, max_size=n)), reverse=True)
    scores[0] = max(scores[0], 0.5)
    return scores, draw(st.lists(st.floats(0, 100), min_size=n, max_size=n))


# -- the rule -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(candidates(), ADVENTURES)
def test_the_order_is_by_the_stated_sum(movies, adventure):
    scores, percentiles = movies
    order = rerank(scores, percentiles, adventure).tolist()
    assert sorted(order) == list(range(len(scores)))
    z = [
        (1 - adventure / 2) * score / scores[0] + adventure / 2 * (1 - percentile / 100)
        for score, percentile in zip(scores, percentiles, strict=True)
    ]
    for before, after in pairwise(order):
        assert z[before] >= z[after] - 1e-9


@settings(deadline=None)
@given(candidates())
def test_0_leaves_the_list_as_it_is(movies):
    scores, percentiles = movies
    assert rerank(scores, percentiles, 0.0).tolist() == list(range(len(scores)))


@settings(deadline=None)
@given(candidates(), ADVENTURES, ADVENTURES, st.integers(1, 10))
def test_more_adventure_never_brings_better_known_movies(movies, one, other, k):
    scores, percentiles = movies
    known = [
        np.take(percentiles, rerank(scores, percentiles, adventure)[:k]).sum()
        for adventure in sorted((one, other))
    ]
    assert known[1] <= known[0] + 1e-6


def test_equal_movies_stay_in_their_order():
    assert rerank([2, 1, 1, 1], [50, 20, 20, 20], 0.7).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("scores", [[0.0, 0.0, -1.0], [-1.0, -2.0, -3.0]])
def test_without_a_score_above_0_there_is_nothing_to_weigh(scores):
    assert rerank(scores, [100, 50, 0], 1.0).tolist() == [0, 1, 2]


def test_places_without_a_candidate_stay_last():
    assert rerank([1.0, 0.5, -np.inf, -np.inf], [100, 0, 0, 0], 1.0).tolist() == [1, 0, 2, 3]


def test_many_lists_are_each_as_alone():
    generator = np.random.default_rng(0)
    scores = -np.sort(-generator.normal(1, 1, (5, 20)), axis=1)
    percentiles = generator.uniform(0, 100, (5, 20))
    alone = [rerank(*row, 0.6) for row in zip(scores, percentiles, strict=True)]
    np.testing.assert_array_equal(rerank(scores, percentiles, 0.6), alone)


@pytest.mark.parametrize("adventure", [-0.1, 1.1, float("nan")])
def test_adventure_out_of_range_is_refused(adventure):
    with pytest.raises(ValueError, match="adventure must be from 0"):
        rerank([1.0], [50], adventure)


# -- lists ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recommender(data):
    model = WeightedMatrixFactorization(n_factors=8, n_threads=1)
    return MovieRecommender(data, model.fit(data.interactions, progress=False))


def ids(lines):
    return [line.movie.id for line in lines]


def counts_of(recommender, lines):
    interactions = recommender.data.interactions
    return interactions.item_counts()[interactions.item_index(ids(lines))]


@pytest.fixture(scope="module")
def newcomer(data):
    liked = ("The Last Galaxy", "The Hidden Android", "The Golden Comet")
    return {data.movies.resolve(title).id: 5.0 for title in liked}


@pytest.fixture(params=["known", "new"])
def lists(request, recommender, newcomer):
    """Makes lists for a known user or somebody new."""
    if request.param == "known":
        return lambda k, **more: recommender.recommend(7, k, **more)
    return lambda k, **more: recommender.recommend_for(newcomer, k, **more)


def test_the_default_is_the_models_own_list(lists):
    assert lists(10, adventure=0.0) == lists(10)


def test_less_known_movies_come_forward(recommender, lists):
    own, adventurous = lists(10), lists(10, adventure=1.0)
    assert ids(own) != ids(adventurous)
    assert counts_of(recommender, adventurous).mean() < counts_of(recommender, own).mean()


def test_a_adventurous_is_of_the_same_candidates(data, lists):
    assert len(data.movies) < CANDIDATES
    everything = lists(500)
    again = lists(500, adventure=0.8)
    assert sorted(ids(again)) == sorted(ids(everything))
    assert [line.rank for line in again] == list(range(1, len(again) + 1))
    by_id = {line.movie.id: line for line in everything}
    for line in again:  # only the rank is another
        assert line.score == pytest.approx(by_id[line.movie.id].score)
        assert [r.movie for r in line.reasons] == [r.movie for r in by_id[line.movie.id].reasons]


def test_filters_and_exclusions_hold(lists):
    first = ids(lists(5, adventure=0.5))
    left = lists(5, adventure=0.5, exclude=first, filters=MovieFilter(genres=("Sci-Fi",)))
    assert left
    assert set(ids(left)).isdisjoint(first)
    assert all("Sci-Fi" in line.movie.genres for line in left)


def test_a_movie_of_two_ids_is_listed_under_the_same_one(data, lists):
    pair = [movie.id for movie in data.movies if movie.title == "The Harbour Lights"]
    assert len(pair) == 2
    listed = [set(ids(lists(500, adventure=a))) & set(pair) for a in (0.0, 1.0)]
    assert listed[0] == listed[1]
    assert len(listed[0]) <= 1


def test_lists_refuse_what_the_rule_refuses(lists):
    with pytest.raises(ValueError, match="adventure must be from 0"):
        lists(5, adventure=2)
