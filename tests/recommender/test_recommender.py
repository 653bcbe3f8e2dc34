from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold import Interactions, UnknownIdError, WeightedMatrixFactorization
from cinefold.models import StarPredictor
from cinefold.recommender import MovieFilter, MovieRecommender


def ids(lines):
    return [line.movie.id for line in lines]


def titled(data, *titles):
    return [data.movies.resolve(title).id for title in titles]


@pytest.fixture(scope="module")
def newcomer(data):
    """Likes science fiction, not romance."""
    liked = titled(data, "The Last Galaxy", "The Hidden Android", "The Golden Comet")
    disliked = titled(data, "The Last Kiss", "The Golden Wedding")
    return dict.fromkeys(liked, 5.0) | dict.fromkeys(disliked, 1.0)


# -- known users ----------------------------------------------------------------------------------


def test_nothing_rated_is_ever_recommended(data, model, recommender):
    assert model.interactions_.n_ratings < data.interactions.n_ratings
    movies = {(movie.title, movie.year) for movie in data.movies}
    assert len(movies) < len(data.movies)  # some have two ids
    for user in data.interactions.user_ids.tolist():
        rated, _ = data.interactions.user_ratings(user)
        seen = {(data.movies[item].title, data.movies[item].year) for item in rated}
        listed = [(line.movie.title, line.movie.year) for line in recommender.recommend(user, 500)]
        assert set(listed) == movies - seen
        assert len(listed) == len(set(listed))


def test_scores_are_products_of_the_factors_best_first(model, recommender):
    lines = recommender.recommend(7, 12)
    user = model.user_factors_[model.interactions_.user_index(7)]
    expected = model.item_factors_[model.interactions_.item_index(ids(lines))] @ user
    np.testing.assert_allclose([line.score for line in lines], expected, rtol=1e-5)
    assert [line.rank for line in lines] == list(range(1, 13))
    assert sorted(expected, reverse=True) == expected.tolist()


def test_reasons_are_ratings_of_what_they_liked_and_their_contributions(model, recommender):
    for line in recommender.recommend(7, 5):
        explanation = model.explain(7, line.movie.id)
        columns = explanation.items, explanation.ratings, explanation.contributions
        rows = {item: (r, c) for item, r, c in zip(*(x.tolist() for x in columns), strict=True)}
        assert 1 <= len(line.reasons) <= 3
        for reason in line.reasons:
            rating, contribution = rows[reason.movie.id]
            assert reason.rating == rating >= max(3, explanation.ratings.mean())
            assert reason.contribution == pytest.approx(contribution, rel=1e-9)
            assert contribution > 0


def test_the_list_of_one_movie_has_its_largest_reasons(model, recommender):
    (line,) = recommender.recommend(7, 1)
    explanation = model.explain(7, line.movie.id)
    liked = explanation.items[explanation.ratings >= max(3, explanation.ratings.mean())][:3]
    assert [reason.movie.id for reason in line.reasons] == liked.tolist()


def test_people_get_more_of_their_own_taste(data, recommender):
    taste = recommender.taste(1).genres[0].genre
    assert all(taste in line.movie.genres for line in recommender.recommend(1, 5))


def test_more_movies_can_be_left_out(recommender):
    before = ids(recommender.recommend(7, 5))
    assert ids(recommender.recommend(7, 3, exclude=before[:2])) == before[2:]


def test_unknown_ids_are_named(recommender):
    with pytest.raises(UnknownIdError, match="999"):
        recommender.recommend(999)
    with pytest.raises(UnknownIdError, match="12345"):
        recommender.recommend(7, exclude=[12345])
    for stars in (5.0, 1.0):
        with pytest.raises(UnknownIdError, match="12345"):
            recommender.recommend_for({12345: stars})
    with pytest.raises(UnknownIdError, match="12345"):
        recommender.suggest_to_rate({}, skip=[12345])


