"""Factors that were found elsewhere, and their ids, as those of a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cinefold.interactions import Interactions
from cinefold.interactions.column_values import as_array, numbers
from cinefold.interactions.ids import axis_ids
from cinefold.models.rating_input import as_interactions, with_ids

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cinefold.models.rating_input import Ratings


def assemble(
    user_factors: ArrayLike,
    item_factors: ArrayLike,
    user_ids: ArrayLike | None,
    item_ids: ArrayLike | None,
    ratings: Ratings | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], Interactions]:
    """User and item factors in the order of the sorted ids; and what was rated."""
    given = None if ratings is None else as_interactions(ratings, "interactions")
    if given is not None:
        user_ids = given.user_ids if user_ids is None else user_ids
        item_ids = given.item_ids if item_ids is None else item_ids
    users, user_ids = _sorted(user_factors, user_ids, "user")
    items, item_ids = _sorted(item_factors, item_ids, "item")
    if users.shape[1] != items.shape[1]:
        raise ValueError(
            "user_factors and item_factors must have the same number of columns; their shapes are "
            f"{users.shape} and {items.shape}"
        )
    none = sp.csr_array((len(users), len(items)), dtype=np.float32)
    known = Interactions(user_ids, item_ids, none)
    if given is not None:
        known = with_ids(known, given, "")
    return users, items, known


def _sorted(
    factors: ArrayLike, ids: ArrayLike | None, side: str
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    rows = as_array(factors, f"{side}_factors")
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"{side}_factors must have two dimensions, not shape {rows.shape}")
    rows = numbers(rows, f"{side}_factors")
    known = axis_ids(ids, len(rows), side)
    order = np.argsort(known, kind="stable")
    return rows[order], known[order]
