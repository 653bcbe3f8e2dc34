from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions


@pytest.fixture(scope="session")
def interactions() -> Interactions:
    """60 users, 90 items, 900 ratings with a low-rank structure and ids that are not indices."""
    rng = np.random.default_rng(0)
    tastes = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 90))
    rows, columns = np.divmod(rng.choice(60 * 90, 900, replace=False), 90)
    stars = np.clip(np.round(3 + tastes[rows, columns]), 1, 5)
    return Interactions.from_arrays(1000 + rows, 10 * columns, stars)