def test_a_model_of_other_movies_is_refused(data, model):
    other = Interactions.from_arrays([1, 2], [1, 999], [5, 4])
    stranger = WeightedMatrixFactorization(n_factors=2).fit(other, progress=False)
    with pytest.raises(ValueError, match="not trained on ml-100k: 1 of its 2 movies"):
        MovieRecommender(data, stranger)


# -- new users ------------------------------------------------------------------------------------


def test_scores_of_a_new_user_are_those_of_their_fold_in(model, recommender, newcomer):
    """Whose equations tests/recommender/test_cold_start.py writes out."""
    lines = recommender.recommend_for(newcomer, 20)
    rated = model.interactions_.item_index(list(newcomer))
    told = sp.csr_array((list(newcomer.values()), rated, [0, len(rated)]), dtype=np.float32)
    user = recommender.cold_start.fold_in(told).factors[0]
    expected = model.item_factors_[model.interactions_.item_index(ids(lines))] @ user
    np.testing.assert_allclose([line.score for line in lines], expected, rtol=1e-4, atol=1e-6)
    assert set(ids(lines)).isdisjoint(newcomer)
    everything = recommender.recommend_for(newcomer, 500)
    assert [line.movie for line in everything[:20]] == [line.movie for line in lines]


def test_a_new_user_gets_what_they_like_and_not_what_they_do_not(recommender, newcomer):
    genres = [
        genre for line in recommender.recommend_for(newcomer, 8) for genre in line.movie.genres
    ]
    assert genres.count("Sci-Fi") >= 6
    assert "Romance" not in genres


def test_the_reasons_of_a_new_user_show_the_stars_they_gave(recommender, newcomer):
    for line in recommender.recommend_for(newcomer, 5):
        assert line.reasons
        assert {reason.rating for reason in line.reasons} == {5.0}


@pytest.mark.parametrize(
    ("given", "reasons"), [([5, 4, 3], {5, 4}), ([3, 3, 3], {3}), ([1.5, 1.5, 1.5], set())]
)
def test_movies_below_their_own_mean_or_the_middle_are_no_reasons(
    recommender, newcomer, given, reasons
):
    lines = recommender.recommend_for(dict(zip(newcomer, given, strict=False)), 10)
    assert {reason.rating for line in lines for reason in line.reasons} == reasons


def test_of_counts_everything_is_liked(data):
    """Few plays or many, they are a reason; and what promises few is not put behind."""
    known = data.interactions
    users, items = known.by_user.nonzero()
    plays = 1 + 4 * (items % 2)
    plays[0] = 90
    counts = Interactions.from_arrays(known.user_ids[users], known.item_ids[items], plays)
    training, held_out = counts.split()
    model = WeightedMatrixFactorization(n_factors=8, n_threads=1).fit(training)
    stars = StarPredictor(model, n_factors=2).fit(held_out)
    recommender = MovieRecommender(replace(data, interactions=counts), model, stars)
    for user in known.user_ids[:20].tolist():
        lines = recommender.recommend(user, 9)
        assert all(line.reasons for line in lines)
        scores = [line.score for line in lines]
        assert scores == sorted(scores, reverse=True)
    first, second = known.item_ids[:2].tolist()
    once, often = (recommender.recommend_for({first: n, second: 9}, 5) for n in (1, 500))
    assert [line.score for line in once] == [line.score for line in often]
    assert {reason.rating for line in once for reason in line.reasons} == {1, 9}


def test_reasons_are_part_of_the_score(recommender, newcomer):
    """The rest is what is expected of anybody."""
    for line in recommender.recommend_for(newcomer, 5):
        assert 0 < sum(reason.contribution for reason in line.reasons) < line.score


def test_a_lowest_rating_never_brings_more_of_the_kind(data, model, recommender, newcomer):
    """Told of a movie they like least, the model expects no more of those they have not rated."""
    liked = {movie: stars for movie, stars in newcomer.items() if stars == 5}
    movie = titled(data, "The Last Kiss")[0]

    def scores(ratings):
        return {
            line.movie.id: line.score
            for line in recommender.recommend_for(
                ratings, 500, filters=MovieFilter(genres=("Romance",))
            )
        }

    before, after = scores(liked), scores({**liked, movie: 1.0})
    assert movie not in after
    assert sum(after.values()) <= sum(before[other] for other in after) + 1e-6


