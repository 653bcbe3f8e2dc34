from __future__ import annotations

import os
import signal
import termios

import numpy as np
import pytest

from cinefold import WeightedMatrixFactorization
from tests.cli.program import start
from tests.movielens_files import as_folder, original_files
from tests.waiting import PATIENCE, read_until

SMALL = ("--n-factors", 8, "--max-iter", 3, "--threads", 1)


def test_train_prints_figures_that_the_saved_factors_bear_out(answer, data, tmp_path):
    report = answer("train", *SMALL, "--seed", 4, "--output", tmp_path / "m.safetensors")
    model = WeightedMatrixFactorization.load(tmp_path / "m.safetensors")
    training, held_out = data.interactions.split(**report["split"])
    assert report["split"] == {"method": "per-user", "fraction": 0.1, "random_state": 4}
    assert (report["n_training_ratings"], report["n_held_out_ratings"]) == (
        training.n_ratings,
        held_out.n_ratings,
    )
    scores = model.user_factors_.astype(float) @ model.item_factors_.astype(float).T
    rows, columns = held_out.by_user.nonzero()
    errors = scores[rows, columns] - np.sqrt(held_out.by_user.data)
    assert report["history"][-1]["validation_rmse"] == pytest.approx(
        np.sqrt(np.mean(errors**2)), rel=1e-6
    )
    assert report["metrics"]["rmse"] < report["baseline"]["rmse"]

    scores[training.by_user.nonzero()] = -np.inf
    ndcgs = []
    for user in np.unique(rows):
        best = np.argsort(-scores[user], kind="stable")[:10]
        relevant = set(columns[rows == user].tolist())
        gains = [1 / np.log2(p + 2) for p, item in enumerate(best.tolist()) if item in relevant]
        ideal = [1 / np.log2(p + 2) for p in range(min(10, len(relevant)))]
        ndcgs.append(sum(gains) / sum(ideal))
    assert report["metrics"]["ndcg_at_10"] == pytest.approx(np.mean(ndcgs), rel=1e-6)


def test_train_prints_a_table_per_iteration_and_the_baseline(cinefold):
    code, out, _ = cinefold("train", *SMALL)
    assert code == 0
    for words in ("Iteration", "Validation RMSE", "NDCG@10", "This model", "Popularity"):
        assert words in out
    assert "split per-user, fraction 0.1, seed 0" in out


def test_train_without_validation_measures_nothing(cinefold, data, tmp_path):
    code, out, _ = cinefold("train", *SMALL, "--validation", 0, "-o", tmp_path / "m")
    assert code == 0
    assert "Popularity" not in out
    assert "1,380" in out
    model = WeightedMatrixFactorization.load(tmp_path / "m")
    assert model.interactions_.n_ratings == data.interactions.n_ratings


@pytest.mark.parametrize(
    ("name", "content"),
    [("curve.SVG", b"RMSE from the root of the rating"), ("curve.pdf", b"%PDF")],
)
def test_train_draws_the_learning_curve(cinefold, tmp_path, name, content):
    pytest.importorskip("matplotlib")
    assert cinefold("train", *SMALL, "--plot", tmp_path / name)[0] == 0
    assert content in (tmp_path / name).read_bytes()


def test_train_parameters_reach_the_model(answer):
    report = answer(
        "train", *SMALL, "--unobserved-weight", 0.3, "--regularization", 2,
        "--regularization-exponent", 0.5, "--target", "binary", "--alpha", 0.5, "--tol", 0.01,
        "--solver", "cg", "--degree-exponent", 0.25,
    )  # fmt: skip
    assert report["parameters"] == {
        "n_factors": 8,
        "unobserved_weight": 0.3,
        "regularization": 2.0,
        "regularization_exponent": 0.5,
        "degree_exponent": 0.25,
        "target": "binary",
        "alpha": 0.5,
        "biases": False,
        "solver": "cg",
        "max_iter": 3,
        "tol": 0.01,
        "early_stopping": None,
        "patience": 3,
        "n_threads": 1,
        "random_state": 0,
    }


@pytest.fixture(scope="module")
def busy_folder(tmp_path_factory):
    """Ratings enough to be interrupted in the middle."""
    stars = np.random.default_rng(0).integers(1, 6, (600, 120)).tolist()
    lines = (
        f"{user}\t{movie}\t{star}\t880000000\n"
        for user, row in enumerate(stars, start=1)
        for movie, star in enumerate(row, start=1)
    )
    files = original_files() | {"ml-100k/u.data": "".join(lines).encode()}
    return as_folder(files, tmp_path_factory.mktemp("busy"))


@pytest.mark.processes
def test_ctrl_c_keeps_what_was_learnt(busy_folder, tmp_path):
    file = tmp_path / "m.safetensors"
    endless = ("--max-iter", 10**9, "--tol", 0, "--n-factors", 100, "--regularization", 0.01)
    terminal, its_end = os.openpty()
    termios.tcsetwinsize(its_end, (24, 100))
    process = start("train", *endless, "--path", busy_folder, "-o", file, stderr=its_end)
    os.close(its_end)
    with process:
        try:
            read_until(terminal, rb"[1-9]\d*/1000000000")
            process.send_signal(signal.SIGINT)
            said = read_until(terminal, rb"up to iteration \d+").decode()
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            os.close(terminal)
    assert process.returncode == 130
    assert "The model is in" in said
    assert "Traceback" not in said
    assert WeightedMatrixFactorization.load(file).stop_reason_ == "interrupted"
    assert "Stopped: Ctrl-C" in out
    assert "Popularity" in out
