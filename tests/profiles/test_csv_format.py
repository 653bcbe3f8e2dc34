"""Profiles as CSV files."""

from __future__ import annotations

import csv
import io
import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinefold.datasets import Movie, MovieCatalog
from cinefold.profiles import Mark, ProfileEntries, Rating, read_csv, write_csv
from cinefold.profiles.csv_format import csv_text, plain_cell

NOON = datetime(2024, 5, 31, 12, 0, 0, 250_000, tzinfo=UTC)
LINES = """\
movie_id,title,year,rating,mark,time
50,Star Wars,1977,4.5,,2024-05-31T12:00:00.250000Z
tt1,,,1,,2024-05-31T12:00:00.250000Z
7,,,,not_interested,2024-05-31T12:00:00.250000Z
"""
ENTRIES = ProfileEntries({50: Rating(4.5, NOON), "tt1": Rating(1.0, NOON)})
ENTRIES.marks[Mark.NOT_INTERESTED][7] = NOON

movie_ids = st.one_of(
    st.integers(), st.text(), st.text('-0123456789" '), st.sampled_from(["007", "+1", "١", "1e3"])
)
times = st.datetimes(timezones=st.just(UTC))
ratings = st.builds(Rating, st.floats(0.5, 5), times)


@st.composite
def entries(draw):
    drawn = ProfileEntries(ratings=draw(st.dictionaries(movie_ids, ratings, max_size=8)))
    for mark, movies in drawn.marks.items():
        movies.update(draw(st.dictionaries(movie_ids, times, max_size=3)))
        for movie in drawn.marks[mark.opposite] if mark.opposite else ():
            movies.pop(movie, None)
    return drawn


@given(entries())
def test_what_is_written_is_read_again(written):
    assert read_csv(write_csv(written)) == written
    assert read_csv(write_csv(written).encode()) == written


odd = st.text(st.sampled_from("=+-@\t\r\n'\" ,;019aＡ＝＋－＠.")) | st.text()


@given(st.lists(st.lists(odd, min_size=2, max_size=4), min_size=1, max_size=4))
def test_cells_are_no_formulas_and_are_read_again(rows):
    read = list(csv.reader(io.StringIO(csv_text(rows), newline="")))
    assert [[plain_cell(cell) for cell in row] for row in read] == rows
    for cell in itertools.chain(*read):
        is_number = re.fullmatch(r"[+-]?\d+(\.\d+)?", cell, re.ASCII)
        assert is_number or not cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))


def test_ids_and_titles_that_look_like_formulas():
    titles = ("=1+1", "@home", "-30-", "'Round Midnight", "'=x")
    movies = MovieCatalog([Movie(f"={title}", title) for title in titles])
    written = ProfileEntries({movie.id: Rating(4.0, NOON) for movie in movies})
    text = write_csv(written, movies)
    assert "'==1+1,'=1+1," in text
    assert "'Round Midnight" in text
    assert read_csv(text) == written


def test_the_form_is_the_documented_one():
    movies = MovieCatalog([Movie(50, "Star Wars", 1977)])
    assert write_csv(ENTRIES, movies) == LINES
    assert read_csv(LINES) == ENTRIES


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + LINES.encode(),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace(",", ";").replace("4.5", "4,5").encode(),
        LINES.replace(",", "\t").encode(),
        LINES.replace("movie_id", " Movie_ID ").encode(),
        "\ufeff" + LINES,
        LINES + "\n\n,,\n",
    ],
)
def test_forms_that_other_programs_save(content):
    assert read_csv(content) == ENTRIES


def test_other_columns_are_left_alone():
    found = read_csv('rank,rating,title,movie_id\n1,5,<b>A</b>,12\n2,3,"B, C",x\n')
    assert found.stars == {12: 5.0, "x": 3.0}
    now = datetime.now(UTC)
    for rating in found.ratings.values():
        assert timedelta(0) < now + timedelta(seconds=1) - rating.at < timedelta(minutes=5)
    assert len(read_csv("movie_id,rating\n")) == 0


