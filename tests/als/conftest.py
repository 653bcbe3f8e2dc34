from __future__ import annotations

import pytest

from cinefold.als.backend import simd_level, simd_levels


@pytest.fixture(params=simd_levels())
def level(request, monkeypatch):
    """Each instruction set of this machine; native/tests has the whole grid, of all of them."""
    monkeypatch.setenv("CINEFOLD_SIMD", request.param)
    assert simd_level() == request.param
