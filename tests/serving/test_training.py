from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.evaluation import evaluate
from cinefold.models import Popularity
from cinefold.serving.training import finish, load_or_train, train
from cinefold.serving.training_run import TrainingRun
from tests.waiting import PATIENCE

SMALL = {"n_factors": 8, "max_iter": 4, "n_threads": 1}


def small_model(**changes):
    return WeightedMatrixFactorization(**{**SMALL, **changes})


@pytest.fixture(scope="module")
def run(data):
    return train(data.interactions, small_model(), random_state=3, progress=False)


def interrupting(at: int):
    """Ctrl-C after iteration `at`."""

    def callback(model, record):
        if record["iteration"] == at:
            signal.raise_signal(signal.SIGINT)

    return callback


# -- train ----------------------------------------------------------------------------------------


def test_the_model_is_the_one_that_was_measured(data, run):
    training, held_out = data.interactions.split(**run.split)
    assert run.split == {"method": "per-user", "fraction": 0.1, "random_state": 3}
    assert (run.model.interactions_.by_user != training.by_user).nnz == 0
    lists = evaluate(run.model, held_out)
    assert {**run.metrics, "rmse": lists["rmse"]} == lists
    assert run.metrics["rmse"] == run.stars.cross_validated_rmse(held_out)
    assert run.baseline == evaluate(Popularity().fit(training), held_out)
    assert run.metrics["ndcg_at_10"] > run.baseline["ndcg_at_10"]


def test_of_ratings_that_are_all_equal_no_error_is_measured(data):
    users, items = data.interactions.by_user.nonzero()
    run = train(Interactions.from_arrays(users, items), small_model(), progress=False)
    assert run.stars is None
    assert run.metrics.keys() == run.baseline.keys() == {"ndcg_at_10", "recall_at_10"}


def test_the_learning_curve_ends_at_the_measures(run):
    assert [record["iteration"] for record in run.history] == [1, 2, 3, 4]
    assert run.history[-1]["validation_ndcg_at_10"] == pytest.approx(run.metrics["ndcg_at_10"])


