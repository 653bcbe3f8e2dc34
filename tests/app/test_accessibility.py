"""axe-core on every page, wide and light, and on a phone in the dark."""

from __future__ import annotations

import pytest

from tests.app.accessibility import small_targets, violations
from tests.app.browser import open_window
from tests.synthetic import movie_id, movie_title, user_id

pytestmark = pytest.mark.browser

PAGES = {
    "start": ("/", "Rate three movies, get your list"),
    "somebody-else": ("/?user=7", "For somebody else"),
    "together": (f"/together?with=u{user_id('Sci-Fi', 3)},u{user_id('Horror', 1)}", "Together"),
    "explore": ("/explore", "Explore"),
    "explore-movie": (f"/explore?movie={movie_id('Horror', 3)}", "Explore"),
    "movie": (f"/movie?movie={movie_id('Horror', 3)}", movie_title("Horror", 3)),
    "lists": ("/lists", "Your lists"),
    "taste": (f"/taste?user={user_id('Sci-Fi', 3)}", "Taste"),
    "train": ("/train", "Train"),
    "about": ("/about", "About"),
}


@pytest.fixture(
    scope="module", params=[(1280, "light"), (390, "dark")], ids=["wide-light", "phone-dark"]
)
def window(browser, request):
    """One for all pages: a new one would load all of Streamlit again."""
    opened = open_window(browser, *request.param)
    yield opened
    opened.page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(window, address, name):
    path, title = PAGES[name]
    window.page.goto(address + path)
    window.page.get_by_role("heading", name=title).first.wait_for()
    window.page.wait_for_load_state("networkidle")
    window.settle()
    assert violations(window.page) == []
    assert small_targets(window.page, 44 if window.width < 640 else 24) == []
