"""The charts, in Altair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cinefold.recommender import GenreTaste

_GENRES_SHOWN = 10
_BAR_HEIGHT, _AXIS_AND_LEGEND_HEIGHT, _CURVE_HEIGHT = 20, 140, 340
_PARTS = ("Training", "Validation", "Popularity")  # each has its colour in every chart


def genre_profile(tastes: Sequence[GenreTaste]) -> None:
    """Bars: how many films of each genre somebody rated, coloured by their mean rating."""
    rows = [
        {"genre": taste.genre, "ratings": taste.n_ratings, "mean": round(taste.mean_rating, 2)}
        for taste in tastes[:_GENRES_SHOWN]
    ]
    chart = (
        alt.Chart(
            alt.InlineData(values=rows), height=_BAR_HEIGHT * len(rows) + _AXIS_AND_LEGEND_HEIGHT
        )
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X(
                "ratings:Q",
                title="Films rated (number)",
                axis=alt.Axis(tickMinStep=1, format="d", labelFlush=False),
            ),
            y=alt.Y(
                "genre:N",
                title="Genre",
                sort=None,
                axis=alt.Axis(labelOverlap=False, labelFlush=False),
            ),
            color=alt.Color(
                "mean:Q",
                title="Mean rating (stars)",
                scale=alt.Scale(domain=[1, 5]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("genre:N", title="Genre"),
                alt.Tooltip("ratings:Q", title="Films rated"),
                alt.Tooltip("mean:Q", title="Mean rating (stars)"),
            ],
        )
    )
    st.altair_chart(chart, alt="Films rated by genre, and their mean rating")


def learning_curve(history: Sequence[Mapping[str, Any]]) -> None:
    """Training and validation RMSE by iteration."""
    parts = {"train_rmse": "Training", "validation_rmse": "Validation"}
    rows = [
        {"iteration": record["iteration"], "value": record[key], "part": part}
        for record in history
        for key, part in parts.items()
        if record[key] is not None
    ]
    _draw_lines(rows, "RMSE (to the target)", "RMSE of training and validation by iteration")


def ranking_curve(history: Sequence[Mapping[str, Any]], popularity: float | None) -> None:
    """Validation NDCG@10 by iteration, and that of popularity."""
    rows = [
        {"iteration": record["iteration"], "value": value, "part": part}
        for record in history
        for part, value in (
            ("Validation", record["validation_ndcg_at_10"]),
            ("Popularity", popularity),
        )
        if value is not None
    ]
    _draw_lines(rows, "NDCG@10 (0 to 1)", "Validation NDCG@10 by iteration, against popularity")


def _draw_lines(rows: list[dict[str, Any]], measure: str, description: str) -> None:
    shown = {row["part"] for row in rows}
    # Apart from the specification: the page adds what is new to a frame, and compiles values anew.
    frame = pd.DataFrame(rows, columns=["iteration", "value", "part"])
    chart = (
        alt.Chart(frame, height=_CURVE_HEIGHT)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "iteration:Q",
                title="Iteration (number)",
                axis=alt.Axis(tickMinStep=1, format="d", labelFlush=False),
                scale=alt.Scale(nice=False),
            ),
            y=alt.Y(
                "value:Q",
                title=measure,
                scale=alt.Scale(zero=False),
                axis=alt.Axis(labelFlush=False),
            ),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=_PARTS),
                legend=alt.Legend(
                    orient="top",
                    direction="horizontal",
                    values=[part for part in _PARTS if part in shown],
                    padding=0,
                ),
            ),
            tooltip=[
                alt.Tooltip("part:N", title="Measured on"),
                alt.Tooltip("iteration:Q", title="Iteration"),
                alt.Tooltip("value:Q", title=measure, format=".4f"),
            ],
        )
    )
    st.altair_chart(chart, alt=description)
