"""How movies are drawn."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from cinefold.app.shared.display import genres, link, title
from cinefold.app.shared.posters import picture
from cinefold.datasets import Movie
from cinefold.recommender import Reason

_CARD_WIDTH = 300


def draw_cards(
    entries: Sequence[Any],
    key: str,
    text: Callable[[Any], str],
    foot: Callable[[Movie], object] | None = None,
    *,
    width: int = _CARD_WIDTH,
) -> None:
    """A card for each entry, as many side by side as fit.

    `text` is the Markdown of an entry, `foot` draws the end of its card, in a row.
    """
    grid = st.grid(min_column_width=width, border=True, gap="small", key=key)
    for entry in entries:
        with grid.cell():
            st.markdown(text(entry))
            if foot is not None:
                with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                    foot(entry.movie)


def headed(entry: Any) -> str:
    """The picture of an entry's movie (style.css puts it on the left), its rank and its title.

    Rank 0 is a movie that has just got its stars.

    What follows goes into the same Markdown, as each element of a list is time between a click and
    the list.
    """
    rank = entry.rank or "✓"
    return f"![]({picture(entry.movie)}):primary[**{rank}**] {title(entry.movie)}\n\n"


def listed_reasons(reasons: Sequence[Reason]) -> str:
    """Movies and their stars, as Markdown."""
    # A space that does not break keeps the stars with their movie.
    return ", ".join(f"{link(r.movie)}\u00a0:orange[{r.rating:g}★]" for r in reasons)


def movie_row(
    movie: Movie, foot: Callable[[Movie], object] | None = None, *, show_genres: bool = True
) -> None:
    """A movie on a line, its genres below, and what `foot` draws at the end of the line."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        below = f"  \n:small[:gray[{genres(movie)}]]" if show_genres and movie.genres else ""
        st.markdown(title(movie) + below, width="stretch")
        if foot is not None:
            foot(movie)
