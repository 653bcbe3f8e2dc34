"""The benchmark of reading measures what it says."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.loading import measure, write

from cinefold import load_movielens, load_ratings


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return write(tmp_path_factory.mktemp("loading"), 5_000)


def test_both_ways_read_the_same_ratings(archive):
    one = load_movielens("ml-20m", path=archive).interactions
    other = load_ratings(archive.with_name("ratings.csv")).interactions
    assert one.n_ratings == 5_000
    assert (one.by_user != other.by_user).nnz == 0
    np.testing.assert_array_equal(one.timestamps, other.timestamps)


@pytest.mark.parametrize("what", ["load_movielens, zip file", "load_ratings, CSV file"])
def test_measures(what, archive):
    seconds, before, peak, kept = measure(what, archive)
    assert seconds > 0
    assert kept <= before <= peak
    assert kept > 5_000 * 16
