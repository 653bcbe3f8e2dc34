"""The report of a kept run, and what the Train page shows of it."""

from __future__ import annotations

import json

from cinefold import WeightedMatrixFactorization
from cinefold.serving.run_history import RunSummary
from cinefold.serving.training_run import read_report
from tests.fuzz.scratch import file_of

_RECORD = {
    "iteration": 1,
    "objective": 3821.5,
    "train_rmse": 1.5,
    "validation_rmse": None,
    "validation_ndcg_at_10": 0.25,
    "seconds": 0.5,
}
_REPORT = {
    "sha256": {"model.safetensors": "0" * 64},
    "stars": None,
    "history": [_RECORD, {**_RECORD, "iteration": 2}],
    "metrics": {"rmse": 0.9, "ndcg_at_10": 0.25},
    "baseline": {"rmse": 1.1, "ndcg_at_10": 0.125},
    "parameters": WeightedMatrixFactorization(n_factors=4).get_params(),
    "split": {"method": "per-user", "fraction": 0.1, "random_state": 0},
    "stop_reason": "max_iter",
    "refitted": True,
    "seconds": 1.5,
}
SEEDS = [
    json.dumps(_REPORT).encode(),
    json.dumps({**_REPORT, "metrics": {}, "history": []}).encode(),
    b'{"history": ' + b"[" * 2000,
]


def check(data: bytes) -> None:
    try:
        report = read_report(file_of(data, "run.json").parent)
    except ValueError:
        return
    run = RunSummary.of("20261128T093835145010-c1a81be4", report)
    for value, baseline in ((run.metrics[name], report["baseline"][name]) for name in run.metrics):
        assert f"{value:.3f} {value - baseline:+.3f}"
    for record in report["history"]:
        assert f"{record['iteration']:g} {record['train_rmse']:.3f} {record['seconds']:.1f}"
    assert f"{run.seconds:.1f} {report['split']['fraction']:.0%} {report['split']['random_state']}"
    assert {name: str(value) for name, value in run.parameters.items()}
