"""Matrices that compiled code could not trust, at every door that takes a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.models import Ease, Popularity
from tests.hostile_matrices import matrices
from tests.models.small_models import small_model

RATINGS = sp.csr_array(np.array([[1.0, 0, 2, 3], [0, 4, 0, 5], [5, 0, 4, 0]]))
MODEL = small_model(n_factors=2, max_iter=1).fit(RATINGS)
DATA = Interactions.from_sparse(RATINGS)
POPULARITY, EASE = Popularity().fit(DATA), Ease().fit(DATA)


def fitted(matrix: Any, **options: Any) -> Any:
    return small_model(n_factors=2, max_iter=1, n_threads=1).fit(matrix, **options).item_factors_


def made_of_factors(matrix: Any) -> Any:
    factors = MODEL.user_factors_, MODEL.item_factors_
    return WeightedMatrixFactorization.from_factors(*factors, interactions=matrix).recommend([0, 1])


DOORS: dict[str, Any] = {
    "fit": fitted,
    "validation": lambda matrix: fitted(RATINGS, validation=matrix),
    "fold_in": lambda matrix: MODEL.fold_in(matrix).factors,
    "fold_in_items": lambda matrix: MODEL.fold_in_items(matrix).factors,
    "weights": lambda matrix: Interactions.from_sparse(RATINGS, weights=matrix).weights,
    "from_factors": lambda matrix: made_of_factors(matrix).items,
    "interactions": lambda matrix: Interactions(np.arange(3), np.arange(4), matrix).by_item.data,
    "popularity": lambda matrix: POPULARITY.recommend(POPULARITY.fold_in(matrix)).items,
    "ease": lambda matrix: EASE.recommend(EASE.fold_in(matrix)).items,
}


@pytest.mark.filterwarnings("ignore:.*were trained on")
@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=60, deadline=None)
@given(drawn=matrices(3, 4))
def test_a_matrix_is_read_right_or_refused(door: str, drawn: Any) -> None:
    matrix, entries = drawn
    if entries is None:
        with pytest.raises((ValueError, TypeError)):
            DOORS[door](matrix)
        return
    rows, columns = np.array([*entries], int).reshape(-1, 2).T
    tidy = sp.csr_array(sp.coo_array(([*entries.values()], (rows, columns)), shape=matrix.shape))
    try:
        expected = DOORS[door](tidy)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)[:10]):
            DOORS[door](matrix)
    else:
        np.testing.assert_array_equal(DOORS[door](matrix), expected)
