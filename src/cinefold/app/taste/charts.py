"""Charts of somebody's taste beside the average user's, in Altair."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from cinefold.app.shared.axes import names, numbers, tooltips
from cinefold.recommender import CategoryComparison, TasteComparison

FEWEST_FOR_A_MEAN = 10
_GROUPS_SHOWN = 12
_BAR_HEIGHT, _AXIS_HEIGHT, _STARS_HEIGHT = 24, 85, 300
_SIDES = ("More", "Less")


def share_chart(categories: Sequence[CategoryComparison], group: str, *, ordered: bool) -> None:
    """Diverging bars: each group's share of the movies rated, against the average user.

    `ordered` keeps the order (decades); otherwise the largest surplus is first, of the groups
    that differ most.
    """
    rows = [
        _row(entry, 100 * entry.share, 100 * entry.average_share, digits=1) for entry in categories
    ]
    if not ordered:
        rows = sorted(rows, key=lambda row: -abs(row["difference"]))[:_GROUPS_SHOWN]
        rows.sort(key=lambda row: -row["difference"])
    title = ["Share of movies rated:", "difference (percentage points)"]
    details = {"own:Q": "Share here (%)", "average:Q": "Average user (%)"}
    alt_text = f"Share of the movies rated by {group.lower()}, less the average user's"
    _draw_difference(rows, group, title, "+.1f", details, alt_text)


def stars_chart(categories: Sequence[CategoryComparison]) -> None:
    """Diverging bars: how much more each genre is liked than by others (`liking`)."""
    rows = [
        {
            **_row(entry, entry.mean_rating, entry.average_rating, digits=2),
            "difference": round(entry.liking, 2),
        }
        for entry in categories
        if entry.n_ratings >= FEWEST_FOR_A_MEAN
    ]
    if not rows:
        st.caption(f"No genre has {FEWEST_FOR_A_MEAN} ratings yet.")
        return
    rows.sort(key=lambda row: -row["difference"])
    title = ["Liked more or less: difference (stars)"]
    details = {"own:Q": "Mean here (stars)", "average:Q": "Everybody (stars)"}
    alt_text = "Stars by which each genre is liked more or less than by others"
    _draw_difference(rows, "Genre", title, "+.2f", details, alt_text)


def _row(entry: CategoryComparison, own: float, average: float, *, digits: int) -> dict[str, Any]:
    return {
        "group": entry.name,
        "difference": round(own - average, 2),
        "own": round(own, digits),
        "average": round(average, digits),
        "ratings": entry.n_ratings,
    }


def _draw_difference(
    rows: list[dict[str, Any]],
    group: str,
    title: list[str],
    digits: str,
    details: dict[str, str],
    alt_text: str,
) -> None:
    rows = [{**row, "side": _SIDES[row["difference"] < 0]} for row in rows]
    shown = {"group:N": group, "difference:Q": "Difference", **details}
    chart = alt.Chart(alt.InlineData(values=rows), height=_BAR_HEIGHT * len(rows) + _AXIS_HEIGHT)
    bars = chart.mark_bar(cornerRadius=3).encode(
        x=numbers("difference", title, format=digits),
        y=names("group", group),
        color=alt.Color("side:N", scale=alt.Scale(domain=_SIDES), legend=None),
        tooltip=tooltips({**shown, "ratings:Q": "Movies rated here"}, difference=digits),
    )
    st.altair_chart(bars, alt=alt_text)


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
    chart = alt.Chart(alt.InlineData(values=rows), height=_STARS_HEIGHT)
    bars = chart.mark_bar(cornerRadiusEnd=3).encode(
        x=alt.X("stars:N", title=titles["stars:N"], sort=None).axis(labelAngle=0),
        xOffset=alt.XOffset("who:N", sort=None),
        y=alt.Y("share:Q", title=titles["share:Q"]).axis(labelFlush=False),
        color=alt.Color("who:N", title=None, sort=None, legend=legend),
        tooltip=tooltips(titles),
    )
    st.altair_chart(bars, alt="Bars: share of each rating, beside the average user's")
