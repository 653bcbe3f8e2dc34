"""The curves of ``python -m benchmarks.studies`` as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.studies.strong_generalization import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmarks.studies.strong_generalization import Curves

ORDERS = {"random": "any", "popular": "most popular", "asked": "as asked"}
"""What the orders of `benchmarks.studies.cold_start` are called."""


def figure(by_ratings: Curves, by_questions: Curves, metric: str) -> Figure:
    """Three panels: ways to fold in, which ratings are given, which questions are asked."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(14, 4.4), dpi=120, layout="constrained")
    methods, orders, questions = drawing.subplots(1, 3)
    first = by_ratings.settings["orders"][0]
    for method in dict.fromkeys(r["method"] for r in by_ratings.records):
        _line(methods, by_ratings, metric, "n_given", method, order=first, method=method)
    _finish(methods, metric, "How ratings become a list", "Ratings given", "n_given", by_ratings)
    for order in by_ratings.settings["orders"]:
        chosen: dict[str, Any] = {"order": order, "method": "Cold start"}
        _line(orders, by_ratings, metric, "n_given", ORDERS[order], **chosen)
    _finish(orders, metric, "Which movies are rated", "Ratings given", "n_given", by_ratings)
    for strategy in by_questions.settings["strategies"]:
        asked: dict[str, Any] = {"strategy": strategy, "fold_in": "cold start"}
        _line(questions, by_questions, metric, "n_questions", strategy, **asked)
    _line(
        questions, by_questions, metric, "n_questions", "Most popular, plain fold-in",
        strategy="Most popular", fold_in="plain",
    )  # fmt: skip
    _finish(
        questions, metric, "Which movies are asked about", "Questions asked", "n_questions",
        by_questions,
    )  # fmt: skip
    return drawing


def _line(axes: Axes, curves: Curves, metric: str, x: str, label: str, **where: Any) -> None:
    records = curves.where(metric=metric, **where)
    axes.errorbar(
        [record[x] for record in records],
        [record["mean"] for record in records],
        [record["standard_error"] for record in records],
        marker="o", markersize=4, capsize=2, label=label,
    )  # fmt: skip


def _finish(axes: Axes, metric: str, title: str, label: str, x: str, curves: Curves) -> None:
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.set_ylabel(f"{METRICS[metric]} (± standard error)")
    if x == "n_given":
        axes.set_xscale("log")
    axes.set_xticks(curves.settings[x], [str(n) for n in curves.settings[x]])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
