"""Searches that are repeated, interrupted, continued and shared."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from cinefold import WeightedMatrixFactorization
from tests.tuning.small_searches import SMALL, search
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def uninterrupted(ratings):
    """What interrupted, continued and shared searches, also shorter ones, are compared with."""
    return search(ratings, n_trials=14)


def timeless(result, n_trials=None):
    return [replace(trial, seconds=None) for trial in result.trials[:n_trials]]


def points(result, n_trials=None):
    return [trial.point for trial in result.trials if trial.state != "interrupted"][:n_trials]


def test_the_same_seed_is_the_same_search(ratings, uninterrupted):
    again, other = search(ratings, n_trials=13), search(ratings, n_trials=5, random_state=4)
    assert timeless(again) == timeless(uninterrupted, 13)
    assert points(other)[3:] != points(uninterrupted)[3:5]
    assert other.splits != again.splits


def test_a_continued_search_is_the_one_that_was_never_ended(ratings, uninterrupted, tmp_path):
    for n_trials in (2, 12, 14):
        parts = search(ratings, n_trials=n_trials, storage=tmp_path / "trials.journal")
        assert len(parts.trials) == n_trials
    assert timeless(parts) == timeless(uninterrupted)
    assert parts.test == uninterrupted.test
    again = search(ratings, n_trials=3, storage=str(tmp_path / "trials.journal"))
    assert timeless(again) == timeless(uninterrupted)


def interrupt_at(number):
    def callback(trial):
        if trial.number == number:
            signal.raise_signal(signal.SIGINT)

    return callback


def test_ctrl_c_between_trials_keeps_them(ratings, uninterrupted, tmp_path):
    file = tmp_path / "trials.journal"
    ended = search(ratings, n_trials=13, storage=file, callbacks=[interrupt_at(3)])
    assert ended.stop_reason == "interrupted"
    assert len(ended.trials) == 4
    assert ended.test == {}
    assert ended.best_value == max(trial.value for trial in ended.trials)
    continued = search(ratings, n_trials=13, storage=file)
    assert timeless(continued) == timeless(uninterrupted, 13)


def ctrl_c(model, record):
    """Once, to the main thread, as from a terminal."""
    if record["iteration"] == 2:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_in_a_trial_puts_it_back(ratings, tmp_path, n_jobs, monkeypatch):
    fit = WeightedMatrixFactorization.fit
    fits = []

    def interrupted_fit(self, *arguments, callbacks=(), **more):
        fits.append(self)
        if len(fits) == 5:
            # It goes on for as long as nobody hears.
            self.tol, callbacks = -np.inf, [*callbacks, ctrl_c]
        elif n_jobs == 2:
            self.max_iter = 1  # complete, too short to be pruned
        return fit(self, *arguments, callbacks=callbacks, **more)

    file = tmp_path / "trials.journal"
    n_iterations = 40 if n_jobs == 1 else 4000  # until another thread has heard
    options = {"max_iter": n_iterations, "patience": n_iterations, "n_jobs": n_jobs, "n_trials": 8}
    with monkeypatch.context() as patch:
        patch.setattr(WeightedMatrixFactorization, "fit", interrupted_fit)
        patch.setattr("cinefold.models.checks.parameters", lambda model: None)
        ended = search(ratings, storage=file, **options)
    assert ended.stop_reason == "interrupted"
    states = [trial.state for trial in ended.trials]
    assert 1 <= states.count("interrupted") <= n_jobs
    assert "failed" not in states
    if n_jobs == 1:
        continued = search(ratings, storage=file, **options)
        assert points(continued) == points(search(ratings, **options))


# As Optuna's journal numbers what it writes.
OPERATIONS = {"created": 4, "parameter": 5, "told": 6}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_ctrl_c_while_it_chooses_or_writes_loses_nothing(
    ratings, uninterrupted, tmp_path, operation, monkeypatch
):
    append, created, pressed = JournalFileBackend.append_logs, [], []

    def append_and_press(self, logs):
        append(self, logs)
        done = [log["op_code"] for log in logs]
        created.extend(code for code in done if code == OPERATIONS["created"])
        if OPERATIONS[operation] in done and len(created) == 7 and not pressed:
            pressed.append(operation)
            with contextlib.suppress(KeyboardInterrupt):  # as SciPy's compiled code does
                signal.raise_signal(signal.SIGINT)

    file = tmp_path / "trials.journal"
    with monkeypatch.context() as patch:
        patch.setattr(JournalFileBackend, "append_logs", append_and_press)
        ended = search(ratings, n_trials=8, storage=file)
    assert pressed
    assert ended.stop_reason == "interrupted"
    continued = search(ratings, n_trials=8, storage=file)
    assert points(continued) == points(uninterrupted, 8)


def test_ctrl_c_reaches_the_caller_and_the_storage_keeps_the_trials(ratings, tmp_path):
    file = tmp_path / "trials.journal"
    with pytest.raises(KeyboardInterrupt):
        search(ratings, storage=file, callbacks=[interrupt_at(1)], keep_interrupted=False)
    assert len(search(ratings, n_trials=1, storage=file).trials) == 2


def test_a_trial_of_a_killed_process_is_not_waited_for(ratings, tmp_path):
    file = tmp_path / "trials.journal"
    search(ratings, n_trials=3, storage=file)
    storage = JournalStorage(JournalFileBackend(str(file)))
    optuna.load_study(study_name="cinefold", storage=storage).ask()  # and never told
    continued = search(ratings, n_trials=5, storage=file)
    assert [trial.number for trial in continued.trials] == [0, 1, 2, 4, 5]


def test_ctrl_c_before_anything_is_known_is_ctrl_c(ratings, monkeypatch):
    def fit(self, *_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(WeightedMatrixFactorization, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        search(ratings)


def test_jobs_share_a_search(ratings, uninterrupted):
    shared = search(ratings, n_trials=10, n_jobs=3)
    assert len(shared.trials) == 10
    # What is next to the best depends on what has ended before.
    assert points(shared)[:5] == points(uninterrupted, 5)
    for trial, other in zip(shared.trials[:5], uninterrupted.trials[:5], strict=True):
        if "pruned" not in (trial.state, other.state):
            assert trial.curve == other.curve


PROCESS = """
import sys
import threading
from cinefold import load_movielens
from cinefold.tuning import tune
ratings = load_movielens(path=sys.argv[1]).interactions
print("ready", flush=True)
sys.stdin.readline()
result = tune(ratings, n_trials=16, space={"n_factors": (4, 12)}, max_iter=4, n_threads=1,
              n_validations=1, storage=sys.argv[2], progress=False)
