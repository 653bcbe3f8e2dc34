"""Checks of what users pass in; each error names the thing, what was found and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def ratings(given: Mapping[Any, Any]) -> NDArray[np.float32]:
    """The values of {item: rating}, which must be finite numbers."""
    values = np.array(list(given.values()))
    if values.dtype.kind in "iuf" and np.isfinite(values.astype(np.float32)).all():
        return values.astype(np.float32)
    item, value = next(pair for pair in given.items() if not _is_finite_number(pair[1]))
    raise ValueError(f"the rating of item {item!r} must be a finite number, not {value!r}")


def _is_finite_number(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.integer | np.floating)
    return is_number and not isinstance(value, bool) and bool(np.isfinite(np.float32(value)))


def as_interactions(data: Any, name: str) -> Interactions:
    if isinstance(data, Interactions):
        return data
    if sp.issparse(data):
        return Interactions.from_sparse(data)
    raise TypeError(
        f"{name} must be Interactions or a scipy sparse matrix (rows users, columns items), not "
        f"{type(data).__name__}; Interactions.from_dataframe and from_arrays build them"
    )


def same_ids(held_out: Interactions, train: Interactions) -> None:
    for side in ("user_ids", "item_ids"):
        if not np.array_equal(getattr(held_out, side), getattr(train, side)):
            raise ValueError(
                f"validation must have the same {side} as the training interactions; "
                "Interactions.split gives such a pair"
            )


def integer(name: str, value: Any, low: int, high: int | None = None) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {allowed}, not {value}")


def choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, not {value!r}")


def number(
    name: str, value: Any, low: float = 0, high: float = np.inf, *, word: str | None = None
) -> None:
    """A number in the range, or `word`."""
    if word is not None and isinstance(value, str):
        if value != word:
            raise ValueError(f"{name} must be a number or {word!r}, not {value!r}")
        return
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not (low <= value <= high and np.isfinite(value)):
        allowed = f"at least {low}" if high == np.inf else f"from {low} to {high}"
        raise ValueError(f"{name} must be finite and {allowed}, not {value}")
