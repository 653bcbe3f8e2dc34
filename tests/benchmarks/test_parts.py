from __future__ import annotations

import numpy as np
import pytest

from benchmarks import parts
from cinefold import Interactions


def test_users_and_items_with_enough_ratings():
    # Item 2 has one rating; without it user 1 has one; without user 1 all others have two.
    users, items = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 2, 0, 1])
    kept = parts.with_enough((users, items, np.ones(6, np.float32)), 2, 2)
    assert [column.tolist() for column in kept[:2]] == [[0, 0, 2, 2], [0, 1, 0, 1]]


def test_a_part_is_a_share_that_is_divided():
    users, items = np.divmod(np.arange(40 * 50), 50)
    pairs = users, items, np.ones(2000, np.float32)
    part = parts.Part("any", 3, users=0.5, items=0.5, ratings=0.5)
    train, test = parts.divided(pairs, part)
    assert 12 < train.n_users < 28
    assert 15 < train.n_items < 35
    assert train.n_ratings + test.n_ratings == pytest.approx(250, rel=0.4)
    assert test.n_ratings == pytest.approx(train.n_ratings / 4, rel=0.2)
    again = parts.divided(pairs, part)[0]
    assert np.array_equal(train.by_user.indices, again.by_user.indices)


def test_a_row_for_each_part(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    data = Interactions.from_arrays(*rng.integers(0, 60, (2, 1500)), duplicates="max")
    pairs = np.stack([np.repeat(np.arange(data.n_users), data.user_counts()), data.by_user.indices])
    is_test = np.arange(pairs.shape[1]) % 5 == 0
    np.savez(tmp_path / "small.npz", train=pairs[:, ~is_test], test=pairs[:, is_test])
    known = {"small, all": parts.Part("small", 0), "gone": parts.Part("nowhere", 0)}
    monkeypatch.setattr(parts, "PARTS", known)
    parts.main(tmp_path, [])
    *_, row = capsys.readouterr().out.splitlines()
    name, length, few, default, cost = (cell.strip() for cell in row.strip("|").split("|"))
    assert name == "small, all"
    assert 10 < float(length) < 30
    assert 0 < float(few) <= 1
    assert default == f"{few} (64)"  # too few ratings to try any settings
    assert cost.endswith("s)")
