"""Columns of tables and arrays on their way in: checked, and of one type."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike, NDArray

_INT64 = np.iinfo(np.int64)
_LARGEST_EXACT_FLOAT = 2**53


# -- of tables ----------------------------------------------------------------------------------


def as_table(frame: IntoDataFrame) -> nw.DataFrame[Any]:
    """Any table that narwhals takes."""
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        raise TypeError(
            "frame must be a pandas, Polars or Arrow table, not "
            f"{type(frame).__name__}; from_arrays and from_sparse take other forms"
        ) from None


def column(table: nw.DataFrame[Any], name: str) -> NDArray[Any]:
    """A column without missing values; times as integers."""
    if name not in table.columns:
        raise ValueError(f"there is no column {name!r}; the table has {', '.join(table.columns)}")
    series = table[name]
    missing = series.is_null()
    if missing.any():
        row = int(missing.arg_true()[0])
        raise ValueError(f"column {name!r} is empty in {missing.sum()} rows (first: row {row})")
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    if series.dtype == nw.Datetime:
        series = series.dt.timestamp("us")
    return np.asarray(series.to_numpy())


# -- of arrays ----------------------------------------------------------------------------------


def as_ids(values: ArrayLike, name: str) -> NDArray[Any]:
    """Ids as int32, int64 or str, from integers, integral floats, strings or objects of one kind.

    32 bits stay: widening them would double what the largest columns take.
    """
    array = _one_dimension(values, name)
    if array.dtype.kind == "U" and not isinstance(values, np.ndarray):
        array = np.asarray(values, object)  # NumPy turns [1, "a"] into strings
    if array.dtype.kind == "O":
        array = _of_one_kind(array, name)
    if array.dtype.kind in "UT":
        return array.astype(str, copy=False)
    if array.dtype.kind == "f":
        _check_integers(array, name)
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers or strings, not {array.dtype}")
    if array.dtype.kind == "u" and len(array) and array.max() > _INT64.max:
        raise ValueError(f"{name} must fit into 64 bits with a sign; found {array.max()}")
    return array if array.dtype == np.int32 else array.astype(np.int64, copy=False)


def as_floats(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """Finite numbers as float32."""
    array = _one_dimension(values, name)
    if array.dtype.kind == "O":
        for position, value in enumerate(array.tolist()):
            if not isinstance(value, Real | Decimal):
                raise TypeError(f"{name} must be numbers; found {value!r} at position {position}")
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be numbers, not {array.dtype}")
    return finite(array, name)


def as_times(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Times as int64; of datetimes, microseconds since 1970."""
    array = _one_dimension(values, name)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise ValueError(f"{name} has missing times")
        return array.astype("datetime64[us]").astype(np.int64)
    if array.dtype.kind == "f":
        finite(array, name)
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers or datetimes, not {array.dtype}")
    return array.astype(np.int64, copy=False)


def finite(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """As float32; a ValueError names the first number that is none."""
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32, copy=False)
    ok = np.isfinite(numbers)
    if not ok.all():
        bad = np.flatnonzero(~ok)
        raise ValueError(
            f"{name} must be finite float32 numbers; found {array[bad[0]]} at position {bad[0]} "
            f"({len(bad)} in all)"
        )
    return numbers


def as_weights(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """Finite numbers above 0 as float32."""
    weights = as_floats(values, name)
    bad = np.flatnonzero(weights <= 0)
    if len(bad):
        raise ValueError(
            f"{name} must be above 0; found {weights[bad[0]]} at position {bad[0]} "
            f"({len(bad)} in all); leave out ratings that should not count"
        )
    return weights


def _one_dimension(values: ArrayLike, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must have one dimension; its rows differ in length") from None
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    return array


def _of_one_kind(array: NDArray[Any], name: str) -> NDArray[Any]:
    kinds = {_kind(value) for value in array.tolist()}
    if kinds == {"str"}:
        return array.astype(str)
    if kinds <= {"float", "int"} and "float" in kinds:
        return array.astype(np.float64)
    if kinds - {"int"}:
        found = " and ".join(sorted(kinds))
        raise TypeError(f"{name} must be all integers or all strings, not {found}")
    try:
        return array.astype(np.int64)
    except OverflowError:
        raise ValueError(
            f"{name} must fit into 64 bits with a sign; found {max(array, key=abs)}"
        ) from None


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "str"
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return "int"
    return "float" if isinstance(value, float | np.floating) else type(value).__name__


def _check_integers(array: NDArray[Any], name: str) -> None:
    # Tables turn integers into floats when a value is missing somewhere: 196.0 is the id 196.
    # NaN fails each comparison.
    is_integer = (array == np.floor(array)) & (np.abs(array) <= _LARGEST_EXACT_FLOAT)
    if not is_integer.all():
        position = int(np.flatnonzero(~is_integer)[0])
        raise ValueError(
            f"{name} must be integers or strings; found {array[position]} at position {position}"
        )
