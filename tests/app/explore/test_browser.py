"""The map, in headless Chromium."""

from __future__ import annotations

import itertools
import math

import pytest

from cinefold import load_movielens
from cinefold.recommender import MovieRecommender, movie_map
from cinefold.serving.training import load_or_train
from tests.app.browser import open_window
from tests.synthetic import AWKWARD_TITLES, movie_id, movie_title
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

PHONE, DESK = 390, 1280


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


@pytest.fixture(scope="module")
def places(environment):
    """By title, where each movie is on the whole map: from -1 to 1 along both axes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        data = load_movielens()
        run = load_or_train(data, progress=False)
        placed = movie_map(MovieRecommender(data, run.model, run.stars))
    titles = [data.movies[item].title for item in placed.item_ids.tolist()]
    return dict(zip(titles, placed.positions.tolist(), strict=True))


FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def spot(window, movie, places):
    """Where a movie is drawn, in pixels of the window: pointing there shows its title.

    The map leaves a margin; where movies cover each other, a pixel beside may be needed.
    """
    box = window.page.locator("canvas").bounding_box()
    tip = window.page.locator("[data-part=tip] b")
    x = box["x"] + box["width"] * (1 + 0.96 * places[movie][0]) / 2
    y = box["y"] + box["height"] * (1 - 0.94 * places[movie][1]) / 2
    around = sorted(itertools.product(range(-9, 10, 3), repeat=2), key=lambda d: math.hypot(*d))
    for dx, dy in around:
        window.page.mouse.move(x + dx, y + dy)
        window.page.evaluate(FRAMES)
        if tip.is_visible() and tip.text_content() == movie:
            return x + dx, y + dy
    raise AssertionError(f"{movie} is not where the map has it")


def test_a_movie_is_found_by_search_and_hops_lead_on_and_back(window, address):
    open_map(window, address)
    window.picture("explore")
    window.page.get_by_label("Fly to a movie").fill(
        movie_title("Horror", 3).replace("Silent", "Silnt")
    )
    window.page.locator(".st-key-explore-found button").first.click()
    window.page.get_by_role("heading", name=f"Like {movie_title('Horror', 3)}").wait_for()
    window.settle()
    assert chosen(window) == movie_title("Horror", 3)
    assert window.page.url.endswith(f"?movie={movie_id('Horror', 3)}")
    window.picture("explore-movie")

    first = window.page.get_by_role("heading", name=f"Like {movie_title('Horror', 3)}")
    window.page.locator(".st-key-explore-near").get_by_role("button").first.click()
    first.wait_for(state="detached")
    window.settle()
    second, link = chosen(window), window.page.url
    assert second != movie_title("Horror", 3)
    window.check()
    window.page.go_back()
    first.wait_for()
    window.page.go_forward()
    window.page.get_by_role("heading", name=f"Like {second}").wait_for()

    window.page.reload()
    window.page.get_by_role("heading", name=f"Like {second}").wait_for()
    window.settle()
    assert window.page.url == link
    window.visit("About")
    window.visit("Explore")
    window.page.get_by_role("heading", name=f"Like {second}").wait_for()
    window.settle()
    assert window.page.url == link
    window.check()


def test_a_click_on_the_map_chooses_a_movie(browser, address, places):
    window = open_window(browser, DESK, "light")
    open_map(window, address)
    x, y = spot(window, movie_title("Western", 2), places)
    window.page.mouse.click(x, y)
    window.page.get_by_role("heading", name=f"Like {movie_title('Western', 2)}").wait_for()
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
    window.page.get_by_text("Not among these").wait_for()
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
    window.page.get_by_role("heading", name=f"Like {title}").wait_for()
    window.check()
    window.page.context.close()


def test_a_finger_scrolls_the_page_pinches_and_taps(phone, address, places):
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
    phone.page.touchscreen.tap(*spot(phone, movie_title("Horror", 3), places))
    phone.page.get_by_role("heading", name="Like ").wait_for()
    phone.check()


def test_awkward_titles_are_shown_as_they_are(browser, address):
    window = open_window(browser, DESK, "light")
    first = movie_id("Western", 23) + 1
    for number, title in enumerate(AWKWARD_TITLES):
        open_map(window, address, f"?movie={first + number}")
        window.page.get_by_role("heading", name="Like ").wait_for()
        assert chosen(window) == title
        assert not window.page.get_by_test_id("stMain").locator("b:text-is('bold')").count()
    window.check()
    window.page.context.close()
