"""Results as pictures for light and dark pages."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.convergence import CLOSE

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    Record = dict[str, Any]

GREY = "#858c94"  # legible on white and on near-black
COLOURS = {
    "cinefold": "#e0533d",
    "irspack": "#3f8fc9",
    "implicit": "#4fa36b",
    "lenskit": "#b98a2e",
    "cmfrec": "#9a7fd1",
    "spark": "#8a8f98",
}
DASHES = {"CG": (0, (4, 2)), "CG, plain": (0, (1, 1.5)), "iALS++": (0, (1, 1.5))}


def write(results: dict[str, Any], folder: Path) -> list[str]:
    """benchmarks.png and objective.png, as far as there are results; the names written."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    written = []
    sections = results["sections"]
    pictures = {
        "benchmarks.png": (_seconds_an_epoch, _largest(sections.get("epochs", []))),
        "objective.png": (_objective, sections.get("objective", [])[-1:]),
    }
    for name, (draw, records) in pictures.items():
        if records:
            figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
            draw(axes, records)
            _finish(axes)
            figure.savefig(folder / name, dpi=160, transparent=True)
            plt.close(figure)
            written.append(name)
    return written


def _largest(records: list[Record]) -> list[Record]:
    """Those of the shape with the most numbers of factors, and of these the one of most ratings."""
    shapes: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        shapes.setdefault((record["data"], record["ratings"]), []).append(record)
    return max(shapes.values(), key=lambda rs: (len(rs), rs[0]["ratings"]), default=[])


def _seconds_an_epoch(axes: Axes, records: list[Record]) -> None:
    from matplotlib.ticker import LogLocator

    for name in dict.fromkeys(name for record in records for name in record["seconds"]):
        taking_part = [record for record in records if name in record["seconds"]]
        factors = [record["factors"] for record in taking_part]
        seconds = [statistics.median(record["seconds"][name]) for record in taking_part]
        axes.plot(factors, seconds, label=name, **_style(name))
    axes.set(xscale="log", yscale="log", xlabel="factors", ylabel="seconds an epoch")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ticks = [record["factors"] for record in records]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_title(f"{records[0]['ratings']:,} ratings, {records[0]['threads']} threads")


def _objective(axes: Axes, records: list[Record]) -> None:
    from matplotlib.ticker import LogLocator

    (record,) = records
    for name, curve in record["curves"].items():
        excess = [100 * (value / record["best"] - 1) for value in curve["objective"]]
        axes.plot(curve["seconds"], excess, label=name, **_style(name))
    axes.axhline(100 * CLOSE, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="seconds of training")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.set(ylabel="objective above the converged one, %", ylim=(10 * CLOSE, None))
    axes.set_title(f"{record['ratings']:,} ratings, {record['factors']} factors")


def _finish(axes: Axes) -> None:
    axes.title.set(color=GREY, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(which="both", colors=GREY)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(GREY)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")
    legend = axes.legend(frameon=False, fontsize=8, labelcolor=GREY, handlelength=3)
    legend.set_loc("upper left")
    legend.set_bbox_to_anchor((1, 1))


def _style(name: str) -> dict[str, Any]:
    library, _, solver = name.partition(", ")
    return {
        "color": COLOURS[library],
        "linestyle": DASHES.get(solver, "-"),
        "marker": "o",
        "markersize": 3.5,
        "linewidth": 2.4 if library == "cinefold" else 1.4,
    }
