"""The map of the films as a chart, in Altair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl
import streamlit as st

from cinefold.app.atlas import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cinefold.app.atlas import Atlas, View

CLICK = "film"

# Chosen by search for the largest distance (OKLab) between any two, seen with normal sight and with
# each of the three colour blindnesses, at a contrast with the background of at least 3 to 1.
REGION_COLOURS = {
    "light": ("#2f2d6e", "#da6811", "#0da498", "#b274fe", "#691902", "#6c59a5", "#9f413f"),
    "dark": ("#57a7fc", "#f1cd7d", "#e0459a", "#03e4ff", "#8d651a", "#5d61fc", "#b59d1f"),
}
HIGHLIGHT = {"light": "#b8324a", "dark": "#ff7a8a"}
_OTHERS = {"light": "#d3c9bc", "dark": "#4c4559"}
_INK, _HALO = {"light": "#2a2430", "dark": "#efe9f2"}, {"light": "#fffdfa", "dark": "#16131c"}
_HEIGHT = 520
_ON_THE_MAP = {"x": alt.X("x:Q", axis=None), "y": alt.Y("y:Q", axis=None)}
_POPULAR = [14, 300]  # area of the least and the most rated film, in square pixels


def draw_map(
    atlas: Atlas,
    view: View,
    *,
    genre: str | None,
    marked: Sequence[tuple[float, float, str]],
    key: str,
    on_click: Callable[[], None],
    description: str,
) -> None:
    """The map; `marked` are the chosen film (first) and its neighbours, as x, y and title."""
    scheme = st.context.theme.type or "light"
    chart = (
        alt.layer(
            _links(marked, scheme),
            _films(atlas, view, genre, scheme),
            _rings(marked, scheme),
            _titles(atlas.labels(view, marked), scheme, halo=True),
            _titles(atlas.labels(view, marked), scheme, halo=False),
        )
        .properties(
            height=_HEIGHT,
            # Thousands of dots, a title each: a canvas is drawn at once, and they have a list.
            usermeta={"embedOptions": {"renderer": "canvas"}},
        )
        .configure(aria=False)
        .configure_view(stroke=None)
    )
    st.altair_chart(
        chart, key=key, on_select=on_click, selection_mode=CLICK, alt=description, width="stretch"
    )


def _films(atlas: Atlas, view: View, genre: str | None, scheme: str) -> alt.Chart:
    rows = atlas.films if genre is None else atlas.highlighted(genre)
    names = [*atlas.regions, OTHER] if genre is None else [genre, OTHER]
    colours = REGION_COLOURS[scheme][: len(names) - 1] if genre is None else (HIGHLIGHT[scheme],)
    click = alt.selection_point(name=CLICK, fields=["id"], on="click", nearest=True)
    move = alt.selection_interval(name="window", bind="scales")
    base = alt.Chart(rows).encode(
        x=_axis("x", view.x, view.half),
        y=_axis("y", view.y, view.half),
        size=alt.Size(
            "ratings:Q", scale=alt.Scale(type="sqrt", range=_POPULAR, zero=True), legend=None
        ),
        color=alt.Color(
            "region:N",
            title=None,
            scale=alt.Scale(domain=names, range=[*colours, _OTHERS[scheme]]),
            legend=alt.Legend(orient="top", columns=4, symbolType="circle", symbolOpacity=1),
        ),
        opacity=alt.condition(
            alt.datum.region == OTHER, alt.value(0.55), alt.value(0.85)
        ),
        tooltip=[
            alt.Tooltip("title:N", title="Film"),
            alt.Tooltip("year:N", title="Year"),
            alt.Tooltip("genres:N", title="Genres"),
            alt.Tooltip("ratings:Q", title="Ratings", format=","),
        ],
    )
    return base.mark_circle(clip=True, stroke=_HALO[scheme], strokeWidth=0.5).add_params(click, move)


def _axis(channel: str, middle: float, half: float) -> Any:
    kind = alt.X if channel == "x" else alt.Y
    scale = alt.Scale(domain=[middle - half, middle + half], nice=False, zero=False)
    return kind(f"{channel}:Q", axis=None, scale=scale)


def _links(marked: Sequence[tuple[float, float, str]], scheme: str) -> alt.Chart:
    rows = [
        {"x": x, "y": y, "from_x": marked[0][0], "from_y": marked[0][1]} for x, y, _ in marked[1:]
    ]
    schema = dict.fromkeys(("x", "y", "from_x", "from_y"), pl.Float64)
    chart = alt.Chart(pl.DataFrame(rows, schema=schema))
    return chart.mark_rule(clip=True, color=_INK[scheme], opacity=0.35).encode(
        **_ON_THE_MAP, x2="from_x", y2="from_y"
    )


def _rings(marked: Sequence[tuple[float, float, str]], scheme: str) -> alt.Chart:
    rows = [
        {"x": x, "y": y, "size": 130.0 if number else 520.0, "width": 1.2 if number else 3.0}
        for number, (x, y, _) in enumerate(marked)
    ]
    schema = dict.fromkeys(("x", "y", "size", "width"), pl.Float64)
    chart = alt.Chart(pl.DataFrame(rows, schema=schema))
    return chart.mark_point(clip=True, filled=False, color=_INK[scheme], opacity=1).encode(
        **_ON_THE_MAP,
        size=alt.Size("size:Q", scale=None, legend=None),
        strokeWidth=alt.StrokeWidth("width:Q", scale=None, legend=None),
    )


def _titles(labels: pl.DataFrame, scheme: str, *, halo: bool) -> alt.Chart:
    outline = {"stroke": _HALO[scheme], "strokeWidth": 3, "strokeOpacity": 0.85} if halo else {}
    chart = alt.Chart(labels).transform_filter("datum.from_width <= width")
    return chart.mark_text(
        clip=True, dy=-11, fontSize=11.5, fontWeight=600, color=_INK[scheme], **outline
    ).encode(**_ON_THE_MAP, text="text:N")