def test_ratings_below_the_scale_count_as_the_lowest(recommender, newcomer):
    lower = {movie: 0.5 if stars == 1 else stars for movie, stars in newcomer.items()}
    assert recommender.recommend_for(lower, 10) == recommender.recommend_for(newcomer, 10)


@pytest.mark.parametrize("stars", [None, 1.0, 0.5])
def test_without_anything_liked_the_list_is_what_people_like(data, recommender, stars):
    ratings = {} if stars is None else dict.fromkeys(titled(data, "The Last Kiss"), stars)
    lines = recommender.recommend_for(ratings, 7)
    assert len(lines) == 7
    assert set(ids(lines)).isdisjoint(ratings)


def test_low_ratings_alone_take_their_kind_out_of_the_list(data, recommender):
    disliked = dict.fromkeys(ids(recommender.similar(*titled(data, "The Golden Comet"), 12)), 1.0)

    def sci_fi(ratings):
        lines = recommender.recommend_for(ratings, 30)
        return sum("Sci-Fi" in line.movie.genres for line in lines)

    assert sci_fi(disliked) < sci_fi({})


# -- stars ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_stars(data):
    training, held_out = data.interactions.split(fraction=0.2)
    model = WeightedMatrixFactorization(n_factors=8, n_threads=1).fit(training, progress=False)
    return MovieRecommender(data, model, StarPredictor(model).fit(held_out))


@pytest.mark.parametrize("adventure", [0.0, 0.5, 1.0])
def test_no_list_contradicts_the_stars_that_it_shows(data, with_stars, adventure):
    """Movies below the person's mean are never among ten where ten of fifty are above it."""
    n_mixed = 0
    for user in data.interactions.user_ids.tolist():
        _, ratings = data.interactions.user_ratings(user)
        lines = with_stars.recommend(user, 50, adventure=adventure)
        above = [line.stars >= ratings.mean() for line in lines]
        if sum(above) >= 10:
            assert all(above[:10])
            n_mixed += not all(above)
    assert n_mixed or adventure == 1  # the best 50 then are all liked


def test_a_list_can_be_sorted_by_stars(with_stars):
    lines = with_stars.recommend(7, 10, sort_by="stars")
    stars = [line.stars for line in lines]
    assert stars == sorted(stars, reverse=True)
    best = with_stars.recommend(7, 50)
    assert set(ids(lines)) < set(ids(best))
    assert min(stars) >= max(line.stars for line in best if line.movie.id not in ids(lines))
    assert len(with_stars.recommend_for({}, 10, sort_by="stars")) == 10


def test_orders_that_there_are_not(recommender):
    with pytest.raises(ValueError, match=r"sort_by must be one of .*'fit', 'stars'.*'score'"):
        recommender.recommend(7, sort_by="score")
    with pytest.raises(ValueError, match="takes a recommender that predicts stars"):
        recommender.recommend(7, sort_by="stars")


# -- similar movies --------------------------------------------------------------------------------


def test_similar_movies_are_of_the_kind(data, recommender):
    (movie,) = titled(data, "The Golden Comet")
    lines = recommender.similar(movie, 6)
    assert movie not in ids(lines)
    assert sum("Sci-Fi" in line.movie.genres for line in lines) >= 4
    assert [line.score for line in lines] == sorted((line.score for line in lines), reverse=True)


def test_similar_movies_can_be_filtered(data, recommender):
    (movie,) = titled(data, "The Golden Comet")
    lines = recommender.similar(movie, 500, filters=MovieFilter(years=(1960, 1969)))
    assert lines
    assert all(1960 <= line.movie.year <= 1969 for line in lines)


# -- what to rate next ----------------------------------------------------------------------------


