"""Both journeys and the Train page, in headless Chromium."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from cinefold import load_movielens
from tests.synthetic import AWKWARD_TITLES, movie_id, movie_title, user_id

pytestmark = pytest.mark.browser


@pytest.fixture
def data(archive):
    return load_movielens(path=archive.path)


def test_an_existing_user(window, address, data):
    user = user_id("Western", 4)
    window.page.goto(f"{address}/?user={user}")
    window.page.get_by_text("Because they rated").nth(9).wait_for()
    window.settle()
    ids, _ = data.interactions.user_ratings(user)
    shown = window.cards()
    assert len(shown) == 10
    assert not set(shown) & {f"{data.movies[i].title} {data.movies[i].year}" for i in ids.tolist()}
    assert window.page.get_by_role("heading", name="What they like").is_visible()
    window.picture("somebody-else")

    window.page.get_by_test_id("stPopoverButton").click()
    window.page.get_by_text("Less obvious").click()
    window.page.keyboard.press("Escape")
    window.page.get_by_text("Filtered: less obvious").wait_for()
    window.settle()
    assert window.cards() != shown

    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Recommendations as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert [f"{row['title']} {row['year']}".strip() for row in rows] == window.cards()
    window.check()


def test_somebody_new(window, address):
    window.page.goto(address)
    window.page.locator(".st-key-recommendations p").nth(9).wait_for()
    window.settle()
    height = window.page.viewport_size["height"]
    seen = window.page.locator("[class*=st-key-stars-suggested-], .st-key-recommendations img")
    for place in range(4):  # three movies, and the first of the list
        assert seen.nth(place).bounding_box()["y"] < height
    window.picture("start")
    before = window.cards()
    rated = []
    for taste, stars in (("Sci-Fi", 5), ("Horror", 4), ("Western", 5)):
        title = movie_title(taste, 2)
        window.page.get_by_label("Find movies you know").fill(title.replace("Golden", "Goldn"))
        row = window.page.locator(f".st-key-stars-search-{movie_id(taste, 2)}")
        row.get_by_role("radio", name=f"{stars} out of 5 stars").click()
        rated.append(title)
        window.page.get_by_text(f"Your ratings ({len(rated)})").wait_for()
        window.settle()
        after = window.cards()
        assert len(after) == 10
        assert after != before
        assert not any(card.startswith(movie) for card in after for movie in rated)
        before = after
    assert window.page.locator(".st-key-recommendations img").first.bounding_box()["y"] < height
    window.picture("for-you")
    window.check()

    window.page.locator(f".st-key-remove-{movie_id('Sci-Fi', 2)}").get_by_role("button").click()
    window.page.get_by_text("Your ratings (2)").wait_for()
    window.settle()
    assert window.cards() != before
    window.page.get_by_role("button", name="Clear all").click()
    window.page.get_by_text("Give stars to a movie you know").wait_for()
    window.check()


CLICKS = """async rows => {
    for (const row of rows) {
        [...document.querySelectorAll(`[class*="st-key-${row}"] :is([role=radio], button)`)]
            .at(-1).click();
        await new Promise(resolve => setTimeout(resolve, 60));
    }
}"""


def test_two_clicks_in_a_row(wide_window, address):
    """The second comes from the browser before it has heard of what the first changed."""
    window, page = wide_window, wide_window.page
    page.goto(f"{address}/new_here")
    page.locator("[class*=st-key-stars-suggested-] [role=radio]").nth(3 * 5 - 1).wait_for()
    rows = page.locator("[class*=st-key-stars-suggested-]").evaluate_all(
        "rows => rows.map(row => row.className.match(/stars-suggested-\\d+/)[0])"
    )

    def click(*rows, ratings):
        window.settle()
        page.evaluate(CLICKS, rows)
        page.get_by_text(f"Your ratings ({ratings})").wait_for()

    click(*rows[:2], ratings=2)
    page.locator(f".st-key-{rows[2]}").wait_for()  # where it was
    movie = movie_id("Western", 4)
    page.get_by_label("Find movies you know").fill(movie_title("Western", 4))
    page.locator(f".st-key-stars-search-{movie}").wait_for()
    click(f"stars-search-{movie}", ratings=3)
    page.locator(f".st-key-remove-{movie}").wait_for()
    click(f"remove-{movie}", "stars-suggested", ratings=3)
    page.locator(f".st-key-remove-{movie}").wait_for(state="hidden")
    page.get_by_text("Your ratings (3)").wait_for()
    window.check()


def test_filters_by_keyboard(wide_window, address):
    window, page = wide_window, wide_window.page
    page.goto(f"{address}/?user=7")
    page.locator(".st-key-recommendations p").first.wait_for()
    window.settle()
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.matches('[role=dialog]')")
    least = page.get_by_label("Number of ratings, at least")
    least.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if least.evaluate("field => field === document.activeElement"):
            break
    page.keyboard.type("9999")
    page.keyboard.press("Enter")
    page.get_by_text("No movie passes these filters").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.matches('[data-testid=stPopoverButton]')")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    page.get_by_role("link", name="About").focus()
    assert page.evaluate(focused) == "solid"
    window.check()


def test_answers_by_keyboard(wide_window, address):
    """The focus goes from an answered movie to the one that takes its place."""
    window, page = wide_window, wide_window.page
    page.goto(f"{address}/new_here?way=Get+to+know+me")
    skip = page.locator(".st-key-question").get_by_role("button", name="Skip")
    skip.wait_for()
    window.settle()
    focused = page.locator("[class*=st-key-skip-]", has=page.locator("button:focus"))
    skip.focus()
    for _ in range(3):
        movie = focused.get_attribute("class")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "movie => { const box = document.activeElement.closest('[class*=st-key-skip-]');"
            " return box !== null && box.className !== movie; }",
            arg=movie,
        )
        window.settle()
    window.check()


def test_the_menu_of_a_narrow_window_closes_when_a_page_is_chosen(browser, address):
    """Also where Streamlit does not take the browser for that of a phone."""
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{address}/about")
    page.wait_for_function("Object.hasOwn(history, 'pushState')")  # the page's own script is there
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.get_by_test_id("stExpandSidebarButton").wait_for()
    page.set_viewport_size({"width": 768, "height": 1024})  # a tablet has room for all
    for place in range(7):
        page.get_by_test_id("stTopNavLink").nth(place).wait_for()
    page.context.close()


def test_back_leaves_a_page_at_once(wide_window, address):
    """What a page writes into the address itself is no place to go back to."""
    window, page = wide_window, wide_window.page
    page.goto(address)
    page.locator(".st-key-recommendations p").first.wait_for()
    window.settle()
    page.locator("[class*=st-key-stars-suggested-]").first.get_by_role("radio").nth(3).click()
    page.get_by_text("Your ratings (1)").wait_for()
    window.settle()
    for title in ("About", "Taste", "About"):
        window.visit(title)
        window.settle()
    page.wait_for_url("**/about*")
    for title in ("Taste", "About", "For you"):
        page.go_back()
        page.get_by_role("heading", name=title, exact=True).wait_for()
        window.settle()
    window.check()


def test_back_finds_the_chosen_user_again(wide_window, address):
    window, page = wide_window, wide_window.page
    first, second = user_id("Western", 4), user_id("Horror", 7)

    def shows(title, user):
        page.get_by_role("heading", name=title, exact=True).wait_for()
        page.wait_for_function(
            "user => document.querySelector('.st-key-user input')?.value === user", arg=str(user)
        )
        page.wait_for_url(f"**user={user}")
        window.settle()

    page.goto(f"{address}/?user={first}")
    page.locator(".st-key-recommendations p").first.wait_for()
    shows("For somebody else", first)
    window.visit("Taste")
    shows("Taste", first)
    page.go_back()
    shows("For somebody else", first)
    page.go_forward()
    shows("Taste", first)
    page.locator(".st-key-user input").fill(str(second))
    page.keyboard.press("Enter")
    shows("Taste", second)
    page.go_back()
    shows("Taste", first)
    window.check()


def test_settings_survive_a_reload(wide_window, address):
    window, page = wide_window, wide_window.page
    trained = "document.querySelector('[aria-label=Factors]')?.value === '32'"
    page.goto(f"{address}/train")
    factors = page.get_by_label("Factors")
    factors.fill("32")
    factors.press("Tab")
    page.wait_for_url("**/train?*train-n_factors=32*")
    page.reload()
    page.wait_for_function(trained)
    window.settle()
    window.visit("For you")
    page.locator(".st-key-recommendations p").first.wait_for()
    window.settle()
    page.go_back()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.wait_for_function(trained)
    window.check()


def test_filters_survive_a_reload_and_other_pages(wide_window, address):
    window, page = wide_window, wide_window.page
    page.goto(address)
    page.locator("[class*=st-key-stars-suggested-]").first.get_by_role("radio").nth(3).click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Only these genres").fill("Western")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_text("Filtered: Western").wait_for()
    window.settle()
    window.visit("About")
    window.settle()
    window.visit("For you")
    page.get_by_text("Filtered: Western").wait_for()
    page.wait_for_url("**/?*for-you-genres=Western*")
    page.reload()
    page.get_by_text("Filtered: Western").wait_for()
    window.check()


def test_awkward_titles_are_shown_as_they_are(wide_window, address):
    window = wide_window
    window.page.goto(address)
    window.page.locator(".st-key-recommendations p").first.wait_for()
    for number, title in enumerate(AWKWARD_TITLES):
        window.page.get_by_label("Find movies you know").fill(title)
        movie = movie_id("Western", 23) + 1 + number
        row = window.page.locator(f".st-key-stars-search-{movie}")
        row.get_by_role("radio").nth(3).click()
        window.page.locator(f".st-key-remove-{movie}").wait_for()
        window.settle()
        shown = window.page.get_by_test_id("stMarkdown").all_inner_texts()
        assert f"{title} 1999" in {text.replace("\u2060", "") for text in shown}
        links = window.page.locator("[data-testid=stMarkdown] a:not([href=train])").all()
        assert all("movie?movie=" in str(link.get_attribute("href")) for link in links)
    window.picture("awkward-titles")
    window.check()


def test_training(window, address):
    window.page.goto(address)
    window.page.locator(".st-key-recommendations p").first.wait_for()
    window.visit("Train")
    window.page.get_by_role("heading", name="The model in use").wait_for()
    window.page.get_by_label("Factors").fill("12")
    window.page.get_by_label("Factors").press("Tab")
    window.page.get_by_role("button", name="Train", exact=True).click()
    window.page.get_by_role("heading", name="The new model").wait_for()
    window.settle()
    assert window.page.get_by_text("Learning curve", exact=True).is_visible()
    window.page.get_by_test_id("stVegaLiteChart").nth(1).wait_for()
    assert window.page.get_by_test_id("stVegaLiteChart").count() == 2
    assert window.page.get_by_test_id("stMetric").count() == 4
    window.picture("train")
    window.page.get_by_role("button", name="Keep: recommend with it").click()
    window.page.get_by_text("only who started it can do that").wait_for()
    window.check()


def test_about_and_an_address_without_a_page(window, address):
    window.page.goto(f"{address}/nosuchpage")
    window.page.get_by_text("There is no page “nosuchpage”").wait_for()
    window.page.locator(".st-key-recommendations p").first.wait_for()
    window.visit("About")
    window.page.get_by_text("terms of use").wait_for()
    window.picture("about")
    window.check()
