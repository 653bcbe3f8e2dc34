"""What is said of recommended movies on behalf of a user of the data, for this session."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cinefold.app.shared.widgets import button
from cinefold.datasets import Movie


def hidden_for(user: Any) -> list[Any]:
    """Movies that were marked as seen or not wanted, in the order in which they were."""
    hidden: list[Any] = st.session_state.setdefault(f"hidden-for-{user}", [])
    return hidden


def mark_buttons(user: Any, movie: Movie) -> None:
    """Buttons that take the movie out of the list at once."""
    for label in ("Seen it", "Not for me"):
        key = f"for-you-{label}-{movie.id}"
        button(label, hidden_for(user).append, movie.id, key=key, type="tertiary")


def draw_undo(user: Any) -> None:
    """Brings the movie back that was taken out last."""
    hidden = hidden_for(user)
    if hidden:
        button(
            f"Undo ({len(hidden)})",
            hidden.pop,
            icon="undo",
            key="for-you-undo",
            help="Brings back what you marked as seen or not for you. As you look at somebody "
            "else's list, the marks are kept until you close the page; on New here they last.",
        )
