from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinefold.app.shared.display import counted, genre_badges, genres, literal, stars, title
from cinefold.datasets import Movie
from tests.app.drawn import plain
from tests.synthetic import AWKWARD_TITLES

WORD_JOINER = "\u2060"


@pytest.mark.parametrize("text", AWKWARD_TITLES)
def test_literal_shows_awkward_titles_as_they_are(text):
    assert plain(literal(text)) == text


@given(st.text(st.sampled_from(string.printable), max_size=40))
def test_literal_shows_any_text_as_it_is_on_one_line(text):
    assert plain(literal(text)) == " ".join(text.split())


@pytest.mark.parametrize("text", ["Mission: Impossible", "Spider-Man", "M*A*S*H", "8½", "AT&T"])
def test_literal_keeps_common_titles_free_of_joiners(text):
    assert WORD_JOINER not in literal(text)


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        (":smile:", ":smile:"),
        (":material_star:", ":material_star:"),
        ("a -> b", "->"),
        ("a <- b", "<-"),
        ("a -- b", "--"),
        ("a >= b", ">="),
        ("www.x.com", "www."),
        ("http://x.com", "://"),
        ("me@x.com", "@x"),
    ],
)
def test_literal_breaks_what_streamlit_turns_into_something_else_late(text, turned):
    unescaped = literal(text).replace("\\", "")
    assert turned not in unescaped
    assert unescaped.replace(WORD_JOINER, "") == text


def test_title_and_genres():
    movie = Movie(1, "A *Star*", 1977, ("Sci-Fi", "War"))
    assert plain(title(movie)) == "A *Star* 1977"
    assert plain(genres(movie)) == "Sci-Fi, War"
    assert plain(genre_badges(movie)) == "Sci-Fi War"
    assert plain(title(Movie(1, "unknown"))) == "unknown"


def test_stars():
    assert [stars(rating) for rating in (5, 3.5, 0.5, 0)] == ["★★★★★", "★★★½", "½", "no stars"]


def test_counted():
    assert [counted(n, "movie") for n in (1, 2, 1682)] == ["1 movie", "2 movies", "1,682 movies"]
