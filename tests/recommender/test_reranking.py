"""Lists from familiar to adventurous: the rule itself, and lists that follow it."""

from __future__ import annotations

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
    """Scores, falling, numbers of ratings, and what is liked."""
    n = draw(st.integers(0, 80))
    scores = sorted(draw(st.lists(st.floats(-1, 4), min_size=n, max_size=n)), reverse=True)
    counts = draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n))
    liked = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    return scores, counts, liked


# -- the rule -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(candidates(), ADVENTURES, st.integers(1, 20))
def test_all_candidates_are_in_the_order_once(movies, adventure, k):
    scores, counts, liked = movies
    order = rerank(scores, counts, k, adventure=adventure, liked=liked)
    assert sorted(order.tolist()) == list(range(len(scores)))


@settings(deadline=None)
@given(candidates(), ADVENTURES)
def test_what_is_not_liked_comes_behind_where_ten_are(movies, adventure):
    scores, counts, liked = movies
    likes = liked[rerank(scores, counts, 10, adventure=adventure, liked=liked)]
    if likes[:50].sum() >= 10:
        assert likes[:10].all()


@settings(deadline=None)
@given(candidates())
def test_0_leaves_the_list_as_it_is(movies):
    scores, counts, _ = movies
    assert rerank(scores, counts, 10).tolist() == list(range(len(scores)))


@pytest.mark.parametrize(
    ("adventure", "k", "n_others"), [(1, 10, 9), (0.5, 10, 5), (0.25, 10, 2), (1, 5, 5), (1, 1, 1)]
)
def test_the_share_of_the_list_that_is_given_to_others(adventure, k, n_others):
    scores, counts = np.linspace(2, 1, 100), np.linspace(1000, 10, 100)
    order = rerank(scores, counts, k, adventure=adventure)
    assert (order[:k] >= k).sum() == n_others
    assert order[: k - n_others].tolist() == list(range(k - n_others))


def test_others_are_those_of_the_best_discounted_scores():
    scores = [4.0, 3.0, 2.0, 1.0, 0.5, -1.0]
    counts = [100, 100, 100, 4, 100, 0]  # discounted: .4 .3 .2 .5 .05 -1
    assert rerank(scores, counts, 2, adventure=0.5).tolist() == [0, 3, 1, 2, 4, 5]


@pytest.mark.parametrize("adventure", [-0.1, 1.1, float("nan")])
def test_adventure_out_of_range_is_refused(adventure):
    with pytest.raises(ValueError, match="adventure must be from 0"):
        rerank([1.0], [50], 1, adventure=adventure)


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
