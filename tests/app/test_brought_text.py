"""Titles, genres, ids, names and files that people bring are text on every page, never Markdown."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict

from cinefold.datasets import RatingsFile
from cinefold.profiles import Mark, ProfileStore
from cinefold.serving.launch import ratings_variables
from tests.app.drawn import no_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

# A link, a picture, an icon, a colour, HTML, a formula, and text that would run the other way.
MARKS = ("](http://a.b", "![y", ":material/home", ":red[z", "<b>", "x^2$", "\u202e")
BROUGHT = "[x](http://a.b) ![y](http://a.b/c) :material/home: :red[z] <b>b</b> $x^2$ \u202er"
# What Streamlit shows as it is: options of select boxes, charts, the canvas.
PLAIN = {
    ("selectbox", "options"),
    ("multiselect", "options"),
    ("multiselect", "rawValues"),
    ("selectbox", "rawValue"),
    ("bidi_component", "json"),
    ("bidi_component", "htmlContent"),  # of ours
}


def own_data(folder) -> RatingsFile:
    """30 users and 40 movies, all with such names."""
    ratings, titles = folder / ":red <b> $x^2$ \u202er.csv", folder / "titles.csv"
    with ratings.open("w", newline="") as file:
        rows = ((f"{u} {BROUGHT}", f"{m} {BROUGHT}", 1 + (u * m) % 5)
                for u in range(30) for m in range(40) if (u + 2 * m) % 3)  # fmt: skip
        csv.writer(file).writerows([("user", "item", "rating"), *rows])
    with titles.open("w", newline="") as file:
        rows = ((f"{m} {BROUGHT}", f"{m} {BROUGHT}", 1950 + m, BROUGHT) for m in range(40))
        csv.writer(file).writerows([("id", "title", "year", "genres"), *rows])
    return RatingsFile(str(ratings), titles=str(titles))


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brought")
    return {**ratings_variables(own_data(folder)), "CINEFOLD_DATA_DIR": str(folder)}


@pytest.fixture
def open_brought(brought, open_page, monkeypatch):
    for name, value in brought.items():
        monkeypatch.setenv(name, value)
    return open_page


def strings(node: Any) -> Iterator[tuple[str, str, str]]:
    """The kind, the field and the text of everything that is drawn."""
    for child in getattr(node, "children", {}).values():
        yield from strings(child)
    proto = getattr(node, "proto", None)
    if proto is not None:
        for field, value in MessageToDict(proto).items():
            yield from ((node.type, field, text) for text in texts_in(value))


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from texts_in(entry)


def check(page):
    """Whatever was brought is escaped, or in a place that knows no Markdown."""
    drawn = [*strings(no_errors(page)._tree)]
    obeyed = {(kind, field) for kind, field, text in drawn if any(mark in text for mark in MARKS)}
    assert {place for place in obeyed if place not in PLAIN and place[1] != "id"} == set()
    assert any(":red" in text.replace("\u2060", "") for _, _, text in drawn)
    return page


@pytest.fixture
def profile(open_brought):
    """A profile with such a name, such ratings and such marks."""
    with ProfileStore() as store:
        profile = store.create(":red <b> $x^2$ \u202er", BROUGHT[:-2])
        stars = (5, 4, 3, 2, 1)
        store.rate_many(profile.id, {f"{m} {BROUGHT}": stars[m] for m in range(5)})
        store.mark(profile.id, f"7 {BROUGHT}", Mark.NOT_INTERESTED)
    return profile


@pytest.mark.parametrize("page", ["for_you", "taste", "train", "about"])
def test_pages(open_brought, profile, page):
    check(open_brought(page, profile=profile.key))


def test_a_list_for_a_user_and_an_unknown_one(open_brought):
    check(open_brought("for_you", user=f"3 {BROUGHT}"))
    assert "There is no user" in check(open_brought("for_you", user=BROUGHT)).warning[0].value


def test_the_map_with_a_movie_chosen(open_brought):
    check(open_brought("explore", movie=f"3 {BROUGHT}"))


def test_a_list_for_several(open_brought, profile):
    page = open_brought("together", profile=profile.key)
    check(
        page.multiselect(key="together-people").set_value([f"p{profile.id}", f"u3 {BROUGHT}"]).run()
    )


def test_questions_and_an_import(open_brought, profile):
    page = open_brought("for_you", profile=profile.key)
    check(page.segmented_control(key="way").set_value("Get to know me").run())
    page.segmented_control(key="way").set_value("Import").run()
    lines = f'title,year,rating\n"{BROUGHT}",1950,4\n"9 {BROUGHT}",,4\n"8 {BROUGHT} x",,3\n'
    page.file_uploader(key="import-file").set_value(
        (f"{BROUGHT}.csv", lines.encode(), "text/csv")
    ).run()
    cells = [cell for table in check(page).table for cell in table.value.to_numpy().ravel()]
    assert cells
    assert not [cell for cell in cells if any(mark in cell for mark in MARKS)]
