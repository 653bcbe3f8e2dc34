"""How films are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cinefold.app.shared.display import counted, genre_badges, genres, literal, stars, title
from cinefold.app.shared.posters import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cinefold.datasets import Movie
    from cinefold.recommender import RatedMovie, Reason, Recommendation, UnexpectedFavourite

_CARD_WIDTH = 300


def recommendation_cards(
    recommendations: Sequence[Recommendation], foot: Callable[[Movie], None] | None = None
) -> None:
    """One card for each film, as many side by side as fit; `foot` draws the end of a card."""
    grid = st.grid(min_column_width=_CARD_WIDTH, border=True, gap="small", key="recommendations")
    for entry in recommendations:
        with grid.cell():
            pictured(entry.movie, _card(entry))
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                if foot is not None:
                    foot(entry.movie)
                more_like(entry.movie)


def pictured(movie: Movie, text: str) -> None:
    """`text` beside the film's picture (looks.css puts it there).

    They are one element, as each element of a list is time between a click and the list.
    """
    st.markdown(f"![]({picture(movie)}){text}")


def more_like(movie: Movie) -> None:
    """A link to the film's place on the map, and its neighbours."""
    st.page_link(
        "explore/page.py",
        label="More like this",
        query_params={"movie": str(movie.id)},
        width="content",
    )


def _card(entry: Recommendation) -> str:
    lines = [
        f":primary[**{entry.rank}**] {title(entry.movie)}",
        f"{_stars_badge(entry)}:primary-badge[score {entry.score:.2f}] {genre_badges(entry.movie)}",
    ]
    if entry.reasons:
        lines.append(f":small[Because you rated {_because(entry.reasons)}]")
    return "\n\n".join(lines)


def _stars_badge(entry: Recommendation) -> str:
    return "" if entry.stars is None else f":orange-badge[★ {entry.stars:.1f}] "


def _because(reasons: Sequence[Reason]) -> str:
    # A space that does not break keeps the stars with their film.
    return ", ".join(f"*{literal(r.movie.title)}*\u00a0:orange[{r.rating:g}★]" for r in reasons)


def similar_cards(entries: Sequence[Recommendation], foot: Callable[[Movie], None]) -> None:
    """One card for each similar film, its cosine and what `foot` draws at the end."""
    grid = st.grid(min_column_width=_CARD_WIDTH, border=True, gap="small", key="similar")
    for entry in entries:
        with grid.cell():
            pictured(
                entry.movie,
                f":primary[**{entry.rank}**] {title(entry.movie)}\n\n"
                f":primary-badge[alike {entry.score:.2f}] {genre_badges(entry.movie)}",
            )
            foot(entry.movie)


def favourite_cards(entries: Sequence[UnexpectedFavourite], place: str) -> None:
    """One card for each film rated high: the stars, what others gave, where it would stand."""
    grid = st.grid(
        min_column_width=_CARD_WIDTH, border=True, gap="small", key=f"favourites-{place}"
    )
    for entry in entries:
        others = f"others {entry.others_mean:.1f} ★" if entry.n_others else "rated by nobody else"
        with grid.cell():
            st.markdown(
                f":orange[{stars(entry.rating)}] {title(entry.movie)}\n\n"
                f":primary-badge[{others}] {genre_badges(entry.movie)}\n\n"
                f":small[Without this rating, place {entry.place:,} of {entry.n_places:,} in the "
                f"list; {counted(entry.n_others, 'other rating')}.]"
            )
            st.page_link(
                "explore/page.py",
                label="On the map",
                icon=":material/explore:",
                query_params={"movie": str(entry.movie.id)},
            )


def film_row(
    movie: Movie, foot: Callable[[Movie], None] | None = None, *, show_genres: bool = True
) -> None:
    """A film on a line, its genres below, and what `foot` draws at the end of the line."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        below = f"  \n:small[:gray[{genres(movie)}]]" if show_genres and movie.genres else ""
        st.markdown(title(movie) + below, width="stretch")
        if foot is not None:
            foot(movie)


def rated_list(rated: Sequence[RatedMovie]) -> None:
    """Films and their stars, one a line."""
    lines = (f":orange[{stars(entry.rating)}] {title(entry.movie)}" for entry in rated)
    st.markdown("  \n".join(lines))
