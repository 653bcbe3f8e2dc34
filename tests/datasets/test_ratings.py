"""Ratings of one's own: whatever the file is like, the same ratings come out, or a clear error."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cinefold
from cinefold.datasets import DatasetError, Movie, RatingsFile, load_ratings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# User, item, rating, time: with ids that only look like numbers.
ROWS = [("ann", "x1", 4.5, 30), ("ann", "007", 3.0, 10), ("bob é", "x1", 0.5, 20)]


def _lines(separator: str = ",", *, header: str = "userId,movieId,rating,timestamp") -> str:
    rows = [header.replace(",", separator)]
    for user, item, rating, time in ROWS:
        number = str(rating) if separator == "," else str(rating).replace(".", ",")
        rows.append(separator.join((user, item, number, str(time))))
    return "\n".join(rows) + "\n"


def _frame() -> pl.DataFrame:
    names = ["uid", "item_id:token", "stars", "time"]
    return pl.DataFrame(ROWS, schema=names, orient="row")


WAYS: dict[str, Callable[[Path], object]] = {
    "comma": lambda path: path.write_bytes(_lines().encode()),
    "byte order mark": lambda path: path.write_bytes(_lines().encode("utf-8-sig")),
    "semicolon": lambda path: path.write_bytes(_lines(";").encode()),
    "tab": lambda path: path.write_bytes(_lines("\t").encode()),
    "bar": lambda path: path.write_bytes(_lines("|").encode()),
    "CRLF": lambda path: path.write_bytes(_lines().replace("\n", "\r\n").encode()),
    "blank lines": lambda path: path.write_bytes(_lines().replace("\n", "\n\n").encode()),
    "no last line end": lambda path: path.write_bytes(_lines().rstrip().encode()),
    "Latin-1": lambda path: path.write_bytes(_lines().encode("latin-1")),
    "UTF-16 without its mark": lambda path: path.write_bytes(_lines().encode("utf-16-be")),
    "UTF-16": lambda path: path.write_bytes(_lines().encode("utf-16")),
    "quoted": lambda path: path.write_bytes(_lines().replace("bob é", '"bob é"').encode()),
    "other names": lambda path: path.write_bytes(
        _lines(header="User ID,movie,SCORE,rated_at").encode()
    ),
    "columns beside": lambda path: path.write_bytes(
        _lines(header="user_id,item,stars,date").replace("\n", ",note\n").encode()
    ),
    "Parquet": lambda path: _frame().write_parquet(path),
    "Parquet, categories": lambda path: (
        _frame().with_columns(pl.col("uid").cast(pl.Categorical)).write_parquet(path)
    ),
    "Parquet files": lambda path: (
        path.mkdir(),
        *(_frame()[i].write_parquet(path / f"part-{i}.parquet") for i in range(3)),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_ratings_from_every_file(way: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.data"
    WAYS[way](path)
    data = load_ratings(path)
    ratings = data.interactions
    assert ratings.user_ids.tolist() == ["ann", "bob é"]
    assert ratings.item_ids.tolist() == ["007", "x1"]
    np.testing.assert_array_equal(ratings.by_user.toarray(), [[3, 4.5], [0, 0.5]])
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [10, 30, 20]
    assert [movie.title for movie in data.movies] == ["007", "x1"]
    assert (data.name, data.source) == ("mine", f"read from {path}")


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., cinefold.MovieData]:
    def run(text: str, **options: Any) -> cinefold.MovieData:
        path = tmp_path / "ratings.csv"
        path.write_text(text, encoding="utf-8")
        return cinefold.load_ratings(path, **options)

    return run


def test_columns_that_are_named(load, caplog):
    caplog.set_level(logging.INFO)
    data = load(
        "a,b,c,d,user\nu,i,3,5,x\n", user="a", item="b", rating="c", timestamp="d", name="A"
    )
    assert data.name == "A"
    assert data.interactions.user_ids.tolist() == ["u"]
    (line,) = caplog.messages
    assert line == "ratings.csv: user is 'a', item is 'b', rating is 'c', timestamp is 'd'"


def test_that_there_are_no_ratings_may_be_said(load, tmp_path):
    data = load("user,item,n_plays\n1,2,3\n", rating="")
    assert data.interactions.by_user.data.tolist() == [1]
    load("user,item,comment,wann\n1,2,3 stars,1500000000\n1,3,,1500000001\n")
    frame = pl.DataFrame({"user": [1], "item": [2], "day": ["2020-01-01"], "flag": [True]})
    for others, expected in (({}, nullcontext()), ({"n": 3.0}, pytest.raises(DatasetError))):
        frame.with_columns(**others).write_parquet(tmp_path / "plays.parquet")
        with expected:
            load_ratings(tmp_path / "plays.parquet")


def test_what_was_guessed_is_said(load, caplog):
    caplog.set_level(logging.INFO)
    data = load("user,movie\n5,7\n6,7\n")
    assert data.interactions.by_user.toarray().tolist() == [[1], [1]]
    assert data.interactions.timestamps is None
    assert data.interactions.user_ids.dtype == np.int64
    (line,) = caplog.messages
    assert "user is 'user', item is 'movie'" in line
    assert "every row counts as 1" in line


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20, unique=True),
    st.sampled_from([",", ";", "\t"]),
)
def test_integers_come_back_as_they_were(load, ids, separator):
    text = "".join(f"{i}{separator}{i}\n" for i in ids)
    assert load(f"user{separator}item\n{text}").interactions.user_ids.tolist() == sorted(ids)


def test_numbers_too_long_for_integers_are_text(load):
    data = load("user,item\n99999999999999999999,1\n5,2\n")
    assert data.interactions.user_ids.tolist() == ["5", "99999999999999999999"]


@pytest.mark.parametrize(
    ("texts", "microseconds"),
    [
        (("2020-01-02", "1969-12-31"), (1577923200_000000, -86400_000000)),
        (("2020-01-02T03:04:05", "2020-01-02 03:04"), (1577934245_000000, 1577934240_000000)),
        (("2020-01-02T03:04:05.5Z", "2020-01-02"), (1577934245_500000, 1577923200_000000)),
        (("2020-01-02T03:04:05+01:00", "2020/01/02"), (1577930645_000000, 1577923200_000000)),
    ],
)
def test_iso_dates(load, texts, microseconds):
    first, second = texts
    data = load(f"user,item,date\n1,1,{first}\n2,1,{second}\n")
    assert data.interactions.timestamps.tolist() == list(microseconds)


def test_repeated_pairs_are_said(load, caplog):
    data = load("user,item,rating,time\n1,1,5,9\n1,1,3,4\n")
    assert data.interactions.by_user.data.tolist() == [5]
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "1 ratings repeat a pair" in record.getMessage()


HEAD = "user,item,rating,date\n1,1,3,2020-01-01\n"
ERRORS = {
    "no user": ("a,item\n1,2\n", {}, r"looks like the user's id; the columns are a, item; .*user="),
    "no item": ("user,b\n1,2\n", {}, r"looks like the item's id; .*--item-column"),
    "two users": ("user,userId,item\n1,2,3\n", {}, r"'user' and 'userId' may each.*--user-column"),
    "two times": ("user,item,time,date\n1,2,3,4\n", {}, r"'time' and 'date'.*--timestamp-column"),
    "not there": ("user,item\n1,2\n", {"rating": "r"}, r"no column 'r' .*columns are user, item"),
    "twice": ("user,item\n1,2\n", {"user": "item"}, r"'item' cannot be user and item at once"),
    "rating": (HEAD + "1,2,good,2020-01-01\n", {}, r"line 3: column 'rating' has 'good', not a nu"),
    "beyond float32": (HEAD + "1,2,1e40,2020-01-01\n", {}, r"line 3: .*'1e40', .*float32 holds"),
    "like ratings": ("user,item,n_plays\n1,2,3\n", {}, r"'n_plays' may be.*--rating-.* give \"\""),
    "with decimal commas": ("user;item;Punkte;wann\n1;2;3,5;1500000000\n", {}, r"'Punkte' may be"),
    "infinite": (HEAD + "1,2,inf,2020-01-01\n", {}, r"line 3: column 'rating' has 'inf'"),
    "no rating": (HEAD + "1,2,,2020-01-01\n", {}, r"line 3: column 'rating' is empty"),
    "date": (HEAD + "1,2,3,2020-13-01\n", {}, r"line 3: column 'date' has '2020-13-01'.*ISO"),
    "id": (HEAD + "1, ,3,2020-01-01\n", {}, r"line 3: column 'item' is empty|has ' '"),
    "too many": (HEAD + "1,2,3,2020-01-01,9\n", {}, r"line 3: 5 fields, not 4"),
    "empty": ("", {}, r"ratings\.csv is empty"),
    "only names": ("user,item\n", {}, r"there are no ratings"),
    "no names": ("1,2,3\n4,5,6\n", {}, r"first line .* must name the columns.*'1,2,3'"),
    "one column": ("user\n1\n", {}, r"one column, 'user'"),
    "binary": ("user\0item", {}, r"neither CSV, TSV nor Parquet"),
    "not Parquet": ("PAR1 and so on", {}, r"is damaged: parquet"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_the_file_and_what_is_wrong(case, load, tmp_path):
    text, options, message = ERRORS[case]
    with pytest.raises(DatasetError, match=message) as caught:
        load(text, **options)
    assert str(tmp_path / "ratings.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


LONG = "x" * 140_000
QUOTES = {
    "inside": '12" Vinyl',
    "at the end": 'Vinyl 12"',
    "two": '"12" and 7"',
    "behind a quoted cell": '"12" Vinyl',
    "of several lines": '"12\n\n""Vinyl"""',
    "long, without quotes": LONG,
    "long, in quotes": f'"{LONG}"',
}  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("case", QUOTES)
def test_quotes_are_read_as_by_spreadsheets(case, separator, load):
    rows = [("user", "item", "title", "stars"), ("u", "1", QUOTES[case], "4"),
            ("u", "2", '7" single', "1"), ("v", "1", "", "2")]  # fmt: skip
    if LONG in QUOTES[case]:  # too long for csv, which other quotes would need
        rows[2] = ("u", "2", '"7"" single"', "1")
    ratings = load("\n".join(map(separator.join, rows))).interactions
    assert ratings.by_user.toarray().tolist() == [[4, 1], [2, 0]]


