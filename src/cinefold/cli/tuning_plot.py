"""The trials of a search as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cinefold.tuning import Trial, TuningResult

_COLUMNS = 3


def search_history(result: TuningResult) -> Figure:
    """The value of each trial, in their order and by each parameter that was searched."""
    from matplotlib.figure import Figure

    names = list(result.best_trial.point)
    rows = -(-(1 + len(names)) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 3.4 * rows), dpi=150, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    _trials(panels[0], result, "Trial", lambda trial: trial.number)
    complete = [trial for trial in result.trials if trial.state == "complete"]
    running = np.minimum if result.metric == "rmse" else np.maximum
    best = running.accumulate(np.array([trial.value for trial in complete], float))
    numbers = [trial.number for trial in complete]
    panels[0].step(numbers, best, where="post", color="C1", label="Best so far")
    panels[0].locator_params(axis="x", integer=True)
    panels[0].legend()
    for axes, name in zip(panels[1:], names, strict=False):
        _dimension(axes, result, name)
    for axes in panels[1 + len(names) :]:
        axes.remove()
    return figure


def _dimension(axes: Axes, result: TuningResult, name: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    dimension = result.conditions["space"][name]
    if isinstance(dimension, list):
        _trials(axes, result, name, lambda trial: dimension.index(trial.point[name]))
        axes.set_xticks(range(len(dimension)), map(str, dimension))
        axes.set_xlim(-0.5, len(dimension) - 0.5)
        return
    _trials(axes, result, name, lambda trial: trial.point[name])
    if dimension["log"]:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())


def _trials(axes: Axes, result: TuningResult, label: str, x: Callable[[Trial], float]) -> None:
    """The value of each trial by `x` of it."""
    for state, marker, color in (("pruned", "x", "C7"), ("complete", "o", "C0")):
        found = [(x(t), t.value) for t in result.trials if t.state == state and t.value is not None]
        if found:
            xs, values = np.array(found).T
            axes.scatter(xs, values, s=18, c=color, marker=marker, label=state.capitalize())
    axes.axhline(result.best_value, color="C1", lw=0.8, alpha=0.6)
    axes.set_xlabel(label)
    axes.set_ylabel(result.metric)
    axes.grid(alpha=0.3)
