"""Who started the app: they alone change what all visitors share."""

import os
import secrets

import streamlit as st

from cinefold.serving.launch import OWNER_KEY

_QUERY = "owner"


def is_owner() -> bool:
    """Whether this session was opened by the link that ``cinefold app`` printed at its start.

    The key leaves the address, which people pass on.
    """
    asked = st.query_params.pop(_QUERY, None)
    if asked is not None:
        key = os.environ.get(OWNER_KEY, "")
        right = bool(key) and secrets.compare_digest(asked.encode(), key.encode())
        st.session_state[_QUERY] = right
        if not right:
            st.toast("That link is of another start of the app.", icon=":material/key_off:")
    return bool(st.session_state.get(_QUERY))
