from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import optuna
import pytest

from cinefold import WeightedMatrixFactorization
from cinefold.evaluation import Division, evaluate
from cinefold.interactions import Interactions
from cinefold.models import Popularity
from cinefold.tuning import read_parameters, tune
from cinefold.tuning.results import ranked
from cinefold.tuning.search_data import SearchData
from cinefold.tuning.space import Space
from cinefold.tuning.study import plan_next
from cinefold.tuning.trial import suggest
from tests.tuning.small_searches import QUICK, SMALL, search


@pytest.fixture(scope="module")
def result(ratings):
    return search(ratings, n_trials=14, n_validations=2)


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


def test_most_trials_have_few_factors_and_few_iterations(ratings):
    found = search(ratings, n_trials=11, space={"n_factors": (2, 16)}, max_iter=9, patience=9)
    cheap = [len(trial.curve) for trial in found.trials if trial.point["n_factors"] == 4]
    assert len(cheap) >= 5
    assert max(cheap) == 6
    assert len(found.trials[0].curve) == 9


def test_many_factors_of_the_first_trial_do_not_end_those_with_few(ratings):
    many, few = search(ratings, n_trials=2, space={"n_factors": (1, 16)}).trials
    assert (many.point["n_factors"], few.point["n_factors"]) == (16, 2)
    assert many.curve[2] > few.curve[2]
    assert few.state == "complete"


def planned(direction, best, n_trials=21):
    """The numbers of factors of a study's trials, the first with 8; few are 6, many up to 20."""
    study, space = optuna.create_study(direction=direction), Space({"n_factors": (3, 20)})
    study.enqueue_trial({"n_factors": 8})
    sign = 1 if direction == "minimize" else -1
    sizes = []
    for number in range(n_trials):
        point = suggest(study.ask(), space)
        sizes.append(point["n_factors"])
        study.tell(number, sign * (abs(best - sizes[-1]) + number / 100))
        plan_next(study, space, 8)
    return sizes


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_is_tried_again_with_more_factors_as_long_as_that_helps(direction):
    # The best of every four with few; after eight the best of all twice.
    begin = [8, *[6] * 4, 8, *[6] * 4, 8, 16, *[6] * 4]
    assert planned(direction, 16) == [*begin, 16, *[6] * 4]
    assert planned(direction, 8) == [*begin, 8, *[6] * 4]


def test_most_trials_are_next_to_the_best(ratings):
    found = search(
        ratings, n_trials=16, space={"n_factors": 6, "relative_regularization": (0.1, 900)}
    )
    for trial in found.trials[13:16]:
        before = ranked(found.trials[: trial.number], "ndcg_at_10")[0]
        distance = np.log(
            trial.point["relative_regularization"] / before.point["relative_regularization"]
        )
        assert 0 < abs(distance) < 0.4 * np.log(9000)
        assert trial.point["target"] == before.point["target"]


def test_a_trial_ends_when_nothing_gets_better(ratings):
    found = search(ratings, max_iter=40, patience=2, n_trials=3)
    for trial in found.trials:  # by more than half a percent
        enough = next(i for i, value in enumerate(trial.curve, 1) if value >= 0.995 * trial.value)
        assert len(trial.curve) <= enough + 2


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


# -- ends and errors ------------------------------------------------------------------------------


def test_no_time_is_one_whole_trial(ratings):
    found = search(ratings, timeout=0)
    assert (len(found.trials), found.stop_reason) == (1, "timeout")
    assert len(found.trials[0].curve) == QUICK["max_iter"]
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


def test_parts_loaded_separately_share_ids_as_the_documentation_says():
    train, validation, test = (
        Interactions.from_arrays([u], [i]) for u, i in ((1, 5), (1, 6), (2, 7))
    )
    with pytest.raises(ValueError, match="unknown validation item: 6"):
        SearchData.given(train, validation, test)
    train = Division.of_parts(train, validation).training
    train = Division.of_parts(train, test).training
    data = SearchData.given(train, validation, test)
    assert (train.n_ratings, data.rest.n_ratings, data.test.item_ids.tolist()) == (1, 2, [5, 6, 7])


def test_of_many_users_a_sample_is_evaluated(ratings, monkeypatch):
    monkeypatch.setattr("cinefold.tuning.search_data._ENOUGH_USERS", 7)
    training, validation = ratings.split(random_state=2)
    ((_, sample),) = SearchData.given(training, validation, None).folds
    assert np.count_nonzero(sample.user_counts()) == 7
    kept = np.repeat(sample.user_counts() > 0, validation.user_counts())
    assert sample.fingerprint() == validation.select(kept).fingerprint()
    data = SearchData.random(ratings, 0.1, 0.1, None, 0)
    assert [np.count_nonzero(part.user_counts()) for _, part in data.folds] == [7]
    assert data.test.n_users == ratings.n_users > 7


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
