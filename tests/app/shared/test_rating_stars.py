"""Giving stars: a tap for the whole star, a second one for the half."""

from __future__ import annotations

import pytest

from cinefold.profiles import ProfileStore
from tests.app.drawn import no_errors
from tests.synthetic import movie_id

MOVIE = movie_id("Comedy", 1)


@pytest.fixture
def page(open_page):
    return no_errors(open_page("explore", movie=str(MOVIE)))


def shown(page):
    """The stars of the movie: the place of the last one, from 0, and whether it is a half."""
    (stars,) = (w for w in page.feedback if w.key.startswith(f"stars-explore-{MOVIE}"))
    return stars.value, stars.key.endswith("-half")


def tap(page, star):
    """On a star that has been given already, the browser sends None."""
    (stars,) = (w for w in page.feedback if w.key.startswith(f"stars-explore-{MOVIE}"))
    stars.set_value(None if stars.value == star - 1 else star - 1).run()
    return shown(no_errors(page))


def kept():
    store = ProfileStore()
    (profile,) = store.profiles("ml-100k")
    return store.entries(profile.id).stars


def test_each_tap_on_a_star(page):
    assert shown(page) == (None, False)
    assert tap(page, 4) == (3, False)
    assert kept() == {MOVIE: 4.0}
    assert tap(page, 4) == (3, True)
    assert kept() == {MOVIE: 3.5}
    assert tap(page, 4) == (None, False)
    assert kept() == {}


def test_from_half_a_star_to_others(page):
    tap(page, 1)
    assert tap(page, 1) == (0, True)
    assert kept() == {MOVIE: 0.5}
    assert tap(page, 5) == (4, False)
    assert tap(page, 5) == (4, True)
    assert kept() == {MOVIE: 4.5}


@pytest.mark.parametrize(("stars", "drawn"), [(4.35, (4, True)), (0.6, (0, True)), (3, (2, False))])
def test_the_nearest_half_star_is_drawn(page, stars, drawn):
    tap(page, 1)
    store = ProfileStore()
    store.rate(store.profiles("ml-100k")[0].id, MOVIE, stars)
    assert shown(page.run()) == drawn
    assert kept() == {MOVIE: stars}
