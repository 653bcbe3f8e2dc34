"""The formats of the larger MovieLens data sets, line by line."""

from __future__ import annotations

import io

import pytest

from cinefold.datasets import Movie
from cinefold.datasets.movielens_formats import FORMATS, read_links

RATINGS = {
    "colons": b"1::122::5::838985046\n1::185::4.5::838983525\n71567::9::0.5::838983392\n",
    "csv": b"userId,movieId,rating,timestamp\r\n"
    b"1,122,5.0,838985046\r\n1,185,4.5,838983525\r\n71567,9,0.5,838983392\r\n",
}


@pytest.mark.parametrize("form", RATINGS)
def test_ratings(form: str) -> None:
    columns = FORMATS[form].read_ratings(io.BytesIO(RATINGS[form]))
    assert list(columns) == ["user", "item", "rating", "timestamp"]
    assert list(zip(*(column.tolist() for column in columns.values()), strict=True)) == [
        (1, 122, 5.0, 838985046),
        (1, 185, 4.5, 838983525),
        (71567, 9, 0.5, 838983392),
    ]


MOVIES = [
    Movie(1, "The Last Galaxy", 1995, ("Adventure", "Sci-Fi")),
    Movie(2, "La Gare oubliée (The Forgotten Station)", 1958, ("Drama",)),
    Movie(3, 'Spinning "Tops": Part 2', 2004, ()),
    Movie(4, "Nameless Year", None, ("Film-Noir",)),
]
STORED = {
    "colons": "1::Last Galaxy, The (1995)::Adventure|Sci-Fi\n"
    "2::Gare oubliée, La (Forgotten Station, The) (1958)::Drama\n"
    '3::Spinning "Tops": Part 2 (2004)::(no genres listed)\n'
    "4::Nameless Year::Film-Noir\n",
    "csv": "movieId,title,genres\r\n"
    '1,"Last Galaxy, The (1995)",Adventure|Sci-Fi\r\n'
    '2,"Gare oubliée, La (Forgotten Station, The) (1958)",Drama\r\n'
    '3,"Spinning ""Tops"": Part 2 (2004)",(no genres listed)\r\n'
    "4,Nameless Year,Film-Noir\r\n",
}


@pytest.mark.parametrize(
    ("form", "encoding"),
    [("colons", "utf-8"), ("colons", "latin-1"), ("csv", "utf-8"), ("csv", "utf-8-sig")],
)
def test_movies(form: str, encoding: str) -> None:
    assert FORMATS[form].read_movies(STORED[form].encode(encoding)) == MOVIES


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("colons", b"1::2::3\n", "line 1: 3 fields, not 4"),
        ("colons", b"1::2::3::4\n1::x::3::4\n", "line 2: item_id is 'x', not an integer"),
        ("csv", b"userId,movieId,rating,timestamp\n1,2,3,4\n1,2,good,4\n", "line 3: rating"),
        ("csv", b"userId,movieId,rating,timestamp\n1,2,3\n", "line 2: 3 fields, not 4"),
    ],
)
def test_damaged_ratings(form: str, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FORMATS[form].read_ratings(io.BytesIO(content))


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("colons", "1::Heat (1995)\n", "line 1: 2 fields, not 3"),
        ("csv", "movieId,title,genres\n1,Heat, the (1995),Drama\n", "line 2: 4 fields, not 3"),
        ("csv", "movieId,title,genres\nx,Heat (1995),Drama\n", "line 2: the id is 'x'"),
    ],
)
def test_damaged_movies(form: str, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FORMATS[form].read_movies(content.encode())


# -- which column is what -------------------------------------------------------------------------

ROWS = b"1,122,5.0,838985046\n71567,9,0.5,838983392\n"
HEADERS = {
    "none": ROWS,
    "none, byte order mark": b"\xef\xbb\xbf" + ROWS,
    "capitals": b"USERID,MOVIEID,RATING,TIMESTAMP\n" + ROWS,
    "byte order mark": b"\xef\xbb\xbfuserId,movieId,rating,timestamp\n" + ROWS,
    "blank lines before": b"\n\nuserId,movieId,rating,timestamp\n" + ROWS,
    "other order": b"timestamp,rating,movieId,userId\n838985046,5,122,1\n838983392,0.5,9,71567\n",
    "quoted": b'"userId","movieId","rating","timestamp"\n"1","122","5.0","838985046"\n'
    b"71567,9,0.5,838983392\n",
    "R": b'"","userId","movieId","rating","timestamp","tag"\n"1",1,122,5,838985046,"a, b"\n'
    b'"2",71567,9,0.5,838983392,""\n',
    "spaces": b"userId, movieId, rating, timestamp\n1, 122, 5.0, 838985046\n"
    b"71567, 9, 0.5, 838983392.0\n",
}


@pytest.mark.parametrize("case", HEADERS)
def test_names_of_columns_decide(case: str) -> None:
    columns = FORMATS["csv"].read_ratings(io.BytesIO(HEADERS[case]))
    assert [column.tolist() for column in columns.values()] == [
        [1, 71567], [122, 9], [5.0, 0.5], [838985046, 838983392]
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["flags", "recbole", "colons"])
def test_names_of_columns_decide_in_every_format(form: str) -> None:
    for rows in (["7 8 4.5 99"], ["item_id:token user TIME rating", "8 7 99 4.5"]):
        text = "\n".join(rows).replace(" ", FORMATS[form].separator)
        columns = FORMATS[form].read_ratings(io.BytesIO(text.encode()))
        assert {role: column.tolist() for role, column in columns.items()} == {
            "user": [7], "item": [8], "rating": [4.5], "timestamp": [99]
        }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"usuario,pelicula,nota,fecha\n" + ROWS, "no column looks like the user's id; .*usuario"),
        (b"userId,movieId,rating\n1,2,3\n", "userId, movieId, rating; it must have .*timestamp"),
        (b"userId,movieId,rating,stars,time\n", "'rating' and 'stars' may each"),
        (b",".join([b"a"] * 1001), "1,001 columns"),
        (b"1,122,838985046,5\n", "line 1: rating is '838985046', above 100"),
        (ROWS + b",,,\n", "line 3: user_id is ''"),
        (ROWS + b"1,2,nan,5\n", "line 3: rating is 'nan', not a number"),
        (ROWS + b"1,2,1e39,5\n", "line 3: rating is '1e39', above 100"),
        (ROWS + b'1,2"2,3,5\n', "line 3: item_id is '2\"2', not an integer"),
        (ROWS + b'"1,2",3,5\n', "line 3: 3 fields, not 4"),
        (ROWS + b"1,2,3,inf\n", "line 3: timestamp is 'inf', not a number"),
        (ROWS + b"1,2,3,nan\n", "line 3: timestamp is 'nan', not a number"),
        (ROWS + b"1,2,3,1e300\n", "line 3: timestamp is '1e300', above"),
        (ROWS + b"1,2,3,1_000\n", "line 3: timestamp is '1_000', not a number"),
        (ROWS + b"9" * 5000 + b",2,3,4\n", r"line 3: user_id is '9+\.\.\.9+', not an integer"),
        (ROWS + b"1,2,3," + b"x" * 140_000, "line 3: more than 65,536 characters"),
        (ROWS + b"x" * 5_000_000 + b"\n", "line 3: more than 65,536 characters"),
    ],
    ids=lambda value: str(value[:40]),
)
def test_ratings_that_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        FORMATS["csv"].read_ratings(io.BytesIO(content))
    assert len(str(caught.value)) < 200 or b"a,a" in content


