"""Results as files, tables, Markdown and pictures."""

from __future__ import annotations

import pytest
from benchmarks.targets import Target, ratio, shares_of_peak, spread, targets
from rich.console import Console

from benchmarks import plots, report

MACHINE = {
    "processor": "A processor",
    "cores": 2,
    "threads": 2,
    "level": "avx2",
    "system": "Linux x86_64",
    "python": "3.11.7",
    "versions": {"cinefold": "0.1.0", "irspack": "0.5.2"},
}
TURNS = {
    "cinefold, exact": [1.0, 1.0, 2.0],
    "irspack, Cholesky": [3.0, 4.0, 5.0],
    "implicit, CG": [1.5, 1.5, 1.5],
}

PHASES = {
    "items' rows": {
        "seconds": 0.9,
        "serial": 0.01,
        "busy": [0.8, 1.0],
        "waits": 0.002,
        "predicted": [1.8, 0.9, 0.45, 0.225, 0.12],
    },
    "balancing": {
        "seconds": 0.1,
        "serial": 0.1,
        "busy": [0.0, 0.0],
        "waits": 0.0,
        "predicted": [0.03] * 5,
    },
}


def record(factors=128, data="10m", **measured):
    return {
        "data": data,
        "users": 70_000,
        "items": 10_700,
        "ratings": 10_000_000,
        "factors": factors,
        "threads": 2,
        "left out": {},
        **measured,
    }


def epochs(**changes):
    peak = {name: [400.0] * 3 for name in TURNS}
    return record(**({"seconds": TURNS, "peak": peak, "flops": 2e11} | changes))


@pytest.fixture
def results():
    curve = {"seconds": [1.0, 2.0], "objective": [12.0, 10.0]}
    slower = {"seconds": [3.0, 6.0], "objective": [12.0, 10.001]}
    never = {"seconds": [4.0, 8.0], "objective": [14.0, 12.0]}
    once = {"cinefold": [1.0], "implicit": [4.0], "irspack": [2.5]}
    return {
        "machine": MACHINE,
        "sections": {
            "epochs": [epochs(factors=64), epochs(**{"left out": {"lenskit, exact": "no"}})],
            "longtail": [epochs(data="other", **{"median ratings of an item": 2.0})],
            "levels": [record(seconds={"cinefold, avx2": [1.0], "irspack, Cholesky": [2.0]})],
            "threads": [record(seconds={"1": [1.9], "2": [1.0]}, phases=PHASES)],
            "objective": [
                record(
                    factors=256,
                    best=10.0,
                    curves={
                        "cinefold, CG": curve,
                        "irspack, CG": slower,
                        "implicit, CG": never,
                    },
                )
            ],
            "topk": [record(64, seconds=once, **{"same items": dict.fromkeys(once, 1.0)})],
            "foldin": [
                record(
                    64,
                    seconds=once,
                    microseconds={name: {"p50": 80.0, "p99": 200.0} for name in once},
                    **{"largest difference": dict.fromkeys(once, 1e-7)},
                )
            ],
            "memory": [
                record(64, megabytes={"cinefold, exact": 250.0}, **{"two copies and factors": 200})
            ],
        },
    }


def printed(*things):
    console = Console(width=160)
    with console.capture() as capture:
        console.print(*things)
    return capture.get()


def test_ratios_are_of_medians_and_their_spread_of_rounds():
    assert ratio(TURNS, "irspack, Cholesky") == 4
    assert spread(TURNS, "irspack, Cholesky") == (2.5, 4)


def test_share_of_peak_is_that_of_the_speed_beside_it():
    peak = {"cinefold, exact": [400.0, 200.0, 100.0]}
    assert shares_of_peak(epochs(peak=peak)) == [0.5, 1.0, 1.0]


