from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cinefold.serving.background import BackgroundError
from tests.app.drawn import cards, no_errors, widget


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