def test_the_last_line_on_a_movie_counts():
    text = "movie_id,rating,mark\n1,5,\n2,4,\n1,3,\n7,,seen\n7,,not_seen\n7,,not_interested\n"
    found = read_csv(text)
    assert found.stars == {2: 4.0, 1: 3.0}
    marks = {mark: set(movies) for mark, movies in found.marks.items()}
    assert marks == {mark: set() for mark in Mark} | {
        Mark.NOT_SEEN: {7},
        Mark.NOT_INTERESTED: {7},
    }


def test_times_without_a_zone_are_in_utc():
    found = read_csv(
        "movie_id,rating,time\n1,5,2024-05-31\n2,5,2024-05-31 20:15\n3,5,2024-05-31T20:15+02:00\n"
    )
    assert [rating.at.isoformat() for rating in found.ratings.values()] == [
        "2024-05-31T00:00:00+00:00",
        "2024-05-31T20:15:00+00:00",
        "2024-05-31T18:15:00+00:00",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is empty"),
        ("a\n1\n", "line 1: the columns movie_id and rating .or mark. are needed; found: a"),
        ("Name,Rating\nAlien,5\n", "line 1: .* found: Name, Rating"),
        ("movie_id,title\n1,Alien\n", "line 1: .* found: movie_id, title"),
        ("movie_id,rating\n1,5\n2,6\n", r"line 3: stars must be from 0\.5 to 5, not '6' \(movie 2"),
        ("movie_id,rating\n1,five\n", "line 2: stars .* not 'five'"),
        ("movie_id,rating\n1,nan\n", "line 2: stars .* not 'nan'"),
        ('movie_id,rating\n1,"4,5"\n', "line 2: stars .* not '4,5'"),
        ("movie_id,rating\n,5\n", "line 2: movie_id is empty"),
        ("movie_id,rating\n1\n", "line 2: movie 1 needs a rating or a mark, and has neither"),
        ("movie_id,rating,mark\n1,5,seen\n", "line 2: .* has both"),
        ("movie_id,mark\n1,watched\n", "line 2: mark must be one of not_interested, seen, not_s"),
        ("movie_id,rating,time\n1,5,yesterday\n", "line 2: time must be such as .* 'yesterday'"),
        ("movie_id,rating,time\n1,5,0001-01-01T00:00:00+09:00\n", "line 2: .* years 1 to 9999"),
        ('movie_id,rating\n"""1",5\n', "line 2: movie_id has an odd quotation mark"),
        ('movie_id,rating\n"1,5\n', "line 2: unexpected end of data"),
        (b"movie_id,rating\n1,5\n\xe9t\xe9,5\n", "line 3: this is not UTF-8 text"),
        ("movie_id,rating\n" + "1" * 5000 + ",5\n", "line 2: .*4300"),
        ("movie_id,rating\n" + "x" * 200_000 + ",5\n", "line 2: field larger than field limit"),
    ],
)
def test_lines_that_cannot_be_read_are_named(content, said):
    with pytest.raises(ValueError, match=said):
        read_csv(content)


def test_a_store_takes_back_what_it_gave(store):
    ada, bob = (store.create("ml-100k", name).id for name in ("Ada", "Bob"))
    store.add(ada, ENTRIES)
    store.rate_many(bob, {50: 1, 8: 2})
    store.mark(bob, 7, Mark.SEEN)
    store.add(bob, read_csv(write_csv(store.entries(ada))))
    found = store.entries(bob)
    assert found.stars == {50: 4.5, "tt1": 1.0, 8: 2.0}
    assert found.hidden == {7}
    assert set(found.marks[Mark.SEEN]) == set(found.marks[Mark.NOT_INTERESTED]) == {7}
    store.undo(bob)
    assert store.entries(bob).stars == {50: 1.0, 8: 2.0}


def test_the_file_is_one_that_csv_readers_read():
    rows = list(csv.DictReader(io.StringIO(write_csv(ENTRIES))))
    assert [row["movie_id"] for row in rows] == ["50", "tt1", "7"]
    assert [row["rating"] for row in rows] == ["4.5", "1", ""]
