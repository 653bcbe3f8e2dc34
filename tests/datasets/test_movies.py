"""Finding movies by what people type."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold.datasets import Movie, MovieCatalog, TitleError
from tests import movielens_files as files


@pytest.fixture(scope="module")
def catalog() -> MovieCatalog:
    """The movies of the synthetic files; those with higher ids are better known."""
    movies = [Movie(movie.id, movie.readable, movie.year, movie.genres) for movie in files.movies()]
    return MovieCatalog(movies[::-1], popularity={movie.id: movie.id for movie in movies})


def _id(title: str, year: int | None = None) -> int:
    found = [movie.id for movie in files.movies() if movie.readable == title]
    if year is not None:
        found = [
            movie.id for movie in files.movies() if (movie.readable, movie.year) == (title, year)
        ]
    return max(found)


# -- the collection -----------------------------------------------------------------------------


def test_collection(catalog: MovieCatalog) -> None:
    assert len(catalog) == len(files.movies()) == 120
    assert [movie.id for movie in catalog] == catalog.ids.tolist() == sorted(catalog.ids)
    assert 1 in catalog
    assert 10**6 not in catalog
    assert catalog[1] == catalog[np.int64(1)]
    assert catalog[1].label == "The Last Galaxy (1950)"
    assert catalog[_id("unknown")].label == "unknown"
    assert repr(catalog) == "MovieCatalog(120 movies)"
    assert catalog.genres == tuple(sorted(set(catalog.genres)))
    assert "unknown" not in catalog.genres
    with pytest.raises(KeyError, match="no movie with id 1000000"):
        catalog[10**6]


def test_empty_collection() -> None:
    empty = MovieCatalog([])
    assert (len(empty), empty.genres, empty.years) == (0, (), None)
    known = [Movie(1, "Ran", 1985), Movie(2, "Heat"), Movie(3, "Alien", 1979)]
    assert MovieCatalog(known).years == (1979, 1985)
    assert empty.search("anything") == []
    with pytest.raises(TitleError, match="no movie is titled 'anything'"):
        empty.resolve("anything")


def test_ids_of_text() -> None:
    catalog = MovieCatalog([Movie("b", "Beta"), Movie("a", "Alpha")])
    assert catalog.ids.tolist() == ["a", "b"]
    assert catalog[np.str_("b")].title == "Beta"


# -- search -------------------------------------------------------------------------------------

FIRST = {
    "The Last Galaxy": "The Last Galaxy",
    "last galaxy": "The Last Galaxy",
    "Last Galaxy, The": "The Last Galaxy",
    "LAST  GALAXY!": "The Last Galaxy",
    "lst galxy": "The Last Galaxy",
    "the lasst gallaxy": "The Last Galaxy",
    "galaxy last": "The Last Galaxy",
    "laurore": "L'Aurore",
    "l'aurore": "L'Aurore",
    "aurore": "L'Aurore",
    "Aurore, L'": "L'Aurore",
    "elan vital": "Élan vital",
    "Élan Vital": "Élan vital",
    "e\u0301lan": "Élan vital",
    "island i dag": "Ísland í dag (Iceland Today)",
    "iceland today": "Ísland í dag (Iceland Today)",
    "forgotten station": "La Gare oubliée (The Forgotten Station)",
    "gare oubliee": "La Gare oubliée (The Forgotten Station)",
    "campo di neve": "The Snowfield (Il Campo di neve)",
    "zug nach": "Der Zug nach Norden",
    "rain and thunder": "A Rain & Thunder",
    "rain & thunder": "A Rain & Thunder",
    "puppet isl": "Puppet Island III",
    "2084": "2084",
    "spinning tops": 'Spinning "Tops" in 50% of Towns',
}


@pytest.mark.parametrize("query", FIRST)
def test_search_finds_first(catalog: MovieCatalog, query: str) -> None:
    assert catalog.search(query)[0].movie.title == FIRST[query]


def test_half_a_word_finds_all_of_it(catalog: MovieCatalog) -> None:
    titles = {match.movie.title for match in catalog.search("vamp")}
    assert {title for title in titles if "Vampire" in title} == {
        f"The {adjective} Vampire" for adjective in ("Last", "Hidden", "Golden", "Silent", "Broken")
    }


@pytest.mark.parametrize("query", ["double bill 1941", "Double Bill (1941)", "doubel bil 1941"])
def test_year_narrows_the_search(catalog: MovieCatalog, query: str) -> None:
    assert catalog.search(query)[0].movie.id == _id("Double Bill", 1941)
    assert {match.movie.year for match in catalog.search(query)} == {1941}


def test_a_year_alone_lists_its_movies_the_best_known_first(catalog: MovieCatalog) -> None:
    found = catalog.search("1962")
    assert len(found) > 1
    assert {match.movie.year for match in found} == {1962}
    assert len({match.score for match in found}) == 1
    counts = [catalog.popularity(match.movie.id) for match in found]
    assert counts == sorted(counts, reverse=True)


def test_better_known_first_among_equals(catalog: MovieCatalog) -> None:
    found = [match.movie.id for match in catalog.search("harbour lights")[:2]]
    assert found == sorted(found, reverse=True)
    assert [match.movie.year for match in catalog.search("double bill")[:2]] == [1993, 1941]


def test_limit_and_scores(catalog: MovieCatalog) -> None:
    matches = catalog.search("golden", limit=3)
    assert len(matches) == 3
    scores = [match.score for match in catalog.search("golden comet", limit=50)]
    assert all(0 <= score <= 100 for score in scores)
    assert len({match.movie.id for match in catalog.search("snowfield", limit=50)}) == len(
        catalog.search("snowfield", limit=50)
    )


KNOWN = MovieCatalog(
    [
        Movie(1, "The Professional", 1994),
        Movie(2, "Matilda", 1996),
        Movie(3, "Alien", 1979),
        Movie(4, "Aliens", 1986),
        Movie(5, "Alien 3", 1992),
        Movie(6, "The Godfather: Part II", 1974),
        Movie(7, "The Godfather", 1972),
        Movie(8, "Twelve Monkeys", 1995),
        Movie(9, "Lord of Illusions", 1995),
        Movie(10, "E.T. the Extra-Terrestrial", 1982),
        Movie(11, "2001: A Space Odyssey", 1968),
        Movie(12, "Ruby in Paradise", 1993),
        Movie(13, "City of Gold", 1990),
        Movie(14, "Le Fabuleux destin (a.k.a. Amélie)", 2001),
        Movie(15, "GoodFellas", 1990),
    ],
    {7: 9, 6: 8},
)


@pytest.mark.parametrize(
    ("query", "found"),
    {
        "Léon": [1],
        "leon the professional": [1],
        "professionel": [1],
        "alien": [3, 5, 4],
        "aliens": [4],
        "alien 3": [5],
        "alien III": [5],
        "godfather": [7, 6],
        "the godfather 2": [6],
        "12 monkees": [8],
        "et": [10],
        "e.t.": [10],
        "1974": [6],
        "(1974)": [6],
        "2001": [11, 14],
        "2001 space": [11],
        "alien 1979": [3],
        "AMELIE": [14],
        "good fellas": [15],
        "goodf": [15],
    }.items(),
)
def test_movies_that_have_all_words(query: str, found: list[int]) -> None:
    matches = KNOWN.search(query)
    assert all(match.fits for match in matches)
    assert [match.movie.id for match in matches][: len(found)] == found
    assert len(matches) == len(found) or query in ("alien", "aliens")


@pytest.mark.parametrize(
    ("query", "nearest"),
    {
        "the matrix": 2,
        "lord of the rings": 9,
        "godfather 3": 7,
        "parasite": 12,
        "city of god": 13,
        "alien 1980": 3,
        "aliens 4": 4,
    }.items(),
)
def test_what_is_not_there_is_known(query: str, nearest: int) -> None:
    matches = KNOWN.search(query)
    assert not any(match.fits for match in matches)
    assert matches[0].movie.id == nearest


@pytest.mark.parametrize("query", ["inception", "dune", "x"])
def test_a_word_that_no_title_has(query: str) -> None:
    assert not any(match.fits for match in KNOWN.search(query))


@pytest.mark.parametrize("query", ["", "   ", "?!", "zzzzqqqq", "(1850)"])
def test_nothing_found(catalog: MovieCatalog, query: str) -> None:
    assert catalog.search(query) == []


# -- resolve ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The Last Galaxy", "The Last Galaxy"),
        ("last galaxy, the", "The Last Galaxy"),
        ("LAST GALAXY", "The Last Galaxy"),
        ("The Last Galaxy (1950)", "The Last Galaxy"),
        ("elan vital", "Élan vital"),
        ("Iceland Today", "Ísland í dag (Iceland Today)"),
        ("Forgotten Station, The", "La Gare oubliée (The Forgotten Station)"),
        (
            "La Gare oubliée (The Forgotten Station) (1958)",
            "La Gare oubliée (The Forgotten Station)",
        ),
        ("2084", "2084"),
        ("unknown", "unknown"),
        ("Tiny Circus", "The Tiny Circus"),
    ],
)
def test_resolve(catalog: MovieCatalog, title: str, expected: str) -> None:
    assert catalog.resolve(title).title == expected


def test_every_label_resolves_to_its_movie(catalog: MovieCatalog) -> None:
    for movie in catalog:
        found = catalog.resolve(movie.label)
        assert (found.title, found.year) == (movie.title, movie.year)


def test_two_movies_of_one_title_need_the_year(catalog: MovieCatalog) -> None:
    with pytest.raises(TitleError, match=r"several movies.*\(1941\); .*\(1993\)") as caught:
        catalog.resolve("double bill")
    assert {movie.year for movie in caught.value.candidates} == {1941, 1993}
    assert catalog.resolve("Double Bill (1941)").id == _id("Double Bill", 1941)


def test_two_ids_of_one_movie_are_the_better_known(catalog: MovieCatalog) -> None:
    assert catalog.resolve("Harbour Lights, The").id == _id("The Harbour Lights")


def test_unknown_title_lists_candidates(catalog: MovieCatalog) -> None:
    with pytest.raises(
        TitleError, match=r"no movie is titled 'Lst Galaxy'; did you mean"
    ) as caught:
        catalog.resolve("Lst Galaxy")
    assert caught.value.candidates[0].title == "The Last Galaxy"
    with pytest.raises(TitleError, match=r"search with another part of it$") as caught:
        catalog.resolve("zzzzqqqq")
    assert caught.value.candidates == []


def test_typo_and_wrong_year_still_list_the_movie(catalog: MovieCatalog) -> None:
    with pytest.raises(TitleError) as caught:
        catalog.resolve("The Lst Galaxy (1999)")
    assert caught.value.candidates[0].title == "The Last Galaxy"


def test_wrong_year_lists_the_movie_of_that_title(catalog: MovieCatalog) -> None:
    with pytest.raises(TitleError) as caught:
        catalog.resolve("The Last Galaxy (1999)")
    assert "The Last Galaxy (1950)" in str(caught.value)
