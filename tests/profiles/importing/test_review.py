"""Looking through an import, converting its ratings, and files that come back."""

from __future__ import annotations

import csv
import io
import pickle
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold.app.shared.csv_export import ratings_csv, recommendations_csv
from cinefold.datasets import Movie, MovieCatalog
from cinefold.profiles import Mark, ProfileEntries, Rating, read_csv, write_csv
from cinefold.profiles.importing import (
    Conversion,
    ImportFileError,
    ImportReview,
    StarScale,
    read_export,
    review,
    review_csv,
    review_for,
)
from cinefold.recommender import RatedMovie, Recommendation
from tests.profiles.importing.exports import MOVIES, archive, catalog, imdb, letterboxd, table

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


def taken(content, **more):
    return review(read_export(content), catalog(), **more)


@pytest.fixture
def mixed():
    return taken(
        letterboxd(
            ("The Golden Comet", 1952, 4.5),
            ("The Silent Starshp", 1978, 3),
            ("Porridge", 1999, 2),
            ("Double Bill", 1993, 9),
            ("The Golden Comet", 1952, 2),
            ("Élan & Raison", 1988, ""),
        )
    )


def lines(found):
    return [entry.source.line for entry in found]


def contents(found):
    """All that is known of the lines."""
    return [
        (line.source, line.stars, line.candidates, line.choice, line.rejected, line.reason)
        for line in found.lines
    ]


# -- reviewing ------------------------------------------------------------------------------------


def test_every_line_is_somewhere(mixed):
    assert lines(mixed.matched) == [6, 7]
    assert lines(mixed.to_check) == [3]
    assert lines(mixed.missed) == [4]
    assert lines(mixed.ignored) == [5]
    assert lines(mixed.repeated) == [2]
    assert mixed.summary() == (
        "Letterboxd: 6 lines; 2 found, 1 to check, 1 not among these movies, 1 repeated, 1 left out"
    )


def test_what_is_taken(mixed):
    assert mixed.ratings() == {1: 2.0}
    assert mixed.seen() == [10]
    assert mixed.wanted() == []


def test_accepting_and_rejecting(mixed):
    (line,) = mixed.to_check
    mixed.accept(line)
    assert mixed.ratings() == {1: 2.0, 8: 3.0}
    assert mixed.to_check == []
    mixed.reject(line)
    assert mixed.ratings() == {1: 2.0}
    assert lines(mixed.missed) == [3, 4]
    mixed.accept(line, MOVIES[1])
    assert mixed.ratings() == {1: 2.0, 2: 3.0}


def test_a_missing_movie_can_be_said_by_hand(mixed):
    (line,) = mixed.missed
    with pytest.raises(ValueError, match="no candidates"):
        mixed.accept(line)
    mixed.accept(line, MOVIES[6])
    assert mixed.ratings()[7] == 2.0
    assert mixed.missed == []


def test_a_line_that_cannot_be_used_stays_out(mixed):
    with pytest.raises(ValueError, match="rating 9 is not from"):
        mixed.accept(mixed.ignored[0], MOVIES[0])


def test_accepting_all_that_are_so_sure(mixed):
    mixed.accept_all()
    assert mixed.ratings()[8] == 3.0


def test_the_latest_rating_counts():
    header = ("title", "year", "rating", "date")
    rows = [("Double Bill", 1993, 2, "2024-03-01"), ("Double Bill", 1993, 5, "2023-01-01")]
    assert taken(table(header, *rows)).ratings() == {3: 2.0}
    assert taken(table(header, *rows[::-1])).ratings() == {3: 2.0}
    assert taken(table(header[:3], *(row[:3] for row in rows))).ratings() == {3: 5.0}


def test_the_surer_match_counts_before_the_later():
    header = ("imdb_id", "title", "year", "rating", "date")
    sure = ("tt0000101", "", "", 5, "2023-01-01")
    later = ("", "The Golden Comet", 1953, 1, "2024-01-01")  # of the year before
    assert taken(table(header, sure, later)).ratings() == {1: 5.0}
    assert taken(table(header, later, sure)).ratings() == {1: 5.0}


# -- ids of another MovieLens ---------------------------------------------------------------------


