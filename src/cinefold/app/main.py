"""The page registry: what ``cinefold app`` serves."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# Altair looks at pandas without waiting for it: two first visitors at once would find half of it.
import pandas  # noqa: F401
import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.visitor import open_profile_in_address, remember
from cinefold.app.shared.widgets import drop_unusable_numbers, say_later

_HERE = Path(__file__).parent


def _go_to(page: Any) -> None:
    """To another page, with all that the address asks for."""
    st.switch_page(page, query_params=st.query_params.to_dict())


def _start_from(path: str) -> None:
    """No page is called so."""
    say_later(
        f"There is no page “{literal(f'{path:.60}')}”: this is the first one.",
        ":material/signpost:",
    )
    _go_to(_HOME)


def _page_asked_for() -> Any | None:
    """Where what the address asks for is shown, if not on this page; None if it is."""
    if _shared is not None:
        pages = [_HOME]
    elif "movie" in st.query_params:
        pages = [_MOVIE, _EXPLORE]
    elif "user" in st.query_params:
        pages = [_HOME, _TASTE]
    else:
        return None
    return None if _chosen in pages else pages[0]


def _page(folder: str, path: str, title: str, icon: str) -> Any:
    return st.Page(f"{folder}/page.py", title=title, icon=icon, url_path=path)


_HOME = st.Page("for_you/page.py", title="For you", icon=":material/recommend:", default=True)
_MOVIE = st.Page("movies/page.py", title="Movie", url_path="movie", visibility="hidden")
_EXPLORE = _page("explore", "explore", "Explore", ":material/explore:")
_TASTE = _page("taste", "taste", "Taste", ":material/palette:")
st.set_page_config(page_title="Cinefold", page_icon=str(_HERE / "icon.svg"), layout="wide")
st.html(_HERE / "shared/style.css")
st.logo(str(_HERE / "logo.svg"), size="large")
drop_unusable_numbers()
_pages = [
    _HOME,
    st.Page(lambda: _go_to(_HOME), url_path="new_here", visibility="hidden"),
    _MOVIE,
    _page("lists", "lists", "Lists", ":material/bookmarks:"),
    _page("together", "together", "Together", ":material/group:"),
    _EXPLORE,
    _TASTE,
    _page("train", "train", "Train", ":material/model_training:"),
    _page("about", "about", "About", ":material/info:"),
]
_path = unquote(urlsplit(st.context.url or "").path).strip("/").rpartition("/")[2]
# Streamlit would cover the page with a dialog.
if _path and _path not in [page.url_path for page in _pages]:
    _pages.append(st.Page(lambda: _start_from(_path), url_path=_path, visibility="hidden"))
_chosen = st.navigation(_pages, position="top")
try:
    _shared = open_profile_in_address()
    if (_elsewhere := _page_asked_for()) is not None:
        _go_to(_elsewhere)
    _chosen.run()
    remember("remember")
    if _shared is None and "profile" in st.query_params:  # whose movies are here by now
        st.rerun()
except Exception:  # of a fragment or a callback, Streamlit says as little (`showErrorDetails`)
    logging.getLogger("cinefold.app").exception("a page failed")
    st.error("This page met an error that was not foreseen: the app's log has it. Try again.")
# Drawn last, as it takes a line of the page.
_JS = (_HERE / "shared/keyboard_and_history.js").read_text(encoding="utf-8")
st.components.v2.component("cinefold_keyboard_and_history", js=_JS)(
    height=1, key="keyboard-and-history", on_reconnected_change=lambda: None
)
