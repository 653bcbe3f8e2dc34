"""Covers of movies."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from cinefold.app.shared.covers import _COLOURS, _OTHERS, cover
from cinefold.datasets import Movie

_TEXT = "{http://www.w3.org/2000/svg}text"


def written(title, year=1999):
    root = ET.fromstring(cover(Movie(1, title, year, ("Drama",))))  # noqa: S314 - our own
    return list(root.iter(_TEXT))


@pytest.mark.parametrize(
    "title",
    [
        "M",
        "The Godfather",
        "<script>alert(1)</script>",
        "& & &",
        "Ærlig talt",
        "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb",
        "Supercalifragilisticexpialidocious",
        "WWWWWWWWWWWWWWWWWWWWWWWW MMMMMMMMMM",
        "七人の侍",
    ],
)
def test_the_whole_title_is_within_the_frame(title):
    *lines, year = written(title)
    assert "".join(line.text for line in lines).replace(" ", "") == title.replace(" ", "")
    assert year.text == "1999"
    for line in lines:
        assert float(line.get("textLength")) <= 76
        size, y = float(line.get("font-size")), float(line.get("y"))
        assert y - size >= 12
        assert y + 0.3 * size <= 116


def test_a_title_that_is_too_long_ends_with_dots():
    *lines, _ = written("Endless " * 100)
    assert lines[-1].text.endswith("…")
    assert max(float(line.get("y")) for line in lines) <= 114


def test_without_title_and_year():
    assert [text.text for text in written("", None)] == ["?"]


def _luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_letters_can_be_read_on_every_colour():
    for colour in (*_COLOURS.values(), *_OTHERS):
        assert 1.05 / (_luminance(colour) + 0.05) >= 4.5
