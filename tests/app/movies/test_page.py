"""A page for each movie, and the lists of marked ones."""

from __future__ import annotations

import pytest

from cinefold.app.shared.rating_widgets import MARKS
from cinefold.profiles import Mark
from tests.app.drawn import no_errors, plain, texts, widget
from tests.synthetic import movie_id, movie_title

MOVIE, OTHER = movie_id("Western", 1), movie_id("Western", 2)


@pytest.fixture
def page(open_page):
    return no_errors(open_page("movies", movie=str(MOVIE)))


def test_a_movie(page):
    (heading,) = page.title
    assert plain(heading.value).startswith(movie_title("Western", 1))
    shown = "\n".join(texts(page))
    assert "ratings" in shown
    assert "Your stars" in shown
    assert "imdb.com/find" in "".join(element.value for element in page.markdown)
    assert [plain(h.value) for h in page.subheader] == ["Movies like it"]


def test_why_it_is_for_you(page):
    page.query_params["movie"] = str(OTHER)
    page.run()
    page.feedback(key=f"stars-movie-{OTHER}").set_value(4).run()
    page.query_params["movie"] = str(MOVIE)
    shown = "\n".join(texts(no_errors(page.run())))
    assert "is what you would give it" in shown


def test_a_movie_that_there_is_not(open_page):
    page = no_errors(open_page("movies", movie="0815"))
    assert page.title[0].value == "There is no such movie"


@pytest.mark.parametrize("mark", [Mark.LATER, Mark.SEEN, Mark.NOT_INTERESTED])
def test_a_list_to_look_into_and_take_back_from(page, mark):
    page.button(key=f"movie-{mark}-{MOVIE}").click().run()
    assert page.button(key=f"movie-{mark}-{MOVIE}-back")
    assert MARKS[mark] in page.toast[0].value
    assert f"In your lists: {MARKS[mark]}" in texts(page)
    del page.query_params["movie"]
    page.switch_page("lists/page.py").run()
    page.segmented_control(key="list").set_value(MARKS[mark]).run()
    assert any(text.startswith(movie_title("Western", 1)) for text in texts(no_errors(page)))
    assert widget(page.download_button, "This list as CSV")
    page.button(key=f"take-back-{MOVIE}").click().run()
    assert "nothing here" in no_errors(page).info[0].value
