"""Results as tables, as Markdown and as plots."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.contestants import EXACT
from benchmarks.convergence import CLOSE, time_to

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Results = dict[str, Any]
    Seconds = dict[str, list[float]]

OURS = "cinefold, exact"
COLOURS = {"cinefold": "#d1495b", "irspack": "#3b7ea1", "implicit": "#7a9e48", "cmfrec": "#9a6fb0"}


def load(path: Path) -> Results:
    results: Results = json.loads(path.read_text()) if path.exists() else {}
    return results


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1))


def ratio(seconds: Seconds, of: str, to: str = OURS) -> float:
    """How many times as long `of` takes as `to`, by their medians."""
    return statistics.median(seconds[of]) / statistics.median(seconds[to])


def share_of_peak(record: dict[str, Any], name: str = OURS) -> float:
    """Useful operations a second, over those of sgemm on all threads in the same run."""
    speed = record["flops"] / statistics.median(record["seconds"][name]) / 1e9
    return float(speed / statistics.median(record["peak"]))


# -- what is aimed at ---------------------------------------------------------------------------


def targets(results: Results) -> list[tuple[str, str, str]]:
    """What was aimed at, the aim, and what was measured, as far as there are results."""
    rows: list[tuple[str, str, str]] = []
    aims = {64: 3.0, 128: 2.5, 256: 4.0}
    for record in results.get("epochs", []):
        d, seconds = record["factors"], record["seconds"]
        if d in aims and "irspack, Cholesky" in seconds:
            what = f"exact epoch, {_millions(record)}, d={d}, against irspack's Cholesky"
            rows.append((what, f"{aims[d]:g}x", _times(ratio(seconds, "irspack, Cholesky"))))
        if d in aims and "implicit, CG" in seconds:
            what = f"exact epoch, {_millions(record)}, d={d}, against implicit's CG (approximate)"
            rows.append((what, "faster", _times(ratio(seconds, "implicit, CG"))))
        if d == 128:
            what = f"exact epoch, {_millions(record)}, d=128, share of sgemm peak"
            rows.append((what, "70%", f"{share_of_peak(record):.0%}"))
    for record in results.get("long tail", []):
        for name, aim in (("irspack, Cholesky", 8), ("implicit, CG", 1.6)):
            if name in record["seconds"]:
                what = f"long tail, d={record['factors']}, exact, against {name}"
                rows.append((what, f"{aim:g}x", _times(ratio(record["seconds"], name))))
    if objective := results.get("objective"):
        times = convergence_times(objective)
        ours = [t for name, t in times.items() if t and name.startswith("cinefold")]
        theirs = [(t, name) for name, t in times.items() if t and not name.startswith("cinefold")]
        what = f"to within {CLOSE:.1%} of the converged objective, d={objective['factors']}"
        if ours and theirs:
            best, name = min(theirs)
            rows.append((f"{what}, against {name}", "2x", _times(best / min(ours))))
    if top := results.get("top-k"):
        for name in ("implicit", "irspack"):
            if name in top["seconds"]:
                what = f"top-10 for {top['shape'][0]:,} users, against {name}"
                rows.append((what, "3x", _times(ratio(top["seconds"], name, "cinefold"))))
    if fold := results.get("fold-in"):
        rows.append(("fold-in of one user with 20 ratings, p50", "100 µs", f"{fold['p50']:.0f} µs"))
    for record in results.get("levels", []):
        for name in record["seconds"]:
            if name in ("cinefold, avx2", "cinefold, baseline"):
                what = f"{name}, d={record['factors']}, against irspack's Cholesky"
                value = ratio(record["seconds"], "irspack, Cholesky", name)
                rows.append((what, "faster", _times(value)))
    if scaling := results.get("threads"):
        (one, alone), (many, together) = scaling["seconds"].items()
        value = statistics.median(alone) / statistics.median(together)
        rows.append((f"threads {one} to {many}, d={scaling['factors']}", "1.85x", _times(value)))
    for record in results.get("memory", []):
        needed = record["two copies and factors"]
        for name, peak in record["peak"].items():
            if name.startswith("cinefold"):
                what = f"peak memory over two copies and factors, d={record['factors']}, {name}"
                rows.append((what, "1.15x", _times(peak / needed)))
    return rows


def convergence_times(objective: dict[str, Any]) -> dict[str, float | None]:
    curves, best = objective["curves"], objective["best"]
    return {name: time_to(curve, best) for name, curve in curves.items()}


def _times(value: float) -> str:
    return f"{value:.2f}x"


def _millions(record: dict[str, Any]) -> str:
    return f"{record['ratings'] / 1e6:.1f}M ratings"


# -- tables -------------------------------------------------------------------------------------


def epoch_rows(record: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, values in record["seconds"].items():
        share = f"{share_of_peak(record, name):.0%}" if name in EXACT else ""
        spread = f"{min(values):.3f} - {max(values):.3f}"
        median = f"{statistics.median(values):.3f}"
        rows.append([name, median, spread, f"{ratio(record['seconds'], name):.2f}", share])
    return rows


def tables(results: Results) -> Iterable[Table]:
    """Every section as a table for the terminal."""
    for section in ("epochs", "long tail"):
        for record in results.get(section, []):
            users, items = record["shape"]
            yield _table(
                f"{section}: {record['factors']} factors, {users:,} x {items:,}, "
                f"{record['ratings']:,} ratings; sgemm {statistics.median(record['peak']):.0f} "
                "GFLOP/s",
                ["library", "median s", "min - max", "times ours", "of peak"],
                epoch_rows(record),
            )
    for record in results.get("levels", []):
        rows = [
            [name, f"{statistics.median(values):.3f}", _range(values)]
            for name, values in record["seconds"].items()
        ]
        yield _table(
            f"levels: {record['factors']} factors", ["core", "median s", "min - max"], rows
        )
    if objective := results.get("objective"):
        rows = []
        for name, seconds in convergence_times(objective).items():
            curve = objective["curves"][name]
            shown = "not reached" if seconds is None else f"{seconds:.2f}"
            n = len(curve["seconds"])
            per_epoch = curve["seconds"][-1] / n
            rows.append([name, shown, str(n), f"{per_epoch:.2f}"])
        yield _table(
            f"within {CLOSE:.1%} of the converged objective, {objective['factors']} factors",
            ["library", "seconds", "epochs", "s an epoch"],
            rows,
        )
    if top := results.get("top-k"):
        rows = [
            [name, f"{statistics.median(v):.3f}", _range(v), f"{top['same items'][name]:.2%}"]
            for name, v in top["seconds"].items()
        ]
        yield _table("top-10 for all users", ["library", "median s", "min - max", "agrees"], rows)
    if fold := results.get("fold-in"):
        row = [f"{fold[key]:,.0f}" for key in ("p50", "p99", "users a second")]
        yield _table("fold-in of 20 ratings", ["p50 µs", "p99 µs", "users a second"], [row])
    for record in results.get("memory", []):
        needed = record["two copies and factors"]
        rows = [[name, f"{mb:.0f}", f"{mb / needed:.2f}"] for name, mb in record["peak"].items()]
        title = f"peak memory, {record['factors']} factors; two copies and factors {needed:.0f} MB"
        yield _table(title, ["library", "MB", "times"], rows)
    if rows := targets(results):
        yield _table("Aims", ["what", "aim", "measured"], [list(row) for row in rows])


def _range(values: list[float]) -> str:
    return f"{min(values):.3f} - {max(values):.3f}"


def _table(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def markdown(results: Results) -> str:
    """Seconds an epoch and the aims as Markdown tables."""
    lines = ["| what | aim | measured |", "|---|---:|---:|"]
    lines += [f"| {what} | {aim} | {measured} |" for what, aim, measured in targets(results)]
    records = results.get("epochs", [])
    if records:
        names = list(dict.fromkeys(name for record in records for name in record["seconds"]))
        lines += ["", "| seconds an epoch | " + " | ".join(f"d={r['factors']}" for r in records)]
        lines[-1] += " |"
        lines.append("|---|" + "---:|" * len(records))
        for name in names:
            cells = []
            for record in records:
                values = record["seconds"].get(name)
                cells.append(
                    f"{statistics.median(values):.3f} ({ratio(record['seconds'], name):.1f}x)"
                    if values
                    else ""
                )
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


# -- plots --------------------------------------------------------------------------------------


def plot(results: Results, path: Path) -> None:
    """Seconds an epoch by number of factors, and the objective over time."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    records = results.get("epochs", [])
    for name in dict.fromkeys(name for record in records for name in record["seconds"]):
        points = [
            (record["factors"], statistics.median(record["seconds"][name]))
            for record in records
            if name in record["seconds"]
        ]
        left.plot(*zip(*points, strict=True), label=name, **_style(name))
    left.set(xscale="log", yscale="log", xlabel="factors", ylabel="seconds an epoch")
    ticks = [record["factors"] for record in records]
    left.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    left.set_xticks([], minor=True)
    left.legend(frameon=False, fontsize=8)
    if objective := results.get("objective"):
        for name, curve in objective["curves"].items():
            excess = [value / objective["best"] - 1 for value in curve["objective"]]
            right.plot(curve["seconds"], excess, label=name, **_style(name))
        right.axhline(CLOSE, color="#888888", linewidth=0.8, linestyle=":")
        right.set(
            yscale="log",
            xlabel=f"seconds, {objective['factors']} factors",
            ylabel="objective above the converged one",
        )
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(path, dpi=150, facecolor="white")
    plt.close(figure)


def _style(name: str) -> dict[str, Any]:
    library, _, solver = name.partition(", ")
    return {
        "color": COLOURS[library],
        "linestyle": {"CG": "--", "iALS++": ":"}.get(solver, "-"),
        "marker": "o",
        "markersize": 3,
        "linewidth": 2.2 if library == "cinefold" else 1.3,
    }
