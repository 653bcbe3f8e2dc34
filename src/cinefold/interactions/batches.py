"""Ratings that come as columns, of one table or of several in turn, on their way to entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.interactions.blocks import copied
from cinefold.interactions.column_values import (
    as_floats,
    as_id_column,
    as_table,
    as_times,
    as_weights,
    column,
)
from cinefold.interactions.entries import Entries
from cinefold.interactions.ids import index_ids, merge_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike, NDArray

    Columns = tuple[Any, Any, Any, Any, Any]

_CHECKS = {
    "users": as_id_column,
    "items": as_id_column,
    "ratings": as_floats,
    "timestamps": as_times,
    "weights": as_weights,
}


def checked(columns: Iterable[Any], names: Iterable[str] = _CHECKS) -> Columns:
    """Users, items, ratings, times and weights, of their types; of the last three, None is none."""

    def one(check: Any, values: Any, name: str) -> Any:
        return None if values is None and check is not as_id_column else check(values, name)

    user, item, rating, time, weight = map(one, _CHECKS.values(), columns, names)
    return user, item, rating, time, weight


def columns_of(frame: IntoDataFrame, names: Iterable[str | None]) -> Columns:
    """The same of a table; None without a name."""
    table, names = as_table(frame), [*names]
    roles = ("user", "item", "rating", "timestamp", "weight")
    columns = (
        None if name is None else column(table, name, role)
        for name, role in zip(names, roles, strict=True)
    )
    return checked(columns, [f"column {name!r:.100}" for name in names])


def numbered(
    batches: Iterable[Columns],
    user_ids: ArrayLike | None = None,
    item_ids: ArrayLike | None = None,
    *,
    copy: bool,
) -> tuple[NDArray[Any], NDArray[Any], Entries]:
    """Ids of users and items, sorted, and the entries of all batches; some may be empty.

    With `copy`, nothing of a batch stays when the next is asked for.

    Raises
    ------
    ValueError
        If columns differ in length, or there are no ratings.
    """

    def number(batch: Columns) -> Columns:
        users, items, ratings, times, weights = batch
        ratings = np.ones(len(users), np.float32) if ratings is None else ratings
        rest = {"items": items, "ratings": ratings, "timestamps": times, "weights": weights}
        for name, values in rest.items():
            if values is not None and len(values) != len(users):
                raise ValueError(f"{name} has {len(values)} entries, users has {len(users)}")
        others = (ratings, times, weights)
        ratings, times, weights = (
            (v if v is None else copied(v) for v in others) if copy else others
        )
        rows, columns = index_ids(users, user_ids, "user"), index_ids(items, item_ids, "item")
        return rows, columns, ratings, times, weights

    # By map, which keeps no batch in a variable.
    parts = [part for part in map(number, batches) if len(part[2])]
    if not parts:
        raise ValueError("there are no ratings: users is empty")
    users, items, *others = map(list, zip(*parts, strict=True))
    del parts
    ratings, times, weights = map(_joined, others)
    all_users, rows = merge_ids(users, "user")
    all_items, columns = merge_ids(items, "item")
    return all_users, all_items, Entries(rows, columns, ratings, weights, times, not copy)


def _joined(parts: list[Any]) -> Any:
    """One array, or None, of several, which are used up."""
    joined = parts[0] if len(parts) == 1 or parts[0] is None else copied(*parts)
    parts.clear()
    return joined
