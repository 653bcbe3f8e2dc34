from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from cinefold.app.shared import open_state
from cinefold.app.shared.display import literal
from cinefold.profiles import ProfileStore
from cinefold.serving.background import BackgroundError
from cinefold.serving.state import _load_data
from tests.app.drawn import cards, no_errors, widget
from tests.waiting import PATIENCE


@pytest.fixture
def store(open_page, tmp_path):
    with ProfileStore(tmp_path / "profiles.sqlite3") as opened:
        yield opened


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No data, and no way to get any."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path / "cache"


@pytest.mark.parametrize("view", ["for_you", "train"])
def test_missing_data_is_said_and_can_be_tried_again(
    view, open_page, offline, archive, monkeypatch
):
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(offline))
    page = open_page(view)
    no_errors(page)
    assert page.title[0].value == "The movies are not here yet"
    assert "nothing cached" in page.code[0].value
    assert "What to do" in page.code[0].value

    offline.mkdir(exist_ok=True)
    shutil.copy(archive.path, offline)
    widget(page.button, "Try again").click().run()
    no_errors(page)
    assert page.title[0].value != "The movies are not here yet"


def test_the_first_start_trains_and_later_ones_load(open_page, archive, monkeypatch, tmp_path):
    import streamlit as st

    shutil.copy(archive.path, tmp_path)
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    first = cards(no_errors(open_page("for_you")))
    (model,) = Path(tmp_path).glob("models/*/model.safetensors")
    written = model.stat().st_mtime_ns
    st.cache_resource.clear()
    assert cards(no_errors(open_page("for_you"))) == first
    assert model.stat().st_mtime_ns == written


@pytest.fixture
def another_set(open_page, monkeypatch, archive, tmp_path):
    """The app's own data set is another one than that of the archive, which has no model yet."""
    del open_page  # whose environment this one changes
    import streamlit as st

    shutil.copy(archive.path, tmp_path)
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CINEFOLD_DATASET", "ml-1m")
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_a_model_is_trained_in_the_background(open_page, archive, monkeypatch, tmp_path):
    def fit(*_, **__):
        raise AssertionError("it would slow down everybody")

    shutil.copy(archive.path, tmp_path)
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("cinefold.WeightedMatrixFactorization.fit", fit)
    assert cards(no_errors(open_page("for_you")))


@pytest.mark.usefixtures("another_set")
def test_why_there_is_no_model_is_said_and_it_can_be_tried_again(open_page, monkeypatch):
    def train(*_, **__):
        raise BackgroundError("there is not enough memory")

    with monkeypatch.context() as patch:
        patch.setattr("cinefold.serving.state.TrainingJob", train)
        page = no_errors(open_page("for_you", data="ml-100k"))
    assert page.title[0].value == "There is no model yet"
    assert "not enough memory" in page.markdown[-1].value
    widget(page.button, "Try again").click().run()
    assert cards(no_errors(page))


@pytest.mark.parametrize("view", ["for_you", "explore"])
def test_what_the_first_visitor_sees_has_the_place_it_has_for_others(view, open_page):
    """A click is for a fragment, which Streamlit knows by its place on the page."""
    import streamlit as st

    page = no_errors(open_page(view).run())
    places = {child.type: place for place, child in page.main.children.items()}
    st.cache_resource.clear()
    no_errors(page.run())
    assert {child.type: place for place, child in page.main.children.items()} == places


@pytest.mark.usefixtures("another_set")
def test_without_a_network_the_small_one_serves_and_one_line_says_why(open_page):
    page = no_errors(open_page("for_you"))
    (line,) = page.warning
    assert "MovieLens 1M is not here" in line.value
    assert "refused" in line.value
    assert "nothing cached" not in line.value
    assert cards(page)


