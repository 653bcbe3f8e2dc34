from __future__ import annotations

import numpy as np
import pytest

from cinefold import UnknownIdError
from cinefold.recommender import Population


@pytest.fixture(scope="module")
def population(data):
    return Population(data)


def ratings_of(data, user):
    items, stars = data.interactions.user_ratings(user)
    return dict(zip(items.tolist(), stars.tolist(), strict=True))


def everybody(data):
    return [ratings_of(data, user) for user in data.interactions.user_ids.tolist()]


def test_genres_and_decades_count_by_hand(data, population):
    people = everybody(data)
    mine = people[4]
    comparison = population.compare(mine)
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
                assert entry.liking == pytest.approx(
                    (difference - generosity) * entry.n_ratings / (entry.n_ratings + 10)
                )
            else:
                assert np.isnan(entry.mean_rating)


def test_genres_come_by_falling_share_and_decades_in_time(data, population):
    comparison = population.compare(ratings_of(data, 1))
    shares = [entry.share for entry in comparison.genres]
    assert shares == sorted(shares, reverse=True)
    names = [entry.name for entry in comparison.decades]
    assert names == sorted(names)


def test_habits_by_hand(data, population):
    people = everybody(data)
    mine = people[2]
    comparison = population.compare(mine)
    habits, average = comparison.habits, comparison.average_habits
    stars = [np.array(list(person.values())) for person in people]
    counts = dict(
        zip(
            data.interactions.item_ids.tolist(),
            data.interactions.item_counts().tolist(),
            strict=True,
        )
    )
    popularity = [np.median([counts[item] for item in person]) for person in people]
    assert habits.n_ratings == len(mine)
    assert average.n_ratings == np.median([len(person) for person in people])
    assert habits.mean_rating == pytest.approx(stars[2].mean())
    assert average.mean_rating == pytest.approx(np.mean([s.mean() for s in stars]))
    assert habits.spread == pytest.approx(stars[2].std())
    assert average.spread == pytest.approx(np.mean([s.std() for s in stars]))
    assert habits.popularity == pytest.approx(popularity[2])
    assert average.popularity == pytest.approx(np.mean(popularity))
    for (value, share), (same, average_share) in zip(
        habits.star_shares, average.star_shares, strict=True
    ):
        assert value == same
        assert share == pytest.approx((stars[2] == value).mean())
        assert average_share == pytest.approx(np.mean([(s == value).mean() for s in stars]))


def test_half_stars_of_somebody_new_are_counted(data, population):
    habits = population.compare(
        {data.movies.ids[0].item(): 3.4, data.movies.ids[1].item(): 4.0}
    ).habits
    assert sum(share for _, share in habits.star_shares) == pytest.approx(1)


def test_what_others_gave_leaves_out_their_own(data, population):
    people = everybody(data)
    mine = people[7]
    means, counts = population.others(mine, included=True)
    overall = data.interactions.by_user.data.mean(dtype=np.float64)
    for item, mean, count in zip(mine, means.tolist(), counts.tolist(), strict=True):
        others = [p[item] for p in people if item in p and p is not mine]
        assert count == len(others)
        assert mean == pytest.approx((sum(others) + 5 * overall) / (len(others) + 5))
    _, with_mine = population.others(mine, included=False)
    np.testing.assert_array_equal(with_mine, counts + 1)


def test_wrong_ratings(population):
    with pytest.raises(ValueError, match="ratings is empty"):
        population.compare({})
    with pytest.raises(UnknownIdError):
        population.compare({10**9: 5.0})


def test_with_very_many_users_the_average_one_is_that_of_a_stated_sample(
    data, population, monkeypatch
):
    assert population.sample is None
    monkeypatch.setattr("cinefold.recommender.population._MOST_AVERAGED", 20)
    few = Population(data)
    assert few.sample == 20
    mine = everybody(data)[4]
    assert few.compare(mine).average_habits != population.compare(mine).average_habits
    assert few.compare(mine).habits == population.compare(mine).habits
    assert few.mean_rating == population.mean_rating
    np.testing.assert_array_equal(
        few.others(mine, included=True), population.others(mine, included=True)
    )
    again = Population(data).compare(mine).average_habits
    assert again == few.compare(mine).average_habits
