"""The page registry: what ``cinefold app`` serves."""

from pathlib import Path
from typing import Any

# Altair looks at pandas without waiting for it: two first visitors at once would find half of it.
import pandas  # noqa: F401
import streamlit as st

_HERE = Path(__file__).parent


def _go_home() -> None:
    """From the address that somebody new had before."""
    st.switch_page(_HOME, query_params=st.query_params.to_dict())


def _page(folder: str, path: str, title: str, icon: str) -> Any:
    return st.Page(f"{folder}/page.py", title=title, icon=icon, url_path=path)


_HOME = st.Page("for_you/page.py", title="For you", icon=":material/recommend:", default=True)
st.set_page_config(page_title="Cinefold", page_icon=str(_HERE / "icon.svg"), layout="wide")
st.html(_HERE / "shared/style.css")
st.logo(str(_HERE / "logo.svg"), size="large")
st.navigation(
    [
        _HOME,
        st.Page(_go_home, url_path="new_here", visibility="hidden"),
        _page("groups", "together", "Together", ":material/group:"),
        _page("explore", "explore", "Explore", ":material/explore:"),
        _page("taste", "taste", "Taste", ":material/palette:"),
        _page("train", "train", "Train", ":material/model_training:"),
        _page("about", "about", "About", ":material/info:"),
    ],
    position="top",
).run()
# Drawn last, as it takes a line of the page.
_JS = (_HERE / "shared/keyboard_and_history.js").read_text(encoding="utf-8")
st.components.v2.component("cinefold_keyboard_and_history", js=_JS)(
    height=1, key="keyboard-and-history", on_reconnected_change=lambda: None
)
