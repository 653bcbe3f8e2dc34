"""What all visitors of the running app share: the data, and the model in use."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.datasets import DatasetError, dataset_info, list_datasets, load_movielens
from cinefold.recommender import MovieRecommender, Population
from cinefold.serving.apart import train_apart
from cinefold.serving.background import JobError
from cinefold.serving.launch import chosen_dataset, chosen_ratings
from cinefold.serving.run_history import RunHistory
from cinefold.serving.training import load_or_train

if TYPE_CHECKING:
    from collections.abc import Callable

    from cinefold.datasets import MovieData
    from cinefold.serving.training import TrainingRun


logger = logging.getLogger(__name__)

_QUERY = "data"
_DATASETS_AT_ONCE = 3  # in memory
_SECONDS_AT_A_TIME = 0.0005


class Studio:
    """The data, the default model, and the model in use: the default one or that of a kept run."""

    def __init__(self, data: MovieData, default: TrainingRun) -> None:
        self.data = data
        self.default = default
        self.history = RunHistory(data.name)
        self.use(default)
        self._use_active()

    def use(self, run: TrainingRun) -> None:
        """Recommend with `run`, to everybody, from now on."""
        # One assignment, so that no page sees a run and the recommender of another.
        self._in_use = run, MovieRecommender(self.data, run.model, run.stars)

    def activate(self, run_id: str | None) -> None:
        """Use a run of the history, after restarts too; None for the default model.

        Raises
        ------
        OSError, ValueError
            If it is gone or damaged.
        """
        self.use(self.default if run_id is None else self.history.load(run_id))
        self.history.activate(run_id)

    def _use_active(self) -> None:
        active = self.history.active
        if active is None:
            return
        try:
            self.use(self.history.load(active))
        except (OSError, ValueError) as error:
            logger.warning("the default model is used: %s", error)

    @property
    def run(self) -> TrainingRun:
        return self._in_use[0]

    @property
    def recommender(self) -> MovieRecommender:
        return self._in_use[1]

    @cached_property
    def population(self) -> Population:
        """The users of the data, to compare one with."""
        return Population(self.data)

    @property
    def uses_default(self) -> bool:
        return self.run is self.default


@dataclass
class _Shared:
    """One for each data set, for all sessions."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    studio: Studio | None = None


@st.cache_resource(show_spinner=False, max_entries=_DATASETS_AT_ONCE)
def _shared(dataset: str) -> _Shared:
    del dataset  # the key
    return _Shared()


def current_dataset() -> str:
    """The data set of this session: that of the address (?data=ml-1m), or the app's."""
    usual, _ = chosen_dataset()
    asked = st.query_params.get(_QUERY) or st.session_state.get(_QUERY) or usual
    if asked != usual and asked not in (spec.name for spec in list_datasets()):
        st.toast("There is no such data set.", icon=":material/database_off:")
        asked = usual
    st.session_state[_QUERY] = asked
    if asked == usual:
        st.query_params.pop(_QUERY, None)
    else:
        st.query_params[_QUERY] = asked
    return str(asked)


def choose_dataset(name: str) -> None:
    """Go on with another data set in this session."""
    st.session_state[_QUERY] = name
    st.query_params[_QUERY] = name
    for key in ("profile", "user", "movie"):  # they are those of the other one
        st.query_params.pop(key, None)


def open_studio() -> Studio:
    """The studio; the first visitor waits for it with a progress bar.

    Without data, the page says why and ends here.
    """
    dataset = current_dataset()
    shared = _shared(dataset)
    place = st.empty()  # always: Streamlit knows fragments by their place on the page
    if shared.studio is None:
        try:
            with place.container():
                _prepare(shared, dataset)
        except DatasetError as error:
            place.empty()
            _say_what_is_missing(error)
        except JobError as error:
            place.empty()
            _say_why_there_is_no_model(dataset, error)
        place.empty()
    assert shared.studio is not None  # noqa: S101 - for the type checker
    return shared.studio


def _prepare(shared: _Shared, name: str) -> None:
    st.title("Getting ready", anchor=False)
    bar = st.progress(0.0, "Waiting …")
    with shared.lock:
        if shared.studio is not None:  # another visitor came first
            return
        data = _data(name, bar)
        films = counted(data.interactions.n_items, "film")
        bar.progress(0.1, f"Preparing recommendations for {films} …")
        run = load_or_train(data, callbacks=[_shows(bar)], progress=False, trainer=train_apart)
        shared.studio = Studio(data, run)
    _let_everybody_go_on()


def _let_everybody_go_on() -> None:
    """Python lets one session work at a time: those with a click do not wait long for others."""
    sys.setswitchinterval(_SECONDS_AT_A_TIME)
    gc.unfreeze()  # what has gone since the last time is to be found
    gc.collect()
    gc.freeze()  # what stays is not to be looked through again and again


def _data(name: str, bar: Any) -> MovieData:
    usual, path = chosen_dataset()
    path = path if name == usual else None
    ratings = chosen_ratings()
    if ratings is not None and name == usual:
        bar.progress(0.0, f"Reading {name} from your file …")
        return ratings.load()
    spec = dataset_info(name)
    source = f"{spec.size / 1e6:.0f} MB, only once" if path is None else "from your file"
    bar.progress(0.0, f"Getting {spec.title} ({source}) …")
    return load_movielens(name, path=path)


def _shows(bar: Any) -> Callable[[Any, dict[str, Any]], None]:
    def show(model: Any, record: dict[str, Any]) -> None:
        done, total = record["iteration"], model.max_iter
        text = (
            f"Training the model, only once: iteration {done} of {total} …"
            if done < total
            else "Measuring the model, then training it on all ratings …"
        )
        bar.progress(0.1 + 0.6 * done / total, text)

    return show


def _say_what_is_missing(error: DatasetError) -> None:
    _, path = chosen_dataset()
    st.title("The films are not here yet", anchor=False)
    st.markdown(
        "Cinefold learns from ratings of films. It "
        + (
            "fetches them once and keeps them, but this time that did not work."
            if path is None
            else "was started with a file or folder of your own, but cannot read that."
        )
    )
    st.button("Try again", icon=":material/refresh:", type="primary")
    st.code(str(error), language=None, wrap_lines=True)
    st.stop()


def _say_why_there_is_no_model(dataset: str, error: JobError) -> None:
    usual, _ = chosen_dataset()
    st.title("There is no model yet", anchor=False)
    why = literal(str(error).rstrip("."))
    st.markdown(f"Training one on {dataset_info(dataset).title} failed: {why}.")
    with st.container(horizontal=True):
        st.button("Try again", icon=":material/refresh:", type="primary")
        st.button("Back", icon=":material/undo:", on_click=choose_dataset, args=(usual,))
    st.stop()
