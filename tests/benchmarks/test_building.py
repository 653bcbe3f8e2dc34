"""The benchmarks of building interactions, and of large fits, run at any size."""

from __future__ import annotations

import os

import pytest
from benchmarks.large import made, measure
from benchmarks.synthetic import Shape, ratings

from benchmarks import building

SHAPE = Shape(300, 200, 4_000)


def test_every_step_is_timed(capsys):
    building.main(20_000, rounds=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 11 + 8
    assert all(float(cell) >= 0 for line in lines[1:] for cell in line.split()[-2:])


def test_made_in_blocks():
    assert (made(SHAPE) != ratings(SHAPE)).nnz == 0


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's /proc")
def test_a_fit_needs_more_than_its_factors():
    seconds, of_cores, given, peak, needed = measure(SHAPE, 8)
    assert min(seconds, of_cores) > 0
    assert given > 8 * 3_900
    assert peak > 0
    assert needed > 4 * 8 * 500
