"""Lists for several people, against the rules worked out movie by movie."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import UnknownIdError, WeightedMatrixFactorization
from cinefold.recommender import (
    AGGREGATIONS,
    GroupMember,
    KnownUser,
    MovieFilter,
    MovieRecommender,
    NewUser,
    recommend_to_group,
)


@pytest.fixture(scope="module")
def recommender(data):
    """Trained on a part, so that some of what people have rated is news to the model."""
    training, _ = data.interactions.split(fraction=0.2)
    model = WeightedMatrixFactorization(n_factors=8, n_threads=1)
    return MovieRecommender(data, model.fit(training, progress=False))


@pytest.fixture(scope="module")
def people(data):
    """Two users of different taste, and somebody new who likes a third kind."""
    liked = ("The Last Kiss", "The Golden Wedding", "The Silent Letter")
    ratings = {data.movies.resolve(title).id: 5.0 for title in liked}
    ratings[data.movies.resolve("The Last Saloon").id] = 1.0
    return [GroupMember("Ann", 7), GroupMember("Ben", 9), GroupMember("Cleo", ratings=ratings)]


def movies_seen(data, person):
    """(title, year) of all movies that somebody has rated."""
    rated = person.ratings
    if rated is None:
        rated = data.interactions.user_ratings(person.user_id)[0].tolist()
    return {(data.movies[item].title, data.movies[item].year) for item in rated}


def relative(recommender, people):
    """{(title, year): relative score of each person} of movies nobody has seen, found alone."""
    data, movies = recommender.data, {}
    counts = dict(
        zip(
            data.interactions.item_ids.tolist(),
            data.interactions.item_counts().tolist(),
            strict=True,
        )
    )
    seen = [movies_seen(data, person) for person in people]
    columns = []
    for person, own in zip(people, seen, strict=True):
        scores = (
            KnownUser(recommender, person.user_id)
            if person.ratings is None
            else NewUser(recommender, person.ratings)
        ).scores()
        unseen = [
            score
            for movie, score in zip(recommender.movies, scores, strict=True)
            if (movie.title, movie.year) not in own
        ]
        columns.append(scores / np.mean(sorted(unseen)[-10:]))
    order = sorted(range(len(recommender.movies)), key=lambda n: counts[recommender.movies[n].id])
    for place in order:  # the most rated id of a movie comes last, and stays
        movie = recommender.movies[place]
        if not any((movie.title, movie.year) in own for own in seen):
            movies[movie.title, movie.year] = [column[place] for column in columns]
    return movies


def names(lines):
    return [(line.movie.title, line.movie.year) for line in lines]


@pytest.mark.parametrize(
    ("rule", "value"), [("average", np.mean), ("least misery", min), ("most pleasure", max)]
)
def test_the_list_is_the_best_by_the_rule(recommender, people, rule, value):
    movies = relative(recommender, people)
    lines = recommend_to_group(recommender, people, 12, aggregation=rule)
    best = sorted((value(scores) for scores in movies.values()), reverse=True)[:12]
    assert [line.score for line in lines] == pytest.approx(best, rel=1e-6)
    assert [line.rank for line in lines] == list(range(1, 13))
    for line, name in zip(lines, names(lines), strict=True):
        assert [o.name for o in line.opinions] == ["Ann", "Ben", "Cleo"]
        assert [o.relative for o in line.opinions] == pytest.approx(movies[name], rel=1e-6)
        assert value([o.relative for o in line.opinions]) == pytest.approx(line.score)
        assert all(o.stars is None and o.rated is None for o in line.opinions)


def test_fair_lists_take_turns(recommender, people):
    movies = relative(recommender, people)
    given, left, expected = np.zeros(3), dict(movies), []
    for _ in range(8):
        name = max(left, key=lambda movie: min(given + left[movie]))
        given += left.pop(name)
        expected.append(name)
    lines = recommend_to_group(recommender, people, 8, aggregation="fair")
    assert names(lines) == expected
    assert [line.score for line in lines] == pytest.approx([np.mean(movies[n]) for n in expected])


@pytest.mark.parametrize("rule", AGGREGATIONS)
def test_whom_one_names_first_does_not_matter(recommender, people, rule):
    lines = recommend_to_group(recommender, people, 10, aggregation=rule)
    again = recommend_to_group(recommender, people[::-1], 10, aggregation=rule)
    assert names(lines) == names(again)


@pytest.mark.parametrize("rule", AGGREGATIONS)
def test_nobody_has_seen_what_is_listed(data, recommender, people, rule):
    lines = recommend_to_group(recommender, people, 500, aggregation=rule)
    listed = names(lines)
    assert len(listed) == len(set(listed))
    everything = {(movie.title, movie.year) for movie in recommender.movies}
    assert set(listed) == everything - set().union(*(movies_seen(data, p) for p in people))


def test_movies_seen_without_stars_are_left_out_too(recommender, people):
    first, *rest = recommend_to_group(recommender, people, 5)
    cleo = GroupMember("Cleo", ratings=people[2].ratings, seen=(first.movie.id,))
    after = recommend_to_group(recommender, [*people[:2], cleo], 4)
    assert first.movie not in [line.movie for line in after]
    assert after[0].movie in [line.movie for line in rest]


def test_movies_that_some_have_seen_and_liked(data, recommender, people):
    pair = people[:2]
    lines = recommend_to_group(recommender, pair, 500, seen_by_some=True)
    strict = set(names(recommend_to_group(recommender, pair, 500)))
    more = [line for line in lines if (line.movie.title, line.movie.year) not in strict]
    assert more
    for line in more:
        rated = [o.rated for o in line.opinions if o.rated is not None]
        assert len(rated) == 1
        assert rated[0] >= recommender.middle_rating
        assert all(o.relative <= 1 for o in line.opinions if o.rated is not None)
    both = movies_seen(data, pair[0]) & movies_seen(data, pair[1])
    assert both.isdisjoint(names(lines))


def test_filters_and_exclusions_hold(recommender, people):
    first = recommend_to_group(recommender, people, 3)
    left = recommend_to_group(
        recommender,
        people,
        5,
        exclude=[line.movie.id for line in first],
        filters=MovieFilter(exclude_genres=("Romance",)),
    )
    assert left
    assert not {line.movie for line in first} & {line.movie for line in left}
    assert not any("Romance" in line.movie.genres for line in left)
    none = MovieFilter(genres=("Sci-Fi",), exclude_genres=("Sci-Fi",))
    assert recommend_to_group(recommender, people, filters=none) == []


def test_scores_are_those_of_the_lists_one_gets_alone(recommender, people):
    ann, _, cleo = people
    for lines, scores in (
        (recommender.recommend(ann.user_id, 20), KnownUser(recommender, ann.user_id).scores()),
        (recommender.recommend_for(cleo.ratings, 20), NewUser(recommender, cleo.ratings).scores()),
    ):
        by_id = dict(zip((movie.id for movie in recommender.movies), scores, strict=True))
        expected = [line.score for line in lines]
        assert [by_id[line.movie.id] for line in lines] == pytest.approx(expected, rel=1e-4)


class TenthOfTheId:
    """Predicts a tenth of the movie's id, more the user's id or the number of their ratings."""

    def predict(self, users, items):
        return np.asarray(items) / 10 + users

    def fold_in(self, ratings, ranked):
        assert ranked.ratings.nnz == len(ratings)
        return len(ratings)


def test_each_persons_stars_are_predicted_from_what_is_known_of_them(recommender, people):
    starred = MovieRecommender(recommender.data, recommender.model, TenthOfTheId())
    for line in recommend_to_group(starred, people, 6):
        ann, ben, cleo = line.opinions
        assert ann.stars == pytest.approx(line.movie.id / 10 + 7)
        assert ben.stars == pytest.approx(line.movie.id / 10 + 9)
        assert cleo.stars == pytest.approx(line.movie.id / 10 + 4)


def test_somebody_who_likes_nothing_is_named(data, recommender, people):
    movie = data.movies.resolve("The Last Kiss").id
    with pytest.raises(ValueError, match="for Dan yet: they have rated no movie above 1, the"):
        recommend_to_group(recommender, [people[0], GroupMember("Dan", ratings={movie: 1.0})])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"members": []}, "two or more people, not 0"),
        ({"members": [GroupMember("Ann", 7)]}, "two or more people, not 1"),
        ({"members": [GroupMember("Ann", 7), GroupMember("Ann", 9)]}, "two people are called Ann"),
        ({"aggregation": "dictator"}, "one of .'average', 'least misery', .*not 'dictator'"),
        ({"k": 0}, "k must be at least 1"),
    ],
)
def test_impossible_wishes_are_refused(recommender, people, change, message):
    with pytest.raises(ValueError, match=message):
        recommend_to_group(recommender, **{"members": people, **change})


def test_unknown_ids_are_named(recommender, people):
    with pytest.raises(UnknownIdError, match="999"):
        recommend_to_group(recommender, [people[0], GroupMember("Eve", 999)])
    with pytest.raises(UnknownIdError, match="12345"):
        recommend_to_group(recommender, [people[0], GroupMember("Eve", ratings={12345: 5.0})])
    with pytest.raises(UnknownIdError, match="12345"):
        recommend_to_group(recommender, people, exclude=[12345])


@pytest.mark.parametrize("known", [{}, {"user_id": 7, "ratings": {1: 5.0}}])
def test_a_person_is_either_known_or_new(known):
    with pytest.raises(ValueError, match="Fay needs either a user_id or ratings"):
        GroupMember("Fay", **known)
