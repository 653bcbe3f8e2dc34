"""Tables that no service writes, and the scale of their ratings."""

from __future__ import annotations

import pytest

from cinefold.profiles.importing import read_export
from tests.profiles.importing.exports import (
    RATED,
    movies,
    problems,
    table,
)


def test_any_table_of_ratings():
    content = b"Titel;Jahr;Bewertung\nDouble Bill;1993;3,5\n"
    assert movies(read_export(content)) == [("Double Bill", 1993, 3.5)]


@pytest.mark.parametrize(
    ("ratings", "highest", "taken"),
    [
        ([1, 3.5, 5], 5, [1, 3.5, 5]),
        ([7, 2, 10], 10, [7, 2, 10]),
        ([55, 80], 100, [55, 80]),
        ([8], 10, [8]),
        ([], 5, []),
        ([5, 4.5, 2, 45], 5, [5, 4.5, 2, "the rating 45 is not from 0.5 to 5"]),
        (
            [4] * 38 + [9, 10],
            5,
            [4] * 38 + [f"the rating {n} is not from 0.5 to 5" for n in (9, 10)],
        ),
        ([4] * 36 + [9, 10], 10, [4] * 36 + [9, 10]),
        ([8, 9, 10, 95], 10, [8, 9, 10, "the rating 95 is not from 0.5 to 10"]),
        (["4,5", "3", "2,5"], 5, [4.5, 3, 2.5]),
        (["90%", "45 %", "100%"], 100, [90, 45, 100]),
        (["4/5", "8/10", "10/10"], 10, [8, 8, 10]),
        (["8/10", "4", "3.5", "5", "90%"], 5, [4, 4, 3.5, 5, 4.5]),
        (["9 out of 10", "11/10"], 10, [9, "the rating 11 is not from 0.5 to 10"]),
        (["★★★★½", "½", "3½", "2 stars", "★★☆☆☆"], 5, [4.5, 0.5, 3.5, 2, 2]),
        (["4/0", "5"], 5, ["the rating '4/0' is not a number", 5]),
        (["1e3", "4/5/2020", "1" * 400], 5, ["'1e3' is", "'4/5/2020' is", "not a number"]),
    ],
)
def test_the_scale_is_the_smallest_that_nearly_all_ratings_fit(ratings, highest, taken):
    export = read_export(table(("title", "rating"), *(("Soup", rating) for rating in ratings)))
    assert export.highest == highest
    assert len(export.lines) == len(taken)
    for line, expected in zip(export.lines, taken, strict=True):
        if isinstance(expected, str):
            assert expected in line.problem
        else:
            assert (line.rating, line.problem) == (pytest.approx(expected), "")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Title,Year,Rating", "I, Robot,2004,3"),
        ("Rating,Title,Year", "3,I, Robot,2004"),
        ("Title,Rating,Year", "I, Robot,3,2004"),
        ("Rating,Title", "3,I, Robot"),
    ],
)
def test_a_comma_without_quotes_spoils_one_line_only(header, row):
    good = {"Title": "Soup", "Year": "1970", "Rating": "5"}
    lines = [",".join(good[name] for name in header.split(","))] * 3
    export = read_export("\n".join((header, *lines, row)).encode())
    assert export.highest == 5
    assert [bool(problem) for problem in problems(export)] == [False] * 3 + [True]


def test_a_scale_can_be_told():
    export = read_export(table(("title", "rating"), ("Soup", 4)), highest=10)
    assert (export.highest, problems(export)) == (10, [""])
    with pytest.raises(ValueError, match="above 0"):
        read_export(RATED, highest=0)
