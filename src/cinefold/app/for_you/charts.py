"""The chart of what somebody likes, in Altair."""

from collections.abc import Sequence

import altair as alt
import streamlit as st

from cinefold.app.shared.axes import names, numbers, tooltips
from cinefold.recommender import GenreTaste

_GENRES_SHOWN = 10
_BAR_HEIGHT, _AXIS_AND_LEGEND_HEIGHT = 20, 140


def genre_chart(tastes: Sequence[GenreTaste]) -> None:
    """Bars: how many movies of each genre somebody rated, coloured by their mean rating."""
    rows = [
        {"genre": taste.genre, "ratings": taste.n_ratings, "mean": round(taste.mean_rating, 2)}
        for taste in tastes[:_GENRES_SHOWN]
    ]
    height = _BAR_HEIGHT * len(rows) + _AXIS_AND_LEGEND_HEIGHT
    scale, legend = alt.Scale(domain=[1, 5]), alt.Legend(orient="bottom")
    titles = {"genre:N": "Genre", "ratings:Q": "Movies rated", "mean:Q": "Mean rating (stars)"}
    chart = alt.Chart(alt.InlineData(values=rows), height=height)
    bars = chart.mark_bar(cornerRadiusEnd=3).encode(
        x=numbers("ratings", "Movies rated (number)", tickMinStep=1, format="d"),
        y=names("genre", "Genre"),
        color=alt.Color("mean:Q", title=titles["mean:Q"], scale=scale, legend=legend),
        tooltip=tooltips(titles),
    )
    st.altair_chart(bars, alt="Movies rated by genre, and their mean rating")
