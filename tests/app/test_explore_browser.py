"""The map and the Taste page, in headless Chromium, and axe-core on every page."""

from __future__ import annotations

import pytest

from tests.app.accessibility import small_targets, violations
from tests.app.browser import open_window
from tests.synthetic import AWKWARD_TITLES, movie_id, movie_title, user_id
from tests.waiting import wait_until

PHONE, DESK = 390, 1280
PAGES = {
    "for-you": ("/?user=7", "For you"),
    "new-here": ("/new_here", "New here"),
    "together": (f"/together?with=u{user_id('Sci-Fi', 3)},u{user_id('Horror', 1)}", "Together"),
    "explore": ("/explore", "Explore"),
    "explore-movie": (f"/explore?movie={movie_id('Horror', 3)}", "Explore"),
    "taste": (f"/taste?user={user_id('Sci-Fi', 3)}", "Taste"),
    "train": ("/train", "Train"),
    "about": ("/about", "About"),
}


@pytest.fixture
def phone(browser):
    opened = open_window(browser, PHONE, "light")
    yield opened
    opened.page.context.close()


def open_map(window, address, query=""):
    window.page.goto(f"{address}/explore{query}")
    window.page.locator("canvas").wait_for()
    window.settle()
    return window.page.locator("[data-part=frame]")


def chosen(window):
    """The title of the chosen movie, or None."""
    heading = window.page.locator(".st-key-explore-chosen h3")
    return heading.inner_text().replace("\u2060", "").rsplit(" ", 1)[0]


FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def spot(window, movie):
    """Where a movie is drawn, in pixels of the window: found by pointing, as a person would."""
    box = window.page.locator("canvas").bounding_box()
    tip = window.page.locator("[data-part=tip] b")

    def shows(movie):
        return tip.text_content() == movie and tip.is_visible()

    for y in range(4, int(box["height"]), 9):
        for x in range(4, int(box["width"]), 9):
            window.page.mouse.move(box["x"] + x, box["y"] + y)
            if shows(movie):
                window.page.evaluate(FRAMES)  # it may be of the pixels before
                if shows(movie):
                    return box["x"] + x, box["y"] + y
    raise AssertionError(f"{movie} is not on the map")


def test_a_movie_is_found_by_search_and_hops_lead_on(window, address):
    open_map(window, address)
    window.picture("explore")
    window.page.get_by_label("Fly to a movie").fill(
        movie_title("Horror", 3).replace("Silent", "Silnt")
    )
    window.page.locator(".st-key-explore-found button").first.click()
    window.page.get_by_role("heading", name=f"Near {movie_title('Horror', 3)}").wait_for()
    window.settle()
    assert chosen(window) == movie_title("Horror", 3)
    assert window.page.url.endswith(f"?movie={movie_id('Horror', 3)}")
    window.picture("explore-movie")

    window.page.get_by_role("button", name="More like this").first.click()
    window.page.get_by_role("button", name="Back to").wait_for()
    window.settle()
    second, link = chosen(window), window.page.url
    assert second != movie_title("Horror", 3)
    window.check()

    window.page.reload()
    window.page.get_by_role("heading", name=f"Near {second}").wait_for()
    window.settle()
    assert window.page.url == link
    window.visit("About")
    window.visit("Explore")
    window.page.get_by_role("heading", name=f"Near {second}").wait_for()
    window.settle()
    assert window.page.url == link
    window.check()


def test_a_click_on_the_map_chooses_a_movie(browser, address):
    window = open_window(browser, DESK, "light")
    open_map(window, address)
    x, y = spot(window, movie_title("Western", 2))
    window.page.mouse.click(x, y)
    window.page.get_by_role("heading", name=f"Near {movie_title('Western', 2)}").wait_for()
    window.settle()
    assert window.page.url.endswith(f"?movie={movie_id('Western', 2)}")
    window.check()
    window.page.context.close()


def drawn(window):
    """The pixels of the map, once it moves no more."""
    return window.page.locator("canvas").evaluate(STILL)


STILL = """async canvas => {
    let [before, since, frames] = ["", 0, 0];
    while (frames < 4 || performance.now() - since < 300) {
        await new Promise(requestAnimationFrame);
        const now = canvas.toDataURL();
        frames += 1;
        if (now !== before) [before, since, frames] = [now, performance.now(), 0];
    }
    return before;
}"""


def test_the_view_stays_where_a_hand_has_moved_it(browser, address):
    window = open_window(browser, DESK, "light")
    open_map(window, address)
    canvas = window.page.locator("canvas")
    whole = drawn(window)
    window.page.get_by_role("button", name="Closer").click()
    window.page.get_by_role("button", name="Closer").click()
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    window.page.mouse.move(*middle)
    window.page.mouse.down()
    window.page.mouse.move(middle[0] + 60, middle[1] + 40, steps=4)
    window.page.mouse.up()
    window.page.mouse.move(2, 2)
    window.settle()
    moved = drawn(window)
    assert moved != whole
    assert not window.page.locator(".st-key-explore-chosen").count()
    window.page.get_by_label("Fly to a movie").fill("zzzzzz")
    window.page.get_by_text("No movie has a title like that").wait_for()
    window.settle()
    assert drawn(window) == moved
    window.page.get_by_role("button", name="Whole map").click()
    wait_until(lambda: drawn(window) != moved)
    window.check()
    window.page.context.close()


