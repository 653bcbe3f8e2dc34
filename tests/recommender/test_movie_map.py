from __future__ import annotations

import logging

import numpy as np
import pytest

from cinefold import UnknownIdError
from cinefold.models import WeightedMatrixFactorization
from cinefold.recommender import MovieRecommender, movie_map
from cinefold.recommender.movie_map import lay_out


@pytest.fixture(scope="module")
def recommender(data):
    model = WeightedMatrixFactorization(n_factors=8, regularization=5.0, n_threads=1)
    return MovieRecommender(data, model.fit(data.interactions, progress=False))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


@pytest.fixture(scope="module")
def placed(recommender, cache):
    return movie_map(recommender, cache_dir=cache)


def test_movies_with_enough_ratings_are_on_the_map_the_best_known_first(recommender, placed):
    counts = dict(
        zip(
            recommender.model.interactions_.item_ids.tolist(),
            recommender.rating_counts.tolist(),
            strict=True,
        )
    )
    on_it = [counts[item] for item in placed.item_ids.tolist()]
    assert on_it == sorted(on_it, reverse=True)
    assert set(placed.item_ids.tolist()) == {item for item, n in counts.items() if n >= 5}
    assert len(placed) < len(counts)


def test_it_fills_the_square_and_is_wider_than_high(placed):
    assert placed.positions.dtype == np.float32
    np.testing.assert_allclose(placed.positions.min(axis=0), -1, atol=1e-6)
    np.testing.assert_allclose(placed.positions.max(axis=0), 1, atol=1e-6)


def test_movies_of_a_kind_lie_near_each_other(data, placed):
    genres = [frozenset(data.movies[item].genres) for item in placed.item_ids.tolist()]
    positions = placed.positions.astype(np.float64)
    distances = np.linalg.norm(positions[:, None] - positions, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1).tolist()
    alike = [bool(genres[a] & genres[b]) for a, b in enumerate(nearest)]
    by_chance = np.mean([bool(a & b) for a in genres for b in genres])
    assert np.mean(alike) > 2 * by_chance


def test_genres_that_keep_together_come_first(data, placed):
    regions = placed.regions(data.movies)
    assert {genre for genre, _ in regions} <= set(data.movies.genres)
    gains = [gain for _, gain in regions]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0
    positions = placed.positions.astype(np.float64)
    for genre, gain in regions:
        has = np.array([genre in data.movies[item].genres for item in placed.item_ids.tolist()])
        expected = 0.0
        for row in np.flatnonzero(has):
            distances = np.linalg.norm(positions - positions[row], axis=1)
            nearest = np.argsort(distances, kind="stable")[1:11]
            expected += has[nearest].mean() - has.mean()
        assert gain == pytest.approx(expected)


def test_the_cache_answers_for_this_model_alone(data, recommender, placed, cache):
    (file,) = cache.glob("*.npy")
    written = file.stat().st_mtime_ns
    again = movie_map(recommender, cache_dir=cache, progress=_never)
    np.testing.assert_array_equal(again.positions, placed.positions)
    assert file.stat().st_mtime_ns == written

    other = WeightedMatrixFactorization(n_factors=8, regularization=8.0).fit(
        data.interactions, progress=False
    )
    movie_map(MovieRecommender(data, other), cache_dir=cache)
    assert len(list(cache.glob("*.npy"))) == 2
    assert not list(cache.glob("*.tmp"))


def _never(done):
    raise AssertionError("the map was made again")


@pytest.mark.parametrize("damage", ["empty", "cut", "foreign", "shape", "nan"])
def test_a_damaged_cache_is_made_again(recommender, placed, tmp_path, caplog, damage):
    movie_map(recommender, cache_dir=tmp_path)
    (file,) = tmp_path.glob("*.npy")
    if damage in ("empty", "cut"):
        file.write_bytes(file.read_bytes()[: 0 if damage == "empty" else 140])
    else:
        positions = placed.positions.copy()
        positions[0] = np.nan if damage == "nan" else 0
        kind = str if damage == "foreign" else np.float32
        np.save(file, positions[1 if damage == "shape" else 0 :].astype(kind))
    with caplog.at_level(logging.WARNING):
        again = movie_map(recommender, cache_dir=tmp_path)
    assert "is made again" in caplog.text
    np.testing.assert_array_equal(again.positions, placed.positions)


def test_a_cache_that_cannot_be_written_is_said(recommender, placed, tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        made = movie_map(recommender, cache_dir=tmp_path / "file")
    assert "could not be cached" in caplog.text
    np.testing.assert_array_equal(made.positions, placed.positions)


def test_progress_rises_to_one(recommender, tmp_path):
    shares = []
    movie_map(recommender, cache_dir=tmp_path, progress=shares.append)
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_stop_keeps_nothing(recommender, tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        movie_map(recommender, cache_dir=tmp_path, progress=stop)
    assert not list(tmp_path.iterdir())


def test_the_best_known_stay_when_there_are_too_many(recommender, placed, tmp_path):
    few = movie_map(recommender, max_movies=12, cache_dir=tmp_path)
    assert few.item_ids.tolist() == placed.item_ids.tolist()[:12]


def test_every_movie_has_a_place(recommender, placed):
    items = recommender.model.interactions_.item_ids.tolist()
    hidden = [item for item in items if item not in placed]
    assert hidden
    for item in hidden:
        x, y = placed.place(recommender, item)
        assert -1 <= x <= 1
        assert -1 <= y <= 1
    first = placed.item_ids[0].item()
    assert placed.place(recommender, first) == tuple(placed.positions[0].tolist())


def test_a_movie_that_is_not_on_it_lies_amid_those_most_like_it(recommender, placed):
    hidden = next(i for i in recommender.model.interactions_.item_ids.tolist() if i not in placed)
    nearest = recommender.model.similar_items(hidden, 5, among=placed.item_ids).items.tolist()
    around = np.array([placed.place(recommender, item) for item in nearest])
    spot = np.array(placed.place(recommender, hidden))
    assert (around.min(axis=0) - 1e-6 <= spot).all()
    assert (spot <= around.max(axis=0) + 1e-6).all()


def test_wrong_arguments(recommender, placed, tmp_path):
    with pytest.raises(ValueError, match="min_ratings must be at least 1, not 0"):
        movie_map(recommender, min_ratings=0, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="max_movies must be at least 1, not -3"):
        movie_map(recommender, max_movies=-3, cache_dir=tmp_path)
    with pytest.raises(UnknownIdError):
        placed.place(recommender, 10**9)


def test_no_movie_has_enough_ratings(recommender, tmp_path):
    nothing = movie_map(recommender, min_ratings=10**6, cache_dir=tmp_path)
    assert len(nothing) == 0
    assert nothing.regions({}) == []
    assert nothing.place(recommender, recommender.model.interactions_.item_ids[0]) == (0.0, 0.0)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 40])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_few_movies_and_few_factors(n, d):
    points = np.random.default_rng(n).normal(size=(n, d)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    layout = lay_out(points)
    assert layout.shape == (n, 2)
    assert np.isfinite(layout).all()


def test_equal_movies():
    assert np.isfinite(lay_out(np.full((20, 3), 3**-0.5, np.float32))).all()
