"""The page registry: what ``cinefold app`` serves."""

import logging
from pathlib import Path
from typing import Any

# Altair looks at pandas without waiting for it: two first visitors at once would find half of it.
import pandas  # noqa: F401
import streamlit as st

from cinefold.app.shared.widgets import drop_unusable_numbers

_HERE = Path(__file__).parent


def _page(folder: str, path: str, title: str, icon: str) -> Any:
    return st.Page(f"{folder}/page.py", title=title, icon=icon, url_path=path)


st.set_page_config(page_title="Cinefold", page_icon=str(_HERE / "icon.svg"), layout="wide")
st.html(_HERE / "shared/style.css")
st.logo(str(_HERE / "logo.svg"), size="large")
drop_unusable_numbers()
_chosen = st.navigation(
    [
        st.Page("for_you/page.py", title="For you", icon=":material/recommend:", default=True),
        _page("new_here", "new_here", "New here", ":material/star:"),
        _page("groups", "together", "Together", ":material/group:"),
        _page("explore", "explore", "Explore", ":material/explore:"),
        _page("taste", "taste", "Taste", ":material/palette:"),
        _page("train", "train", "Train", ":material/model_training:"),
        _page("about", "about", "About", ":material/info:"),
    ],
    position="top",
)
try:
    _chosen.run()
except Exception:  # of a fragment or a callback, Streamlit says as little (`showErrorDetails`)
    logging.getLogger("cinefold.app").exception("a page failed")
    st.error("This page met an error that was not foreseen: the app's log has it. Try again.")
# Drawn last, as it takes a line of the page.
_JS = (_HERE / "shared/keyboard_and_history.js").read_text(encoding="utf-8")
st.components.v2.component("cinefold_keyboard_and_history", js=_JS)(
    height=1, key="keyboard-and-history", on_reconnected_change=lambda: None
)