print(result.stop_reason, len(result.trials))
"""


@pytest.mark.processes
def test_processes_share_a_search(folder, ratings, tmp_path):
    file = tmp_path / "trials.journal"
    command = [sys.executable, "-c", PROCESS, str(folder), str(file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, error = process.communicate(timeout=PATIENCE)
        assert (process.returncode, error) == (0, "")
        assert out.startswith("trials ")
    shared = search(ratings, n_trials=16, storage=file)
    assert 16 <= len(shared.trials) <= 17
    assert [trial.number for trial in shared.trials] == list(range(len(shared.trials)))
    assert len({json.dumps(point) for point in points(shared)}) == len(shared.trials)
    assert {trial.state for trial in shared.trials} <= {"complete", "pruned"}


def test_a_database_keeps_trials_too(ratings, tmp_path):
    url = f"sqlite:///{tmp_path}/trials.db"
    search(ratings, n_trials=2, storage=url)
    assert len(search(ratings, n_trials=3, storage=url).trials) == 3


def test_one_file_holds_several_studies(ratings, tmp_path):
    file = tmp_path / "trials.journal"
    search(ratings, n_trials=2, storage=file, study_name="one")
    other = search(ratings, n_trials=3, storage=file, study_name="other", metric="recall_at_10")
    assert len(other.trials) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"random_state": 5}, "another data set or seed; continue it as it was begun"),
        ({"metric": "recall_at_10"}, "another metric: ndcg_at_10, not recall_at_10"),
        (
            {"space": {"n_factors": (4, 13)}},
            r"another n_factors: {'low': 4, 'high': 12, .* not {'low': 4, 'high': 13",
        ),
        ({"space": {**SMALL, "target": "binary"}}, r"another target: \['sqrt', .*\], not binary"),
        ({"space": {**SMALL, "alpha": 0.5}}, "another alpha: None, not 0.5"),
        ({"max_iter": 5}, "another max_iter: 4, not 5"),
        ({"n_validations": 2}, "another validation part"),
    ],
)
def test_a_study_is_not_continued_as_another(ratings, tmp_path, change, message):
    file = tmp_path / "trials.journal"
    search(ratings, n_trials=1, storage=file)
    with pytest.raises(ValueError, match=message):
        search(ratings, n_trials=2, storage=file, **change)
    assert len(search(ratings, n_trials=1, storage=file).trials) == 1


def test_other_ratings_are_other_data(ratings, tmp_path):
    file = tmp_path / "trials.journal"
    search(ratings, n_trials=1, storage=file)
    changed = ratings.by_user.copy()
    changed.data[0] += 1
    with pytest.raises(ValueError, match="another data set"):
        search(replace(ratings, by_user=changed), n_trials=1, storage=file)


def test_a_file_that_is_no_storage_is_left_alone(ratings, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine\n")
    with pytest.raises(ValueError, match=r"notes\.txt is not a journal of trials"):
        search(ratings, storage=file)
    assert file.read_text() == "mine\n"
    with pytest.raises(ValueError, match="there is no folder"):
        search(ratings, storage=tmp_path / "nowhere" / "trials.journal")
