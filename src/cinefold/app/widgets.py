"""Widgets that several pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator


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