def with_ids(data, *lines):
    return review_for(
        data, read_export(table(("userId", "movieId", "rating", "timestamp"), *lines))
    )


def test_ids_of_another_numbering_are_refused(data):
    with pytest.raises(
        ImportFileError, match=r"movie ids without titles.* likely of one of .*ml-25m"
    ):
        with_ids(data, (1, 50, 5.0, 1147880044), (1, 260, 4.0, 1147880044))
    with pytest.raises(ImportFileError, match="likely of one of"):
        with_ids(data, (1, 50, 5.0, ""))


def test_ids_count_where_titles_or_times_say_whose_they_are(data):
    interactions = data.interactions
    movie = int(interactions.item_ids[interactions.by_user.indices[0]])
    then, item = int(interactions.timestamps[0]), data.movies[movie]
    own = table(("movieId", "title", "rating"), (movie, item.label, 5))
    assert review_for(data, read_export(own)).ratings() == {movie: 5.0}
    rated = np.array([[movie, 880_000_000]])
    export = read_export(table(("movieId", "rating", "timestamp"), (movie, 5, 880_000_000)))
    more = {"rated": rated}
    assert review(export, data.movies, name="ml-100k", **more).ratings() == {movie: 5.0}
    with pytest.raises(ImportFileError, match="likely of ml-100k"):
        review(export, data.movies, name="ml-25m")
    assert then > 0


def test_a_movie_that_was_rated_is_not_only_seen():
    watched = table(
        ("Date", "Name", "Year", "Letterboxd URI"),
        ("2025-01-01", "Double Bill", 1993, "u"),
        ("2025-01-01", "The Golden Comet", 1952, "u"),
    )
    result = taken(
        archive({"ratings.csv": letterboxd(("Double Bill", 1993, 3)), "watched.csv": watched})
    )
    assert result.ratings() == {3: 3.0}
    assert result.seen() == [1]


def test_a_watchlist_is_neither_rated_nor_seen():
    export = read_export(letterboxd(("Double Bill", 1993, "")), name="watchlist.csv")
    result = review(export, catalog())
    assert (result.ratings(), result.seen(), result.wanted()) == ({}, [], [3])


def test_without_movies_nothing_is_taken():
    result = taken(letterboxd())
    assert (result.ratings(), result.seen(), result.lines) == ({}, [], ())
    assert result.summary() == "Letterboxd: 0 lines; 0 found"


def test_the_scale_of_a_data_set(data):
    movie = data.movies.resolve("The Golden Comet")
    export = read_export(imdb(("tt1", 9, movie.title, "Movie", movie.year)))
    result = review_for(data, export)
    assert result.conversion.target == StarScale(0.5, 5)
    assert result.ratings() == {movie.id: 4.5}
    assert result.summary().endswith("1 found")


# -- scales ---------------------------------------------------------------------------------------


def test_two_grades_of_ten_make_a_star_and_one_half_a_star():
    ten = Conversion(10, StarScale())
    assert ten.table(range(1, 11)) == tuple((n, n / 2) for n in range(1, 11))
    assert str(ten) == "a rating of 10 is 5 stars"


def test_what_can_be_kept_is_not_rounded():
    halves = [half / 2 for half in range(1, 11)]
    assert [stars for _, stars in Conversion(5, StarScale()).table(halves)] == halves
    hundred = Conversion(100, StarScale())
    assert [hundred.stars(rating) for rating in (87, 1, 0)] == [4.35, 0.5, 0.5]


@settings(deadline=None)
@given(
    st.floats(0.1, 100),
    st.sampled_from([StarScale(), StarScale(0, 1), StarScale(-10, 10)]),
    st.sampled_from([5.0, 10.0, 100.0]),
)
def test_stars_are_on_the_scale_and_rise_with_the_rating(rating, scale, highest):
    conversion = Conversion(highest, scale)
    stars = conversion.stars(min(rating, highest))
    assert scale.lowest <= stars <= scale.highest
    assert conversion.stars(highest) == scale.highest
    assert conversion.stars(min(rating, highest) / 2) <= stars


# -- there and back -------------------------------------------------------------------------------

_TITLES = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\"',;&\n<>"),
    min_size=1,
    max_size=60,
).map(lambda title: " ".join(title.split()))
_YEARS = st.none() | st.integers(1890, 2030)
_STARS = st.integers(1, 10).map(lambda half: half / 2)


_IDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs")), min_size=1, max_size=5)


@settings(deadline=None)
@given(
    st.sampled_from([st.integers(), _IDS]).flatmap(
        lambda ids: st.dictionaries(ids, st.tuples(_TITLES, _YEARS, st.none() | _STARS))
    )
)
def test_a_profile_that_was_written_is_read_again(movies):
    movie_catalog = MovieCatalog(Movie(i, title, year) for i, (title, year, _) in movies.items())
    entries = ProfileEntries(
        {i: Rating(stars, NOON) for i, (_, _, stars) in movies.items() if stars}
    )
    entries.marks[Mark.SEEN].update((i, NOON) for i, (_, _, stars) in movies.items() if not stars)
    result = review(read_export(write_csv(entries, movie_catalog).encode()), movie_catalog)
    assert result.ratings() == entries.stars
    assert set(result.seen()) == set(entries.marks[Mark.SEEN])


def test_quotes_around_ids_as_earlier_versions_wrote_them():
    content = (
        b'movie_id,title,year,rating,mark,time\n"""007""",Soup,1970,4,,\n"""7""",Stew,,,seen,\n'
    )
    movies = MovieCatalog([Movie("007", "Soup", 1970), Movie("7", "Stew")])
    result = review(read_export(content), movies)
    assert (result.ratings(), result.seen()) == ({"007": 4.0}, ["7"])
    assert read_csv(content).stars == {"007": 4.0}


def test_a_review_is_written_and_read_again(mixed):
    content = review_csv(mixed)
    again = taken(content.encode())
    assert (again.ratings(), again.seen()) == (mixed.ratings(), mixed.seen())
    assert again.export.exact
    assert [line.source.rated_at for line in again.matched] == [
        line.source.rated_at for line in mixed.matched
    ]
    assert len(again.lines) == len(mixed.lines)
    assert read_csv(content).stars == mixed.ratings()
    assert set(read_csv(content).marks[Mark.SEEN]) == set(mixed.seen())


def test_a_review_as_csv_has_every_line(mixed):
    rows = list(csv.DictReader(io.StringIO(review_csv(mixed))))
    assert [(int(row["line"]), row["outcome"]) for row in rows] == [
        *[(2, "repeated"), (3, "to check"), (4, "not in the data"), (5, "left out")],
        *[(6, "found"), (7, "found")],
    ]
    assert [row["written"] for row in rows] == [line.source.label for line in mixed.lines]
    assert all(row["reason"] for row in rows)
    assert [row["movie_id"] for row in rows] == ["", "", "", "", "1", "10"]


def test_movies_that_were_only_listed_are_no_ratings():
    listed = review(
        read_export(letterboxd(("Double Bill", 1993, "")), name="watchlist.csv"), catalog()
    )
    assert "only listed" in review_csv(listed)
    assert len(read_csv(review_csv(listed))) == 0


def test_ratings_of_the_app_are_read():
    rated = [RatedMovie(MOVIES[0], 4.0), RatedMovie(MOVIES[3], 2.0), RatedMovie(MOVIES[5], 3.5)]
    assert taken(ratings_csv(rated).encode()).ratings() == {1: 4.0, 4: 2.0, 6: 3.5}


def test_recommendations_of_the_app_are_movies_that_one_wants():
    listed = [Recommendation(n, movie, 3.0 / n) for n, movie in enumerate(MOVIES[:4], start=1)]
    result = taken(recommendations_csv(listed).encode())
    assert result.wanted() == [1, 2, 3, 4]
    assert (result.ratings(), result.seen()) == ({}, [])


# -- between processes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "decide",
    [lambda r: None, ImportReview.accept_all, lambda r: r.reject(r.to_check[0])],
    ids=["undecided", "accepted", "rejected"],
)
def test_a_review_of_another_process_is_the_same(mixed, decide):
    decide(mixed)
    again = pickle.loads(pickle.dumps(mixed))  # noqa: S301 - our own
    assert (again.export, again.conversion) == (mixed.export, mixed.conversion)
    assert contents(again) == contents(mixed)
    assert again.summary() == mixed.summary()
    assert lines(again.repeated) == lines(mixed.repeated)
