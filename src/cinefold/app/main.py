"""The page registry: what ``cinefold app`` serves."""

from pathlib import Path

# Altair looks at pandas without waiting for it: two first visitors at once would find half of it.
import pandas  # noqa: F401
import streamlit as st

_HERE = Path(__file__).parent

st.set_page_config(page_title="Cinefold", page_icon=str(_HERE / "icon.svg"), layout="wide")
st.html(_HERE / "looks.css")
st.logo(str(_HERE / "logo.svg"), size="large")
st.navigation(
    [
        st.Page("views/for_you.py", title="For you", icon=":material/recommend:", default=True),
        st.Page("views/new_here.py", title="New here", icon=":material/star:"),
        st.Page("views/together.py", title="Together", icon=":material/group:"),
        st.Page("views/explore.py", title="Explore", icon=":material/explore:"),
        st.Page("views/taste.py", title="Taste", icon=":material/palette:"),
        st.Page("views/train.py", title="Train", icon=":material/model_training:"),
        st.Page("views/about.py", title="About", icon=":material/info:"),
    ],
    position="top",
).run()
# Drawn last, as it takes a line of the page.
_HABITS = (_HERE / "habits.js").read_text(encoding="utf-8")
st.components.v2.component("cinefold_habits", js=_HABITS)(
    height=1, key="habits", on_reconnected_change=lambda: None
)
