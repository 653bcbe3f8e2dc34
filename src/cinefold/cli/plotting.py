"""The learning curve as a picture."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import typer

from cinefold._files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cinefold.serving.training import TrainingRun

_FORMATS = (".png", ".svg", ".pdf")


def check_plot(file: Path | None) -> None:
    """Complain before training about what would fail after it."""
    if file is None:
        return
    if file.suffix.lower() not in _FORMATS:
        raise typer.BadParameter(f"--plot draws {', '.join(_FORMATS)} files, not {file.name}")
    if importlib.util.find_spec("matplotlib") is None:
        raise typer.BadParameter("--plot needs matplotlib; install it with: pip install matplotlib")


def save_figure(figure: Figure, file: Path) -> None:
    """Write the picture, in the format that the file's name ends on."""
    with replace_file(file) as new:
        figure.savefig(new)


def learning_curve(run: TrainingRun) -> Figure:
    """RMSE by iteration, training and validation; and NDCG@10, if measured, beside it."""
    from matplotlib.figure import Figure

    measured = bool(run.metrics)
    figure = Figure(figsize=(11 if measured else 6, 4.2), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2 if measured else 1, squeeze=False)[0]
    _rmse(panels[0], run)
    if measured:
        _ndcg(panels[1], run)
    for axes in panels:
        axes.set_xlabel("Iteration")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    return figure


def _rmse(axes: Axes, run: TrainingRun) -> None:
    iterations = [record["iteration"] for record in run.history]
    axes.plot(iterations, [r["train_rmse"] for r in run.history], "o-", label="Training")
    if run.metrics:
        validation = [record["validation_rmse"] for record in run.history]
        axes.plot(iterations, validation, "s-", label="Validation")
    axes.set_ylabel("RMSE" if run.parameters["target"] == "binary" else "RMSE (stars)")
    axes.set_title("Learning curve")


def _ndcg(axes: Axes, run: TrainingRun) -> None:
    iterations = [record["iteration"] for record in run.history]
    ndcg = [record["validation_ndcg_at_10"] for record in run.history]
    axes.plot(iterations, ndcg, "s-", color="C1", label="This model, validation")
    axes.axhline(run.baseline["ndcg_at_10"], color="C7", ls="--", label="Popularity")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("NDCG@10")
    axes.set_title("Quality of the lists")
