"""Choosing one of the users of the data."""

from __future__ import annotations

import random
from typing import Any

import streamlit as st

from cinefold.app.wording import literal

_LAST = "last-user"


def choose_user(users: list[Any], place: str, label: str = "You are user") -> Any:
    """The user of the selection box, who is also that of the address (?user=196).

    The choice goes along from page to page; `place` tells them apart.
    """
    asked = st.query_params.get("user")
    if asked is not None and asked not in map(str, users):
        st.warning(f"There is no user {literal(asked)}.", icon=":material/person_off:")
    page, last = st.session_state.get(_LAST, (place, None))
    if asked is None and page != place and last in users:
        # Streamlit forgets the choice with the page it was made on.
        st.session_state["user"] = last
    with st.container(horizontal=True, vertical_alignment="bottom"):
        user = st.selectbox(
            label,
            users,
            key="user",
            bind="query-params",
            filter_mode="prefix",
            width=160,
        )
        st.button("Somebody else", icon=":material/casino:", on_click=_pick, args=(users,))
    st.session_state[_LAST] = place, user
    return user


def _pick(users: list[Any]) -> None:
    st.session_state["user"] = random.choice(users)  # noqa: S311 - not a secret