def test_line_ends_of_old_macs(load):
    assert load("user,item,stars\ru,1,4\ru,2,3\r").interactions.by_user.toarray().tolist() == [
        [4, 3]
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('1,2,"a\nb",3\n1,2,7" s,x\n', "line 4: column 'stars' has 'x'"),
        ('1,2,7" s,3\n1,2,a,3,4\n', "line 3: 5 fields, not 4"),
        ('1,2,"open,3\n' + "1,2,a,3\n" * 20_000, "line 2: a cell has over 131,072 characters"),
        (f'1,2,7"{LONG},3\n', "line 2: a cell has over 131,072 characters"),
        ("1,2" + "," * 300_000 + "\n", "line 2: 300002 fields, not 4"),
        (f"{LONG},2,a,3\n", r"line 2: column 'user' has 'x+...x+', not an id of up to 1,000"),
        ("1,2," + "x" * (10 << 20), "a line of over 4,194,304 characters"),
    ],
    ids=lambda value: value[:40],
)
def test_lines_that_are_refused(load, text, message):
    with pytest.raises(DatasetError, match=message) as caught:
        load("user,item,title,stars\n" + text)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (",".join(f"c{i}" for i in range(1_000_000)), "the first line of .* longer than 65,536"),
        (",".join("abcdefgh" * 200), "1,600 columns, more than 1,000"),
        ("user,item,rating,rating", "2 columns called 'rating'"),
    ],
    ids=lambda value: value[:40],
)
def test_columns_that_are_refused(load, header, message):
    with pytest.raises(DatasetError, match=message):
        load(header + "\n1,2,3,4\n")


