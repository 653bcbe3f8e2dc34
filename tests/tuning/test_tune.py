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
from cinefold.evaluation import evaluate
from cinefold.models import Popularity
from cinefold.tuning import TuningResult, read_parameters, tune
from cinefold.tuning.study import plan_next
from tests.waiting import PATIENCE

SMALL = {"n_factors": (4, 12)}
QUICK = {"max_iter": 4, "n_threads": 1, "progress": False, "keep_interrupted": True}


def search(ratings, **more) -> TuningResult:
    return tune(ratings, **{**QUICK, "space": SMALL, "n_trials": 6, "n_validations": 1, **more})


@pytest.fixture(scope="module")
def ratings(data):
    return data.interactions


@pytest.fixture(scope="module")
def result(ratings):
    return search(ratings, n_trials=14, n_validations=2)


@pytest.fixture(scope="module")
def uninterrupted(ratings):
    """What interrupted, continued and shared searches, also shorter ones, are compared with."""
    return search(ratings, n_trials=14)


def timeless(result, n_trials=None):
    return [replace(trial, seconds=None) for trial in result.trials[:n_trials]]


def points(result, n_trials=None):
    return [trial.point for trial in result.trials if trial.state != "interrupted"][:n_trials]


# -- what comes out -------------------------------------------------------------------------------


def test_the_value_is_the_best_of_the_mean_validation_curve(ratings, result):
    rest, _ = ratings.split(**result.splits["test"])
    best = result.best_trial
    curves = []
    for split in result.splits["validation"]:
        training, validation = rest.split(**split)
        model = result.model(max_iter=len(best.curve), n_threads=1).fit(
            training, validation=validation
        )
        curves.append([record["validation_ndcg_at_10"] for record in model.history_])
    assert len(curves) == 2
    curve = np.mean(curves, axis=0)
    np.testing.assert_allclose(best.curve, curve, rtol=1e-12)
    assert result.best_value == best.value == curve.max()
    assert best.iteration == result.best_parameters["max_iter"] == curve.argmax() + 1
    assert best.value == max(t.value for t in result.trials if t.state == "complete")
    assert result.ranked()[0] == best


def test_the_parts_are_a_tenth_a_tenth_and_the_rest(ratings, result):
    rest, test = ratings.split(**result.splits["test"])
    counts = [rest.split(**split)[1].n_ratings for split in result.splits["validation"]]
    assert [*counts, test.n_ratings] == pytest.approx([ratings.n_ratings / 10] * 3, rel=0.15)


def test_the_test_measures_models_that_have_seen_all_the_rest(ratings, result):
    rest, test = ratings.split(**result.splits["test"])
    assert result.test == {
        "tuned": evaluate(result.model(n_threads=1).fit(rest), test),
        "default": evaluate(WeightedMatrixFactorization(n_threads=1).fit(rest), test),
        "popularity": evaluate(Popularity().fit(rest), test),
    }


def test_it_finds_better_than_it_begins_with(result):
    assert result.trials[0].point["target"] == "sqrt"  # the default model
    assert result.best_value > result.trials[0].value
    assert len(result.trials) == 14
    assert result.stop_reason == "trials"


def test_the_file_is_for_training(result, tmp_path):
    result.save(tmp_path / "best.json")
    read = read_parameters(tmp_path / "best.json")
    kept = {k: v for k, v in result.best_parameters.items() if k != "random_state"}
    assert read == kept
    told = json.loads((tmp_path / "best.json").read_text())["tuning"]
    assert told["value"] == result.best_value
    assert told["splits"] == result.splits
    assert json.loads(json.dumps(result.report()))["best_value"] == result.best_value


def test_hopeless_trials_are_given_up_early(ratings):
    found = search(
        ratings,
        n_trials=24,
        max_iter=9,
        patience=9,
        space={"n_factors": 6, "relative_regularization": (0.1, 900)},
    )
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    complete = [trial for trial in found.trials if trial.state == "complete"]
    assert pruned
    assert len(complete) + len(pruned) == 24
    for trial in pruned:
        step = len(trial.curve)
        assert step in (3, 6)
        before = [t.curve[step - 1] for t in found.trials[: trial.number] if len(t.curve) >= step]
        better = sum(value > trial.curve[-1] for value in before)
        assert better >= (len(before) + 1) // 2


