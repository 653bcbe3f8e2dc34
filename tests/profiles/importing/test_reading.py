"""From files to lines: encodings, separators, and what can be wrong with a file or a line."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold.profiles import delimited_text
from cinefold.profiles.importing import ImportFileError, export_files, read_export
from tests.profiles.importing.exports import (
    RATED,
    archive,
    imdb,
    letterboxd,
    movies,
    problems,
    table,
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_line_ends_and_separators(encoding, end, delimiter):
    text = table(("Title", "Year", "Rating"), ("Élan, & Raison", 1988, 4), delimiter=delimiter)
    content = text.decode().replace("\r\n", end).encode(encoding)
    assert movies(read_export(content)) == [("Élan, & Raison", 1988, 4)]


def test_western_windows_text():
    content = "title,rating\nÉlan – “Raison”,4\n".encode("cp1252")
    assert movies(read_export(content))[0][0] == "Élan – “Raison”"
    assert movies(read_export(b"title,rating\n\x81\xe9,4\n"))[0][0] == "é"  # not even in cp1252


def test_big_endian_text_with_its_mark():
    content = codecs.BOM_UTF16_BE + "title,rating\nÉlan,4\n".encode("utf-16-be")
    assert movies(read_export(content)) == [("Élan", None, 4)]


def test_line_breaks_in_quotes_and_lines_of_their_own():
    content = b'sep=;\n\n"title";"rating"\n"The\nGolden  Comet";4\n\n;;\nDouble Bill;3\n'
    export = read_export(content)
    assert [(line.line, line.title) for line in export.lines] == [
        (4, "The Golden Comet"),
        (8, "Double Bill"),
    ]


def test_a_tab_is_a_separator_that_is_named():
    assert movies(read_export(b"sep=\t\ntitle\trating\nSoup\t4\n")) == [("Soup", None, 4)]


def test_signs_that_steer_terminals_are_taken_out():
    assert (
        movies(read_export(b"title,rating\n\x1b[31mRed\x07 Soup\x00,4\n"))[0][0] == "[31mRed Soup"
    )


def test_markup_is_text():
    title = "<script>alert('x')</script> & <b>Soup</b>"
    assert movies(read_export(table(("title", "rating"), (title, 4))))[0][0] == title


def test_short_and_long_rows():
    export = read_export(b"title,year,rating\nSoup\nStew,1999,4,more,and more\n")
    assert movies(export) == [("Soup", None, None), ("Stew", 1999, 4)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-01-01T00:00:00+01:00", datetime(2019, 12, 31, 23, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", None),  # before year 1 in UTC
        ("9999-12-31T23:59:59-01:00", None),
        ("9999999999", datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC)),
        ("99999999999999", None),
        ("yesterday", None),
    ],
)
def test_a_date_that_cannot_be_leaves_the_rating(written, expected):
    export = read_export(table(("title", "rating", "date"), ("Soup", 4, written)))
    assert [(line.rated_at, line.problem) for line in export.lines] == [(expected, "")]


# -- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rating", "problem"),
    [
        ("5.5", "the rating 5.5 is not from 0.5 to 5"),
        ("0", "the rating 0 is not from 0.5 to 5"),
        ("-1", "the rating -1 is not from 0.5 to 5"),
        ("good", "the rating 'good' is not a number"),
        ("nan", "the rating 'nan' is not a number"),
        ("inf", "the rating 'inf' is not a number"),
        ("", ""),
    ],
)
def test_ratings_that_cannot_be(rating, problem):
    export = read_export(letterboxd(("Soup", 1970, rating)))
    assert problems(export) == [problem]


def test_imdb_starts_at_one():
    assert problems(read_export(imdb(("tt1", 0.5, "Soup", "Movie", 1970)))) == [
        "the rating 0.5 is not from 1 to 10"
    ]


def test_a_line_without_a_movie():
    assert problems(read_export(letterboxd(("  ", 1970, 4)))) == ["no title"]


@pytest.mark.parametrize("n_lines", [1, 100, 10_100])
def test_a_quote_left_open_is_noticed(n_lines):
    content = b'title,rating\n"The Golden Comet,4\n' + b"Double Bill,3\n" * n_lines
    with pytest.raises(ImportFileError, match=r"line 2: .*quote left open"):
        read_export(content)


def test_marks_other_than_seen():
    content = b"movie_id,title,year,rating,mark,time\n1,Soup,1970,,seen,\n2,Stew,,,not_seen,\n"
    assert problems(read_export(content)) == ["", "marked not seen, not rated"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"\x1f\x8b\x08\x08title,rating\n1,2\n", "is not a text file"),
        (
            b"\xef\xbb\xbf <?xml?><films/>",
            "mine.csv: it is XML or a web page; export or save it as C",
        ),
        (b'[{"movie": {}}]', "it is JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "it is a spreadsheet of Excel"),
        (b"a,b\n1,2\n", "no column with titles of movies; its columns are 'a', 'b'"),
        (b"title,year\nSoup,1970\n,", "^$"),
        (b"title,year,length\nSoup,1970,90\n", "no column with ratings; .*'length'"),
        (b"userId,movieId,rating\n1,1,4\n2,1,5\n", "ratings of 2 users in its column 'userId'"),
        (
            "Название,Год,Оценка\nSoup,1970,4\n".encode("cp1251"),
            "look wrong, save the file as UTF-8",
        ),
        (archive({"ratings.csv/": b""}), "without ratings.csv or watched.csv"),
        (b"title,rating,Title\nSoup,4,Soup\nHeat,5,Fargo\n", "two columns 'title' that differ"),
        (archive({"book.xml": b"<x/>"}), "without ratings.csv or watched.csv; it holds book.xml"),
        (archive({}), "without ratings.csv or watched.csv; it holds nothing"),
        (b"PK\x03\x04 and then nothing", "zip archive that cannot be opened"),
    ],
)
def test_files_that_cannot_be_read(content, message):
    if message == "^$":  # titles and years alone are a list of movies
        assert len(read_export(content).lines) == 1
        return
    with pytest.raises(ImportFileError, match=message):
        read_export(content, name="mine.csv")


def test_a_header_alone_has_no_movies():
    assert read_export(letterboxd()).lines == ()


# -- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "content", "message"),
    [
        ("MAX_BYTES", RATED, "more than 0 MB"),
        ("MAX_LINES", b"title,rating\n" + b"\n" * 200, "more than 100 lines"),
        ("MAX_ROWS", b"title,rating\n" + b"Soup,4\n" * 102, "line 102: .*more than 100 rows"),
        ("MAX_CELLS", b"title,rating\n" + b"Soup,4\n" * 102, "line 51: .*more than 100 cells"),
        ("MAX_COLUMNS", b"title" + b",x" * 101, "line 1: .*more than 100 columns"),
    ],
)
def test_a_table_beyond_a_limit_is_refused_with_its_name(monkeypatch, limit, content, message):
    monkeypatch.setattr(delimited_text, limit, 100)
    with pytest.raises(ImportFileError, match=message):
        read_export(content)


@pytest.mark.parametrize("length", [2**17 + 1, 2**20, 2**21])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("header", ["title,rating", "rating,title,year"])
def test_a_line_that_is_too_long_is_one_that_cannot_be_used(length, quote, header):
    long = quote + "x" * length + quote
    lines = read_export(f"{header}\n4,{long}\n3,3\n{long}".encode()).lines
    assert [(line.line, bool(line.problem)) for line in lines] == [(2, True), (3, False), (4, True)]


def test_a_quote_left_open_in_the_last_line_takes_nothing_along():
    (line,) = read_export(b'rating,title\n4,"Soup').lines
    assert (line.title, line.rating, line.problem) == ("Soup", 4.0, "")


def test_archives_that_unpack_to_much_more_are_not_unpacked():
    bomb = archive({"ratings.csv": b"title,rating\n" + b"\n" * 2**21})
    with pytest.raises(ImportFileError, match="more than 100 times its size"):
        read_export(bomb)
    small = archive({"ratings.csv": b"title,rating\n" + b"Soup,4\n" * 20_000})
    assert len(read_export(small).lines) == 20_000


def test_archives_of_many_files_are_not_opened(monkeypatch):
    monkeypatch.setattr(export_files, "MAX_MEMBERS", 5)
    with pytest.raises(ImportFileError, match="more than 5 files"):
        read_export(archive({f"{number}.csv": b"" for number in range(6)}))


def test_damaged_members_are_said_to_be():
    content = bytearray(archive({"ratings.csv": RATED * 20}))
    content[60:90] = bytes(30)
    with pytest.raises(ImportFileError, match=r"ratings\.csv cannot be unpacked"):
        read_export(bytes(content))


def test_a_file_on_disk(tmp_path):
    path = tmp_path / "watchlist.csv"
    path.write_bytes(RATED)
    assert read_export(path) == read_export(RATED, name="watchlist.csv")
    with pytest.raises(FileNotFoundError):
        read_export(tmp_path / "none.csv")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    try:
        export = read_export(content)
    except ImportFileError:
        return
    assert all(line.problem or line.title or line.movie_id for line in export.lines)