def test_suggestions_are_new_and_each_its_own(recommender, newcomer):
    first = [movie.id for movie in recommender.suggest_to_rate({}, 10)]
    second = [movie.id for movie in recommender.suggest_to_rate(newcomer, 10, skip=first)]
    assert len(set(first)) == len(set(second)) == 10
    assert set(second).isdisjoint([*first, *newcomer])


def test_a_movie_with_two_ids_is_suggested_once_and_not_again(data, recommender):
    twins = [movie.id for movie in data.movies if movie.title == "The Harbour Lights"]
    assert len(twins) == 2
    first = [movie.id for movie in recommender.suggest_to_rate({}, 500)]
    assert len(set(twins) & set(first)) == 1
    everything = [movie.id for movie in recommender.suggest_to_rate({}, 500, skip=[twins[0]])]
    assert set(twins).isdisjoint(everything)
    assert set(twins).isdisjoint(
        movie.id for movie in recommender.suggest_to_rate({twins[1]: 4.0}, 500)
    )


def test_movies_never_to_suggest_tell_nothing(recommender, newcomer):
    hidden = recommender.suggest_to_rate(newcomer, 3)
    left = recommender.suggest_to_rate(newcomer, 500, never=[movie.id for movie in hidden])
    assert set(left).isdisjoint(hidden)
    skipped = recommender.suggest_to_rate(newcomer, 500, skip=[movie.id for movie in hidden])
    assert set(skipped).isdisjoint(hidden)
    assert len(skipped) == len(left)
    assert skipped != left  # not seen is an answer


def test_suggestions_end_when_all_is_rated_or_skipped(data, recommender):
    everything = data.interactions.item_ids.tolist()
    ratings, skipped = dict.fromkeys(everything[:5], 4.0), everything[5:-2]
    left = recommender.suggest_to_rate(ratings, 10, skip=skipped)
    assert {movie.id for movie in left} == set(everything[-2:])


@pytest.mark.parametrize(
    "parameters",
    [
        {"unobserved_weight": 0.0, "regularization": 0.01},
        {"unobserved_weight": 2.0},
        {"alpha": 1.0, "regularization_exponent": 1.0},
        {"target": "binary"},
    ],
)
def test_suggestions_work_for_every_objective(data, newcomer, parameters):
    model = WeightedMatrixFactorization(
        **{"n_factors": 6, "max_iter": 3, "n_threads": 1, **parameters}
    )
    recommender = MovieRecommender(data, model.fit(data.interactions, progress=False))
    assert len(recommender.suggest_to_rate(newcomer, 5)) == 5
    assert len(recommender.recommend_for(newcomer, 5)) == 5


# -- taste ----------------------------------------------------------------------------------------


def test_taste_counts_what_was_rated(data, recommender):
    comet, kiss, bill = titled(data, "The Golden Comet", "The Last Kiss", "Double Bill (1993)")
    taste = recommender.taste_for({kiss: 2.0, comet: 5.0, bill: 3.5})
    assert (taste.n_ratings, taste.mean_rating) == (3, 3.5)
    assert {g.genre: (g.n_ratings, g.mean_rating) for g in taste.genres} == {
        "Sci-Fi": (1, 5.0),
        "Romance": (1, 2.0),
        "Action": (1, 3.5),
        "Crime": (1, 3.5),
    }
    assert [rated.movie.id for rated in taste.favourites] == [comet, bill, kiss]


def test_taste_of_a_known_user_is_of_all_their_ratings(data, recommender):
    rated, stars = data.interactions.user_ratings(7)
    taste = recommender.taste(7)
    assert taste.n_ratings == len(rated)
    assert taste.mean_rating == pytest.approx(float(stars.mean()))
    assert taste.favourites[0].rating == stars.max()


def test_taste_of_nobody(recommender):
    taste = recommender.taste_for({})
    assert (taste.n_ratings, taste.genres, taste.favourites) == (0, (), ())
    assert math.isnan(taste.mean_rating)
