"""What all visitors of the running app share: the data, and the model in use."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import streamlit as st

from cinefold.app.launch import chosen_dataset, chosen_ratings
from cinefold.app.wording import counted
from cinefold.datasets import DatasetError, dataset_info, load_movielens
from cinefold.recommender import Crowd, MovieRecommender
from cinefold.training import load_or_train

if TYPE_CHECKING:
    from collections.abc import Callable

    from cinefold.datasets import MovieData
    from cinefold.training import TrainingRun


class Studio:
    """The data, the default model, and the model in use: the default one or a kept one."""

    def __init__(self, data: MovieData, default: TrainingRun) -> None:
        self.data = data
        self.default = default
        self.use(default)

    def use(self, run: TrainingRun) -> None:
        """Recommend with `run`, to everybody, from now on."""
        # One assignment, so that no page sees a run and the recommender of another.
        self._in_use = run, MovieRecommender(self.data, run.model)

    @property
    def run(self) -> TrainingRun:
        return self._in_use[0]

    @property
    def recommender(self) -> MovieRecommender:
        return self._in_use[1]

    @cached_property
    def crowd(self) -> Crowd:
        """The users of the data, to compare one with."""
        return Crowd(self.data)

    @property
    def uses_default(self) -> bool:
        return self.run is self.default


@dataclass
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    studio: Studio | None = None


@st.cache_resource(show_spinner=False)
def _shared() -> _Shared:
    return _Shared()


def open_studio() -> Studio:
    """The studio; the first visitor waits for it with a progress bar.

    Without data, the page says why and ends here.
    """
    shared = _shared()
    if shared.studio is None:
        place = st.empty()
        try:
            with place.container():
                _prepare(shared)
        except DatasetError as error:
            place.empty()
            _say_what_is_missing(error)
        place.empty()
    assert shared.studio is not None  # noqa: S101 - for the type checker
    return shared.studio


def _prepare(shared: _Shared) -> None:
    st.title("Getting ready", anchor=False)
    bar = st.progress(0.0, "Waiting …")
    with shared.lock:
        if shared.studio is not None:  # another visitor came first
            return
        data = _data(bar)
        films = counted(data.interactions.n_items, "film")
        bar.progress(0.1, f"Preparing recommendations for {films} …")
        shared.studio = Studio(data, load_or_train(data, callbacks=[_shows(bar)]))


def _data(bar: Any) -> MovieData:
    name, path = chosen_dataset()
    ratings = chosen_ratings()
    if ratings is not None:
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
