"""A recommender of the small data set."""

from __future__ import annotations

import pytest

from cinefold import WeightedMatrixFactorization
from cinefold.recommender import MovieRecommender


@pytest.fixture(scope="module")
def model(data):
    """Trained on a part, so that some of what people have rated is news to it."""
    training, _ = data.interactions.split(fraction=0.2)
    return WeightedMatrixFactorization.preset(
        "plain", n_factors=8, regularization=10.0, n_threads=1
    ).fit(training, progress=False)


@pytest.fixture(scope="module")
def recommender(data, model):
    return MovieRecommender(data, model)
