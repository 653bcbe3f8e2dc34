"""Widgets that several pages share."""

from collections.abc import Callable, Container, Sequence
from typing import Any

import streamlit as st

from cinefold.datasets import Movie, MovieCatalog

_MESSAGES = "messages"
_LARGEST_NUMBER = 2**53 - 1  # that JavaScript has exactly
_CLOSE = 0.8  # of the best match's score: what fits much worse is not shown beside it


def button(
    label: str,
    on_click: Callable[..., object],
    *arguments: Any,
    icon: str | None = None,
    **options: Any,
) -> None:
    """A button that calls `on_click` with `arguments`; `icon` is a name of Material Symbols."""
    icon = icon and f":material/{icon}:"
    st.button(label, on_click=on_click, args=arguments, icon=icon, **options)  # type: ignore[arg-type]


def choose_one(label: str, values: Sequence[Any], key: str, **options: Any) -> Any:
    """One of `values` side by side; at the beginning the first, unless `default` says which."""
    default = options.pop("default", values[0])
    return st.segmented_control(label, values, key=key, default=default, required=True, **options)


def show_in_address(name: str, value: object) -> None:
    """A query parameter of the page's address; None takes it out."""
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)


def drop_unusable_numbers() -> None:
    """Take numbers out of the address that no widget could show: Streamlit fails at them."""
    asked = st.query_params
    # Names with "-" are keys of widgets; ids, under other names, may be large.
    wrong = [
        name for name in asked if "-" in name and not all(map(_is_usable, asked.get_all(name)))
    ]
    for name in wrong:
        del asked[name]
    if wrong:
        st.rerun()  # widgets have the address as it was when the run began


def _is_usable(value: str) -> bool:
    try:
        return abs(float(value)) <= _LARGEST_NUMBER
    except ValueError:
        return True  # no number


def search_movies(
    label: str, key: str, movies: MovieCatalog, most: int, among: Container[object] | None = None
) -> list[Movie]:
    """A box for a title or a part of it, and the movies that fit it best; `among` are allowed."""
    query = st.text_input(
        label,
        type="search",
        live=True,
        key=key,
        placeholder=f"{label}: typos allowed",
        label_visibility="collapsed",
    )
    query = query or ""
    if not query.strip():
        return []
    found = movies.search(query, most)
    found = [match for match in found if among is None or match.movie.id in among]
    if not (found and found[0].fits):
        span = " ({} to {})".format(*movies.years) if movies.years else ""
        closest = "Closest titles:" if found else "Try another part of the title."
        st.caption(f"Not among these {len(movies):,} movies{span}. {closest}")
    return [match.movie for match in found if match.score >= _CLOSE * found[0].score]


def introduction(heading: str, text: str) -> Any:
    """A frame with what a page is for, where there is nothing yet; it takes what to begin with."""
    frame = st.container(border=True)
    frame.subheader(heading, anchor=False)
    frame.markdown(text)
    return frame


def say_later(text: str, icon: str) -> None:
    """A toast for the run that follows a callback, which in a fragment may not draw itself."""
    st.session_state.setdefault(_MESSAGES, []).append((text, icon))


def say_now() -> None:
    """Show what `say_later` was told."""
    for text, icon in st.session_state.pop(_MESSAGES, []):
        st.toast(text, icon=icon)


def csv_button(
    label: str, content: str | Callable[[], str], name: str, help_text: str | None = None
) -> None:
    """A button that downloads `content`, or what it returns at the click, as `name`.csv."""
    icon, file = ":material/download:", f"{name}.csv"
    st.download_button(
        label, content, file, "text/csv", icon=icon, on_click="ignore", help=help_text
    )
