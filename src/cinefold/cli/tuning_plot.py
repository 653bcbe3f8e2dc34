"""The trials of a search as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cinefold.tuning import Trial, TuningResult

_COLUMNS = 3


def search_history(result: TuningResult) -> Figure:
    """The value of each trial, in their order and by each parameter that was searched."""
    from matplotlib.figure import Figure

    trials = [trial for trial in result.trials if trial.value is not None]
    names = list(result.best_trial.point)
    rows = -(-(1 + len(names)) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 3.4 * rows), dpi=150, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    _history(panels[0], trials, result)
    for axes, name in zip(panels[1:], names, strict=False):
        _slice(axes, trials, name, result)
    for axes in panels[: 1 + len(names)]:
        axes.set_ylabel(result.metric)
        axes.grid(alpha=0.3)
    for axes in panels[1 + len(names) :]:
        axes.remove()
    panels[0].legend()
    return figure


def _history(axes: Axes, trials: list[Trial], result: TuningResult) -> None:
    complete = [trial for trial in trials if trial.state == "complete"]
    running = np.minimum if result.metric == "rmse" else np.maximum
    numbers = [trial.number for trial in complete]
    best = running.accumulate(np.array([trial.value for trial in complete], float))
    _scatter(axes, trials, [trial.number for trial in trials], result)
    axes.step(numbers, best, where="post", color="C1", label="Best so far")
    axes.set_xlabel("Trial")
    axes.set_title("Trials")
    axes.locator_params(axis="x", integer=True)


def _slice(axes: Axes, trials: list[Trial], name: str, result: TuningResult) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    dimension = result.conditions["space"][name]
    if isinstance(dimension, list):
        choices = [str(choice) for choice in dimension]
        _scatter(axes, trials, [choices.index(str(t.point[name])) for t in trials], result)
        axes.set_xticks(range(len(choices)), choices)
        axes.set_xlim(-0.5, len(choices) - 0.5)
    else:
        _scatter(axes, trials, [trial.point[name] for trial in trials], result)
        if dimension["log"]:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(name)


def _scatter(axes: Axes, trials: list[Trial], xs: list[float], result: TuningResult) -> None:
    for state, marker, color, label in (
        ("pruned", "x", "C7", "Given up early"),
        ("complete", "o", "C0", "Complete"),
    ):
        chosen = [(x, t.value) for x, t in zip(xs, trials, strict=True) if t.state == state]
        if chosen:
            x, y = np.array(chosen, float).T
            axes.scatter(x, y, s=18, marker=marker, color=color, label=label)
    axes.axhline(result.best_value, color="C1", lw=0.8, alpha=0.6)
