"""The map of the movies as a canvas one can move about in (`movie_map.js`).

Not a chart of Altair's: that one cannot be tapped on a phone, forgets where one was when a click
brings new data, and writes no titles as one comes closer.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from cinefold.app.explore.coloured_map import OTHER_GENRES, ColouredMap

KEY = "movie-map"

# Chosen by search for the largest distance (OKLab) between any two, seen with normal sight and with
# each of the three colour blindnesses, at a contrast of 3 to 1 or more with the map's background.
GENRE_COLOURS = {
    "light": ("#000c75", "#e05500", "#0b999c", "#b142ff", "#4d0017", "#4f5395", "#90302e"),
    "dark": ("#57a7fc", "#f1cd7d", "#e0459a", "#03e4ff", "#8d651a", "#5d61fc", "#b59d1f"),
}
_HIGHLIGHT = {"light": "#b8324a", "dark": "#ff7a8a"}
_OTHERS = {"light": "#b9ad9d", "dark": "#5d5470"}

_HERE = Path(__file__).parent


def _component() -> Any:
    files = ("movie_map.html", "movie_map.css", "painter.js", "movie_map.js")
    html, css, *js = ((_HERE / file).read_text(encoding="utf-8") for file in files)
    return st.components.v2.component("cinefold_movie_map", html=html, css=css, js="\n".join(js))


def draw_map(
    shown: ColouredMap, genre: str | None, on_choose: Callable[[], None], **view: Any
) -> None:
    """The map; a click on a movie calls `on_choose`, which finds it with `chosen_on_map`.

    Parameters
    ----------
    genre : str, optional
        The one genre to colour; None colours those of the map.
    **view
        `chosen` and `near`: the movie with the ring (or None), and those that lines lead to, each
        as `ColouredMap.placed` has it; `target`: a dict of x, y and zoom, where the view goes when
        the number `flight` has changed, or None for all of the map; and `description`, the text
        for those who do not see it.
    """
    names = [*(shown.genres if genre is None else (genre,)), OTHER_GENRES]
    colours = {
        scheme: [*(palette[: len(names) - 1] if genre is None else [_HIGHLIGHT[scheme]]), grey]
        for (scheme, palette), grey in zip(GENRE_COLOURS.items(), _OTHERS.values(), strict=True)
    }
    _component()(
        key=KEY,
        data={
            "movies": shown.columns(genre, names),
            "names": names,
            "colours": colours,
            **view,
        },
        on_chosen_change=on_choose,
    )


def chosen_on_map() -> str | None:
    """The id, as text, of the movie that was just clicked."""
    state = st.session_state.get(KEY)
    chosen: str | None = None if state is None else state.get("chosen")
    return chosen