def test_keys_alone_choose_a_movie(browser, address):
    window = open_window(browser, DESK, "dark")
    frame = open_map(window, address)
    frame.focus()
    window.page.keyboard.press("ArrowRight")
    said = window.page.locator("[data-part=said]")
    first = said.text_content()
    window.page.keyboard.press("ArrowDown")
    second = said.text_content()
    assert first != second
    assert "ratings" in second
    window.page.keyboard.press("Enter")
    title = second.split(", ")[0]
    window.page.get_by_role("heading", name=f"Near {title}").wait_for()
    window.check()
    window.page.context.close()


def test_a_finger_scrolls_the_page_pinches_and_taps(phone, address):
    open_map(phone, address)
    fingers = phone.page.context.new_cdp_session(phone.page)
    canvas = phone.page.locator("canvas")
    box = canvas.bounding_box()
    x, y = box["x"] + 150, box["y"] + box["height"] - 60

    def touch(kind, *points):
        fingers.send(
            "Input.dispatchTouchEvent",
            {
                "type": kind,
                "touchPoints": [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)],
            },
        )

    touch("touchStart", (x, y))
    for step in range(1, 9):
        touch("touchMove", (x, y - 20 * step))
        phone.page.wait_for_timeout(16)
    touch("touchEnd")
    main = phone.page.get_by_test_id("stMain")
    phone.page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 50")
    main.evaluate("main => main.scrollTo(0, 0)")
    phone.settle()

    before = drawn(phone)
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 6):
        touch("touchMove", (x - 20 - 10 * step, y), (x + 20 + 10 * step, y))
    touch("touchEnd")
    phone.settle()
    closer = drawn(phone)
    assert closer != before
    assert not phone.page.locator(".st-key-explore-chosen").count()

    phone.page.get_by_role("button", name="Whole map").click()
    wait_until(lambda: drawn(phone) != closer)
    phone.page.touchscreen.tap(*spot(phone, movie_title("Horror", 3)))
    phone.page.get_by_role("heading", name="Near ").wait_for()
    phone.check()


def test_awkward_titles_are_shown_as_they_are(browser, address):
    window = open_window(browser, DESK, "light")
    first = movie_id("Western", 23) + 1
    for number, title in enumerate(AWKWARD_TITLES):
        open_map(window, address, f"?movie={first + number}")
        window.page.get_by_role("heading", name="Near ").wait_for()
        assert chosen(window) == title
        assert not window.page.get_by_test_id("stMain").locator("b:text-is('bold')").count()
    window.check()
    window.page.context.close()


def test_taste_of_a_user_and_of_a_visitor(window, address):
    window.page.goto(f"{address}/taste?user={user_id('Sci-Fi', 3)}")
    window.page.get_by_text("Sees more").wait_for()
    window.page.get_by_text("Most unusual").wait_for()
    window.page.get_by_test_id("stVegaLiteChart").nth(3).wait_for()
    window.settle()
    window.picture("taste")
    window.page.get_by_role("radio", name="The model").click()
    window.page.get_by_text("Expected is the place").wait_for()
    window.page.get_by_role("link", name="On the map").first.click()
    window.page.get_by_role("heading", name="Near ").wait_for()
    window.settle()
    assert "?movie=" in window.page.url

    window.page.locator(".st-key-explore-chosen").get_by_role("radio").nth(4).click()
    window.page.get_by_role("button", name="Not for me").nth(7).wait_for()
    window.settle()
    assert window.page.get_by_role("button", name="Not for me").count() == 8
    window.visit("Taste")
    window.page.get_by_role("radio", name="Yours").click()
    window.page.get_by_text("You see").wait_for()
    window.settle()
    assert window.page.get_by_test_id("stMetricValue").first.inner_text() == "1"
    window.picture("taste-visitor")
    window.check()


def test_taste_of_nobody_leads_on(window, address):
    window.page.goto(f"{address}/taste")
    window.page.get_by_text("Whose taste").wait_for()
    window.page.get_by_role("radio", name="Yours").click()
    window.page.get_by_role("heading", name="Your taste will be here").wait_for()
    window.picture("taste-empty")
    window.page.get_by_role("link", name="Rate movies").click()
    window.page.get_by_role("heading", name="New here").wait_for()
    window.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(browser, address, name, width, scheme):
    path, title = PAGES[name]
    window = open_window(browser, width, scheme)
    window.page.goto(address + path)
    window.page.get_by_role("heading", name=title, exact=True).wait_for()
    window.page.wait_for_load_state("networkidle")
    window.settle()
    assert violations(window.page) == []
    assert small_targets(window.page) == []
    window.page.context.close()
