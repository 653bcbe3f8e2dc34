"""Speed and memory of Cinefold beside other libraries.

Measures the sections that are named, or all of them, prints their tables and adds what was
measured to a results file. "report" prints what such a file has, and writes Markdown and plots.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks import plots, report
from benchmarks.contestants import FIELD
from benchmarks.machine import describe
from benchmarks.sections import SECTIONS, SHAPES, minutes
from benchmarks.synthetic import Shape
from cinefold.als.iterations import available_threads

if TYPE_CHECKING:
    from benchmarks.section_case import Case

RESULTS = Path("build/benchmarks/results.json")
QUICK_RESULTS = Path("build/benchmarks/quick.json")


def main(arguments: list[str] | None = None) -> None:
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["report"]:
        _report(words[1:])
    else:
        _measure(words)


# -- measuring ------------------------------------------------------------------------------------


def _measure(words: list[str]) -> None:
    options = measure_options(words)
    path = options.results or (QUICK_RESULTS if options.quick else RESULTS)
    machine = describe(options.threads)
    try:
        results = report.on_machine(report.load(path), machine)
    except ValueError as error:
        sys.exit(f"{path}: {error}")
    console, progress = Console(), Console(stderr=True, highlight=False)
    console.print(report.machine_line(machine))
    if options.quick:
        progress.print("--quick only shows that all of it runs: its figures mean little.")
    planned = plan(options)
    for name, cases in planned.items():
        progress.print(
            f"{name:10} {SECTIONS[name].about}: {_about(minutes(SECTIONS[name], cases))}"
        )
    total = sum(minutes(SECTIONS[name], cases) for name, cases in planned.items())
    progress.print(f"All in all {_about(total)} on two fast cores. Each result is kept in {path}.")
    for name, cases in planned.items():
        for case in cases:
            results = report.merge(results, name, record(name, case))
            report.save(results, path)
        console.print(*report.tables(name, results["sections"][name]), sep="\n")
    console.print(report.targets_table(results))


def plan(options: argparse.Namespace) -> dict[str, list[Case]]:
    shapes = [SHAPES[size] for size in options.size or []]
    if options.shape:
        shapes.append(Shape(*options.shape))
    settings = {
        "n_threads": options.threads,
        "rounds": options.rounds,
        "seed": options.seed,
        "slow": options.slow,
        "names": _named(options.only, options.without),
        "epochs": options.epochs,
        "long_run": options.long_run,
        "regularization": options.regularization,
    }
    return {
        name: list(SECTIONS[name].cases(shapes, options.factors or [], options.quick, **settings))
        for name in options.sections or SECTIONS
    }


def record(section: str, case: Case) -> dict[str, Any]:
    """What was measured, with what it was measured on."""
    measured = SECTIONS[section].measure(case)
    return {
        "data": next((name for name, shape in SHAPES.items() if shape == case.shape), "other"),
        "users": case.shape.n_users,
        "items": case.shape.n_items,
        "ratings": case.shape.n_ratings,
        "factors": case.n_factors,
        "threads": case.n_threads,
        "rounds": case.rounds,
        "seed": case.seed,
        "regularization": case.regularization,
        "date": date.today().isoformat(),
        "left out": case.left_out,
        **measured,
    }


def _about(minutes: float) -> str:
    return f"about {minutes:.0f} min" if minutes >= 1.5 else f"about {60 * minutes:.0f} s"


def _named(only: list[str] | None, without: list[str]) -> tuple[str, ...]:
    """Contestants whose names begin with one of `only` and with none of `without`."""
    return tuple(
        name
        for name in FIELD
        if (only is None or name.startswith(tuple(only))) and not name.startswith(tuple(without))
    )


def measure_options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="sections:\n"
        + "".join(f"  {name:10} {section.about}\n" for name, section in SECTIONS.items())
        + "  report     tables, Markdown and plots of a results file (report --help)",
    )
    add = parser.add_argument
    add("sections", nargs="*", metavar="section", help="those below; all by default")
    add("--size", nargs="+", choices=list(SHAPES), help="of the ratings, for each section named")
    add("--shape", nargs=3, type=int, metavar=("USERS", "ITEMS", "RATINGS"), help="of one's own")
    add("--factors", type=int, nargs="+", help="default: 64 128 256, or what the section needs")
    add("--rounds", type=int, default=3, help="counted turns of each library (default 3)")
    add("--threads", type=int, default=available_threads(None), help="default: all cores")
    add("--seed", type=int, default=0, help="of the ratings and factors")
    add("--only", nargs="+", metavar="LIBRARY", help="libraries, or 'LIBRARY, SOLVER'")
    add("--without", nargs="+", default=[], metavar="LIBRARY", help="the same, left out")
    add("--slow", action="store_true", help="also libraries that take long at this size")
    add("--epochs", type=int, default=30, help="of each library in objective (default 30)")
    add("--long-run", type=int, default=60, help="epochs to the converged objective (default 60)")
    add("--regularization", type=float, default=10.0, help="lambda of all libraries (default 10)")
    add("--quick", action="store_true", help="tiny sizes, to see that all of it runs")
    add("--results", type=Path, help=f"JSON file that is added to (default {RESULTS})")
    options = parser.parse_args(words)
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"no such section: {name}; there are {', '.join(SECTIONS)}, report")
    for name in (*(options.only or []), *options.without):
        if not any(known.startswith(name) for known in FIELD):
            parser.error(f"no such library: {name}; there are: {'; '.join(FIELD)}")
    if min(options.rounds, options.threads, options.epochs, *(options.factors or [1])) < 1:
        parser.error("rounds, threads, epochs and factors must be at least 1")
    return options


# -- reporting ------------------------------------------------------------------------------------


def _report(words: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks report", description="Tables, Markdown and plots of results."
    )
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS)
    parser.add_argument(
        "--to", type=Path, help="folder for benchmarks.md, benchmarks.png and objective.png"
    )
    options = parser.parse_args(words)
    if not options.results.exists():
        parser.error(f"there is no {options.results}; python -m benchmarks makes it")
    results, console = report.load(options.results), Console()
    console.print(report.machine_line(results["machine"]))
    for name, records in results["sections"].items():
        console.print(*report.tables(name, records), sep="\n")
    console.print(report.targets_table(results))
    if options.to:
        options.to.mkdir(parents=True, exist_ok=True)
        (options.to / "benchmarks.md").write_text(report.markdown(results), encoding="utf-8")
        written = ["benchmarks.md", *plots.write(results, options.to)]
        console.print(f"Wrote {', '.join(written)} to {options.to}")


if __name__ == "__main__":
    main()