@pytest.fixture
def larger(open_page, monkeypatch, tmp_path):
    """The app is started with a larger data set, which is prepared once `.set()` says so."""
    del open_page  # whose environment this one changes
    folder, go = tmp_path / "larger", threading.Event()
    folder.mkdir()
    monkeypatch.setenv("CINEFOLD_DATASET", "ml-latest-small")
    monkeypatch.setenv("CINEFOLD_DATASET_PATH", str(folder))
    monkeypatch.setattr("cinefold.app.shared.open_state._PATIENCE", 0.0)

    def load(dataset, progress):
        if dataset == "ml-latest-small":
            assert go.wait(PATIENCE)
        return _load_data(dataset, progress)

    monkeypatch.setattr("cinefold.serving.state._load_data", load)
    return folder, go


def write_larger(folder, small):
    """The movies of `small` under other ids, but for the first, and one of 2024."""
    movies = [(1000 + m.id, f"{m.title} ({m.year})") for m in [*small][1:]] + [(7, "New (2024)")]
    lines = [f'{number},"{title}",Drama' for number, title in movies]
    lines.append("8,Rated by nobody (2024),Drama")
    (folder / "movies.csv").write_text("movieId,title,genres\n" + "\n".join(lines), "utf-8")
    rng = np.random.default_rng(0)
    rated = [
        f"{user},{movie},{rng.integers(1, 6)},{movie}"
        for user in range(1, 41)
        for movie, _ in movies
        if rng.random() < 0.3 or movie == 7
    ]
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + "\n".join(rated))


def prepared(dataset):
    coming = open_state._preparation(dataset)
    coming.wait(PATIENCE)
    return coming


def test_the_small_one_serves_until_the_larger_is_there_and_the_profile_goes_along(
    open_page, larger, store, monkeypatch
):
    monkeypatch.setattr("cinefold.serving.state.LARGE", 1)  # shown before it is measured
    folder, go = larger
    page = no_errors(open_page("for_you"))
    shown = cards(page)
    small = open_state._preparation("ml-100k").value.data.movies
    write_larger(folder, small)
    assert "More movies are coming" in page.get("progress")[0].proto.text
    kept, lost = [*small][5], next(iter(small))
    ada = store.create("ml-100k", "Ada")
    store.rate_many(ada.id, {kept.id: 4.5, lost.id: 1})
    page.query_params["profile"] = ada.key
    no_errors(page.run())
    go.set()
    state = prepared("ml-latest-small").value
    assert state.default.refitted
    assert state.default.metrics
    assert state.uses_default
    no_errors(page.run())
    assert [toast.value for toast in page.toast] == [
        f"From now on these are {len(state.data.movies)} movies.",
        "1 movie of your profile came along, 1 did not: not among these.",
    ]
    assert not page.get("progress")
    assert cards(page) != shown
    (carried,) = store.profiles("ml-latest-small")
    assert store.entries(carried.id).stars == {1000 + kept.id: 4.5}
    assert any(literal(lost.label) in caption.value for caption in page.caption)
    store.rate(carried.id, 8, 5)  # there is nothing to go by
    page.query_params["profile"] = ada.share_key  # a link of before
    assert no_errors(page.run()).title[0].value == "For Ada"
    assert len(cards(page)) == 10
    assert any(literal(lost.label) in caption.value for caption in page.caption)
    page.query_params["profile"] = ada.key
    assert no_errors(page.run()).title[0].value == "For you"
    assert "Your ratings (1)" in [heading.value for heading in page.subheader]


def test_why_the_larger_is_not_there_is_one_line_and_the_small_one_stays(open_page, larger):
    folder, go = larger
    go.set()
    page = no_errors(open_page("for_you"))
    prepared("ml-latest-small")
    no_errors(page.run())
    (line,) = page.warning
    assert "must be there" in line.value
    assert "\n" not in line.value
    assert cards(page)
    write_larger(folder, open_state._preparation("ml-100k").value.data.movies)
    widget(page.button, "Try again").click().run()
    prepared("ml-latest-small")
    assert not no_errors(page.run()).warning
    assert "2024" in page.caption[0].value
