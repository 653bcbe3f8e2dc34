"""Ratings as callers give them, to learn from, to validate on, of new users and items; factors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp

from cinefold.interactions import Interactions
from cinefold.interactions.column_names import find_columns
from cinefold.interactions.column_values import as_array, as_floats, as_table, numbers
from cinefold.interactions.entries import Entries, csr
from cinefold.interactions.ids import axis_ids, lookup
from cinefold.models import checks

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike, NDArray

    Ratings: TypeAlias = Interactions | sp.sparray | sp.spmatrix | IntoDataFrame
    NewRatings: TypeAlias = Mapping[Any, float] | Ratings
    Weights: TypeAlias = Mapping[Any, float] | NDArray[Any] | list[float]

_ACCEPTED = (
    "Interactions, a scipy sparse matrix (rows users, columns items), or a pandas, Polars or Arrow "
    "table with a row for each rating"
)


def as_interactions(data: Ratings, name: str, also: str = "") -> Interactions:
    """`data` as interactions; a table's columns are found by their usual names.

    `also` is said of what else `name` may be.
    """
    if isinstance(data, Interactions):
        return data
    if sp.issparse(data):
        return Interactions.from_sparse(data, copy=False)  # for as long as the call takes
    try:
        table = as_table(data)
    except TypeError:
        raise TypeError(f"{name} must be {also}{_ACCEPTED}, not {type(data).__name__}") from None

    def least(column: Any) -> Any:
        values = table.get_column(column).drop_nulls()
        return values.min() if len(values) and values.dtype.is_numeric() else None

    roles = dict.fromkeys(("user", "item", "rating", "timestamp", "weight"))
    remedy = "Interactions.from_dataframe(frame, {}=...) names it"
    try:
        found = find_columns(table.columns, roles, remedy, least, "rating=None says there is none")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    time = found.get("timestamp")
    if time and not (table[time].dtype.is_numeric() or table[time].dtype.is_temporal()):
        del found["timestamp"]
    columns: dict[str, Any] = {"rating": None, **found}
    return Interactions.from_dataframe(table, **columns)


def with_own_ids(ratings: Ratings) -> Interactions:
    """Ratings that come with ids, which a matrix lacks."""
    if sp.issparse(ratings):
        raise TypeError(
            "ratings must be Interactions or a data frame, which have ids; "
            "Interactions.from_sparse(matrix, user_ids=..., item_ids=...) gives them to a matrix"
        )
    return as_interactions(ratings, "ratings")


def validation_ratings(
    validation: Ratings | None, y: Any, train: Interactions, early_stopping: bool
) -> Interactions | None:
    """The ratings to validate on, with the ids of `train`."""
    if isinstance(y, Interactions) or sp.issparse(y):
        warnings.warn(
            "give validation ratings by name: fit(train, validation=validation)",
            FutureWarning,
            stacklevel=3,
        )
        validation = y
    if validation is None:
        if early_stopping:
            raise ValueError(
                "early_stopping needs validation ratings: fit(train, validation=validation)"
            )
        return None
    given = as_interactions(validation, "validation")
    if early_stopping and given.n_ratings == 0:
        raise ValueError("early_stopping needs validation ratings, but there are none")
    if given.by_user.shape != train.by_user.shape and sp.issparse(validation):
        raise ValueError(
            f"validation must be of the same users and items as the training ratings; it is of "
            f"shape {given.by_user.shape}, they of {train.by_user.shape}"
        )
    given = with_ids(train, given, "validation ")
    warn_of_trained_on(given.by_user, train.by_user, "validation", stacklevel=4)
    return given


def warn_of_trained_on(
    held_out: sp.csr_array, train: sp.csr_array, what: str, stacklevel: int
) -> None:
    """A warning where pairs of `held_out` are in `train`, too, of the same users and items."""
    pairs = (
        sp.csr_array((np.ones(m.nnz, np.bool_), m.indices, m.indptr), m.shape)
        for m in (held_out, train)
    )
    if repeated := next(pairs).multiply(next(pairs)).nnz:
        warnings.warn(
            f"{repeated:,} of the {held_out.nnz:,} {what} ratings were trained on: in lists they "
            "count as misses, since what somebody has rated is not recommended to them; hold out "
            "others, as Interactions.split does",
            stacklevel=stacklevel,
        )


def with_ids(train: Interactions, given: Interactions, what: str) -> Interactions:
    """The ratings of `given`, of all users and items of `train`; `what` is said of unknown ones."""
    sides = ("user_ids", "item_ids")
    if all(np.array_equal(getattr(given, side), getattr(train, side)) for side in sides):
        return given
    rows = lookup(train.user_ids, given.user_ids, f"{what}user")
    columns = lookup(train.item_ids, given.item_ids, f"{what}item")
    counts = np.zeros(train.n_users, np.int64)
    counts[rows] = given.user_counts()
    # Ids are sorted on both sides, so that the entries stay in order.
    offsets = np.concatenate([[0], np.cumsum(counts)])
    matrix = csr(given.by_user.data, columns[given.by_user.indices], offsets, train.n_items)
    return replace(given, user_ids=train.user_ids, item_ids=train.item_ids, by_user=matrix)


@dataclass(frozen=True)
class NewRows:
    """Ratings of new users by the model's items, or of new items by the model's users.

    Attributes
    ----------
    matrix : csr_array of float32, shape (n_new, n_items) or (n_new, n_users)
    weights : ndarray of float32, shape (n_ratings,), or None
    ids : ndarray, shape (n_new,), or None
        Where the ratings came with ids.
    is_single : bool
        Whether they were a mapping.
    """

    matrix: sp.csr_array
    weights: NDArray[np.float32] | None = None
    ids: NDArray[Any] | None = None
    is_single: bool = False


def new_rows(ratings: NewRatings, known: Interactions, side: Literal["user", "item"]) -> NewRows:
    """Rows of new users or items, in the order of what the model has on the other side.

    Raises
    ------
    UnknownIdError
        For an id on the other side that the model does not have.
    """
    other, known_ids = ("item", known.item_ids) if side == "user" else ("user", known.user_ids)
    n_columns = len(known_ids)
    if isinstance(ratings, Mapping) and not sp.issparse(ratings):  # as DOK is
        if not ratings:
            raise ValueError(f"a new {side} needs at least one rating")
        values = checks.ratings(ratings, other)
        columns = lookup(known_ids, list(ratings), other)
        order = np.argsort(columns)
        matrix = csr(values[order], columns[order], [0, len(values)], n_columns)
        return NewRows(matrix, is_single=True)
    mapping = f"a mapping {{{other} id: rating}}, "
    new = as_interactions(ratings, "ratings", mapping)
    if side == "item":
        new = new.transposed
    matrix = new.by_user
    if not sp.issparse(ratings):
        # Both id maps are sorted, so that the columns stay sorted within each row.
        columns = lookup(known_ids, new.item_ids, other)[matrix.indices]
        return NewRows(
            csr(matrix.data, columns, matrix.indptr, n_columns), new.weights, new.user_ids
        )
    if matrix.shape[1] != n_columns:
        raise ValueError(
            f"ratings must have {n_columns} {'columns' if side == 'user' else 'rows'}, one for "
            f"each {other} of the model; got {matrix.shape[1]}"
        )
    return NewRows(matrix, new.weights)


def axis_weights(name: str, given: Weights | None, ids: NDArray[Any]) -> NDArray[np.float32] | None:
    """A finite weight above 0 for each of the ids."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        weights = np.ones(len(ids), np.float32)
        weights[lookup(ids, list(given), name)] = as_floats(list(given.values()), name)
    else:
        weights = as_floats(given, name).copy()
    if weights.shape != (len(ids),):
        raise ValueError(f"{name} must have shape ({len(ids)},), not {weights.shape}")
    if not (weights > 0).all():
        raise ValueError(f"{name} must be finite numbers above 0")
    return weights


