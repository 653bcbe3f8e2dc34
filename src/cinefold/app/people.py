"""Choosing one of the users of the data."""

from __future__ import annotations

import random
from typing import Any

import streamlit as st

from cinefold.app.wording import literal


def choose_user(users: list[Any], label: str = "You are user") -> Any:
    """The user of the selection box, who is also that of the address (?user=196)."""
    asked = st.query_params.get("user")
    if asked is not None and asked not in map(str, users):
        st.warning(f"There is no user {literal(asked)}.", icon=":material/person_off:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        user = st.selectbox(
            label,
            users,
            key="user",
            bind="query-params",
            persist_state="session",
            filter_mode="prefix",
            width=160,
        )
        st.button("Somebody else", icon=":material/casino:", on_click=_pick, args=(users,))
    return user


def _pick(users: list[Any]) -> None:
    st.session_state["user"] = random.choice(users)  # noqa: S311 - not a secret
