"""The command."""

from __future__ import annotations

import json

import pytest
from benchmarks.__main__ import main, measure_options, plan
from benchmarks.sections import SECTIONS, minutes
from benchmarks.synthetic import LONG_TAIL, SIZES

TINY = ["--shape", "60", "40", "500", "--factors", "4", "--rounds", "1", "--only", "cinefold"]


def planned(*words):
    return plan(measure_options(list(words)))


def test_all_sections_at_the_sizes_that_they_are_asked_for():
    cases = planned()
    assert list(cases) == list(SECTIONS)
    assert [(case.shape, case.n_factors) for case in cases["epochs"]] == [
        (SIZES["10m"], 64),
        (SIZES["10m"], 128),
        (SIZES["10m"], 256),
    ]
    assert cases["longtail"][0].shape == LONG_TAIL
    assert all(minutes(SECTIONS[name], some) > 0 for name, some in cases.items())


def test_quick_is_quick():
    cases = planned("--quick")
    assert sum(minutes(SECTIONS[name], some) for name, some in cases.items()) < 3


def test_sizes_shapes_and_factors_are_combined():
    sizes = ["--size", "100k", "ml-100k", "--shape", "500", "400", "9000"]
    words = ["epochs", *sizes, "--factors", "8", "16", "--seed", "3"]
    (cases,) = planned(*words).values()
    assert [(case.shape.n_ratings, case.n_factors, case.seed) for case in cases] == [
        (100_000, 8, 3),
        (100_000, 16, 3),
        (100_000, 8, 3),
        (100_000, 16, 3),
        (9_000, 8, 3),
        (9_000, 16, 3),
    ]


def test_a_shape_of_ones_own_keeps_the_long_tail():
    (cases,) = planned("longtail", "--shape", "500", "4000", "9000").values()
    assert cases[0].shape == (500, 4000, 9000, LONG_TAIL.popularity)


def test_libraries_are_chosen_and_left_out_by_name():
    words = ("--only", "cinefold", "irspack", "--without", "irspack, CG")
    (cases,) = planned("epochs", *words).values()
    ours = ("cinefold, exact", "cinefold, CG", "cinefold, CG, plain")
    assert cases[0].names == (*ours, "irspack, Cholesky", "irspack, iALS++")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["speed"], "no such section: speed"),
        (["--only", "lightfm"], "no such library: lightfm"),
        (["--rounds", "0"], "must be at least 1"),
        (["--size", "5m"], "invalid choice"),
        (["report", "missing.json"], "there is no missing.json"),
    ],
)
def test_what_cannot_be_is_said(words, complaint, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert complaint in capsys.readouterr().err


def test_measuring_and_reporting(tmp_path, capsys):
    path = tmp_path / "results.json"
    main(["epochs", "threads", "history", *TINY, "--results", str(path)])
    main(["levels", "objective", "--epochs", "3", "--long-run", "5", *TINY, "--results", str(path)])
    shown = capsys.readouterr()
    assert "share of sgemm" not in shown.out  # only at 128 factors
    assert "All in all" in shown.err
    results = json.loads(path.read_text())
    assert set(results["sections"]) == {"epochs", "threads", "history", "levels", "objective"}
    (record,) = results["sections"]["epochs"]
    assert set(record["seconds"]) == {"cinefold, exact", "cinefold, CG"}
    assert len(record["peak"]["cinefold, CG"]) == 1
    main(["report", str(path), "--to", str(tmp_path / "docs")])
    written = {file.name for file in (tmp_path / "docs").iterdir()}
    assert written == {"benchmarks.md", "benchmarks.png", "objective.png"}


def test_results_of_another_machine_are_left_alone(tmp_path):
    path = tmp_path / "results.json"
    main(["threads", *TINY, "--results", str(path)])
    results = json.loads(path.read_text())
    results["machine"]["processor"] = "Another"
    path.write_text(json.dumps(results))
    with pytest.raises(SystemExit, match="processor Another"):
        main(["threads", *TINY, "--results", str(path)])
