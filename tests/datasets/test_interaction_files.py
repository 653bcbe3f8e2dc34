from __future__ import annotations

import os

import polars as pl
import pytest

from cinefold.datasets import DatasetError, load_interactions


def read(folder, text, name="train.txt"):
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    data = load_interactions(file)
    rows, columns = data.by_user.nonzero()
    pairs = zip(data.user_ids[rows].tolist(), data.item_ids[columns].tolist(), strict=True)
    return sorted(pairs), data


@pytest.mark.parametrize(
    ("text", "pairs"),
    {
        "adjacency lists": (
            "0 5 7 9\n1 7\n2\n\n3 5 9 \n",
            [(0, 5), (0, 7), (0, 9), (1, 7), (3, 5), (3, 9)],
        ),
        "tabs, and Windows": ("\ufeff4\t1\t2\r\n5\t1\r\n", [(4, 1), (4, 2), (5, 1)]),
        "a user in two lines, an item twice": ("0 5\n0 5 6\n", [(0, 5), (0, 6)]),
        "pairs": ("0 5\n1 7\n0 7\n", [(0, 5), (0, 7), (1, 7)]),
        "pairs with commas": ("0,5\n1,7\n", [(0, 5), (1, 7)]),
        "text": ("ann b1 b2\nbob b1\n", [("ann", "b1"), ("ann", "b2"), ("bob", "b1")]),
        "leading zeros are text": ("07 1\n8 1\n", [("07", 1), ("8", 1)]),
        "ids beyond 64 bits are text": ("99999999999999999999 1\n", [("99999999999999999999", 1)]),
        "a table": ("user,item\n3,4\n", [(3, 4)]),
        "RecBole's names": ("user_id:token\titem_id:token\n3\t4\n", [(3, 4)]),
        "lists of words": (
            "ann heat alien\nbob heat\n",
            [("ann", "alien"), ("ann", "heat"), ("bob", "heat")],
        ),
        "words like numbers": (
            "1 2 inf\n3 4 inf\n",
            [(1, "2"), (1, "inf"), (3, "4"), (3, "inf")],
        ),
        "negative ids": ("-5 -3\n-4 -2\n", [(-5, -3), (-4, -2)]),
        "lists of three": ("0 11 12\n1 11 13\n", [(0, 11), (0, 12), (1, 11), (1, 13)]),
    }.values(),
)
def test_who_interacted_with_what(tmp_path, text, pairs):
    found, data = read(tmp_path, text)
    assert found == pairs
    assert set(data.by_user.data.tolist()) == {1.0}


def test_tables_keep_their_ratings(tmp_path):
    _, data = read(tmp_path, "userId,movieId,rating\n3,4,2.5\n", "r.csv")
    assert data.by_user.data.tolist() == [2.5]
    pl.DataFrame({"user": [1, 2], "item": [5, 6]}).write_parquet(tmp_path / "r.parquet")
    assert load_interactions(tmp_path / "r.parquet").n_ratings == 2


def test_columns_that_are_named(tmp_path):
    text = "wer;was;Note;wann\nanna;alien;2;5\n"
    file = tmp_path / "train.csv"
    file.write_text(text)
    data = load_interactions(file, user="wer", item="was", rating="Note", timestamp="wann")
    assert data.item_ids.tolist() == ["alien"]
    assert (data.by_user.data.tolist(), data.timestamps.tolist()) == ([2], [5])
    with pytest.raises(DatasetError, match="no column 'Kunde' for user; the columns are wer, was"):
        load_interactions(file, user="Kunde")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no interactions"),
        ("1\n2\n", "has no interactions"),
        ("1\t2\t5\t880000000\n1\t3\t4\t880000001\n", "columns without names"),
        ("1,2,3.5\n1,3,4\n", "columns without names"),
        ("foo,bar\n1,2\n3,4\n", "no column looks like the user's id"),
        ("Kunde,Artikel\nc1,p7\nc2,p8\n", "looks like the user's id; .* are Kunde, Artikel; name"),
        ("Kunde;Artikel;wann\nc1;p7;1e9\nc2;p8;1e9\n", "looks like .* are Kunde, Artikel, wann;"),
        (
            "wer\tdas Buch\tNote (0.5-5)\nann\tx\t2.5\nbob\ty\t3\n",
            "looks like .* are wer, das Buch,",
        ),
        ('"Leser-Nr","Buch Code"\n"a 1","b 1"\n', "looks like .* are Leser-Nr, Buch Code;"),
        ("Kunde Artikel\n1 2\n", "has one column, 'Kunde Artikel'; .* evaluate --train"),
        ('{\n "format": "x",\n "n": 3\n}\n', "'{' in '{'; a line is a user"),
        ('{"a": 1}\n{"a": 2}\n', "a line is a user and their items"),
        ("[\n1,\n2\n]\n", "in '\\['; a line is"),
        ("ann lee,heat\nbob,alien\n", "columns without names"),
        ("c1,p7,1500000000\nc2,p8,1500000001\n", "columns without names"),
        ("c1\tp7\t1500000000\nc2\tp8\t1500000001\n", "columns without names"),
        ("1 51 13883\n1 52 20\n2 51 300\n", "columns without names"),
        ("0::10::5::978\n0::11::4::979\n", "divided by white space or a comma"),
        (b"\xff\xfe\x00", "neither UTF-8 text nor Parquet"),
    ],
)
def test_what_is_none_of_these_is_named(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere\.txt cannot be read"):
        load_interactions(tmp_path / "nowhere.txt")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero"):
        with pytest.raises(DatasetError, match="not a regular file"):
            load_interactions(path)
