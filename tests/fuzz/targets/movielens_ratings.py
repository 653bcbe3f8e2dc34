"""Ratings in the formats of MovieLens."""

from __future__ import annotations

import io

from cinefold.datasets.movielens_formats import FORMATS

SEEDS = [
    b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n",
    b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3.0\t4\n5\t6\t1.5\t7\n",
    b"1::122::5::838985046\n1::185::4.5::838983525\r\n\r\n71567::9::0.5::838983392",
    b"\xef\xbb\xbfuserId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,29,3.5,1112484676\n",
    b'"","timestamp","rating","movieId","userId","tag"\n"1",964982703,4,1,1,"a, b"\n',
    b"\n\n1, 2, 4.5, 964982703.0\n7,9,3,1e9\n",
]


def check(data: bytes) -> None:
    for form in FORMATS.values():
        try:
            columns = form.read_ratings(io.BytesIO(data))
        except ValueError as error:
            assert len(str(error)) < 100_000  # noqa: PT017
            continue
        assert len({len(column) for column in columns.values()}) == 1
