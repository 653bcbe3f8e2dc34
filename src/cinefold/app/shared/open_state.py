"""Opening the state that all visitors share: the pages wait here, and say why there is none.

Where a data set takes long to prepare, a smaller one is shown meanwhile.
"""

import gc
import sys
import time
from typing import Any, NoReturn

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.widgets import button, show_in_address
from cinefold.datasets import DatasetError, list_datasets
from cinefold.serving.background import BackgroundError
from cinefold.serving.launch import chosen_dataset
from cinefold.serving.state import Preparation, SharedWork, State

SMALL = "ml-100k"
"""What is shown while a larger data set is prepared."""
_QUERY, _SHOWN, _KEPT = "data", "data-shown", ("visitor", "data", "owner", "forgotten")
_DATASETS_AT_ONCE = 3  # in memory
_SECONDS_AT_A_TIME = 0.0005
_SECONDS_BETWEEN_LOOKS = 0.5
_PATIENCE = 6.0  # seconds: what has been prepared before is there by then


@st.cache_resource(show_spinner=False, max_entries=_DATASETS_AT_ONCE)
def _preparation(dataset: str) -> Preparation:
    return Preparation(dataset, _let_short_requests_interrupt)


def _names() -> list[str]:
    return [spec.name for spec in list_datasets()]


def _wanted_dataset() -> str:
    """The data set of this session: that of the address (?data=ml-1m), or the app's."""
    usual, _ = chosen_dataset()
    asked = st.query_params.get(_QUERY) or st.session_state.get(_QUERY) or usual
    if asked != usual and asked not in _names():
        st.toast("There is no such data set.", icon=":material/database_off:")
        asked = usual
    st.session_state[_QUERY] = asked
    show_in_address(_QUERY, None if asked == usual else asked)
    return str(asked)


def current_dataset() -> str:
    """The data set that this session shows: the one that it wants, once that is prepared."""
    return str(st.session_state.get(_SHOWN) or _wanted_dataset())


def choose_dataset(name: str) -> None:
    """Go on with another data set in this session, as soon as it is prepared."""
    st.session_state[_QUERY] = st.query_params[_QUERY] = name
    if _preparation(name).error is not None:
        _preparation(name).start()


def opened_state(dataset: str | None = None) -> State | None:
    """The state if somebody has opened it already: nobody waits."""
    return _preparation(dataset or current_dataset()).value


def open_state() -> State:
    """The state; the first visitor waits for it with a progress bar.

    For a while: then another data set is shown until it is there. Without that, and without data or
    a model, the page says why and ends here.
    """
    place = st.empty()  # always: Streamlit knows fragments by their place on the page
    wanted = _wanted_dataset()
    coming = _preparation(wanted)
    meanwhile = st.session_state.get(_SHOWN, SMALL)
    if wanted == meanwhile or wanted not in _names():
        wait_for(place, coming)
    else:
        wait_for(place, coming, coming.since + _PATIENCE)
        if coming.value is None:
            other = _preparation(meanwhile)
            wait_for(place, other)
            if other.value is not None:
                with place.container():
                    _draw_coming(coming, wanted, other.value)
                    st.empty()  # where a bar was: what empties `place` may not reach the browser
                return _show(other.value)
            wait_for(place, coming)
    if coming.value is None:
        place.empty()
        _say_why(coming)
    return _show(coming.value)


def _show(state: State) -> State:
    """The state, for a session that may have shown another one until now."""
    before = st.session_state.get(_SHOWN)
    st.session_state[_SHOWN] = state.data.name
    if before not in (None, state.data.name):
        for key in ("user", "movie"):  # they are those of the other one
            st.query_params.pop(key, None)
        for name in list(st.session_state):
            if not str(name).startswith(_KEPT):
                del st.session_state[name]
        movies = counted(len(state.data.movies), "movie")
        st.toast(f"From now on these are {movies}.", icon=":material/database:")
    return state


def wait_for(
    place: Any, coming: SharedWork[Any], until: float = float("inf"), title: str = "Getting ready"
) -> None:
    """With a progress bar, until it is there or cannot be, or until the time is over."""
    if not coming.running or time.monotonic() > until:
        return
    with place.container():
        if title:
            st.title(title, anchor=False)
        bar = st.progress(*_progress(coming))
        while coming.running and time.monotonic() < until:
            coming.wait(_SECONDS_BETWEEN_LOOKS)
            bar.progress(*_progress(coming))
    place.empty()


def _progress(coming: SharedWork[Any]) -> tuple[float, str]:
    share, text = coming.progress
    return share, literal(text)


def _draw_coming(coming: Preparation, wanted: str, shown: State) -> None:
    """One line on the data set that is to come, above the pages of another."""
    if coming.error is None:
        _draw_progress(coming)
        return
    if not isinstance(coming.error, DatasetError | BackgroundError):
        raise coming.error
    title = next(spec.title for spec in list_datasets() if spec.name == wanted)
    why = getattr(coming.error, "summary", str(coming.error)).rstrip(".")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(
            f"{title} is not here: {literal(why)}. These {len(shown.data.movies):,} movies stay.",
            icon=":material/database_off:",
            width="stretch",
        )
        button("Try again", coming.start, icon="refresh", key="data-again")


@st.fragment(run_every=2.0)
def _draw_progress(coming: Preparation) -> None:
    """Redraws itself; then the whole page, with what has come."""
    if not coming.running:
        st.rerun()
    share, text = _progress(coming)
    st.progress(share, f"More movies are coming, and these are here until then. {text}")


def _let_short_requests_interrupt() -> None:
    """Python lets one session work at a time: those with a click do not wait long for others."""
    sys.setswitchinterval(_SECONDS_AT_A_TIME)
    gc.unfreeze()  # what has gone since the last time is to be found
    gc.collect()
    gc.freeze()  # what stays is not to be looked through again and again


def _say_why(coming: Preparation) -> NoReturn:
    """What is missing, and what can be done; any other error is the caller's."""
    error = coming.error
    if not isinstance(error, DatasetError | BackgroundError):
        raise error or AssertionError("it has neither a state nor an error")
    usual, path = chosen_dataset()
    no_data = isinstance(error, DatasetError)
    if no_data:
        why = (
            "fetches them once and keeps them, but this time that did not work."
            if path is None
            else "was started with a file or folder of your own, but cannot read that."
        )
        st.title("The movies are not here yet", anchor=False)
        st.markdown(f"Cinefold learns from ratings of movies. It {why}")
    else:
        st.title("There is no model yet", anchor=False)
        st.markdown(f"Training one failed: {literal(str(error).rstrip('.'))}.")
    with st.container(horizontal=True):
        button("Try again", coming.start, icon="refresh", type="primary")
        if not no_data:
            button("Back", choose_dataset, usual, icon="undo")
    if no_data:
        st.code(str(error), language=None, wrap_lines=True)
    st.stop()
