"""Covers of movies."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from cinefold.app.shared.covers import _COLOURS, _OTHERS, cover
from cinefold.datasets import Movie

TITLES = (
    "M",
    "The Godfather",
    "<script>alert(1)</script>",
    "& & &",
    "Ærlig talt",
    "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb",
    "Supercalifragilisticexpialidocious",
    "WWWWWWWWWWWWWWWWWWWWWWWW MMMMMMMMMM",
    "Paris Was a Woman",
    "七人の侍",
    "風の谷のナウシカ と 千と千尋の神隠し",
)
_SIZES = """covers => covers.map(cover => {
    document.body.innerHTML = cover;
    const title = document.querySelector("foreignObject div div");
    return [title.offsetWidth, title.offsetHeight, title.scrollWidth, title.scrollHeight];
})"""


def written(title, year=1999):
    root = ET.fromstring(cover(Movie(1, title, year, ("Drama",))))  # noqa: S314 - our own
    return [text.strip() for text in root.itertext() if text.strip()]


@pytest.mark.browser
def test_the_whole_title_is_within_the_frame(browser):
    long = "Endless " * 100
    page = browser.new_page()
    covers = [cover(Movie(1, title, 1999, ("Drama",))) for title in (*TITLES, long)]
    *whole, cut = page.evaluate(_SIZES, covers)
    page.close()
    for title, (width, height, wanted_width, wanted_height) in zip(TITLES, whole, strict=True):
        assert (wanted_width, wanted_height) <= (width, height + 1), title
        assert (width, height) <= (76, 98), title
    assert cut[1] <= 98
    assert cut[1] < cut[3]  # it ends with dots


@pytest.mark.parametrize("title", TITLES)
def test_what_is_written(title):
    assert written(title) == [title, "1999"]


def test_without_title_and_year():
    assert written("", None) == ["?"]


def _luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_letters_can_be_read_on_every_colour():
    for colour in (*_COLOURS.values(), *_OTHERS):
        assert 1.05 / (_luminance(colour) + 0.05) >= 4.5
