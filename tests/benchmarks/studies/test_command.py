from __future__ import annotations

import json

import pytest
from benchmarks.studies.__main__ import app
from benchmarks.studies.cold_start import cold_start_curves
from benchmarks.studies.interviews import interview_curves

from cinefold.cli.commands import run as run_command
from cinefold.models import WeightedMatrixFactorization

SMALL = ("--set", "n_factors=6", "--set", "max_iter=2", "--set", "n_threads=1", "--folds", "2",
         "--given", "1,4", "--questions", "0,3")  # fmt: skip


@pytest.fixture
def cold_start(folder, capsys):
    """Run the studies on the small data set; its exit code, output and errors."""

    def run(*arguments):
        code = run_command(["--path", str(folder), *map(str, arguments)], app)
        return code, *capsys.readouterr()

    return run


def test_it_prints_both_curves_with_errors(cold_start):
    code, out, _ = cold_start(*SMALL)
    assert code == 0
    for words in (
        *("NDCG@10 by number of ratings", "NDCG@10 by number of questions"),
        *("Popularity", "Cold start", "Somebody else", "Informative", "movies known", "±"),
    ):
        assert words in out


def test_json_is_what_the_library_measures(cold_start, data):
    code, out, _ = cold_start(*SMALL, "--seed", 3, "--json", "--set", "target=binary")
    report = json.loads(out)
    assert code == 0
    model = WeightedMatrixFactorization(n_factors=6, max_iter=2, n_threads=1, target="binary")
    common = {"n_folds": 2, "random_state": 3, "progress": False}
    expected = cold_start_curves(data.interactions, model, n_given=(1, 4), **common)
    assert report["by_ratings"]["records"] == json.loads(json.dumps(expected.records))
    assert report["by_ratings"]["settings"]["n_given"] == [1, 4]
    expected = interview_curves(data.interactions, model, n_questions=(0, 3), **common)
    assert report["by_questions"]["records"] == json.loads(json.dumps(expected.records))
    assert report["parameters"]["target"] == "binary"


def test_another_measure_can_be_shown(cold_start):
    _, out, _ = cold_start(*SMALL, "--metric", "capped_recall_at_20")
    assert "Capped recall@20 by number of ratings" in out


@pytest.mark.parametrize(("name", "start"), [("c.png", b"\x89PNG"), ("c.svg", b"<?xml")])
def test_it_draws_the_curves(cold_start, tmp_path, name, start):
    assert cold_start(*SMALL, "--plot", tmp_path / name)[0] == 0
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--given", "1;5"), "'1;5' is not a list of numbers"),
        (("--given", "0"), "n_given must be numbers of ratings, 1 or more"),
        (("--given", "400"), "no user has 400 ratings to give"),
        (("--questions", "-3"), "'-3' is not a list of numbers"),
        (("--set", "w0"), "'w0' is not NAME=VALUE"),
        (("--set", "w0=1"), "no parameter 'w0'"),
        (("--set", "target=stars"), "target must be one of"),
        (("--plot", "nowhere/c.png"), "there is no folder"),
        (("--plot", "curve.txt"), "pictures are .png, .svg, .pdf"),
        (("--folds", "1"), "--folds"),
        (("--folds", "61"), "n_folds must be from 2 to the number of users, 60"),
    ],
)
def test_wrong_options_are_said_in_one_line(cold_start, arguments, message):
    code, out, err = cold_start(*SMALL, *arguments)
    assert code == 2
    assert message in err
    assert not out
    assert len(err.strip().splitlines()) == 1
