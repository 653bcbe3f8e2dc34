from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app.drawn import cards, no_errors, widget


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No data, and no way to get any."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path / "cache"


@pytest.mark.parametrize("view", ["for_you", "new_here", "train"])
def test_missing_data_is_said_and_can_be_tried_again(
    view, open_page, offline, archive, monkeypatch
):
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(offline))
    page = open_page(view)
    no_errors(page)
    assert page.title[0].value == "The films are not here yet"
    assert "nothing cached" in page.code[0].value
    assert "What to do" in page.code[0].value

    offline.mkdir(exist_ok=True)
    shutil.copy(archive.path, offline)
    widget(page.button, "Try again").click().run()
    no_errors(page)
    assert page.title[0].value != "The films are not here yet"


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