def test_random_trials_have_few_factors(ratings):
    found = search(ratings, n_trials=11, space={"n_factors": (2, 16)})
    assert [trial.point["n_factors"] for trial in found.trials].count(4) >= 5


def test_the_best_is_tried_again_with_twice_the_factors_as_long_as_that_helps():
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"n_factors": 4})
    sizes = []
    for number in range(19):
        trial = study.ask()
        sizes.append(trial.suggest_int("n_factors", 4, 20))
        trial.suggest_float("other", 0, 1)
        study.tell(trial, -abs(16 - sizes[-1]) - number / 100)
        plan_next(study, {"n_factors": 5}, 20)
    assert sizes == [4, *[5] * 7, 10, 20, *[5] * 9]


def test_a_trial_ends_when_nothing_gets_better(ratings):
    found = search(ratings, max_iter=40, patience=2, n_trials=3)
    for trial in found.trials:
        assert len(trial.curve) <= trial.iteration + 2


# -- metrics --------------------------------------------------------------------------------------


def test_recall_at_any_length(ratings):
    found = search(ratings, metric="recall_at_5", n_trials=4)
    rest, _ = ratings.split(**found.splits["test"])
    training, validation = rest.split(**found.splits["validation"][0])
    measured = evaluate(found.model(n_threads=1).fit(training), validation, k=5)
    assert found.best_value == pytest.approx(measured["recall_at_5"], rel=1e-12)
    assert {"recall_at_5", "recall_at_10"} <= set(found.test["tuned"])


def test_rmse_is_made_small_by_models_of_the_observed_ratings(ratings):
    found = search(ratings, metric="rmse", n_trials=8, space={"n_factors": (1, 6)})
    assert found.best_value == min(t.value for t in found.trials if t.state == "complete")
    assert found.ranked()[0] == found.best_trial
    best = found.best_parameters
    assert (best["unobserved_weight"], best["target"], best["alpha"]) == (0.0, "rating", 0.0)
    rest, test = ratings.split(**found.splits["test"])
    stars = WeightedMatrixFactorization.preset("stars", n_threads=1)
    assert found.trials[0].parameters["biases"]
    assert found.trials[0].parameters["regularization"] == pytest.approx(stars.regularization)
    assert found.test["default"] == evaluate(stars.fit(rest), test)
    assert found.test["tuned"]["rmse"] < found.test["popularity"]["rmse"]


# -- where it searches ----------------------------------------------------------------------------


def test_nothing_leaves_the_space(ratings):
    space = {
        "n_factors": [4, 6],
        "regularization": (1.0, 2.0),
        "target": "rating",
        "alpha": 0.25,
        "unobserved_weight": "0.1..0.2",
        "regularization_exponent": [0.5, 1.0],
    }
    found = search(ratings, space=space, n_trials=14)
    for trial in found.trials:
        parameters = trial.parameters
        assert parameters["n_factors"] in (4, 6)
        assert 1 <= parameters["regularization"] <= 2
        assert 0.1 <= parameters["unobserved_weight"] <= 0.2
        assert (parameters["target"], parameters["alpha"]) == ("rating", 0.25)
    assert {trial.parameters["regularization_exponent"] for trial in found.trials} == {0.5, 1.0}


def test_a_space_of_one_point_is_one_trial(ratings):
    fixed = {
        "n_factors": 5,
        "regularization": 3.0,
        "unobserved_weight": 0.1,
        "regularization_exponent": 0.0,
        "target": "rating",
        "degree_exponent": 0.0,
        "alpha": 0.0,
    }
    (trial,) = search(ratings, space=fixed).trials
    assert {name: trial.parameters[name] for name in fixed} == fixed


def test_warm_starts_are_tried_first(ratings):
    warm = {"n_factors": 7, "target": "binary", "unobserved_weight": 0.5, "regularization": 4.0}
    warm["regularization_exponent"] = 0.0
    first = search(ratings, warm_starts=[warm, warm]).trials[0].parameters
    assert first["n_factors"] == 7
    assert first["target"] == "binary"
    assert [first["unobserved_weight"], first["regularization"]] == pytest.approx([0.5, 4.0])


# -- reproducible, continued, shared --------------------------------------------------------------


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
    assert points(shared) == points(uninterrupted, 10)
    for trial, other in zip(shared.trials, uninterrupted.trials[:10], strict=True):
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


