"""Arrays of several blocks, by threads, as NumPy does it at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from cinefold import Interactions
from cinefold.interactions.blocks import BLOCK, in_blocks, kept, taken
from cinefold.interactions.numbering import number

N = 2 * BLOCK + 5


def test_blocks_are_all_there_is() -> None:
    assert in_blocks(0, lambda block: block) == []
    assert in_blocks(3, lambda block: (block.start, block.stop)) == [(0, 3)]
    assert in_blocks(5, lambda block: (block.start, block.stop), 2) == [(0, 2), (2, 4), (4, 5)]
    with pytest.raises(ZeroDivisionError):
        in_blocks(4, lambda block: 1 / (block.start - 2), 2)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.9, 1.0])
def test_kept(share: float) -> None:
    rng = np.random.default_rng(0)
    mask, values = rng.random(N) < share, rng.random(N)
    offsets = np.sort(np.append(rng.integers(0, N, 99), [0, 0, BLOCK, N, N]))
    own_offsets, found, nothing = kept(mask, offsets, values, None)
    np.testing.assert_array_equal(found, values[mask])
    rows = [values[begin:end][mask[begin:end]] for begin, end in pairwise(offsets)]
    assert np.diff(own_offsets).tolist() == list(map(len, rows))
    assert nothing is None


@pytest.mark.parametrize("n_distinct", [1, 3000])
def test_numbers_of_keys_that_share_slots(n_distinct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cinefold.interactions.numbering._SMALL", 1)
    rng = np.random.default_rng(0)
    keys = rng.choice(rng.integers(-(2**63), 2**63, n_distinct), 4000)
    positions, numbers = number(keys)
    assert len(positions) == len({*keys})
    np.testing.assert_array_equal(keys[positions][numbers], keys)


@pytest.mark.parametrize("kind", ["text", "surrogates", "far apart"])
def test_many_ids(kind: str) -> None:
    """All threads number the ids of their blocks in one table."""
    numbers = np.random.default_rng(0).integers(0, 60_000, 2 if kind == "surrogates" else N)
    ids = numbers * 10**13
    if kind != "far apart":
        prefix = pl.lit("no. " if kind == "text" else "")
        ids = pl.select(prefix + pl.Series(numbers).cast(pl.String)).to_series().to_numpy()
    if kind == "surrogates":
        ids = ids + "\ud800"
    found = Interactions.from_arrays(ids, np.arange(len(ids)))
    _, first, indices = np.unique(numbers, return_index=True, return_inverse=True)
    if kind == "text":
        by_text = np.argsort(ids[first])
        first, indices = first[by_text], np.argsort(by_text)[indices]
    assert found.user_ids.tolist() == ids[first].tolist()
    np.testing.assert_array_equal(found.user_counts(), np.bincount(indices))
    np.testing.assert_array_equal(taken(indices, found.by_user.indices), found.by_user.nonzero()[0])
