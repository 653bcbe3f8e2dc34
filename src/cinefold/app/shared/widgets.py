"""Widgets that several pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

_TO_SAY = "to-say"


def recommendations_heading() -> DeltaGenerator:
    """The heading of a list, in a row that takes what is drawn into it."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.subheader(
        "What to watch next",
        anchor=False,
        width="stretch",
        help="The stars are what you are expected to give. The score says how strongly your "
        "ratings speak for watching the film: it orders the list, and means nothing outside of it.",
    )
    return row


def say_later(text: str, icon: str) -> None:
    """A toast for the run that follows a callback, which in a fragment may not draw itself."""
    st.session_state.setdefault(_TO_SAY, []).append((text, icon))


def say_now() -> None:
    """Show what `say_later` was told."""
    for text, icon in st.session_state.pop(_TO_SAY, []):
        st.toast(text, icon=icon)


def csv_button(label: str, content: str | Callable[[], str], name: str) -> None:
    """A button that downloads `content`, or what it returns at the click, as `name`.csv."""
    st.download_button(
        label,
        content,
        f"{name}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