# -- ends and errors ------------------------------------------------------------------------------


def test_no_time_is_one_trial(ratings):
    found = search(ratings, timeout=0)
    assert (len(found.trials), found.stop_reason) == (1, "timeout")
    assert len(found.trials[0].curve) == 1
    assert found.test


def test_a_callback_may_end_it(ratings):
    seen = []
    found = search(ratings, callbacks=[lambda trial: seen.append(trial) or trial.number == 2])
    assert found.stop_reason == "callback"
    assert tuple(seen) == found.trials
    assert len(seen) == 3


def test_a_trial_that_cannot_be_solved_is_passed_over(ratings, caplog):
    space = {"n_factors": 30, "regularization": [0.0, 2.0]}
    found = search(ratings, metric="rmse", space=space, n_trials=10)
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert {trial.parameters["regularization"] for trial in found.ranked()} == {2.0}
    assert failed
    assert all("no unique solution" in trial.error for trial in failed)
    assert "no unique solution" in caplog.text


def test_if_all_trials_fail_the_reason_is_said(ratings):
    with pytest.raises(
        ValueError, match=r"every trial failed; the last one: .* no unique solution"
    ):
        search(ratings, metric="rmse", space={"n_factors": (30, 40), "regularization": 0.0})


def test_without_a_test_part_nothing_is_tested(ratings):
    found = search(ratings, test_fraction=0, n_trials=1)
    assert found.test == {}
    assert "test" not in found.splits


def test_parts_may_be_given(ratings):
    rest, test = ratings.split("per-user", fraction=0.2, random_state=1)
    training, validation = rest.split("random", fraction=0.2, random_state=1)
    found = tune(
        training, validation=validation, test=test, n_trials=3, space=SMALL, max_iter=3,
        progress=False,
    )  # fmt: skip
    measured = evaluate(found.model().fit(training), validation)
    assert found.best_value == pytest.approx(measured["ndcg_at_10"], rel=1e-12)
    assert found.test["tuned"] == evaluate(found.model().fit(rest), test)
    assert found.splits == {}


def test_weights_are_kept_when_parts_are_joined(ratings):
    weighted = replace(ratings, weights=np.linspace(0.5, 2, ratings.n_ratings, dtype=np.float32))
    rest, test = weighted.split(random_state=1)
    training, validation = rest.split(random_state=2)
    found = search(training, validation=validation, test=test, n_trials=1)
    assert found.test["tuned"] == evaluate(found.model(n_threads=1).fit(rest), test)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_trials": 0}, "n_trials must be at least 1"),
        ({"n_jobs": 0}, "n_jobs must be at least 1"),
        ({"timeout": -1.0}, "timeout must be"),
        ({"metric": "map"}, "metric must be ndcg_at_k or recall_at_k"),
        ({"metric": "ndcg_at_0"}, "metric must be"),
        ({"metric": "rmse", "space": {"target": "binary"}}, "metric rmse needs target='rating'"),
        ({"validation_fraction": 0.0}, "validation_fraction must be above 0"),
        ({"validation_fraction": 0.6, "test_fraction": 0.6}, "below 1 with test_fraction"),
        ({"validation_fraction": 1e-9}, "the validation part is empty"),
        ({"test_fraction": 1e-9}, "the test part is empty"),
        ({"warm_starts": [{"factors": 3}]}, "factors"),
    ],
)
def test_what_is_wrong_is_said(ratings, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        search(ratings, **arguments)


def test_parts_must_fit(ratings):
    training, validation = ratings.split()
    with pytest.raises(ValueError, match="without a validation part"):
        search(training, test=validation)
    with pytest.raises(ValueError, match="n_validations must be from 1 to 1"):
        search(training, validation=validation, n_validations=2)
    with pytest.raises(ValueError, match="ratings that are in the training part too"):
        search(ratings, validation=validation)
    with pytest.raises(TypeError, match="validation must be Interactions"):
        search(training, validation=[1])


@pytest.mark.processes
def test_optuna_is_loaded_only_to_tune():
    code = (
        "import sys, cinefold.tuning; assert 'optuna' not in sys.modules; "
        "sys.modules['optuna'] = None; cinefold.tuning.tune"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.strip().endswith(
        "ImportError: tuning needs Optuna; install it with: pip install 'cinefold[tune]'"
    )
