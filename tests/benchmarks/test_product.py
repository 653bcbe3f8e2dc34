"""The benchmark of the whole product makes its files, and counts memory as it says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from benchmarks.product import Memory, write
from benchmarks.synthetic import Shape

from cinefold import load_movielens


def test_its_files_are_movielens(tmp_path):
    write(tmp_path, Shape(300, 200, 4_000))
    data = load_movielens("ml-32m", path=tmp_path)
    assert 3_900 < data.interactions.n_ratings <= 4_000
    assert len(data.movies) == 200
    assert data.movies[1].imdb_id == "tt0100001"
    assert data.movies.years is not None


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_what_a_file_backs_is_counted_apart(tmp_path):
    size = 50_000_000
    file = tmp_path / "mapped"
    file.write_bytes(os.urandom(1000) * (size // 1000))
    with Memory() as before:
        before.look()
    own, mapped = np.ones(size, np.uint8), np.memmap(file, np.uint8, "r")
    assert mapped.sum() > 0
    with Memory() as memory:
        memory.look()
    assert 0.9 * size < memory.most - before.most < 1.5 * size
    assert memory.mapped - before.mapped > 0.9 * size
    assert len(own) == size
