"""Choosing one of the users of the data."""

import random
from typing import Any

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.widgets import button, show_in_address

_LAST, _QUERY = "last-user", "user"


def choose_user(users: list[Any], place: str, label: str = "You are user") -> Any:
    """The user of the selection box, who is also that of the address (?user=196).

    The choice goes along from page to page; `place` tells them apart.
    """
    st.session_state["user"] = user = _current(users, place)
    # Not bound to the address by Streamlit: it takes what is bound on one page out of the address
    # of another one that somebody goes back to.
    _show_in_address(users, user)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            label,
            users,
            key="user",
            filter_mode="prefix",
            width=160,
            on_change=lambda: _show_in_address(users, st.session_state["user"]),
        )
        button("Somebody else", _pick, users, icon="casino")
    st.session_state[_LAST] = place, user
    return user


def _current(users: list[Any], place: str) -> Any:
    """Whom the address names; on another page without a name, the one chosen before."""
    asked = st.query_params.get(_QUERY)
    if asked is not None:
        named = next((user for user in users if str(user) == asked), None)
        if named is not None:
            return named
        st.warning(f"There is no user {literal(f'{asked:.60}')}.", icon=":material/person_off:")
    page, last = st.session_state.get(_LAST, (place, None))
    return last if asked is None and page != place and last in users else users[0]


def _show_in_address(users: list[Any], user: Any) -> None:
    """The first user needs no name there."""
    show_in_address(_QUERY, None if user == users[0] else user)


def _pick(users: list[Any]) -> None:
    _show_in_address(users, random.choice(users))  # noqa: S311 - not a secret
