from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold import Interactions


@pytest.fixture
def data() -> Interactions:
    generator = np.random.default_rng(0)
    matrix = sp.random_array((30, 40), density=0.2, rng=generator, format="coo")
    matrix.data = generator.integers(1, 6, matrix.nnz)
    rows, columns = matrix.coords
    return Interactions.from_arrays(
        rows * 10,
        np.array([f"movie {c:02}" for c in columns]),
        matrix.data,
        timestamps=generator.permutation(matrix.nnz),
        weights=generator.uniform(0.5, 2, matrix.nnz),
    )