def test_the_curve_in_stars_is_of_evenly_chosen_ratings(data, run, monkeypatch):
    monkeypatch.setattr("cinefold.serving.training.MOST_IN_STARS", 50)
    few = train(data.interactions, small_model(), random_state=3, progress=False)
    training, _ = data.interactions.split(**run.split)
    users = np.repeat(training.user_ids, training.user_counts())
    items = training.item_ids[training.by_user.indices]
    every = slice(None, None, -(-training.n_ratings // 50))
    stars = np.square(few.model.predict(users[every], items[every]).clip(min=0))
    expected = np.sqrt(np.mean(np.square(stars - training.by_user.data[every])))
    assert few.history[-1]["train_rmse_in_stars"] == pytest.approx(expected, rel=1e-5)


def test_same_seed_same_result(data, run):
    again = train(data.interactions, small_model(), random_state=3, progress=False)
    np.testing.assert_array_equal(again.model.user_factors_, run.model.user_factors_)
    assert again.metrics == run.metrics


def test_without_validation_it_learns_from_all(data):
    run = train(
        data.interactions,
        small_model(),
        validation_fraction=0,
        progress=False,
    )
    assert run.model.interactions_.n_ratings == data.interactions.n_ratings
    assert run.metrics == run.baseline == {}


def test_users_too_few_to_hold_out_measure_nothing():
    lonely = Interactions.from_arrays([1, 2, 3], [1, 1, 2], [5, 4, 3])
    run = train(lonely, small_model(), progress=False)
    assert run.metrics == {}
    assert run.history[-1]["validation_rmse"] is None


def test_refit_learns_from_all_after_measuring(data, run):
    refitted = train(
        data.interactions,
        small_model(),
        random_state=3,
        refit=True,
        progress=False,
    )
    direct = small_model().fit(data.interactions, progress=False)
    assert refitted.refitted
    assert refitted.metrics == run.metrics
    assert refitted.history[-1]["validation_rmse"] == run.history[-1]["validation_rmse"]
    assert refitted.model.get_params() == run.model.get_params()
    np.testing.assert_array_equal(refitted.model.item_factors_, direct.item_factors_)


def test_an_unfinished_run_is_finished_later_and_the_same(data):
    options = {"random_state": 3, "progress": False}
    begun = train(data.interactions, small_model(), unfinished=True, **options)
    assert (begun.metrics, begun.baseline, begun.refitted) == ({}, {}, False)
    found = finish(begun, data.interactions)
    at_once = train(data.interactions, small_model(), refit=True, **options)
    assert found.report() == at_once.report() | {"seconds": found.seconds, "history": found.history}
    np.testing.assert_array_equal(found.model.item_factors_, at_once.model.item_factors_)
    np.testing.assert_array_equal(found.stars.coefficients_, at_once.stars.coefficients_)


def test_a_refit_takes_as_many_iterations_as_the_measured_fit(data):
    stop = [lambda model, record: record["iteration"] == 2]
    run = train(
        data.interactions,
        small_model(),
        refit=True,
        callbacks=stop,
        progress=False,
    )
    assert run.stop_reason == "callback"
    assert len(run.history) == run.model.n_iter_ == 2


def test_ctrl_c_keeps_and_measures_what_was_learnt(data):
    run = train(
        data.interactions,
        small_model(),
        refit=True,
        keep_interrupted=True,
        callbacks=[interrupting(2)],
        progress=False,
    )
    assert run.stop_reason == "interrupted"
    assert not run.refitted
    assert len(run.history) == 2
    assert run.metrics["ndcg_at_10"] == pytest.approx(run.history[-1]["validation_ndcg_at_10"])


def test_ctrl_c_reaches_those_who_did_not_ask_for_what_was_learnt(data):
    model = small_model()
    with pytest.raises(KeyboardInterrupt):
        train(data.interactions, model, callbacks=[interrupting(2)], progress=False)
    assert (model.n_iter_, model.stop_reason_) == (2, "interrupted")


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_fractions_out_of_range_are_refused(data, fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        train(data.interactions, small_model(), validation_fraction=fraction)


# -- saving ---------------------------------------------------------------------------------------


def test_a_saved_run_is_read_back(run, tmp_path):
    run.save(tmp_path / "new" / "run")
    back = TrainingRun.load(tmp_path / "new" / "run")
    assert back.report() == run.report()
    np.testing.assert_array_equal(back.model.user_factors_, run.model.user_factors_)


def test_saving_again_replaces_the_run(data, run, tmp_path):
    run.save(tmp_path)
    other = train(data.interactions, small_model(n_factors=3), progress=False)
    other.save(tmp_path)
    assert TrainingRun.load(tmp_path).model.item_factors_.shape[1] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model.safetensors",
        "run.json",
        "stars.safetensors",
    ]


@pytest.fixture(scope="module")
def other_run(data):
    return train(data.interactions, small_model(n_factors=3), progress=False)


def meanwhile(monkeypatch, name, action):
    """Have `action` happen, once, right after a model was saved or loaded."""
    usual = getattr(WeightedMatrixFactorization, name)

    def and_then(*arguments):
        result = usual(*arguments)
        monkeypatch.undo()
        action()
        return result

    monkeypatch.setattr(WeightedMatrixFactorization, name, and_then)


def test_two_who_save_at_once_leave_a_whole_run(run, other_run, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    meanwhile(monkeypatch, "save", lambda: other_run.save(folder))
    run.save(folder)
    assert TrainingRun.load(folder).report() == run.report()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_replaced_while_it_is_read_is_read_again(run, other_run, tmp_path, monkeypatch):
    run.save(tmp_path / "run")
    meanwhile(monkeypatch, "load", lambda: other_run.save(tmp_path / "run"))
    back = TrainingRun.load(tmp_path / "run")
    assert back.report() == other_run.report()
    np.testing.assert_array_equal(back.model.item_factors_, other_run.model.item_factors_)


def test_many_who_save_at_once(run, other_run, tmp_path):
    folder, reports = tmp_path / "run", (run.report(), other_run.report())
    run.save(folder)
    with ThreadPoolExecutor(4) as pool:
        savers = [pool.submit(one.save, folder) for one in (run, other_run) * 10]
        for saver in savers:
            saver.result()
            with contextlib.suppress(FileNotFoundError):  # in the moment between two
                assert TrainingRun.load(folder).report() in reports
    assert TrainingRun.load(folder).report() in reports
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_files_that_are_no_run_are_not_replaced(run, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="thesis"):
        run.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_no_run_is_not_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        TrainingRun.load(tmp_path)


def truncate(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 1000)


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def break_the_report(folder: Path) -> None:
    (folder / "run.json").write_text('{"metrics": ', encoding="utf-8")


def empty_the_report(folder: Path) -> None:
    (folder / "run.json").write_text("[]", encoding="utf-8")


def forget_a_field(folder: Path) -> None:
    report = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del report["history"]
    (folder / "run.json").write_text(json.dumps(report), encoding="utf-8")


DAMAGES = [truncate, flip_a_bit, break_the_report, empty_the_report, forget_a_field]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_recognised(run, tmp_path, damage):
    run.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ValueError, match="damaged"):
        TrainingRun.load(tmp_path)


# -- load_or_train --------------------------------------------------------------------------------


class Counter:
    """A callback that counts iterations."""

    def __init__(self):
        self.iterations = 0

    def __call__(self, model, record):
        self.iterations += 1


def cached(data, cache, **more):
    """The run, and how many iterations it took to get it."""
    counter = Counter()
    run = load_or_train(
        data, parameters=SMALL, cache_dir=cache, callbacks=[counter], progress=False, **more
    )
    return run, counter.iterations


def test_trains_once_and_on_all_ratings(data, tmp_path):
    first, trained = cached(data, tmp_path)
    second, again = cached(data, tmp_path)
    assert (trained, again) == (4, 0)
    assert first.model.interactions_.n_ratings == data.interactions.n_ratings
    assert second.report() == first.report()
    np.testing.assert_array_equal(second.model.item_factors_, first.model.item_factors_)


def test_other_ratings_and_other_parameters_are_other_models(data, tmp_path):
    cached(data, tmp_path)
    ratings = data.interactions
    mask = np.ones(ratings.n_ratings, bool)
    mask[0] = False
    _, trained = cached(replace(data, interactions=ratings.select(mask)), tmp_path)
    assert trained == 4
    changed = {**SMALL, "regularization": 20.0}
    load_or_train(data, parameters=changed, cache_dir=tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 3


def test_threads_do_not_make_another_model(data, tmp_path):
    cached(data, tmp_path)
    load_or_train(data, parameters={**SMALL, "n_threads": 2}, cache_dir=tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_entry_is_trained_again(data, tmp_path, caplog):
    first, _ = cached(data, tmp_path)
    flip_a_bit(next(tmp_path.iterdir()))
    with caplog.at_level(logging.WARNING, "cinefold"):
        second, trained = cached(data, tmp_path)
    assert trained == 4
    assert len([line for line in caplog.records if line.levelno == logging.WARNING]) == 1
    assert second.metrics == first.metrics
    assert cached(data, tmp_path)[1] == 0


def test_ctrl_c_caches_nothing(data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        load_or_train(
            data,
            parameters=SMALL,
            cache_dir=tmp_path,
            callbacks=[interrupting(2)],
            progress=False,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.processes
def test_two_processes_at_once_leave_one_whole_entry(data, folder, tmp_path):
    program = (
        "from cinefold import load_movielens; from cinefold.serving.training import load_or_train; "
        f"data = load_movielens(path={str(folder)!r}); "
        f"load_or_train(data, parameters={SMALL!r}, cache_dir={str(tmp_path)!r}, progress=False)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(timeout=PATIENCE) for process in processes] == [0, 0]
    assert cached(data, tmp_path)[1] == 0
    (entry,) = tmp_path.iterdir()
    assert sorted(path.name for path in entry.iterdir()) == [
        "model.safetensors",
        "run.json",
        "stars.safetensors",
    ]


def test_the_cache_is_in_the_data_folder(data, tmp_path, monkeypatch):
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    load_or_train(data, parameters=SMALL, progress=False)
    (entry,) = (tmp_path / "models").iterdir()
    assert entry.name.startswith("ml-100k-")