FLAGS = "|".join(FORMATS["flags"].movie_columns).upper()
FLAG_VALUES = "||0|0|1" + "|0" * 12 + "|1" + "|0" * 3
NAMED_MOVIES = {
    "csv": b'1,"Last Galaxy, The (1995)",Adventure|Sci-Fi\n',
    "csv, other order": b'GENRES,TITLE,ID\nAdventure|Sci-Fi,"Last Galaxy, The (1995)",1\n',
    "csv, year": b'id,title,year,genres\n1,"Last Galaxy, The",1995,Adventure|Sci-Fi\n',
    "colons": b"movieId::title::genres\n1::Last Galaxy, The (1995)::Adventure|Sci-Fi\n",
    "flags": f"{FLAGS}\n1|Last Galaxy, The (1995)||{FLAG_VALUES}\n".encode(),
    "recbole": b"1\tLast Galaxy, The\t1995\tSci-Fi Adventure\n",
}  # fmt: skip


@pytest.mark.parametrize("case", NAMED_MOVIES)
def test_names_of_columns_decide_for_movies(case: str) -> None:
    form = FORMATS[case.partition(",")[0]]
    assert form.read_movies(NAMED_MOVIES[case]) == MOVIES[:1]


@pytest.mark.parametrize(
    "content",
    [
        b"movieId,imdbId,tmdbId\n1,0114709,862\n",
        b"1,0114709,862\n",
        b"TMDBID,MOVIEID,IMDBID\n862.0,1,tt0114709\n",
    ],
)
def test_links(content: bytes) -> None:
    assert read_links(content) == {1: {"imdb_id": "tt0114709", "tmdb_id": 862}}


def test_stray_quotes_and_line_ends_in_titles() -> None:
    content = b'1,12" Vinyl (1995),Drama\n2,"a\nb",\n'
    assert [movie.title for movie in FORMATS["csv"].read_movies(content)] == ['12" Vinyl', "a\nb"]
    with pytest.raises(ValueError, match="line 3: 1 fields"):
        FORMATS["csv"].read_movies(b'1,"a\nb",\nx\n')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1," + b"x" * 1001 + b",\n", "line 1: the title has 1,001 characters"),
        (b"1," + b"x" * 140_000 + b",\n", "line 1: more than 65,536 characters"),
        (b'1,"a,b\n' + b"2,c,d\n" * 30_000, "line 1: more than .*double quote left open"),
        (b"9" * 400 + b",A,B\n", "line 1: the id is '9+...9+', above"),
        (b"what,title\n1,2\n", "the columns are what, title; the file must have id, title"),
    ],
    ids=lambda value: str(value[:40]),
)
def test_movies_that_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FORMATS["csv"].read_movies(content)
