"""The charts of a training, in Altair."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from cinefold.app.shared.axes import numbers, tooltips

_HEIGHT = 340
_CURVES = ("Training", "Validation", "Popularity")  # each has its colour in every chart
_DASHES = ([1, 0], [5, 4])

Points = Iterable[tuple[int, float | None, str]]
"""Iteration, value, and the curve that it is of."""


def draw_lines(runs: Mapping[str, Points], metric: str, description: str) -> None:
    """The curves of one run, or of two: the second one dashed."""
    # A frame, not inline values: the page adds new rows to it, and would compile inline ones anew.
    rows = [
        (run, *point) for run, points in runs.items() for point in points if point[1] is not None
    ]
    frame = pd.DataFrame(rows, columns=["run", "iteration", "value", "curve"])
    shown = [curve for curve in _CURVES if curve in set(frame["curve"])]
    legend: dict[str, Any] = {"orient": "top", "direction": "horizontal", "padding": 0}
    titles = {"curve:N": "Curve", "iteration:Q": "Iteration", "value:Q": metric}
    colours = alt.Scale(domain=_CURVES)
    encoding = {
        "x": numbers("iteration", "Iteration (number)", tickMinStep=1, format="d").scale(
            nice=False
        ),
        "y": alt.Y("value:Q", title=metric, scale=alt.Scale(zero=False)).axis(labelFlush=False),
        "color": alt.Color(
            "curve:N", title=None, scale=colours, legend=alt.Legend(values=shown, **legend)
        ),
    }
    if len(runs) > 1:
        titles = {"run:N": "Model", **titles}
        dashes = alt.Scale(domain=list(runs), range=_DASHES)
        encoding["strokeDash"] = alt.StrokeDash(
            "run:N", title=None, scale=dashes, legend=alt.Legend(symbolType="stroke", **legend)
        )
    tips = tooltips(titles, value=".4f")
    chart = alt.Chart(frame, height=_HEIGHT).mark_line(point=len(runs) == 1)
    lines = chart.encode(**encoding, tooltip=tips)
    st.altair_chart(lines, alt=description)
