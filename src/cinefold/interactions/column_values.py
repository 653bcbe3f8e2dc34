"""Columns of tables and arrays on their way in: checked, and of one type."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from cinefold.interactions.blocks import BLOCK, in_blocks
from cinefold.interactions.numbering import number

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame
    from numpy.typing import NDArray


# -- of tables ----------------------------------------------------------------------------------


def as_table(frame: IntoDataFrame) -> nw.DataFrame[Any]:
    """Any table that narwhals takes."""
    try:
        return nw.from_native(frame, eager_only=True)
    except DuplicateError as error:
        raise ValueError(f"frame: {' '.join(str(error).split()):.500}") from None
    except TypeError:
        raise TypeError(
            "frame must be a pandas, Polars or Arrow table, not "
            f"{type(frame).__name__}; from_arrays and from_sparse take other forms"
        ) from None


def column(
    table: nw.DataFrame[Any], name: Any, role: str
) -> NDArray[Any] | pl.Series | RepeatedTexts:
    """A column without missing values; dates and times as NumPy's, in UTC; text as Polars'."""
    if (n := list(table.columns).count(name)) != 1:
        found = f"there are {n} columns" if n else "there is no column"
        listed = ", ".join(map(str, table.columns))
        none = "" if role in ("user", "item") else ", None that there is none"
        advice = "" if n else f"; {role}= says which it is{none}"
        raise ValueError(f"{found} {name!r:.100}; the table has {listed:.500}{advice}")
    series = table.get_column(name)
    texts = _series_of_text(series)
    if texts is not None:
        return texts
    missing = series.is_null()
    if missing.any():
        row = int(missing.arg_true()[0])
        raise ValueError(
            f"column {name!r:.100} is empty in {missing.sum()} rows (first: row {row})"
        )
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("ms"))  # in which all dates have room
    if isinstance(series.dtype, nw.Datetime):
        counted = np.asarray(series.cast(nw.Int64).to_numpy())
        return counted.astype(f"datetime64[{series.dtype.time_unit}]")
    if series.dtype in (nw.Int128, nw.UInt128):
        return np.array(series.to_list(), object)
    return np.asarray(series.to_numpy())


# -- of arrays ----------------------------------------------------------------------------------


def as_array(values: Any, name: str) -> NDArray[Any]:
    """`values` of any dimension; text as objects, since NumPy's has one width and loses final NULs.

    Raises
    ------
    ValueError
        If some are masked, or rows differ in length.
    """
    types = set(map(type, values)) if isinstance(values, list | tuple) else {type(values)}
    nested = any(issubclass(kind, str | list | tuple) for kind in types)
    is_text = isinstance(values, str) or (isinstance(values, list | tuple) and nested)
    try:
        array = np.asarray(values, object) if is_text else np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must have one dimension; its rows differ in length") from None
    if np.ma.is_masked(values):
        masked = np.flatnonzero(np.ma.getmaskarray(values))
        raise ValueError(
            f"{name} is masked at position {masked[0]} ({len(masked)} in all); leave out what is "
            "missing"
        )
    return array


def as_ids(values: Any, name: str) -> NDArray[Any]:
    """Ids as int32, int64, or objects that are all str.

    They come from integers, integral floats, strings or objects of one kind. 32 bits stay:
    widening them would double what the largest columns take.
    """
    array = _one_dimension(values, name)
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind == "T":  # which may have missing values
        array = array.astype(object)
    if array.dtype.kind == "O":
        array = _of_one_kind(array, name)
        if array.dtype.kind == "O":
            return array
    if array.dtype.kind == "f":
        _check_integers(array, name)
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers or strings, not {array.dtype}")
    _check_64_bits(array, name)
    if array.dtype.kind == "u":
        signed = np.dtype(f"{array.dtype.byteorder}i{array.dtype.itemsize}")
        array = array.view(signed) if array.max(initial=0) <= np.iinfo(signed).max else array
    narrow = array.dtype.kind == "i" and array.dtype.itemsize <= 4
    return array.astype(np.int32 if narrow else np.int64, copy=False)


@dataclass(frozen=True)
class RepeatedTexts:
    """Text whose values come again: some texts, perhaps equal, and which of them each value is."""

    texts: pl.Series
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        return self.texts.to_numpy()[self.codes]


def as_id_column(values: Any, name: str) -> NDArray[Any] | pl.Series | RepeatedTexts:
    """As `as_ids`, of any length: text as Polars', in a fraction of the memory, or NumPy's own."""
    if isinstance(values, RepeatedTexts):
        return values
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series) and (found := _series_of_text(series)) is not None:
        return found
    array = _one_dimension(values, name)
    if array.dtype.kind == "U" and array.dtype.isnative:
        return np.ascontiguousarray(array)
    texts = _as_text(array.astype(object, copy=False)) if array.dtype.kind in "OUT" else None
    return as_ids(array, name) if texts is None else texts


def _as_text(values: NDArray[Any]) -> pl.Series | RepeatedTexts | None:
    """Of Python's strings; None where there are others, missing values or surrogates."""
    import polars as pl

    if not (len(values) and isinstance(values[0], str)):
        return None
    codes = None
    addresses = np.ndarray(len(values), np.intp, np.ascontiguousarray(values))  # of the objects
    some = np.sort(addresses[:BLOCK])
    if np.count_nonzero(np.diff(some)) < 0.9 * len(some):  # many are there again
        positions, codes = number(addresses)
        values = values[positions]
    with suppress(TypeError, UnicodeError, pl.exceptions.PolarsError):
        texts = pl.Series(values, dtype=pl.String)
        if not texts.has_nulls():
            return texts if codes is None else RepeatedTexts(texts, codes)
    return None


