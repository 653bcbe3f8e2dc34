from __future__ import annotations

import numpy as np
import pytest

from cinefold.recommender import MovieFilter


def passing(recommender, filters):
    return [line.movie for line in recommender.recommend(7, 500, filters=filters)]


def test_genres(recommender):
    chosen = passing(recommender, MovieFilter(genres=("sci-fi", "WAR")))
    assert chosen
    assert all({"Sci-Fi", "War"} & set(movie.genres) for movie in chosen)
    left = passing(recommender, MovieFilter(exclude_genres=("Sci-Fi", "War")))
    assert len(chosen) + len(left) == len(passing(recommender, None))


@pytest.mark.parametrize("years", [(1960, 1969), (1980, None), (None, 1955), (1984, 1984)])
def test_years(recommender, years):
    first, last = years[0] or 0, years[1] or 9999
    everything = passing(recommender, None)
    expected = {m.id for m in everything if m.year is not None and first <= m.year <= last}
    assert {m.id for m in passing(recommender, MovieFilter(years=years))} == expected != set()


def test_numbers_of_ratings(data, recommender):
    interactions = data.interactions
    counts = dict(zip(interactions.item_ids.tolist(), interactions.item_counts(), strict=True))
    known = passing(recommender, MovieFilter(min_ratings=12))
    assert known
    assert min(counts[movie.id] for movie in known) >= 12
    less = passing(recommender, MovieFilter(popularity=(0, 50)))
    more = passing(recommender, MovieFilter(popularity=(90, 100)))
    assert max(counts[m.id] for m in less) <= np.median(interactions.item_counts())
    assert min(counts[m.id] for m in more) >= np.percentile(interactions.item_counts(), 85)


def test_conditions_add_up_and_may_leave_nothing(recommender):
    none = MovieFilter(genres=("Sci-Fi",), exclude_genres=("Sci-Fi",))
    assert recommender.recommend(7, filters=none) == []
    both = MovieFilter(genres=("Sci-Fi",), years=(1960, 1969))
    assert all("Sci-Fi" in m.genres and 1960 <= m.year <= 1969 for m in passing(recommender, both))


def test_no_condition_lets_all_pass(recommender):
    assert recommender.recommend(7, 9, filters=MovieFilter()) == recommender.recommend(7, 9)


def test_an_unknown_genre_lists_those_there_are(recommender):
    with pytest.raises(ValueError, match=r"'Scifi'.*Romance, Sci-Fi"):
        recommender.recommend(7, filters=MovieFilter(genres=("Scifi",)))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"years": (1999, 1980)}, "1999 to 1980"),
        ({"popularity": (50, 10)}, "50 to 10"),
        ({"popularity": (0, 101)}, "0 to 101"),
        ({"min_ratings": -1}, "-1"),
    ],
)
def test_impossible_conditions_are_refused(condition, message):
    with pytest.raises(ValueError, match=message):
        MovieFilter(**condition)
