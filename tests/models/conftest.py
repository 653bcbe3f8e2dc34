from __future__ import annotations

import pytest

from tests.models.small_models import small_model


@pytest.fixture(scope="session")
def fitted(interactions):
    """Nothing may change it."""
    train, validation = interactions.split(random_state=1)
    return small_model(max_iter=8).fit(train, validation=validation)