def test_every_aim_has_its_row(results):
    found = {target.what: target for target in targets(results["sections"])}
    assert found["exact epoch, 10M ratings, d=64, against irspack, Cholesky"].is_met
    assert found["exact epoch, 10M ratings, d=128, against implicit, CG"].shown_aim == "faster"
    assert found["share of sgemm's peak, exact, 10M ratings, d=128"].shown == "50% (25% to 50%)"
    long_tail = "long-tailed catalogue, exact, 10M ratings, d=128, against irspack, Cholesky"
    assert not found[long_tail].is_met
    assert found["top-10, 70,000 x 10,700, d=64, against implicit"].measured == 4
    assert not found["top-10, 70,000 x 10,700, d=64, against irspack"].is_met
    assert found["fold-in of 20 ratings, 10,700 items, d=64, p50"].shown_aim == "under 100 µs"
    assert found["cinefold, avx2, 10M ratings, d=128, against irspack, Cholesky"].is_met
    assert found["threads 1 to 2, exact, 10M ratings, d=128"].is_met
    memory = found["peak memory over two copies and factors, cinefold, exact, 10M ratings, d=64"]
    assert (memory.shown_aim, memory.shown, memory.is_met) == ("at most 1.15x", "1.25x", False)
    (objective,) = (target for what, target in found.items() if "objective" in what)
    assert objective.what.endswith("cinefold, CG, against irspack, CG")
    assert objective.measured == 3
    assert objective.shown == "3.00x"


def test_a_library_that_never_got_there_takes_longer_than_it_was_given(results):
    (objective,) = results["sections"]["objective"]
    del objective["curves"]["irspack, CG"]
    (row,) = targets({"objective": [objective]})
    assert row.what.endswith("cinefold, CG, against implicit, CG")
    assert row.shown == "over 4.00x"


def test_libraries_that_did_not_take_part_have_no_row():
    alone = {"cinefold, exact": [1.0]}
    found = targets({"epochs": [epochs(seconds=alone, peak={"cinefold, exact": [400.0]})]})
    assert [target.unit for target in found] == ["%"]


def test_targets_below_and_above():
    assert Target("", 100, 99, "µs").is_met
    assert not Target("", 2, 1.99).is_met


def test_tables_say_what_was_left_out_and_not_reached(results):
    sections = results["sections"]
    text = printed(*(table for name in sections for table in report.tables(name, sections[name])))
    assert "Left out: lenskit, exact: no" in text
    assert "not reached" in text
    assert "under 100 µs" in printed(report.targets_table(results))


def test_phases_on_several_threads(results):
    (record,) = results["sections"]["threads"]
    columns, rows = report._threads(record)
    assert all(len(row) == len(columns) for row in rows)
    phases, (speed_up, outside, serial, gathered) = rows[0], rows[-4:]
    assert phases[:7] == ["items' rows", "900.0", "10.0", "900.0", "1.11", "2.0", "1800.0"]
    assert speed_up[1] == "1.90"
    assert speed_up[-1] == "12.20"
    assert outside[-1] == "20.0%"
    assert serial[-1] == "73.3%"
    assert gathered[-1] == "68"
    found = {target.what: target for target in targets(results["sections"])}
    assert found["model of 16 threads, exact, 10M ratings, d=128"].is_met


def test_markdown_has_the_machine_and_all_sections(results):
    text = report.markdown(results)
    assert text.startswith("A processor, 2 cores, 2 threads, avx2;")
    assert all(f"**{section}: " in text for section in results["sections"])
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.count("|") >= 4 for line in tables)


def test_pictures_are_written_for_what_there_is(results, tmp_path):
    assert plots.write(results, tmp_path) == ["benchmarks.png", "objective.png"]
    assert (tmp_path / "objective.png").read_bytes().startswith(b"\x89PNG")
    assert plots.write({"sections": {}}, tmp_path) == []


def test_a_record_takes_the_place_of_its_elder(results):
    newer = epochs(flops=1.0)
    merged = report.merge(report.merge(results, "epochs", newer), "epochs", epochs(factors=32))
    assert [r["factors"] for r in merged["sections"]["epochs"]] == [32, 64, 128]
    assert merged["sections"]["epochs"][-1] is newer
    assert len(results["sections"]["epochs"]) == 2


def test_results_are_kept_in_a_file_of_one_machine(results, tmp_path):
    path = tmp_path / "new" / "results.json"
    assert report.load(path)["sections"] == {}
    report.save(results, path)
    assert report.load(path) == results
    newer = MACHINE | {"python": "3.12.0"}
    assert report.on_machine(results, newer)["machine"] == newer
    with pytest.raises(ValueError, match="level avx2, not avx512"):
        report.on_machine(results, MACHINE | {"level": "avx512"})
