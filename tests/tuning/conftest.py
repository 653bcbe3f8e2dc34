from __future__ import annotations

import pytest


@pytest.fixture(scope="package")
def ratings(data):
    return data.interactions