def union(known: Interactions, new: Interactions) -> Interactions:
    """The ratings of both, with all ids; of pairs that are in both, the ratings of `new`.

    Weights that one of them lacks are 1; times are kept if both have them.
    """
    for ids, of_new in ((known.user_ids, new.user_ids), (known.item_ids, new.item_ids)):
        if ids.dtype.kind != of_new.dtype.kind:
            old, other = ids[:1].tolist(), of_new[:1].tolist()
            raise ValueError(f"ids are like {old[0]!r} here, not like {other[0]!r}")
    user_ids = np.union1d(known.user_ids, new.user_ids)
    item_ids = np.union1d(known.item_ids, new.item_ids)
    pairs = [
        np.repeat(lookup(user_ids, part.user_ids, "user"), part.user_counts()) * len(item_ids)
        + lookup(item_ids, part.item_ids, "item")[part.by_user.indices]
        for part in (known, new)
    ]
    kept = ~np.isin(pairs[0], pairs[1])

    def joined(old: Any, added: Any) -> NDArray[Any]:
        return np.concatenate([old[kept], added])

    def ones(part: Interactions) -> NDArray[np.float32]:
        return np.ones(part.n_ratings, np.float32) if part.weights is None else part.weights

    users, items = np.divmod(joined(*pairs), len(item_ids))
    weighted = known.weights is not None or new.weights is not None
    timed = known.timestamps is not None and new.timestamps is not None
    entries = Entries(
        users,
        items,
        joined(known.by_user.data, new.by_user.data),
        joined(ones(known), ones(new)) if weighted else None,
        joined(known.timestamps, new.timestamps) if timed else None,
    ).sorted(len(user_ids))
    matrix = entries.matrix(len(item_ids))
    return Interactions(user_ids, item_ids, matrix, entries.weights, entries.timestamps)


def only_users(interactions: Interactions, kept: NDArray[np.bool_]) -> Interactions:
    """The ratings of the users where `kept` (n_users,), and only these as users."""
    rest = interactions.select(np.repeat(kept, interactions.user_counts()))
    return replace(rest, user_ids=rest.user_ids[kept], by_user=rest.by_user[kept])


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
