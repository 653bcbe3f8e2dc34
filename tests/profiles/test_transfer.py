"""A profile goes along to another data set: by ids, else by title and year; nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from cinefold.datasets import Movie, MovieCatalog
from cinefold.profiles import Mark, ProfileEntries, Rating
from cinefold.profiles.transfer import WITHOUT_COUNTERPART, counterparts, transfer

AT = datetime(2020, 5, 1, tzinfo=UTC)
OLD = MovieCatalog(
    [
        Movie(1, "Heat", 1995),
        Movie(2, "Amélie (Le Fabuleux destin)", 2001),
        Movie(3, "Sabrina", 1954),
        Movie(4, "Lost in Time", 1931),
        Movie(5, "Its Old Name", 1990, imdb_id="tt0000005"),
    ]
)
NEW = MovieCatalog(
    [
        Movie(901, "Heat", 1995, imdb_id="tt0113277"),
        Movie(902, "Amelie", 2001),
        Movie(903, "Sabrina", 1995),
        Movie(1, "Another with the same id", 1995),
        Movie(905, "What It Is Called Now", 1991, imdb_id="tt0000005"),
    ]
)


@pytest.fixture
def ada(store):
    ada = store.create("small", "Ada", settings={"guest": True})
    said = ProfileEntries({movie: Rating(stars, AT) for movie, stars in ((1, 4.5), (3, 2), (4, 5))})
    said.marks[Mark.LATER][2] = AT
    said.marks[Mark.SEEN][5] = AT
    store.add(ada.id, said)
    return store.get(ada.id)


def test_the_same_movie_by_id_else_by_title_and_year():
    assert counterparts(OLD, NEW) == {1: 901, 2: 902, 5: 905}


def test_what_there_is_goes_along_and_the_rest_is_named(store, ada):
    before = store.entries(ada.id)
    came = transfer(store, ada, OLD, "large", NEW)
    found = store.entries(came.profile.id)
    assert found.ratings == {901: Rating(4.5, AT)}
    assert found.marks[Mark.LATER] == {902: AT}
    assert found.marks[Mark.SEEN] == {905: AT}
    assert (came.profile.name, came.profile.dataset, came.n_movies) == ("Ada", "large", 3)
    assert came.left == ("Sabrina (1954)", "Lost in Time (1931)")
    assert came.profile.settings[WITHOUT_COUNTERPART] == list(came.left)
    assert came.profile.settings["guest"]
    assert store.entries(ada.id) == before
    assert came.profile.key != ada.key


def test_later_only_what_is_new_comes(store, ada):
    first = transfer(store, ada, OLD, "large", NEW).profile
    store.rate(first.id, 901, 1)  # said since, in the new one
    store.rate(ada.id, 2, 3.5)
    again = transfer(store, store.get(ada.id), OLD, "large", NEW).profile
    assert again.id == first.id
    assert store.entries(again.id).stars == {901: 1, 902: 3.5}
    assert len(store.profiles("large")) == 1


def test_a_name_that_is_taken_gets_a_number_and_unknown_movies_are_named(store, ada):
    store.create("large", "ada")
    store.rate(ada.id, 77, 3)
    came = transfer(store, store.get(ada.id), OLD, "large", NEW)
    assert came.profile.name == "Ada 2"
    assert "movie 77" in came.left


def test_only_movies_of_some_ids_are_looked_at():
    said = ProfileEntries({1: Rating(4.0, AT), "1": Rating(2.0, AT), 9: Rating(3.0, AT)})
    said.marks[Mark.SEEN][2] = AT
    assert said.among(np.array([1, 2])).stars == {1: 4.0}
    assert said.among(np.array([1, 2])).hidden == {2}
    assert said.among(np.array(["1"])).stars == {"1": 2.0}
    assert len(ProfileEntries().among(np.array([1]))) == 0
