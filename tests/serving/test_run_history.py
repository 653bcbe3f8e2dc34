"""The history of training runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cinefold import WeightedMatrixFactorization
from cinefold.serving.run_history import RunHistory
from cinefold.serving.training import train


@pytest.fixture(scope="module")
def run(data):
    model = WeightedMatrixFactorization(n_factors=4, max_iter=2, n_threads=1)
    return train(data.interactions, model, refit=True, progress=False)


@pytest.fixture
def history(tmp_path):
    return RunHistory("ml-100k", tmp_path / "runs")


def test_nothing_at_first(history):
    assert history.runs() == []
    assert history.active is None


def test_a_run_is_kept_with_what_it_was(history, run):
    run_id = history.add(run)
    (summary,) = history.runs()
    assert summary.id == run_id
    assert summary.parameters == run.parameters
    assert summary.metrics == run.metrics
    assert summary.iterations == 2
    loaded = history.load(run_id)
    np.testing.assert_array_equal(loaded.model.user_factors_, run.model.user_factors_)


def test_the_active_one_is_remembered(history, run):
    first, second = history.add(run), history.add(run)
    history.activate(first)
    assert RunHistory("ml-100k", history.folder).active == first
    history.delete(first)
    assert history.active is None
    history.activate(second)
    history.activate(None)
    assert history.active is None


def test_a_run_that_is_gone_is_said(history, run):
    run_id = history.add(run)
    history.delete(run_id)
    history.delete(run_id)
    with pytest.raises(FileNotFoundError):
        history.load(run_id)
    with pytest.raises(FileNotFoundError):
        history.activate(run_id)


@pytest.mark.parametrize("run_id", ["..", "../../x", "", "active", "20260101T000000-00000000/.."])
def test_ids_are_no_paths(history, run_id):
    with pytest.raises(ValueError, match="not the id of a run"):
        history.load(run_id)


@pytest.mark.parametrize(
    "changed",
    [
        "{",
        "[" * 100_000,
        "null",
        {"parameters": {"n_factors": [4]}},
        {"parameters": {"colour": "red"}},
        {"metrics": {"ndcg_at_10": "high"}},
        {"metrics": {"ndcg_at_10": 10**400}},
        {"history": [{}]},
        {"history": 1},
        {"baseline": {}},
        {"split": None},
        {"stop_reason": None},
        {"seconds": "1"},
    ],
)
def test_a_damaged_run_hides_no_other(history, run, changed):
    broken, whole = history.add(run), history.add(run)
    file = history.folder / broken / "run.json"
    if isinstance(changed, dict):
        changed = json.dumps(json.loads(file.read_text()) | changed)
    file.write_text(changed)
    assert [summary.id for summary in history.runs()] == [whole]
    assert history.ids() == [whole, broken]
    with pytest.raises(ValueError, match=f"{broken}.*( is damaged| is no JSON file)"):
        history.load(broken)


def test_old_runs_make_room_but_not_the_active_one(history, run, monkeypatch):
    monkeypatch.setattr("cinefold.serving.run_history._MOST_RUNS", 2)
    active = history.add(run)
    history.activate(active)
    for _ in range(4):
        history.add(run)
    assert len(history.runs()) == 3
    assert history.active == active
