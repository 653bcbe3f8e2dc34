"""Movies that go with a movie: the formula, and what it makes of movies that everybody knows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinefold import Interactions, load_movielens
from cinefold.datasets import DatasetError, Movie
from cinefold.recommender.related import relatedness

STAR_WARS, PULP_FICTION, FARGO = "Star Wars", "Pulp Fiction", "Fargo"
TITLES = {
    "Toy Story": (["Aladdin", "The Lion King", "Beauty and the Beast"], [STAR_WARS]),
    "Aladdin": (["Beauty and the Beast", "The Lion King"], [STAR_WARS]),
    "Snow White and the Seven Dwarfs": (["Cinderella", "Pinocchio", "Dumbo"], [STAR_WARS]),
    STAR_WARS: (["The Empire Strikes Back", "Return of the Jedi"], ["Toy Story", FARGO]),
    "The Godfather": (["The Godfather: Part II"], [FARGO, STAR_WARS]),
    "Alien": (["Aliens"], [STAR_WARS, PULP_FICTION]),
    "The Terminator": (["Terminator 2: Judgment Day"], [STAR_WARS, PULP_FICTION]),
    "Scream": (["I Know What You Did Last Summer"], [STAR_WARS, "Titanic"]),
    "The Wrong Trousers": (["A Close Shave"], [STAR_WARS, PULP_FICTION]),
    "Batman Returns": (["Batman Forever", "Batman"], [STAR_WARS]),
    "Mary Poppins": (["The Sound of Music", "Cinderella"], [STAR_WARS]),
    "Psycho": (["The Birds", "Vertigo", "Rear Window"], [STAR_WARS]),
    "Sense and Sensibility": (["Emma", "Persuasion"], [STAR_WARS]),
    "Three Colors: Red": (["Three Colors: Blue", "Three Colors: White"], [STAR_WARS]),
    "Pulp Fiction": (["Reservoir Dogs"], ["Toy Story"]),
    "Casablanca": (["Citizen Kane", "The Maltese Falcon"], [STAR_WARS]),
}


@pytest.fixture(scope="module")
def movielens():
    try:
        return load_movielens("ml-100k")
    except DatasetError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("title", TITLES)
def test_what_anybody_would_agree_with(movielens, title):
    known = movielens.interactions
    movies = [movielens.movies[item] for item in known.item_ids.tolist()]
    counts = known.item_counts()
    places = {}
    for place in np.argsort(counts):  # of several ids the most rated
        places[movies[place].title] = place
    scores = relatedness(known, movies, places[title])
    nearer, farther = ([scores[places[name]] for name in names] for names in TITLES[title])
    assert min(nearer) > max(farther)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, unique=True))
def test_the_formula(pairs):
    users, items = zip(*pairs, strict=True)
    known = Interactions.from_arrays(users, items, [1.0] * len(pairs))
    genres = [("A",), ("A", "B"), (), ("B", "C"), ()]
    movies = [Movie(i, f"Movie {i}", 1990, genres[i]) for i in known.item_ids.tolist()]
    viewers = [{u for u, i in pairs if i == movie.id} for movie in movies]
    for one, movie in enumerate(movies):
        found = relatedness(known, movies, one)
        for other, likeness in enumerate(found.tolist()):
            both = len(viewers[one] & viewers[other])
            if not both:
                assert likeness == -math.inf
                continue
            union = set(movie.genres) | set(movies[other].genres)
            shared = set(movie.genres) & set(movies[other].genres)
            lift = both * known.n_users / (len(viewers[one]) * len(viewers[other]))
            expected = both / (both + 50) * math.log(lift)
            expected += 0.15 * len(shared) / len(union) if union else 0
            assert likeness == pytest.approx(expected)
