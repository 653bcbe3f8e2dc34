from __future__ import annotations

import pytest

from cinefold.datasets import RatingsFile
from cinefold.serving.launch import (
    chosen_dataset,
    chosen_ratings,
    dataset_variables,
    ratings_variables,
    streamlit_arguments,
)
from tests.app.conftest import MAIN
from tests.app.drawn import cards, no_errors, texts, widget
from tests.movielens_files import as_folder, as_zip, original_files


@pytest.fixture
def own_path(monkeypatch, tmp_path):
    """Sets the data set that the app is started with."""

    def set_(path):
        for name, value in dataset_variables("ml-100k", path).items():
            monkeypatch.setenv(name, value)

    monkeypatch.chdir(tmp_path)
    return set_


def test_the_pages_find_what_the_command_said(own_path, tmp_path):
    assert chosen_dataset() == ("ml-100k", None)
    own_path(tmp_path / "mine.zip")
    assert chosen_dataset() == ("ml-100k", str(tmp_path / "mine.zip"))
    own_path(None)
    assert chosen_dataset() == ("ml-100k", None)


def test_a_file_of_ones_own_is_used(open_page, monkeypatch, tmp_path):
    ratings, titles = tmp_path / "club.csv", tmp_path / "movies.csv"
    rows = [
        f"u{user};f{(user * 7 + step) % 40};{1 + step % 5}"
        for user in range(30)
        for step in range(15)
    ]
    ratings.write_text("\n".join(["reader;item;stars", *rows]), encoding="utf-8")
    movies = [f"f{movie},Movie {movie} ({1960 + movie})" for movie in range(40)]
    titles.write_text("\n".join(["id,title", *movies]), encoding="utf-8")
    file = RatingsFile(str(ratings), user="reader", titles=str(titles))
    for name, value in ratings_variables(file).items():
        monkeypatch.setenv(name, value)
    assert chosen_ratings() == file
    page = no_errors(open_page("for_you", user="u1"))
    assert len(page.selectbox(key="user").options) == 30
    assert cards(page)
    del page.query_params["user"]
    page.switch_page("about/page.py").run()
    assert any("of your own, from club.csv" in text for text in texts(no_errors(page)))


def test_streamlit_serves_the_registry_of_pages():
    arguments = streamlit_arguments("127.0.0.1", 8600)
    assert arguments[:2] == ["run", str(MAIN)]
    assert arguments[arguments.index("--server.port") + 1] == "8600"
    assert arguments[arguments.index("--browser.gatherUsageStats") + 1] == "false"


def test_a_local_data_set_is_used(open_page, own_path, tmp_path):
    own_path(as_zip(original_files(), tmp_path / "my_ratings.zip"))
    page = no_errors(open_page("for_you", user="1"))
    assert len(page.selectbox(key="user").options) == 60
    assert cards(page)
    del page.query_params["user"]
    page.switch_page("about/page.py").run()
    assert any("my_ratings.zip" in text for text in texts(no_errors(page)))


def test_a_local_data_set_that_cannot_be_read_is_said(open_page, own_path, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    own_path(folder)
    page = no_errors(open_page("for_you"))
    assert page.title[0].value == "The movies are not here yet"
    assert "u.data and u.item" in page.code[0].value
    assert any("of your own" in text for text in texts(page))

    as_folder(original_files(), folder)
    widget(page.button, "Try again").click().run()
    assert cards(no_errors(page))
