from __future__ import annotations

import numpy as np
import pytest

from benchmarks import tables

TRAIN = np.array([[0, 0, 1, 1, 2, 2, 3], [0, 1, 0, 2, 1, 2, 0]], np.int32)
VALID = np.array([[3], [1]], np.int32)
TEST = np.array([[0, 1, 2, 2], [2, 1, 0, 3]], np.int32)


def lists(pairs):
    return "".join(
        f"{user} {' '.join(map(str, pairs[1][pairs[0] == user]))}\n" for user in np.unique(pairs[0])
    )


@pytest.fixture(params=["archive", "folder", "folder of folders"])
def path(request, tmp_path):
    if request.param == "archive":
        np.savez_compressed(tmp_path / "small.npz", train=TRAIN, valid=VALID, test=TEST)
        return tmp_path / "small.npz"
    folder = tmp_path / "small"
    folder.mkdir()
    for name, part in (("train", TRAIN), ("valid", VALID), ("test", TEST)):
        (folder / f"{name}.txt").write_text(lists(part), encoding="utf-8")
    return folder if request.param == "folder" else tmp_path


def test_parts_in_all_forms(path):
    (parts,) = tables.read(path)
    assert parts.name == "small"
    assert parts.key == (4, 4, 4)
    assert [p.n_ratings for p in (parts.training, parts.validation, parts.test)] == [7, 1, 4]


def test_rows_beside_the_published_ones(path, monkeypatch, capsys):
    row = tables.Published("LightGCN", 0.0123, 0.9, "a paper")
    monkeypatch.setitem(tables.PUBLISHED, (4, 4, 4), ("Small", [row]))
    chosen = tables.Choice("by the test part", {"n_factors": 2, "degree_exponent": 0.5})
    monkeypatch.setitem(tables.SETTINGS, (4, 4, 4), [chosen])
    tables.main([str(path), "--threads", "1"])
    out = capsys.readouterr().out
    for words in ("Small: 4 x 4, 4 test", "LightGCN", "0.0123", "a paper", "Popularity", "default"):
        assert words in out
    assert "chosen by the test part: n_factors=2, degree_exponent=0.5" in out
    # Popularity lists 2 for users 0; 1 for 1; 0, 3 for 2: all there is, in full.
    assert "1.0000" in next(line for line in out.splitlines() if "Popularity" in line)


def test_what_is_no_division(tmp_path):
    with pytest.raises(ValueError, match="neither a folder nor"):
        list(tables.read(tmp_path / "nothing"))
    np.savez(tmp_path / "a.npz", train=TRAIN)
    with pytest.raises(ValueError, match="must have arrays train and test"):
        list(tables.read(tmp_path / "a.npz"))
