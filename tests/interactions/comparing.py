"""Interactions beside what they should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from cinefold import Interactions


def dense(data: Interactions) -> np.ndarray[Any, Any]:
    return data.by_user.toarray()


def assert_same(one: Interactions, other: Interactions) -> None:
    for name in ("user_ids", "item_ids", "weights", "timestamps"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype.kind == b.dtype.kind, name
            np.testing.assert_array_equal(a, b)
    for name in ("data", "indices", "indptr"):
        a, b = getattr(one.by_user, name), getattr(other.by_user, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert one.by_user.shape == other.by_user.shape
