"""Sparse matrices: every form, and nothing that compiled code could not trust."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold import Interactions
from tests.interactions.comparing import dense

MATRIX = sp.csr_array(np.array([[0, 2.0], [3, 0]]))


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "coo_array", "lil_array", "csr_matrix"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, bool])
def test_sparse_forms_and_types(form: str, dtype: Any) -> None:
    expected = np.array([[0, 1, 0], [1, 0, 1]], dtype)
    data = Interactions.from_sparse(getattr(sp, form)(expected))
    np.testing.assert_array_equal(dense(data), expected)
    assert data.by_user.dtype == np.float32
    assert data.user_ids.tolist() == [0, 1]
    assert data.item_ids.tolist() == [0, 1, 2]


def _untidy() -> sp.csr_array:
    """Unsorted indices, a stored zero, and a pair stored twice."""
    return sp.csr_array(
        (np.array([5.0, 1.0, 0.0, 2.0, 4.0]), np.array([2, 0, 1, 0, 2]), np.array([0, 2, 5])),
        shape=(2, 3),
    )


def test_untidy_sparse_matrix_is_put_in_order_and_left_as_it_was() -> None:
    matrix = sp.csr_array(
        (np.array([5.0, 1.0, 0.0, 2.0, 4.0]), np.array([2, 0, 1, 2, 2]), np.array([0, 2, 5])),
        shape=(2, 3),
    )
    before = [matrix.data.copy(), matrix.indices.copy(), matrix.indptr.copy()]
    data = Interactions.from_sparse(matrix)
    assert data.by_user.indices.tolist() == [0, 2, 1, 2]
    assert data.by_user.data.tolist() == [1, 5, 0, 6]
    for old, new in zip(before, (matrix.data, matrix.indices, matrix.indptr), strict=True):
        np.testing.assert_array_equal(old, new)


def test_small_integers_are_added_up_without_overflow() -> None:
    positions = (np.array([0, 0]), np.array([1, 1]))
    coo = sp.coo_array((np.array([100, 100], np.int8), positions), shape=(1, 2))
    assert Interactions.from_sparse(coo).by_user.data.tolist() == [200]


def test_sparse_with_unsorted_ids() -> None:
    data = Interactions.from_sparse(
        _untidy(), user_ids=["zoe", "adam"], item_ids=[30, 10, 20], weights=[1, 2, 3, 4, 5]
    )
    assert data.user_ids.tolist() == ["adam", "zoe"]
    assert data.item_ids.tolist() == [10, 20, 30]
    items, ratings = data.user_ratings("zoe")
    assert dict(zip(items.tolist(), ratings.tolist(), strict=True)) == {20: 5, 30: 1}
    assert data.by_user.data.tolist() == [0, 4, 2, 5, 1]
    assert data.weights is not None
    assert data.weights.tolist() == [4, 5, 3, 2, 1]


def test_sparse_weights_as_matrix() -> None:
    matrix = sp.csr_array(np.array([[0, 2.0], [3, 0]]))
    weights = sp.csc_array(np.array([[0, 7.0], [8, 0]]))
    data = Interactions.from_sparse(matrix, weights=weights)
    assert data.weights is not None
    assert data.weights.tolist() == [7, 8]


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_nothing_is_shared_with_the_caller(form: str) -> None:
    matrix = MATRIX.astype(np.float32).asformat(form)
    users, items, weights = np.array([7, 9]), np.array([1, 2]), np.array([3, 4], np.float32)
    data = Interactions.from_sparse(matrix, user_ids=users, item_ids=items, weights=weights)
    for given_ in (users, items, weights, matrix.data):
        given_[:] = 0
    assert data.user_ids.tolist() == [7, 9]
    assert data.item_ids.tolist() == [1, 2]
    assert data.weights is not None
    assert data.weights.tolist() == [3, 4]
    assert dense(data).tolist() == [[0, 2], [3, 0]]


def test_a_matrix_is_shared_only_on_demand() -> None:
    matrix = MATRIX.astype(np.float32)
    data = Interactions.from_sparse(matrix, copy=False)
    assert np.shares_memory(data.by_user.data, matrix.data)


WRONG_MATRICES: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "dense": (np.ones((2, 2)), {}, TypeError, "must be scipy sparse .* not ndarray"),
    "list": ([[1]], {}, TypeError, "not list"),
    "empty": (sp.csr_array((3, 4)), {}, ValueError, r"shape \(3, 4\) is empty"),
    "no rows": (sp.csr_array((0, 4)), {}, ValueError, "no ratings"),
    "NaN": (MATRIX * np.nan, {}, ValueError, "matrix must be finite"),
    "complex": (MATRIX * 1j, {}, TypeError, "real numbers, not complex"),
    "one dimension": (sp.coo_array(np.ones(3)), {}, ValueError, "two dimensions, not shape"),
    "few ids": (MATRIX, {"user_ids": [1]}, ValueError, "user_ids has 1 ids for 2 users"),
    "same ids": (MATRIX, {"item_ids": ["a", "a"]}, ValueError, "item_ids has repeated ids: 'a'"),
    "few weights": (MATRIX, {"weights": [1]}, ValueError, "weights has 1 entries, the matrix 2"),
    "other weights": (MATRIX, {"weights": MATRIX.T[::-1]}, ValueError, "store the same entries"),
    "zero weights": (MATRIX, {"weights": MATRIX * 0}, ValueError, "weights must be above 0"),
}


@pytest.mark.parametrize("case", WRONG_MATRICES)
def test_wrong_matrices(case: str) -> None:
    matrix, options, error, message = WRONG_MATRICES[case]
    with pytest.raises(error, match=message):
        Interactions.from_sparse(matrix, **options)


# -- what compiled code would trust ---------------------------------------------------------------


def _changed(form: str, **arrays: Any) -> Any:
    matrix = MATRIX.asformat(form, copy=True)
    for name, values in arrays.items():
        setattr(matrix, name, values)
    return matrix


def _lists(*lists: list[int]) -> Any:
    array = np.empty(len(lists), object)
    array[:] = lists
    return array


UNSOUND: dict[str, tuple[Any, str]] = {
    "float indices": (_changed("csr", indices=np.array([1.0, 0.0])), "must be integers, not float"),
    "float offsets": (_changed("csr", indptr=np.array([0.0, 1, 2])), "3 integers .* not float64"),
    "another shape": (_changed("csr", _shape=(3, 2)), r"must be 4 integers for its shape \(3, 2\)"),
    "a narrow shape": (_changed("csr", _shape=(2, 1)), "column indices .* from 0 to 0; found 1"),
    "beyond 32 bits": (
        _changed("csr", indices=np.array([2**32 + 1, 0])), "from 0 to 1; found 4294967297",
    ),
    "square data": (_changed("csr", data=np.ones((2, 2))), "data of matrix must have 1 dimension"),
    "rows": (_changed("csc", indices=np.array([-5, 0])), "row indices .* from 0 to 1; found -5"),
    "pairs": (
        _changed("coo", coords=(np.array([0, 1]), np.array([1, 9]))), "column .* found 9",
    ),
    "a list": (_changed("lil", rows=_lists([1], [9])), "matrix is damaged: .*index 9"),
    "a negative side": (_changed("csc", _shape=(-1, 2)), r"cannot have the shape \(-1, 2\)"),
    "lists that differ": (_changed("lil", rows=_lists([1], [0, 1])), "as many columns as data"),
    "no row for a list": (_changed("lil", _shape=(5, 2)), "in each of its rows"),
    "a diagonal more": (_changed("dia", offsets=np.array([1])), "an offset within its shape"),
    "far diagonals": (_changed("dia", offsets=np.array([1, 2**32])), "an offset within its shape"),
    "pairs of lengths": (_changed("coo", coords=(np.array([0]), np.array([1, 0]))), "as many row"),
    "no data": (_changed("csr", data=None), "matrix is damaged"),
    "blocks": (_changed("bsr", indices=np.array([1, 9])), "column indices .*found 9"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSOUND)
def test_unsound_matrices(case: str) -> None:
    matrix, message = UNSOUND[case]
    with pytest.raises(ValueError, match=message):
        Interactions.from_sparse(matrix)
    same_shape = matrix.shape == MATRIX.shape
    of_weights = message.replace("matrix", "weights") if same_shape else "weights must be of the"
    with pytest.raises(ValueError, match=of_weights):
        Interactions.from_sparse(MATRIX, weights=matrix)
