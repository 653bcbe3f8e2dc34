"""Learning curves, and the trials of a search, as pictures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from cinefold._files import replace_file
from cinefold.cli.option_groups import OUTPUT_FILE, in_a_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cinefold.serving.training_run import TrainingRun
    from cinefold.tuning import TuningResult

_FORMATS = (".png", ".svg", ".pdf")
_COLUMNS = 3
_TARGETS = {"rating": "the rating", "sqrt": "the root of the rating", "binary": "1"}


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
    rmse.set_ylabel(f"RMSE from {_TARGETS[run.model.objective_.target]}")
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


def search_history(result: TuningResult) -> Figure:
    """The value of each trial, in their order and by each parameter that was searched."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    names = list(result.best_trial.point)
    rows = -(-(1 + len(names)) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 3.4 * rows), dpi=150, layout="constrained")
    order, *panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    _draw_trials(order, result)
    complete = [trial for trial in result.trials if trial.state == "complete"]
    running = np.minimum if result.metric == "rmse" else np.maximum
    best = running.accumulate(np.array([trial.value for trial in complete], float))
    numbers = [trial.number for trial in complete]
    order.step(numbers, best, where="post", color="C1", label="Best so far")
    order.xaxis.get_major_locator().set_params(integer=True)
    order.legend()
    for axes, name in zip(panels, names, strict=False):
        _draw_trials(axes, result, name)
        dimension = result.conditions["space"][name]
        if not isinstance(dimension, list) and dimension["log"]:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
    for axes in panels[len(names) :]:
        axes.remove()
    return figure


def _draw_trials(axes: Axes, result: TuningResult, parameter: str | None = None) -> None:
    """The value of each trial by a parameter, or by its number."""
    for state, marker, color in (("pruned", "x", "C7"), ("complete", "o", "C0")):
        trials = [t for t in result.trials if t.state == state and t.value is not None]
        x: list[Any] = [t.point[parameter] if parameter else t.number for t in trials]
        y: list[Any] = [trial.value for trial in trials]
        axes.scatter(x, y, s=18, c=color, marker=marker, label=state.capitalize())
    axes.axhline(result.best_value, color="C1", lw=0.8, alpha=0.6)
    axes.set_xlabel(parameter or "Trial")
    axes.set_ylabel(result.metric)
    axes.grid(alpha=0.3)
