"""The learning curve as a picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cinefold._files import replace_file
from cinefold.cli.option_groups import OUTPUT_FILE, in_a_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cinefold.serving.training_run import TrainingRun

_FORMATS = (".png", ".svg", ".pdf")


def _drawable(file: Path | None) -> Path | None:
    """The file, before training for a picture that could not be drawn."""
    if file is None:
        return None
    if file.suffix.lower() not in _FORMATS:
        raise typer.BadParameter(f"pictures are {', '.join(_FORMATS)} files, not {file.name}")
    if importlib.util.find_spec("matplotlib") is None:
        raise typer.BadParameter("it needs matplotlib; install it with: pip install matplotlib")
    return in_a_folder(file)


FILE: dict[str, Any] = {**OUTPUT_FILE, "callback": _drawable}


def save_figure(figure: Figure, file: Path) -> None:
    """Write the picture, in the format that the file's name ends on."""
    with replace_file(file) as new:
        figure.savefig(new)


def learning_curve(run: TrainingRun) -> Figure:
    """RMSE by iteration, training and validation; and NDCG@10, if measured, beside it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11 if run.metrics else 6, 4.2), dpi=150, layout="constrained")
    rmse, *others = figure.subplots(1, 2 if run.metrics else 1, squeeze=False)[0]
    iterations = [record["iteration"] for record in run.history]

    def draw(axes: Axes, key: str, style: str, label: str) -> None:
        axes.plot(iterations, [record[key] for record in run.history], style, label=label)

    draw(rmse, "train_rmse", "o-C0", "Training")
    rmse.set_ylabel("RMSE" if run.parameters["target"] == "binary" else "RMSE (stars)")
    rmse.set_title("Learning curve")
    for ndcg in others:
        draw(rmse, "validation_rmse", "s-C1", "Validation")
        draw(ndcg, "validation_ndcg_at_10", "s-C1", "This model, validation")
        ndcg.axhline(run.baseline["ndcg_at_10"], color="C7", ls="--", label="Popularity")
        ndcg.set_ylim(bottom=0)
        ndcg.set_ylabel("NDCG@10")
        ndcg.set_title("Quality of the lists")
    for axes in (rmse, *others):
        axes.set_xlabel("Iteration")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    return figure