@pytest.mark.parametrize(
    "time", ["inf", "nan", "1e300", "99999999999999999999", "10000-01-01", "2020-02-30"]
)
def test_times_that_are_none(load, time):
    with pytest.raises(DatasetError, match=f"line 2: column 'date' has '{time}', not a number or"):
        load(f"user,item,date\n1,2,{time}\n")


def test_numbers_among_dates_are_no_times(load):
    for dates, wrong in (("2020-01-01 2020-01-02 7", "line 4"), ("7 8 2020-01-01", "line 4")):
        rows = (f"1,{item},{date}\n" for item, date in enumerate(dates.split()))
        with pytest.raises(DatasetError, match=f"{wrong}: column 'date' has"):
            load(f"user,item,date\n{''.join(rows)}")


@pytest.mark.parametrize("name", ["a[1].csv", "*.csv", "a?.csv", "{a,b}.csv", "~.csv", "a\nb.csv"])
def test_any_name_of_a_file(name, tmp_path):
    (tmp_path / "a1.csv").write_text("user,item\nother,2\n")
    (tmp_path / name).write_text("user,item\nann,1\n")
    assert load_ratings(tmp_path / name).interactions.user_ids.tolist() == ["ann"]


@pytest.mark.parametrize("path", ["/dev/zero", ".", "fifo", "a\0b", "a" * 5000])
def test_only_regular_files(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    with pytest.raises(DatasetError, match=r"there is no (regular )?file|too long"):
        load_ratings(path)


def test_missing_file(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no file .*nowhere\.csv"):
        load_ratings(tmp_path / "nowhere.csv")


def test_a_file_is_never_called_as_a_data_set_of_the_catalogue(tmp_path):
    (tmp_path / "ml-100k.csv").write_text("user,item\n1,2\n")
    assert RatingsFile(str(tmp_path / "ml-100k.csv")).load().name == "ml-100k.csv"
    assert RatingsFile(str(tmp_path / "club.csv")).name == "club"


# -- titles ---------------------------------------------------------------------------------------


@pytest.fixture
def titled(load, tmp_path):
    def run(ratings: str, titles: str) -> cinefold.MovieData:
        path = tmp_path / "titles.csv"
        path.write_text(titles, encoding="utf-8")
        return load(ratings, titles=path)

    return run


def test_titles_years_and_genres(titled):
    data = titled(
        "user,item\n1,5\n1,7\n2,8\n",
        'id,title,year,genres\n5,"Last Galaxy, The (1995)",,Sci-Fi|War\n8,Élan,1988,\n9,More,,\n',
    )
    assert list(data.movies) == [
        Movie(5, "The Last Galaxy", 1995, ("Sci-Fi", "War")),
        Movie(7, "Movie 7"),
        Movie(8, "Élan", 1988),
        Movie(9, "More"),
    ]


def test_titles_of_text_ids(titled, caplog):
    caplog.set_level(logging.INFO)
    data = titled("user,item\n1,007\n1,x\n", "movie;name\n007;Seven\n7;Other\n")
    assert data.movies["007"].title == "Seven"
    assert any("titles for 1 of 2 items" in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("titles", "message"),
    [
        ("id,title\n5,A\n5,B\n", r"line 3: the id '5' is there twice"),
        ("id,title\nx,A\n", r"line 2: the id is 'x', not an integer"),
        ("id,title,year\n5,A,soon\n", r"line 2: the year is 'soon'"),
        ("id,title,year\n5,A,inf\n", r"line 2: the year is 'inf'"),
        ("id,title\n9223372036854775808,A\n", r"line 2: the id is '9223372036854775808', not"),
        (f"id,title\n5,{'x' * 1001}\n", r"line 2: the title has 1,001 characters"),
        ("id,name,title\n5,A,B\n", r"'name' and 'title' may each"),
        ("id,what\n5,A\n", r"has the columns id and title"),
    ],
)
def test_damaged_titles(titled, titles, message):
    with pytest.raises(DatasetError, match=message) as caught:
        titled("user,item\n1,5\n", titles)
    assert "titles.csv" in str(caught.value)
