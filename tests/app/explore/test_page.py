from __future__ import annotations

import itertools
import re
import threading

import numpy as np
import pytest

from cinefold import load_movielens
from cinefold.app.explore.map_canvas import GENRE_COLOURS
from cinefold.profiles import ProfileStore
from cinefold.recommender import movie_map
from cinefold.serving.background import BackgroundError
from tests.app.drawn import no_errors, plain, texts, widget
from tests.synthetic import movie_id, movie_title
from tests.waiting import PATIENCE

GALAXY = movie_id("Sci-Fi", 0)


@pytest.fixture
def page(open_page):
    return no_errors(open_page("explore"))


def neighbours(page):
    """The titles, without years, of the movies near the chosen one."""
    hops = [button for button in page.button if (button.key or "").startswith("fly-near-")]
    return [re.sub("^Go to (.*) on the map$", r"\1", plain(hop.help)) for hop in hops]


def fly_to(page, query):
    page.text_input(key="explore-search").set_value(query).run()
    found = [button for button in page.button if button.key.startswith("fly-found")]
    found[0].click().run()
    return no_errors(page)


def test_at_first_it_teaches(page):
    assert [heading.value for heading in page.subheader] == ["Find your way around"]
    assert any("Drag to move" in text for text in texts(page))
    assert neighbours(page) == []


def test_how_many_movies_are_on_the_map_is_said(page):
    counts = load_movielens().interactions.item_counts()
    said = next(caption.value for caption in page.caption if "movies:" in caption.value)
    assert f"{(counts >= 5).sum()} of {len(counts)} movies: those with 5 ratings or more" in said


def test_why_there_is_no_map_is_said_and_it_can_be_tried_again(open_page, monkeypatch):
    def fail(*_, **__):
        raise BackgroundError("there is not enough memory")

    with monkeypatch.context() as patch:
        patch.setattr("cinefold.app.explore.coloured_map.movie_map", fail)
        page = open_page("explore")
    assert not page.exception
    assert "not enough memory" in page.error[0].value
    widget(page.button, "Try again").click().run()
    no_errors(page)
    assert [heading.value for heading in page.subheader] == ["Find your way around"]


def test_a_map_that_somebody_left_while_it_was_drawn_is_not_begun_again(open_page, monkeypatch):
    begun, go = [], threading.Event()

    def slow(*arguments, **options):
        begun.append(arguments)
        go.wait(PATIENCE)
        options["progress"](0.5)
        return movie_map(*arguments, **options)

    monkeypatch.setattr("cinefold.app.explore.coloured_map.movie_map", slow)
    page = open_page("for_you")
    with pytest.raises(RuntimeError, match="timed out"):
        page.switch_page("explore/page.py").run(timeout=0.5)
    go.set()
    no_errors(open_page("explore"))
    assert len(begun) == 1


def test_search_forgives_typos_and_flies(page):
    fly_to(page, movie_title("Sci-Fi", 0).replace("Galaxy", "Galxay"))
    assert plain(page.subheader[0].value).startswith(movie_title("Sci-Fi", 0))
    assert len(neighbours(page)) == 8
    assert movie_title("Sci-Fi", 0) not in neighbours(page)
    assert page.query_params["movie"] in (str(GALAXY), [str(GALAXY)])
    assert page.text_input(key="explore-search").value == ""


def test_nothing_found_is_said(page):
    page.text_input(key="explore-search").set_value("qqqqqqqq").run()
    no_errors(page)
    assert any("Not among these" in caption.value for caption in page.caption)


def test_the_address_chooses_the_movie(open_page):
    first = no_errors(open_page("explore"))
    fly_to(first, movie_title("Horror", 3))
    wanted = neighbours(first)
    again = open_page("explore")
    again.query_params["movie"] = str(movie_id("Horror", 3))
    no_errors(again.run())
    assert neighbours(again) == wanted


def test_an_unknown_movie_in_the_address_is_said(page):
    page.query_params["movie"] = "<b>77777"
    no_errors(page.run())
    assert [plain(w.value) for w in page.warning] == ["There is no movie <b>77777."]
    assert neighbours(page) == []


def test_hops_lead_on(page):
    fly_to(page, movie_title("Sci-Fi", 0))
    first = neighbours(page)
    hops = [button for button in page.button if (button.key or "").startswith("fly-near-")]
    hops[2].click().run()
    no_errors(page)
    assert plain(page.subheader[0].value).startswith(first[2])
    assert neighbours(page) != first
    widget(page.button, "Back to the whole map").click().run()
    assert neighbours(page) == []
    assert "movie" not in page.query_params


def test_neighbours_are_of_the_same_taste(page):
    fly_to(page, movie_title("Western", 1))
    genres = {movie.title: movie.genres for movie in load_movielens().movies}
    assert sum("Western" in genres[title] for title in neighbours(page)) >= 6


def test_opinions_need_a_profile(page):
    fly_to(page, movie_title("Sci-Fi", 0))
    assert not [button for button in page.button if button.label == "Not for me"]
    with ProfileStore() as store:
        ada = store.create("ml-100k", "Ada")
        store.rate(ada.id, GALAXY, 5)
    page.query_params["profile"] = ada.key
    page.run()
    before = neighbours(page)
    unwanted = [button for button in page.button if button.label == "Not for me"]
    assert len(unwanted) == 8
    unwanted[0].click().run()
    no_errors(page)
    assert len(neighbours(page)) == 8
    assert before[0] not in neighbours(page)


def test_one_genre_alone(page):
    page.selectbox(key="explore-genre").set_value("Horror").run()
    no_errors(page)
    assert page.selectbox(key="explore-genre").value == "Horror"


def test_the_map_in_words(page):
    (words,) = [text for text in texts(page) if "movies:" in text]
    for genre in ("Sci-Fi", "Romance", "Horror", "Comedy", "Western"):
        assert genre in words


def test_the_map_is_kept_beside_the_models(open_page, archive):
    no_errors(open_page("explore"))
    assert list((archive.path.parent / "models" / "maps").glob("*.npy"))


# -- colours --------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes: A Physiologically-based Model for Simulation of Color Vision
# Deficiency, IEEE TVCG 15 (2009): complete protanopia, deuteranopia and tritanopia.
SIGHTS = {
    "usual": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Ottosson: A perceptual color space for image processing (OKLab), 2020.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour):
    channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def seen(colour, sight):
    return np.cbrt(TO_CONES @ np.clip(SIGHTS[sight] @ linear(colour), 0, 1)) @ TO_LAB.T


def contrast(one, other):
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("scheme", GENRE_COLOURS)
def test_colours_differ_for_all_eyes(scheme, sight):
    for one, other in itertools.combinations(GENRE_COLOURS[scheme], 2):
        # The much used colours of Okabe and Ito come as near as 0.076 to each other.
        assert np.linalg.norm(seen(one, sight) - seen(other, sight)) > 0.12, (one, other)


@pytest.mark.parametrize("scheme", GENRE_COLOURS)
def test_colours_stand_out_from_the_map(scheme):
    from cinefold.serving.launch import streamlit_arguments

    config = (streamlit_folder(streamlit_arguments("127.0.0.1", 1)) / "config.toml").read_text()
    section = config.split(f"[theme.{scheme}]")[1]
    paper = re.search(r'secondaryBackgroundColor = "(#\w{6})"', section)[1]
    for colour in GENRE_COLOURS[scheme]:
        assert contrast(colour, paper) >= 3, colour


def streamlit_folder(arguments):
    from pathlib import Path

    return Path(arguments[1]).parent / ".streamlit"
