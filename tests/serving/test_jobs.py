from __future__ import annotations

import gc

import numpy as np
import pytest

from cinefold import WeightedMatrixFactorization, load_movielens
from cinefold.profiles.importing import read_export, review_for
from cinefold.recommender.movie_map import lay_out
from cinefold.serving.background import BackgroundError
from cinefold.serving.jobs import (
    TrainingJob,
    find_training,
    lay_out_in_background,
    review_in_background,
)
from cinefold.serving.run_history import RunHistory
from cinefold.serving.training import train
from tests.profiles.importing.exports import letterboxd
from tests.serving.jobs import first_record
from tests.waiting import PATIENCE

pytestmark = pytest.mark.processes


def small_model(**changes):
    return WeightedMatrixFactorization(**{"n_factors": 4, "max_iter": 5, "tol": 0.0, **changes})


# -- training -------------------------------------------------------------------------------------


def test_a_training_in_the_background_comes_to_the_same(interactions, tmp_path):
    history, told = RunHistory("ml-100k", tmp_path / "runs"), []
    split = {"validation_fraction": 0.2, "random_state": 3}
    job = TrainingJob(interactions, small_model(), history, **split)
    assert find_training(job.token) is job
    run = job.finish(told.append)
    here = train(interactions, small_model(), refit=True, progress=False, **split)
    assert [record["iteration"] for record in told] == [1, 2, 3, 4, 5]
    assert told == run.history
    assert {**run.report(), "history": [], "seconds": 0} == {
        **here.report(),
        "history": [],
        "seconds": 0,
    }
    np.testing.assert_array_equal(run.model.item_factors_, here.model.item_factors_)
    learned_from = run.model.interactions_.by_user  # the app's own, which have not come back
    assert np.shares_memory(learned_from.data, interactions.by_user.data)
    kept = history.load(job.run_id)
    assert kept.report() == run.report()


def test_stopping_keeps_what_was_learnt(interactions):
    job = TrainingJob(interactions, small_model(max_iter=100_000))
    first_record(job)
    job.stop()
    job.wait(PATIENCE)
    assert job.outcome.stop_reason == "callback"
    assert job.outcome.refitted
    assert 1 <= len(job.outcome.history) < 100_000
    assert job.outcome.metrics["rmse"] > 0
    assert job.run_id is None


def test_a_run_that_cannot_be_kept_can_be_used(interactions, tmp_path, caplog):
    (tmp_path / "runs").touch()
    job = TrainingJob(interactions, small_model(), RunHistory("ml-100k", tmp_path / "runs"))
    assert job.finish(lambda record: None).metrics
    assert job.run_id is None
    assert "could not be kept" in caplog.text


def test_why_a_training_failed_is_said(interactions):
    with pytest.raises(BackgroundError, match="regularization"):
        TrainingJob(interactions, small_model(regularization=-1.0)).finish(print)


def test_nobody_finds_a_training_that_nobody_holds(interactions):
    job = TrainingJob(interactions, small_model())
    token = job.token
    job.abandon()
    job.wait(PATIENCE)
    del job
    gc.collect()
    assert find_training(token) is find_training(None) is None


# -- the map and imports --------------------------------------------------------------------------


def test_a_map_laid_out_in_the_background_is_the_same():
    directions = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    done = []
    layout = lay_out_in_background(directions, progress=done.append)
    np.testing.assert_array_equal(layout, lay_out(directions))
    assert done == sorted(done)
    assert done[-1] == 1


@pytest.fixture(scope="module")
def movies_data(folder):
    return load_movielens(path=folder)


def test_a_review_in_the_background_is_the_same(movies_data):
    movies = list(movies_data.movies)[:8]
    rows = [(movie.title, movie.year or "", 4) for movie in movies]
    content = letterboxd(*rows, (movies[0].title[:-1] + "x", "", 2), ("Nobody Knows", 1931, 5))
    told = []
    found = review_in_background(
        movies_data, content, "mine.csv", lambda *counts: told.append(counts)
    )
    here = review_for(movies_data, read_export(content, name="mine.csv"))
    assert found.export == here.export
    assert found.summary() == here.summary()
    assert [line.candidates for line in found.lines] == [line.candidates for line in here.lines]
    assert found.ratings() == here.ratings()
    assert told
    assert told[-1][0] == told[-1][1]


def test_why_a_file_cannot_be_reviewed_is_said(movies_data):
    with pytest.raises(BackgroundError, match=r"mine\.csv: it is empty"):
        review_in_background(movies_data, b"", "mine.csv", lambda *_: None)
