"""The formats of the larger MovieLens data sets, line by line."""

from __future__ import annotations

import io

import pytest

from cinefold.datasets import Movie
from cinefold.datasets.movielens_formats import FORMATS, DamageError

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
    with pytest.raises(DamageError, match=message):
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
    with pytest.raises(DamageError, match=message):
        FORMATS[form].read_movies(content.encode())
