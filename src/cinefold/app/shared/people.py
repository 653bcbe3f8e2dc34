"""Choosing one of the users of the data."""

import random
from typing import Any

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.widgets import button, show_in_address

_KEY = _QUERY = "user"
_LAST = "last-user"


def asked_user(users: list[Any]) -> Any | None:
    """The user of the data whom the address names (?user=196)."""
    asked = st.query_params.get(_QUERY)
    if asked is None:
        return None
    named = next((user for user in users if str(user) == asked), None)
    if named is None:
        st.warning(f"There is no user {literal(f'{asked:.60}')}.", icon=":material/person_off:")
    return named


def last_user(users: list[Any]) -> Any | None:
    """The one chosen last, on any page."""
    last = st.session_state.get(_LAST)
    return last if last in users else None


def choose_user(users: list[Any], user: Any) -> None:
    """A box with `user` in it, and a button for another; the choice is that of the address."""
    # Not bound to the address by Streamlit: it takes what is bound on one page out of the address
    # of another one that somebody goes back to.
    st.session_state[_KEY] = user
    show_user(user)
    st.selectbox(
        "User of the data",
        users,
        key=_KEY,
        filter_mode="prefix",
        width=160,
        on_change=lambda: show_user(st.session_state.get(_KEY)),
    )
    others = [other for other in users if other != user] or users
    button("Another one", lambda: show_user(random.choice(others)), icon="casino")  # noqa: S311


def show_user(user: Any | None) -> None:
    """Put a user into the address; None takes them out."""
    show_in_address(_QUERY, user)
    st.session_state[_LAST] = user
