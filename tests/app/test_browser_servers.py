"""Apps of their own in headless Chromium: other data sets, restarts, browsers that come back."""

from __future__ import annotations

import pytest

from cinefold import load_movielens
from tests.app.browser import open_window, served
from tests.app.shared.test_open_state import write_larger
from tests.movielens_files import as_folder, movies, original_files
from tests.synthetic import movie_id
from tests.waiting import free_port, wait_until

pytestmark = pytest.mark.browser

TAPS = """() => {
    const stars = () => [...document.querySelectorAll('[class*=st-key-stars-] [role=radio]')];
    let taps = 0;
    const timer = setInterval(() => {
        const shown = stars();
        if (shown.length) shown[(7 * taps) % shown.length].click();
        if (++taps === 30) clearInterval(timer);
    }, 150);
}"""


def test_a_data_set_of_ones_own(browser, environment, tmp_path):
    folder = as_folder(original_files(), tmp_path / "mine")
    nothing_cached = {**environment, "CINEFOLD_DATA_DIR": str(tmp_path / "cache")}
    with served(nothing_cached, tmp_path / "log", "--path", str(folder)) as url:
        window = open_window(browser, 1280, "light")
        window.page.goto(url)
        window.page.locator(".st-key-recommendations p").first.wait_for()
        window.settle()
        assert set(window.cards()) <= {f"{f.readable} {f.year or ''}".strip() for f in movies()}
        window.check()
        window.page.context.close()


def test_another_data_set_comes_while_somebody_rates(wide_window, environment, archive, tmp_path):
    window, page, folder = wide_window, wide_window.page, tmp_path / "larger"
    folder.mkdir()
    environment = {**environment, "CINEFOLD_DATABASE_URL": f"sqlite:///{tmp_path / 'p.sqlite3'}"}
    options = ("--dataset", "ml-latest-small", "--path", str(folder))
    with served(environment, tmp_path / "log", *options) as address:
        page.goto(address)
        page.get_by_text("is not here").wait_for()
        page.locator("[class*=st-key-stars-suggested-] [role=radio]").nth(3).click()
        page.get_by_role("heading", name="Your ratings (1)").wait_for()
        window.settle()
        write_larger(folder, load_movielens(path=archive.path).movies)
        page.get_by_role("button", name="Try again").click()
        page.evaluate(TAPS)
        page.get_by_text("From now on these are").wait_for()
        page.get_by_text("end in 2024").wait_for()
        window.settle()
        assert not page.get_by_text("encountered an error").count()
        assert page.get_by_role("heading", name="Your ratings").count()
        assert not page.get_by_test_id("stProgress").count()
        # Not `check`: Streamlit may look for the file of a button that was drawn anew meanwhile.
        assert not page.get_by_test_id("stException").count()


def test_a_page_that_was_open_while_the_app_was_restarted_goes_on(
    wide_window, environment, tmp_path
):
    page, port, log = wide_window.page, free_port(), tmp_path / "log"
    environment = {**environment, "CINEFOLD_DATABASE_URL": f"sqlite:///{tmp_path / 'p.sqlite3'}"}
    suggested = page.locator("[class*=st-key-stars-suggested-]").first
    with served(environment, log, port=port) as address:
        page.goto(f"{address}/new_here")
        suggested.wait_for()
        wide_window.settle()  # a click while the page is still being drawn may hit nothing
        suggested.get_by_role("radio").nth(3).click(force=True)
        page.get_by_role("heading", name="Your ratings (1)").wait_for()
        wide_window.settle()
        page.reload()
        page.get_by_role("heading", name="Your ratings (1)").wait_for()
        wide_window.settle()
    page.get_by_test_id("stConnectionStatus").wait_for()
    with served(environment, log, port=port):
        page.get_by_test_id("stConnectionStatus").wait_for(state="detached")
        wide_window.settle()
        suggested.get_by_role("radio").nth(3).click(force=True)
        page.get_by_role("heading", name="Your ratings (2)").wait_for()


def test_a_browser_comes_back_to_its_own_profile_and_to_no_other(browser, environment, tmp_path):
    port, log = free_port(), tmp_path / "log"
    environment = {**environment, "CINEFOLD_DATABASE_URL": f"sqlite:///{tmp_path / 'p.sqlite3'}"}
    mine, theirs = (open_window(browser, 1280, "light") for _ in range(2))

    def kept(window):
        cookies = window.page.context.cookies()
        return [cookie for cookie in cookies if cookie["name"] == "cinefold_profiles"]

    def starts_anew(window):
        window.page.get_by_text("What most people like").wait_for()
        window.settle()
        assert not window.page.get_by_role("combobox", name="Profile").count()

    with served(environment, log, port=port) as address:
        mine.page.goto(f"{address}/movie?movie={movie_id('Sci-Fi', 2)}")
        stars = mine.page.locator("[class*=st-key-stars-movie-] [role=radio]")
        stars.nth(3).click()
        stars.nth(3).and_(mine.page.locator("[aria-checked=true]")).wait_for()
        mine.settle()
        (cookie,) = kept(mine)
        assert (cookie["path"], cookie["sameSite"]) == ("/", "Lax")
        assert len(cookie["value"]) == 22
        assert cookie["value"] not in mine.page.url
        theirs.page.goto(f"{address}/?profile=1")
        starts_anew(theirs)
        assert kept(theirs) == []
        theirs.page.goto(f"{address}/taste?profile={cookie['value']}")  # a link of one's own
        theirs.page.get_by_text("1 rating so far").wait_for()
        theirs.settle()
        assert kept(theirs)[0]["value"] == cookie["value"]
    with served(environment, log, port=port):
        for path in ("", "taste"):
            mine.page.goto(f"{address}/{path}")
            mine.page.get_by_text("1 rating so far" if path else "Your ratings (1)").wait_for()
        mine.page.goto(address)
        mine.page.get_by_role("button", name="Manage").click()
        mine.page.get_by_role("button", name="Forget me here").click()
        wait_until(lambda: kept(mine) == [])
        starts_anew(mine)
        mine.page.reload()
        starts_anew(mine)
    for window in (mine, theirs):
        assert not window.page.get_by_test_id("stException").count()
        window.page.context.close()
