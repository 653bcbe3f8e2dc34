"""Whatever an address says, the page opens."""

from __future__ import annotations

import pytest

from tests.app.drawn import no_errors
from tests.synthetic import movie_id, movie_title

NUMBERS = ("for-you-least", "for-you-years", "for-you-length", "train-seed", "train-alpha")
OWN = ("user", "profile", "data", "movie", "training", "with")


@pytest.mark.parametrize(
    "value", ["9" * 5000, "9" * 20, "inf", "nan", "-1", "1e999", "\0", "1,2", "[x](//y)"]
)
def test_hostile_addresses(open_page, value):
    asked = {**dict.fromkeys((*NUMBERS, *OWN), value), "user": "7"}  # whose page has the filters
    page = no_errors(open_page("for_you", **asked))
    del page.query_params["movie"]  # which has a page of its own
    assert no_errors(page.switch_page("for_you/page.py").run()).multiselect
    page.query_params["user"] = value
    no_errors(page.run())
    assert not page.switch_page("train/page.py").run().exception  # it says what is out of range
    no_errors(open_page("for_you", profile=value))


def test_a_profile_that_is_not_there_is_said(open_page):
    page = open_page("for_you", profile="9" * 5000)
    assert [toast.value for toast in page.toast] == ["There is no such profile here."]


@pytest.mark.parametrize("view", ["for_you", "about"])
def test_a_movie_and_a_user_have_their_pages_from_everywhere(open_page, view):
    movie = movie_id("Horror", 3)
    page = no_errors(open_page(view, movie=str(movie)))
    assert page.title[0].value.startswith(movie_title("Horror", 3))
    del page.query_params["movie"]
    page.query_params["user"] = "7"
    page.switch_page("train/page.py").run()
    assert no_errors(page).title[0].value == "For somebody else"


def test_an_error_that_nobody_foresaw_is_a_sentence(open_page, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr("cinefold.recommender.MovieRecommender.taste", fail)
    page = open_page("for_you", user="7")
    assert not page.exception
    assert "not foreseen" in page.error[0].value
    assert "secret" not in page.error[0].value
    assert "RuntimeError: secret" in caplog.text
