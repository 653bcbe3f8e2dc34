"""The Taste page, in headless Chromium."""

from __future__ import annotations

import pytest

from tests.synthetic import user_id

pytestmark = pytest.mark.browser


def test_taste_of_a_user_and_of_a_visitor(window, address):
    window.page.goto(f"{address}/taste?user={user_id('Sci-Fi', 3)}")
    window.page.get_by_text("Sees more").wait_for()
    window.page.get_by_text("Most unusual").wait_for()
    window.page.get_by_test_id("stVegaLiteChart").nth(3).wait_for()
    window.settle()
    window.picture("taste")
    window.page.get_by_role("radio", name="The model").click()
    window.page.get_by_text("Expected is the place").wait_for()
    window.page.locator(".st-key-favourites-unusual").get_by_role("link").first.click()
    window.page.get_by_role("link", name="Its place on the map").click()
    window.page.get_by_role("heading", name="Like ").wait_for()
    window.settle()
    assert "?movie=" in window.page.url

    window.page.locator(".st-key-explore-chosen").get_by_role("radio").nth(4).click()
    window.page.get_by_role("button", name="Not for me").nth(7).wait_for()
    window.settle()
    assert window.page.get_by_role("button", name="Not for me").count() == 8
    window.visit("Taste")
    window.page.get_by_role("radio", name="Yours").click()
    window.page.get_by_text("1 rating so far").wait_for()
    window.settle()
    window.picture("taste-visitor")
    window.check()


def test_taste_of_nobody_leads_on(window, address):
    window.page.goto(f"{address}/taste")
    window.page.get_by_text("Whose taste").wait_for()
    window.page.get_by_role("radio", name="Yours").click()
    window.page.get_by_role("heading", name="Your taste will be here").wait_for()
    window.picture("taste-empty")
    window.page.get_by_role("link", name="Rate movies").click()
    window.page.get_by_role("heading", name="Rate three movies, get your list").wait_for()
    window.check()
