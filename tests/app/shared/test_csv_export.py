from __future__ import annotations

import csv
import io

from cinefold.app.shared.csv_export import ratings_csv, recommendations_csv
from cinefold.datasets import Movie
from cinefold.recommender import RatedMovie, Reason, Recommendation

QUOTED = Movie(7, 'A "Movie", Really', 1995, ("Comedy", "Drama"))
PLAIN = Movie(8, "unknown")


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_recommendations_csv():
    (row,) = rows(
        recommendations_csv(
            [Recommendation(1, QUOTED, 1.23456, (Reason(PLAIN, 5, 0.2), Reason(QUOTED, 4, 0.1)))]
        )
    )
    assert row == {
        "rank": "1",
        "movie_id": "7",
        "title": 'A "Movie", Really',
        "year": "1995",
        "genres": "Comedy|Drama",
        "stars": "",
        "score": "1.2346",
        "because_of": 'unknown|A "Movie", Really (1995)',
    }


def test_ratings_csv():
    first, second = rows(ratings_csv([RatedMovie(QUOTED, 4.5), RatedMovie(PLAIN, 3.0)]))
    assert (first["title"], first["rating"]) == ('A "Movie", Really', "4.5")
    assert (second["year"], second["genres"], second["rating"]) == ("", "", "3")


def test_nothing_is_a_header():
    assert rows(ratings_csv([])) == []
    assert ratings_csv([]).startswith("movie_id,title,year,genres,rating\n")
