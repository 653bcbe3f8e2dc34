"""Which movies lines mean, and how sure that is."""

from __future__ import annotations

import pytest

from cinefold.profiles.importing import (
    SURE,
    ExportLine,
    Matcher,
    matching,
    read_export,
    review,
)
from tests.profiles.importing.exports import catalog, imdb, letterboxd


@pytest.fixture(scope="module")
def matcher():
    return Matcher(catalog(ids=False))


@pytest.fixture(scope="module")
def with_ids():
    return Matcher(catalog())


def line(title, year=None, **more):
    return ExportLine("ratings.csv", 2, title, year, 4.0, **more)


def found(matcher, *arguments, **more):
    """Id and whether it is sure, of the likeliest movie."""
    (candidates,) = matcher.match([line(*arguments, **more)])
    return (candidates[0].movie.id, candidates[0].confidence >= SURE) if candidates else None


@pytest.mark.parametrize(
    ("title", "year", "expected"),
    [
        ("The Golden Comet", 1952, (1, True)),
        ("GOLDEN COMET!", 1952, (1, True)),
        ("Golden Comet", 1953, (1, True)),  # years differ by one between catalogues
        ("The Golden Comet", 1955, (1, False)),
        ("The Golden Comet", 1985, None),  # a remake that is not here
        ("The Golden Comet", None, (1, True)),
        ("Double Bill", 1941, (2, True)),
        ("Double Bill", 1993, (3, True)),
        ("Double Bill", None, (2, False)),  # which of the two?
        ("La gare oubliee", 1958, (4, True)),
        ("The Forgotten Station", 1958, (4, True)),
        ("The Forgotten Station (La Gare oubliée)", 1958, (4, True)),
        ("The Harbour Lights", 1997, (6, True)),  # of two ids the one with more ratings
        ("Elan and Raison", 1988, (10, True)),
        ("Rider of the Lost Canyon 2", 1964, (7, True)),
        ("Rider of the Lost Canyon Two", 1964, (7, True)),
        ("The Star Ship: Silent", 1977, None),
        ("Silent Star-ship", 1977, (8, True)),
        ("The Silent Starshp", 1977, (8, True)),  # a letter is missing
        ("The Silent Starshp", 1978, (8, False)),
        ("Rider of the Lost Canyon III", 1964, (7, False)),  # another part
        ("The Broken Waiter", 1970, (11, False)),
        ("Cosmic Wars: Part I - The Silent Starship", 1977, (8, False)),
        ("unknown", 1999, (9, True)),
        ("Porridge", 1977, None),
        ("???", 1977, None),
    ],
)
def test_titles_and_years(matcher, title, year, expected):
    assert found(matcher, title, year) == expected


def test_the_original_title_counts(matcher):
    assert found(matcher, "Some Other Name", 1958, other_titles=("La Gare oubliée",)) == (4, True)


def test_ids_come_before_titles(with_ids):
    assert found(with_ids, "Der goldene Komet", 1953, imdb_id="tt0000101") == (1, True)
    assert found(with_ids, "Der goldene Komet", 1953, tmdb_id=11) == (1, True)
    assert found(with_ids, "", imdb_id="tt0000101") == (1, True)


def test_the_tmdb_id_of_a_series_is_no_movies(with_ids):
    assert found(with_ids, "The Comets", 2008, tmdb_id=11) is None
    assert found(with_ids, "The Comets", tmdb_id=11) is None
    assert found(with_ids, "The Golden Comet", tmdb_id=11) == (1, True)
    assert found(with_ids, "Die Kometen", 2008, tmdb_id=11, is_movie=True) == (1, True)
    assert found(with_ids, "", tmdb_id=11) == (1, True)


def test_a_movie_with_another_id_is_another_movie(with_ids):
    assert found(with_ids, "The Golden Comet", 1952, imdb_id="tt0999999") == (1, False)


def test_own_ids_count_where_the_title_agrees(matcher):
    assert found(matcher, "The Golden Comet", 1952, movie_id="1") == (1, True)
    assert found(matcher, "", movie_id="8") == (8, True)
    # Of another data set: the title decides.
    assert found(matcher, "The Golden Comet", 1952, movie_id="8") == (1, True)
    assert found(matcher, "Porridge", 1952, movie_id="8") is None
    assert found(matcher, "", movie_id="٨") is None


def test_candidates_are_different_movies_likeliest_first(matcher):
    ((first, second),) = matcher.match([line("Double Bill")])
    assert {first.movie.id, second.movie.id} == {2, 3}
    assert first.confidence == second.confidence < SURE
    assert "others fit as well" in first.reason


def test_order_and_repetition_change_nothing(matcher):
    lines = [line("The Golden Comet", 1952), line("Porridge", 1999), line("Silent Starshp", 1977)]
    alone = [matcher.match([one])[0] for one in lines]
    assert matcher.match([*lines, *lines[::-1]]) == [*alone, *alone[::-1]]
    assert matcher.match([]) == []


@pytest.mark.parametrize(
    ("title", "year", "reason"),
    [
        ("Double Bill", 2020, "only one of 1941 and 1993"),
        ("Porridge", 2020, "no movie of this title"),
    ],
)
def test_why_a_movie_is_missing(matcher, title, year, reason):
    assert reason in matcher.why_not(line(title, year))


def test_beyond_so_many_pairs_only_the_same_titles_are_found(matcher, monkeypatch):
    monkeypatch.setattr(matching, "_MOST_COMPARED", 0)
    assert found(matcher, "The Silent Starshp", 1977) is None
    assert found(matcher, "The Silent Starship", 1977) == (8, True)


def test_progress_is_told(matcher):
    lines = [line(f"Porridge {number}", 1900 + number % 90) for number in range(5000)]
    calls = []
    matcher.match(lines, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (5000, 5000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_an_empty_catalogue_knows_nothing():
    from cinefold.datasets import MovieCatalog

    export = read_export(letterboxd(("Soup", 1970, 4)))
    assert len(review(export, MovieCatalog([])).missed) == 1


def test_imdb_against_a_catalogue_without_ids():
    export = read_export(imdb(("tt0000103", 8, "Double Bill", "Movie", 1993)))
    assert review(export, catalog(ids=False)).ratings() == {3: 4.0}
