"""``cinefold tune``, and what ``cinefold train --params`` makes of its file."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import termios

import pytest

from cinefold.cli import commands
from cinefold.tuning import read_parameters, write_parameters
from tests.waiting import PATIENCE, read_until

PROGRAM = [sys.executable, "-c", "from cinefold.cli import main; main()"]
SMALL = ("--space", "n_factors=4..10", "--max-iter", 4, "--threads", 1, "--validations", 1)


@pytest.fixture
def cinefold(folder, capsys):
    """Run a command on the small data set; its exit code, standard output and error."""

    def run(*arguments, path=True):
        local = ["--path", str(folder)] if path else []
        code = commands.run([*map(str, arguments), *local])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def answer(cinefold):
    """The JSON that a command prints."""

    def run(*arguments):
        code, out, _ = cinefold("-q", *arguments, "--json")
        assert code == 0
        return json.loads(out)

    return run


def test_tables_of_the_best_trials_and_of_the_test(cinefold, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")  # as any Python with readline tells what it starts
    code, out, error = cinefold("tune", *SMALL, "--trials", 5)
    assert code == 0
    for words in (
        "NDCG@10",
        "Iterations",
        "lambda",
        "nu",
        "5 trials:",
        "Tuned model",
        "Popularity",
    ):
        assert words in out
    assert "Traceback" not in error
    rows = [re.findall(r"[\w.]+", line) for line in out.splitlines() if re.match(r"│ +\d", line)]
    values = [float(value) for _, value, *_ in rows]
    assert 1 <= len(values) <= 5
    assert values == sorted(values, reverse=True)


def test_a_search_without_time_says_that_it_found_nothing_better(cinefold):
    code, out, _ = cinefold("tune", *SMALL, "--timeout", 0)
    assert code == 0
    assert "1 trials: 1 complete" in out
    assert "s, as --timeout allows." in out
    assert "nothing better" in out


def test_the_file_trains_the_model_that_was_found(answer, tmp_path):
    file = tmp_path / "best.json"
    report = answer("tune", *SMALL, "--trials", 4, "-o", file)
    assert read_parameters(file).items() <= report["best_parameters"].items()
    trained = answer("train", "--params", file, "--threads", 1)
    assert read_parameters(file).items() <= trained["parameters"].items()
    assert len(trained["history"]) == report["best_parameters"]["max_iter"]


def test_what_is_typed_wins_over_the_file(answer, tmp_path):
    file = tmp_path / "mine.json"
    write_parameters(file, {"n_factors": 9, "alpha": 0.25, "max_iter": 2, "target": "rating"})
    parameters = answer("train", "--params", file, "--n-factors", 5, "--target", "binary")
    parameters = parameters["parameters"]
    assert (parameters["n_factors"], parameters["target"]) == (5, "binary")
    assert (parameters["alpha"], parameters["max_iter"]) == (0.25, 2)


def test_typing_the_default_wins_too(answer, tmp_path):
    file = tmp_path / "mine.json"
    write_parameters(file, {"n_factors": 4, "max_iter": 2, "tol": 0.5})
    default = answer("train", "--max-iter", 1)["parameters"]["n_factors"]
    parameters = answer("train", "--params", file, "--n-factors", default)["parameters"]
    assert (parameters["n_factors"], parameters["tol"]) == (default, 0.5)


def test_a_file_of_unknown_parameters_trains_nothing(cinefold, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"parameters": {"factors": 4}}')
    code, out, error = cinefold("train", "--params", file)
    assert (code, out) == (2, "")
    assert f"{file}: 'factors' is no parameter; there are n_factors" in error
    assert cinefold("tune", *SMALL, "--params", file)[0] == 2


def test_searches_begin_with_the_parameters_of_files(answer, tmp_path):
    files = tmp_path / "one.json", tmp_path / "two.json"
    for number, file in enumerate(files):
        write_parameters(file, {"n_factors": 5 + number, "target": "binary"})
    report = answer("tune", *SMALL, "--trials", 2, "--params", files[0], "--params", files[1])
    assert [trial["point"]["n_factors"] for trial in report["trials"]] == [5, 6]


def test_the_space_comes_from_options_and_files(answer, tmp_path):
    file = tmp_path / "space.toml"
    file.write_text('n_factors = "6,8"\nregularization_exponent = "0..0.5"\n')
    report = answer(
        "tune", *SMALL, "--trials", 12, "--space", file, "--space", "regularization=1..2",
        "--fix", "target=rating", "--fix", "alpha=0",
    )  # fmt: skip
    parameters = [trial["parameters"] for trial in report["trials"]]
    assert {p["n_factors"] for p in parameters} == {6, 8}
    assert {(p["target"], p["alpha"]) for p in parameters} == {("rating", 0)}
    assert all(0 <= p["regularization_exponent"] <= 0.5 for p in parameters)
    assert all(1 <= p["regularization"] <= 2 for p in parameters)


def test_the_trials_are_drawn(cinefold, tmp_path):
    arguments = ("--trials", 12, "--space", "relative_regularization=1..5000", "--max-iter", 8)
    assert cinefold("tune", *SMALL, *arguments, "--plot", tmp_path / "t.SVG")[0] == 0
    drawn = (tmp_path / "t.SVG").read_text()
    assert drawn.startswith("<?xml")
    for name in ("Pruned", "Complete", "Best so far", "relative_regularization", "target"):
        assert name in drawn  # in a comment beside its glyphs


def test_ratings_of_ones_own(data, answer, capsys, tmp_path):
    ratings = data.interactions
    with (tmp_path / "mine.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "item_id", "rating"])
        for user in ratings.user_ids:
            items, stars = ratings.user_ratings(user)
            rows.writerows((f"u{user}", f"i{i}", s) for i, s in zip(items, stars, strict=True))
    arguments = ["-q", "tune", *SMALL, "--trials", 2, "--data", tmp_path / "mine.csv", "--json"]
    assert commands.run(list(map(str, arguments))) == 0
    assert len(json.loads(capsys.readouterr().out)["trials"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fix", "target"), "--fix takes NAME=VALUE, not 'target'"),
        (("--fix", "factors=4"), "there is no 'factors' to search; there are n_factors"),
        (("--space", "nowhere.toml"), "nowhere.toml"),
        (("--metric", "auc"), "metric must be ndcg_at_k or recall_at_k"),
        (("--output", "nowhere/best.json"), "'--output' / '-o': there is no folder"),
        (("--storage", "nowhere/trials"), "storage: there is no folder"),
        (("--plot", "trials.txt"), "'--plot': pictures are .png, .svg, .pdf files, not trials.txt"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(cinefold, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, error = cinefold("-q", "tune", *arguments)
    assert code in (1, 2)
    assert out == ""
    assert message in error
    assert len(error.splitlines()) == 1


@pytest.mark.processes
def test_without_optuna_the_extra_is_named(folder):
    code = f"import sys; sys.modules['optuna'] = None; {PROGRAM[2]}"
    run = subprocess.run(
        [sys.executable, "-c", code, "tune", "--path", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == (
        "cinefold: tuning needs more packages; install them with: pip install 'cinefold[tune]'\n"
    )


@contextlib.contextmanager
def on_a_terminal(arguments):
    """The program, and the terminal that its messages go to; it ends with the block."""
    terminal, its_end = os.openpty()
    termios.tcsetwinsize(its_end, (24, 160))
    command = [*PROGRAM, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its_end, text=True) as process:
        os.close(its_end)
        try:
            yield process, terminal
        finally:
            process.kill()
            os.close(terminal)


@pytest.mark.processes
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_the_best_and_the_same_command_goes_on(answer, folder, tmp_path, jobs):
    storage, best = tmp_path / "trials.journal", tmp_path / "best.json"
    arguments = [
        *("tune", *SMALL, "--path", folder, "--storage", storage, "-o", best, "--jobs", jobs),
        *("--trials", 100_000),
    ]
    with on_a_terminal(arguments) as (process, terminal):
        read_until(terminal, rb"Best trial: \d+\. Best value: 0\.\d+:.* [3-9]/100000")
        process.send_signal(signal.SIGINT)
        said = read_until(terminal, rb"The same command goes on with the trials in").decode()
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "NDCG@10" in out
    assert "Tuned model" not in out
    kept = json.loads(best.read_text())["tuning"]
    assert kept["test"] == {}
    arguments[arguments.index(100_000)] = kept["n_trials"] + 2
    report = answer(*arguments)
    assert len(report["trials"]) >= kept["n_trials"]
    assert report["best_value"] >= kept["value"]
    assert report["trials"][kept["trial"]]["value"] == kept["value"]
    assert set(report["test"]) == {"tuned", "default", "popularity"}
