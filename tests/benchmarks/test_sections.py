"""Sections without other libraries; those are in the benchmarks themselves."""

from __future__ import annotations

import os

import numpy as np
import pytest
from benchmarks.section_case import Case
from benchmarks.synthetic import Shape

from benchmarks import epochs, fold_in, memory, topk

SHAPE = Shape(80, 60, 600)


@pytest.fixture
def alone(monkeypatch):
    """As if no other library were installed."""
    for module in (topk, fold_in, memory):
        monkeypatch.setattr(module, "find_spec", lambda name: name if name == "cinefold" else None)


@pytest.mark.usefixtures("alone")
def test_top_k():
    case = Case(SHAPE, 4, 1, rounds=2)
    result = topk.top_ten(case)
    assert len(result["seconds"]["cinefold"]) == 2
    assert result["same items"] == {"cinefold": 1.0}
    assert case.left_out == {
        "implicit": "implicit is not installed",
        "irspack": "irspack is not installed",
    }


@pytest.mark.usefixtures("alone")
def test_fold_in(monkeypatch):
    monkeypatch.setattr(fold_in, "CALLS", 120)
    result = fold_in.fold_in(Case(Shape(80, 300, 600), 4, 1, rounds=1))
    times = result["microseconds"]["cinefold"]
    assert 0 < times["p50"] <= times["p99"]
    assert result["largest difference"] == {"cinefold": 0.0}


def test_long_tails_are_raced_like_the_rest():
    case = Case(SHAPE, 4, 1, rounds=1, names=("cinefold, exact",))
    result = epochs.long_tail(case)
    assert result["flops"] == 2 * case.ratings.nnz * 16 + 140 * 64 / 3
    assert result["median ratings of an item"] >= 0


def test_levels_are_forced_for_a_turn_only(monkeypatch):
    monkeypatch.setenv("CINEFOLD_SIMD", "baseline")
    with epochs.simd("avx2"):
        assert os.environ["CINEFOLD_SIMD"] == "avx2"
    assert os.environ["CINEFOLD_SIMD"] == "baseline"
    monkeypatch.delenv("CINEFOLD_SIMD")
    with epochs.simd("avx2"):
        pass
    assert "CINEFOLD_SIMD" not in os.environ


def test_memory_that_is_needed():
    assert memory.two_copies_and_factors(n_rows=3, n_ratings=10, n_factors=4) == 160 + 40 + 48


@pytest.mark.usefixtures("alone")
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's /proc")
def test_memory_of_a_fit_is_more_than_its_matrix(monkeypatch):
    monkeypatch.setattr(memory, "FITS", {"cinefold, exact": memory.FITS["cinefold, exact"]})
    result = memory.memory(Case(Shape(5_000, 3_000, 400_000), 8, 1))
    assert result["megabytes"]["cinefold, exact"] > 8 * 400_000 / 1e6
    assert np.isfinite(result["two copies and factors"])
