"""The charts of a training, in Altair."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from cinefold.app.shared.axes import numbers, tooltips

_HEIGHT = 340
_CURVES = ("Training", "Validation", "Popularity")  # each has its colour in every chart


def learning_curve(history: Sequence[Mapping[str, Any]]) -> None:
    """Training and validation RMSE by iteration."""
    curves = {"Training": "train_rmse", "Validation": "validation_rmse"}
    points = (
        (record["iteration"], record[key], curve)
        for record in history
        for curve, key in curves.items()
    )
    _draw_lines(points, "RMSE (to the target)", "RMSE of training and validation by iteration")


def ranking_curve(history: Sequence[Mapping[str, Any]], popularity: float | None) -> None:
    """Validation NDCG@10 by iteration, and that of popularity."""
    points = (
        (record["iteration"], value, curve)
        for record in history
        for curve, value in (
            ("Validation", record["validation_ndcg_at_10"]),
            ("Popularity", popularity),
        )
    )
    _draw_lines(points, "NDCG@10 (0 to 1)", "Validation NDCG@10 by iteration, against popularity")


def _draw_lines(
    points: Iterable[tuple[int, float | None, str]], metric: str, description: str
) -> None:
    # A frame, not inline values: the page adds new rows to it, and would compile inline ones anew.
    known = [point for point in points if point[1] is not None]
    frame = pd.DataFrame(known, columns=["iteration", "value", "curve"])
    shown = [curve for curve in _CURVES if curve in set(frame["curve"])]
    legend = alt.Legend(orient="top", direction="horizontal", values=shown, padding=0)
    titles = {"curve:N": "Measured on", "iteration:Q": "Iteration", "value:Q": metric}
    iterations = numbers("iteration", "Iteration (number)", tickMinStep=1, format="d")
    chart = alt.Chart(frame, height=_HEIGHT)
    lines = chart.mark_line(point=True).encode(
        x=iterations.scale(nice=False),
        y=alt.Y("value:Q", title=metric, scale=alt.Scale(zero=False)).axis(labelFlush=False),
        color=alt.Color("curve:N", title=None, scale=alt.Scale(domain=_CURVES), legend=legend),
        tooltip=tooltips(titles, value=".4f"),
    )
    st.altair_chart(lines, alt=description)
