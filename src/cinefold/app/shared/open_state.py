"""Opening the state that all visitors share: the pages wait here, and say why there is none."""

import gc
import sys
import threading
from dataclasses import dataclass, field
from typing import Generic, NoReturn, TypeVar

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.widgets import button, show_in_address
from cinefold.datasets import DatasetError, list_datasets
from cinefold.serving.background import BackgroundError
from cinefold.serving.launch import chosen_dataset
from cinefold.serving.state import State, prepare_state

T = TypeVar("T")
_QUERY = "data"
_DATASETS_AT_ONCE = 3  # in memory
_SECONDS_AT_A_TIME = 0.0005
_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass
class Shared(Generic[T]):
    """What all sessions use; who holds the lock makes it, and the others see how far that is."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    progress: tuple[float, str] = (0.0, "Waiting …")


@st.cache_resource(show_spinner=False, max_entries=_DATASETS_AT_ONCE)
def _shared(dataset: str) -> Shared[State]:
    del dataset  # the key
    return Shared()


def current_dataset() -> str:
    """The data set of this session: that of the address (?data=ml-1m), or the app's."""
    usual, _ = chosen_dataset()
    asked = st.query_params.get(_QUERY) or st.session_state.get(_QUERY) or usual
    if asked != usual and asked not in (spec.name for spec in list_datasets()):
        st.toast("There is no such data set.", icon=":material/database_off:")
        asked = usual
    st.session_state[_QUERY] = asked
    show_in_address(_QUERY, None if asked == usual else asked)
    return str(asked)


def choose_dataset(name: str) -> None:
    """Go on with another data set in this session."""
    st.session_state[_QUERY] = name
    st.query_params[_QUERY] = name
    for key in ("profile", "user", "movie"):  # they are those of the other one
        st.query_params.pop(key, None)


def open_state() -> State:
    """The state; the first visitor waits for it with a progress bar.

    Without data or a model, the page says why and ends here.
    """
    dataset = current_dataset()
    shared = _shared(dataset)
    place = st.empty()  # always: Streamlit knows fragments by their place on the page
    if shared.value is None:
        try:
            with place.container():
                _prepare(shared, dataset)
        except (DatasetError, BackgroundError) as error:
            place.empty()
            if isinstance(error, DatasetError):
                _say_what_is_missing(error)
            _say_why_there_is_no_model(error)
        place.empty()
    assert shared.value is not None  # noqa: S101 - for the type checker
    return shared.value


def opened_state() -> State | None:
    """The state if somebody has opened it already: nobody waits."""
    return _shared(current_dataset()).value


def _prepare(shared: Shared[State], dataset: str) -> None:
    st.title("Getting ready", anchor=False)
    bar = st.progress(*shared.progress)

    def show(done: float, text: str) -> None:
        shared.progress = done, literal(text)
        bar.progress(*shared.progress)

    while not shared.lock.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
        bar.progress(*shared.progress)
    try:
        if shared.value is None:  # otherwise another visitor came first
            shared.value = prepare_state(dataset, show)
            _let_short_requests_interrupt()
    finally:
        shared.lock.release()


def _let_short_requests_interrupt() -> None:
    """Python lets one session work at a time: those with a click do not wait long for others."""
    sys.setswitchinterval(_SECONDS_AT_A_TIME)
    gc.unfreeze()  # what has gone since the last time is to be found
    gc.collect()
    gc.freeze()  # what stays is not to be looked through again and again


def _say_what_is_missing(error: DatasetError) -> NoReturn:
    _, path = chosen_dataset()
    why = (
        "fetches them once and keeps them, but this time that did not work."
        if path is None
        else "was started with a file or folder of your own, but cannot read that."
    )
    st.title("The movies are not here yet", anchor=False)
    st.markdown(f"Cinefold learns from ratings of movies. It {why}")
    st.button("Try again", icon=":material/refresh:", type="primary")
    st.code(str(error), language=None, wrap_lines=True)
    st.stop()


def _say_why_there_is_no_model(error: BackgroundError) -> NoReturn:
    usual, _ = chosen_dataset()
    st.title("There is no model yet", anchor=False)
    st.markdown(f"Training one failed: {literal(str(error).rstrip('.'))}.")
    with st.container(horizontal=True):
        st.button("Try again", icon=":material/refresh:", type="primary")
        button("Back", choose_dataset, usual, icon="undo")
    st.stop()