def _series_of_text(series: nw.Series[Any]) -> pl.Series | RepeatedTexts | None:
    """Text or categories of text as Polars'; None of others, and as `_as_text`."""
    import polars as pl

    dtype = getattr(series.to_native(), "dtype", "")
    if str(dtype) == "object" or getattr(dtype, "storage", "") == "python":
        return _as_text(series.to_numpy())
    if series.dtype in (nw.String, nw.Categorical, nw.Enum):
        with suppress(ImportError, ValueError):  # pandas without Arrow; surrogates
            texts = series.to_polars()
            if texts.has_nulls():
                return None
            if isinstance(texts.dtype, pl.Categorical | pl.Enum) and len(texts):
                positions, codes = number(texts.to_physical().to_numpy().astype(np.int64))
                return RepeatedTexts(texts[positions].cast(pl.String), codes)
            if isinstance(texts.dtype, pl.String | pl.Categorical | pl.Enum):
                return texts.cast(pl.String)
    return None


def as_floats(values: Any, name: str) -> NDArray[np.float32]:
    """Finite numbers as float32."""
    return numbers(_one_dimension(values, name), name)


def numbers(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Finite real numbers as float32, of any shape."""
    if array.dtype.kind == "O":
        values = array.ravel().tolist()
        others = tuple(
            kind for kind in {*map(type, values)} if not issubclass(kind, Real | Decimal)
        )
        if others:
            position = next(i for i, value in enumerate(values) if isinstance(value, others))
            raise TypeError(
                f"{name} must be numbers; found {values[position]!r:.100} at position {position}"
            )
        try:
            array = array.astype(np.float64)
        except OverflowError as error:
            raise ValueError(f"{name} must be finite float32 numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be numbers, not {array.dtype}")
    return finite(array, name)


def as_times(values: Any, name: str) -> NDArray[np.int64]:
    """Times as int64; of datetimes, microseconds since 1970."""
    array = _one_dimension(values, name)
    if array.dtype.kind == "O":
        array = _datetimes(array, name)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise ValueError(f"{name} has missing times")
        ends = np.array([array.min(), array.max()]) if len(array) else array
        if _outside(ends).any():
            far = np.flatnonzero(_outside(array))
            raise ValueError(
                f"{name} must fit into 64 bits as microseconds since 1970; not so at position "
                f"{far[0]} ({len(far)} in all)"
            )
        return array.astype("datetime64[us]").view(np.int64)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be integers or datetimes, not {array.dtype}")
    if array.dtype.kind == "f":
        finite(array, name)
    _check_64_bits(array, name)
    return array.astype(np.int64, copy=False)


def _outside(times: NDArray[Any]) -> NDArray[np.bool_]:
    """Which have no room as microseconds: NumPy goes on with other years, without a word."""
    micro = times.astype("datetime64[us]")
    return np.asarray(micro.astype("datetime64[Y]") != times.astype("datetime64[Y]"))


def _datetimes(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Python's dates and times as NumPy's, in UTC; integers as they are."""
    if all(isinstance(value, int) for value in array):
        return _of_one_kind(array, name)
    plain = array.copy()
    for position, value in enumerate(array):
        if value is None or value != value:
            raise ValueError(f"{name} has missing times (first: position {position})")
        if not isinstance(value, date | np.datetime64):  # a datetime is a date
            raise TypeError(
                f"{name} must be integers or datetimes, all of them; found {value!r:.100} at "
                f"position {position}"
            )
        if isinstance(value, datetime) and value.tzinfo:
            try:
                plain[position] = value.astimezone(UTC).replace(tzinfo=None)
            except OverflowError:
                raise ValueError(
                    f"{name} must be in the years 1 to 9999 of UTC; found {value} at position "
                    f"{position}"
                ) from None
    return plain.astype("datetime64[us]")


def finite(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """As float32; a ValueError names the first number that is none."""
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32, copy=False)
    ok = np.isfinite(numbers)
    if not ok.all():
        bad = np.flatnonzero(~ok)
        raise ValueError(
            f"{name} must be finite float32 numbers; found {array.flat[bad[0]]} at position "
            f"{bad[0]} ({len(bad)} in all)"
        )
    return numbers


def as_weights(values: Any, name: str) -> NDArray[np.float32]:
    """Finite numbers above 0 as float32."""
    weights = as_floats(values, name)
    bad = np.flatnonzero(weights <= 0)
    if len(bad):
        raise ValueError(
            f"{name} must be above 0; found {weights[bad[0]]} at position {bad[0]} "
            f"({len(bad)} in all); leave out ratings that should not count"
        )
    return weights


def _one_dimension(values: Any, name: str) -> NDArray[Any]:
    array = as_array(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    return array


def _of_one_kind(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Integers, floats or objects that are all str."""
    types = set(map(type, array.tolist()))
    kinds = set(map(_kind, types))
    if kinds == {"str"}:
        return array if types == {str} else np.array([*map(str.__str__, array)], object)
    if kinds - {"int", "float"}:
        found = " and ".join(sorted(kinds))
        raise TypeError(f"{name} must be all integers or all strings, not {found}")
    try:
        return array.astype(np.float64 if "float" in kinds else np.int64)
    except OverflowError:
        raise ValueError(
            f"{name} must fit into 64 bits with a sign; found {max(array, key=abs)}"
        ) from None


def _kind(kind: type) -> str:
    if issubclass(kind, str):
        return "str"
    if issubclass(kind, int | np.integer) and kind is not bool:
        return "int"
    return "float" if issubclass(kind, float | np.floating) else kind.__name__


def _check_integers(array: NDArray[Any], name: str) -> None:
    # Tables turn integers into floats when a value is missing somewhere: 196.0 is the id 196.
    # NaN fails each comparison; beyond the mantissa, a float stands for several integers.
    limit = 2.0 ** (np.finfo(array.dtype).nmant + 1)

    def others(block: slice) -> NDArray[np.int64]:
        own = array[block]
        is_integer = (own == np.floor(own)) & (np.abs(own) < limit)
        return np.flatnonzero(~is_integer)[:1] + np.int64(block.start)

    for position, *_ in filter(len, in_blocks(len(array), others)):
        raise ValueError(
            f"{name} must be integers or strings; found {array[position]} at position {position}"
        )


def _check_64_bits(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind == "i" or not len(array):
        return
    for value in (array.min(), array.max()):
        if not -(2**63) <= int(value) < 2**63:
            raise ValueError(f"{name} must fit into 64 bits with a sign; found {value}")
