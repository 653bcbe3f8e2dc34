from __future__ import annotations

import numpy as np
import pytest

from cinefold import UnknownIdError
from cinefold.models import WeightedMatrixFactorization
from cinefold.recommender import Crowd, MovieRecommender, loves
from cinefold.recommender.unexpected_favourites import places_without

PARAMETERS = [
    {},
    {"unobserved_weight": 0.0},
    {"regularization_exponent": 0.5, "regularization": 0.5},
    {"target": "binary", "alpha": 2.0},
]


@pytest.fixture(scope="module")
def crowd(data):
    return Crowd(data)


def trained(data, **parameters):
    model = WeightedMatrixFactorization(
        **{"n_factors": 8, "regularization": 5.0, "n_threads": 1, **parameters}
    )
    return MovieRecommender(data, model.fit(data.interactions, progress=False))


@pytest.fixture(scope="module")
def recommender(data):
    return trained(data)


def ratings_of(data, user):
    items, stars = data.interactions.user_ratings(user)
    return dict(zip(items.tolist(), stars.tolist(), strict=True))


def everybody(data):
    return [ratings_of(data, user) for user in data.interactions.user_ids.tolist()]


# -- beside the average user ----------------------------------------------------------------------


def test_genres_and_decades_count_by_hand(data, crowd):
    people = everybody(data)
    mine = people[4]
    comparison = crowd.compare(mine)
    kinds = {
        "genres": lambda movie: movie.genres,
        "decades": lambda movie: () if movie.year is None else (f"{movie.year // 10 * 10}s",),
    }
    for kind, groups in kinds.items():
        entries = getattr(comparison, kind)
        assert entries
        for entry in entries:

            def stars_in(ratings, groups=groups, name=entry.name):
                return [s for item, s in ratings.items() if name in groups(data.movies[item])]

            own, all_of_it = stars_in(mine), [s for person in people for s in stars_in(person)]
            assert entry.n_ratings == len(own)
            assert entry.share == pytest.approx(len(own) / len(mine))
            shares = [len(stars_in(person)) / len(person) for person in people]
            assert entry.average_share == pytest.approx(np.mean(shares))
            if all_of_it:
                assert entry.average_rating == pytest.approx(np.mean(all_of_it))
            if own:
                assert entry.mean_rating == pytest.approx(np.mean(own))
                everything = [s for person in people for s in person.values()]
                generosity = np.mean(list(mine.values())) - np.mean(everything)
                difference = entry.mean_rating - entry.average_rating
                assert entry.liking == pytest.approx(difference - generosity)
            else:
                assert np.isnan(entry.mean_rating)


def test_genres_come_by_falling_share_and_decades_in_time(data, crowd):
    comparison = crowd.compare(ratings_of(data, 1))
    shares = [entry.share for entry in comparison.genres]
    assert shares == sorted(shares, reverse=True)
    names = [entry.name for entry in comparison.decades]
    assert names == sorted(names)


def test_habits_by_hand(data, crowd):
    people = everybody(data)
    mine = people[2]
    habits = crowd.compare(mine).habits
    stars = [np.array(list(person.values())) for person in people]
    counts = dict(
        zip(
            data.interactions.item_ids.tolist(),
            data.interactions.item_counts().tolist(),
            strict=True,
        )
    )
    fame = [np.median([counts[item] for item in person]) for person in people]
    assert habits.n_ratings == len(mine)
    assert habits.median_ratings == np.median([len(person) for person in people])
    assert habits.mean_rating == pytest.approx(stars[2].mean())
    assert habits.average_rating == pytest.approx(np.mean([s.mean() for s in stars]))
    assert habits.spread == pytest.approx(stars[2].std())
    assert habits.average_spread == pytest.approx(np.mean([s.std() for s in stars]))
    assert habits.fame == pytest.approx(fame[2])
    assert habits.average_fame == pytest.approx(np.mean(fame))
    for value, share, average in habits.stars:
        assert share == pytest.approx((stars[2] == value).mean())
        assert average == pytest.approx(np.mean([(s == value).mean() for s in stars]))


def test_half_stars_of_somebody_new_are_counted(data, crowd):
    habits = crowd.compare({data.movies.ids[0].item(): 3.4, data.movies.ids[1].item(): 4.0}).habits
    assert sum(share for _, share, _ in habits.stars) == pytest.approx(1)


def test_what_others_gave_leaves_out_their_own(data, crowd):
    people = everybody(data)
    mine = people[7]
    means, counts = crowd.others(mine, included=True)
    overall = data.interactions.by_user.data.mean(dtype=np.float64)
    for item, mean, count in zip(mine, means.tolist(), counts.tolist(), strict=True):
        others = [p[item] for p in people if item in p and p is not mine]
        assert count == len(others)
        assert mean == pytest.approx((sum(others) + 5 * overall) / (len(others) + 5))
    _, with_mine = crowd.others(mine, included=False)
    np.testing.assert_array_equal(with_mine, counts + 1)


def test_wrong_ratings(crowd):
    with pytest.raises(ValueError, match="ratings is empty"):
        crowd.compare({})
    with pytest.raises(UnknownIdError):
        crowd.compare({10**9: 5.0})


# -- loves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_places_are_those_of_a_list_without_the_rating(data, parameters, known):
    recommender = trained(data, **parameters)
    model, ratings = recommender.model, ratings_of(data, 3)
    items = list(ratings)[:6]
    places, n_places = places_without(recommender, ratings, items, known=known)
    for item, place in zip(items, places.tolist(), strict=True):
        least = 0 if known else recommender.lowest_rating
        others = {i: stars - least for i, stars in ratings.items() if i != item}
        folded = model.fold_in(others)
        ranking = model.recommend(folded, model.interactions_.n_items, exclude=list(others))
        assert n_places == len(ranking.items)
        scores = dict(zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True))
        # Rounding may swap films of nearly the same score.
        slack = 1e-4 * max(map(abs, scores.values()))
        above = sum(score > scores[item] + slack for score in scores.values())
        not_below = sum(score >= scores[item] - slack for score in scores.values())
        assert above < place <= not_below


def test_loves_are_high_ratings_the_least_expected_first(data, crowd, recommender):
    ratings = ratings_of(data, 5)
    found = loves(recommender, crowd, ratings, known=True)
    mean = np.mean(list(ratings.values()))
    expected = {item for item, s in ratings.items() if s > recommender.middle_rating and s >= mean}
    assert {love.movie.id for love in found} == expected
    excess = [love.excess for love in found]
    assert excess == sorted(excess, reverse=True)
    assert all(love.rating == ratings[love.movie.id] for love in found)
    assert all(1 <= love.place <= love.n_places for love in found)


def test_nobody_to_love(data, crowd, recommender):
    films = data.movies.ids[:3].tolist()
    assert loves(recommender, crowd, {}, known=False) == []
    assert loves(recommender, crowd, dict.fromkeys(films, 1.0), known=False) == []


def test_one_love(data, crowd, recommender):
    film = data.movies.ids[0].item()
    (love,) = loves(recommender, crowd, {film: 5.0}, known=False)
    assert love.movie.id == film
    assert love.n_places == recommender.model.interactions_.n_items
