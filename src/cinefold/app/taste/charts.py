"""Charts of somebody's taste beside the average user's, in Altair."""

from collections.abc import Iterable

import altair as alt
import streamlit as st

from cinefold.app.shared.axes import numbers, tooltips
from cinefold.recommender import CategoryComparison, TasteComparison

_BAR_HEIGHT, _AXIS_HEIGHT, _STARS_HEIGHT = 24, 85, 300


def difference_chart(
    rows: Iterable[tuple[CategoryComparison, float, float, float]],
    group: str,
    title: str,
    unit: str,
    digits: int,
) -> None:
    """Diverging bars of genres or decades.

    Each row is a category, the length of its bar, and the two numbers that this compares.
    """
    own, average, format_ = f"Here ({unit})", f"Average ({unit})", f"+.{digits}f"
    values = [
        {
            "group": entry.name,
            "difference": round(difference, 2),
            "side": difference < 0,
            own: round(compared[0], digits),
            average: round(compared[1], digits),
            "Movies rated here": entry.n_ratings,
        }
        for entry, difference, *compared in rows
    ]
    details = {f"{name}:Q": name for name in (own, average, "Movies rated here")}
    height = _BAR_HEIGHT * len(values) + _AXIS_HEIGHT
    chart = alt.Chart(alt.InlineData(values=values), height=height)
    bars = chart.mark_bar(cornerRadius=3).encode(
        x=numbers("difference", [f"{title}:", f"difference ({unit})"], format=format_),
        y=alt.Y("group:N", title=group, sort=None).axis(labelOverlap=False, labelFlush=False),
        color=alt.Color("side:N", legend=None),
        tooltip=tooltips(
            {"group:N": group, "difference:Q": "Difference", **details}, difference=format_
        ),
    )
    st.altair_chart(bars, alt=f"{title}, by {group.lower()}: difference from the average user")


def habits_chart(comparison: TasteComparison) -> None:
    """Bars side by side: how often each number of stars is given."""
    sides = {"Here": comparison.habits, "Average user": comparison.average_habits}
    rows = [
        {"stars": f"{value:g}", "who": who, "share": round(100 * share, 1)}
        for who, habits in sides.items()
        for value, share in habits.star_shares
    ]
    titles = {"who:N": "Who", "stars:N": "Rating (stars)", "share:Q": "Share of ratings (%)"}
    legend = alt.Legend(orient="top", direction="horizontal", padding=0)
    bars = (
        alt.Chart(alt.InlineData(values=rows), height=_STARS_HEIGHT)
        .mark_bar()
        .encode(
            x=alt.X("stars:N", title=titles["stars:N"], sort=None).axis(labelAngle=0),
            xOffset=alt.XOffset("who:N", sort=None),
            y=alt.Y("share:Q", title=titles["share:Q"]),
            color=alt.Color("who:N", title=None, sort=None, legend=legend),
            tooltip=tooltips(titles),
        )
    )
    st.altair_chart(bars, alt="Bars: share of each rating, beside the average user's")
