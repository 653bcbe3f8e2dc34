"""Speed and memory of Cinefold beside other libraries.

Names the sections to run (all by default) and prints their tables; what is measured is added to a
results file. "report" prints what the file has and writes it as Markdown and as a plot.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks import report, synthetic
from benchmarks.contestants import FIELD, SLOW, Problem
from benchmarks.convergence import NAMES, convergence
from benchmarks.epochs import LONG_TAIL, epochs, levels, scaling
from benchmarks.machine import describe, say, threads
from benchmarks.memory import memory
from benchmarks.serving import fold_in, top_ten

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp

SIZES = {
    "100k": (1_000, 1_700, 100_000),
    "1m": (6_000, 3_700, 1_000_000),
    "10m": (70_000, 10_700, 10_000_000),
    "20m": (138_000, 27_000, 20_000_000),
}
RESULTS = Path("build/benchmarks/results.json")


def main() -> None:
    options = _options()
    console = Console()
    sections = _sections(options)
    results = report.load(options.results)
    if "report" in options.sections:
        _write_report(results, options.to, console)
        return
    results["machine"] = describe(options.threads) | {"date": date.today().isoformat()}
    console.print(results["machine"])
    for name in options.sections or sections:
        results[name] = sections[name]()
        report.save(results, options.results)
        for table in report.tables({name: results[name]}):
            console.print(table)
    console.print(f"Results are in {options.results}")


def _sections(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    n_threads, rounds, seed, quick = options.threads, options.rounds, options.seed, options.quick
    several = options.factors or ([16, 32] if quick else [64, 128, 256])
    small, middle, large = (8, 16, 32) if quick else (64, 128, 256)

    def data(size: str | None = None) -> sp.csr_array:
        say("making ratings")
        if (size or options.size) == "ml-100k":
            from cinefold.datasets import load

            return load("ml-100k").interactions.by_user
        return synthetic.ratings(*SIZES["100k" if quick else size or options.size], seed)

    def long_tail() -> sp.csr_array:
        say("making ratings")
        shape = (1_500, 3_000, 50_000) if quick else (150_000, 300_000, 5_000_000)
        return synthetic.ratings(*shape, seed, popularity=2.1)

    def for_top_k() -> sp.csr_array:
        return synthetic.ratings(*((700, 1_000, 50_000) if quick else (70_000, 10_000, 9_000_000)))

    names = tuple(name for name in FIELD if options.slow or name not in SLOW)
    chosen = NAMES if options.slow else NAMES[:1] + NAMES[2:]
    return {
        "epochs": lambda: epochs(data(), several, rounds, n_threads, names),
        "long tail": lambda: epochs(long_tail(), [middle], rounds, n_threads, LONG_TAIL),
        "levels": lambda: levels(data(), several[:2], rounds, n_threads),
        "threads": lambda: scaling(data(), middle, rounds, n_threads),
        "objective": lambda: convergence(
            Problem(data(), options.factors[-1] if options.factors else large, n_threads),
            chosen,
            10 if quick else options.long_run,
            5 if quick else options.long_run,
        ),
        "top-k": lambda: top_ten(for_top_k(), small, rounds, n_threads, seed),
        "fold-in": lambda: fold_in(2_000 if quick else 27_000, small, 5_000, seed),
        "memory": lambda: [memory(data(), d, n_threads) for d in several],
    }


def _write_report(results: report.Results, folder: Path | None, console: Console) -> None:
    for table in report.tables(results):
        console.print(table)
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(report.markdown(results))
    report.plot(results, folder / "benchmarks.png")
    console.print(f"Wrote benchmarks.md and benchmarks.png to {folder}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ("epochs", "long tail", "levels", "threads", "objective", "top-k", "fold-in", "memory")
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"{', '.join(known)}; or report"
    )
    parser.add_argument(
        "--size", choices=[*SIZES, "ml-100k"], default="10m", help="of the ratings (default 10m)"
    )
    parser.add_argument("--factors", type=int, nargs="+", help="default 64 128 256")
    parser.add_argument("--rounds", type=int, default=3, help="counted turns of each (default 3)")
    parser.add_argument("--threads", type=int, default=threads(), help="default: all cores")
    parser.add_argument("--seed", type=int, default=0, help="of the ratings and factors")
    parser.add_argument(
        "--slow", action="store_true", help=f"also {', '.join(SLOW)}: minutes an epoch"
    )
    parser.add_argument(
        "--long-run", type=int, default=60, help="epochs to the converged objective (default 60)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to see that all of it runs"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"default {RESULTS}")
    parser.add_argument("--to", type=Path, help="where report writes benchmarks.md and .png")
    options = parser.parse_args()
    unknown = set(options.sections) - {*known, "report"}
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    main()
