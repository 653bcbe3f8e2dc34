"""Anybody's ratings and titles as CSV or alike."""

from __future__ import annotations

import logging

from cinefold.datasets import DatasetError, load_ratings
from tests.fuzz.scratch import file_of

logging.getLogger("cinefold").setLevel(logging.ERROR)
SEEDS = [
    b"userId,movieId,rating,timestamp\nann,1,4.5,30\nbob,007,3.0,10\n",
    b'user,item,title,rating,date\nann,1,Fargo,5,2020-01-02\nann,2,12" Vinyl,4,2020-01-02T03:04Z\n',
    b'"user";"item";"stars"\r\n"1";"2";"3,5"\r\n2;2;"4"\r\n',
    b"uid|film|note\r1|2|a\r2|2|\r",
    "\ufeffuser\titem\tscore\n\nbob \xe9\tx\t1e0\n".encode("utf-16"),
    b'id,title,year,genres,user\n1,"Last Galaxy, The (1995)",,Sci-Fi|War,1\n2,Heat,1995,a;b,2\n',
    b'user,item,text\n1,2,"a\nb ""c"" d"\n1,3,\n',
]


def check(data: bytes) -> None:
    path = file_of(data, "mine.csv")
    titles = file_of(data, "titles.csv")
    try:
        loaded = load_ratings(path, titles=titles)
    except DatasetError as error:
        _is_short(error)
        try:
            loaded = load_ratings(path)
        except DatasetError as other:
            _is_short(other)
            return
    assert loaded.interactions.n_ratings >= 1


def _is_short(error: DatasetError) -> None:
    assert ".csv" in str(error)
    assert len(str(error)) < 1000
    assert "\n" not in str(error)
