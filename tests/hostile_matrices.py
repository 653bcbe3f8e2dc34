"""Sparse matrices that are wrong in every way, or right in an unusual one."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import scipy.sparse as sp

_HUGE = (-(2**31), 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**40, 2**63 - 1)
_FORMS = (sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix, sp.bsr_array, sp.lil_array)


@st.composite
def matrices(draw: st.DrawFn, n_rows: int, n_columns: int) -> tuple[Any, dict[Any, float] | None]:
    """A matrix whose arrays and shape say anything, and its entries; None if they make no sense."""
    form = draw(st.sampled_from(_FORMS))
    shape = draw(
        st.just((n_rows, n_columns))
        | st.tuples(st.integers(1, n_rows + 1), st.integers(1, n_columns + 1))
        | st.sampled_from([(n_rows, 2**31 - 1), (2**31 - 2, n_columns), (n_rows, 2**40)])
    )
    n = draw(st.integers(1, 8))
    data = draw(st.sampled_from([_numbers(n)] * 6 + [_numbers(n - 1), *map(_spoilt, [n] * 4)]))
    matrix = form((n_rows, n_columns))
    if form is sp.lil_array:
        rows, values = draw(_lists(n_rows, n_columns)), draw(_lists(n_rows, 3))
        matrix.rows, matrix.data = rows, values
        matrix._shape = (draw(st.sampled_from([n_rows] * 5 + [n_rows + 1])), n_columns)
        pairs = [(row, column) for row, columns in enumerate(rows) for column in columns]
        lengths = [[*map(len, lists)] for lists in (rows, values)]
        sound = lengths[0] == lengths[1] and matrix.shape[0] == n_rows
        return matrix, _entries(matrix.shape, pairs, np.concatenate(values)) if sound else None
    n_major, n_minor = (n_columns, n_rows) if form is sp.csc_array else (n_rows, n_columns)
    minor = _indices(draw, n, n_minor)
    if form is sp.coo_array:
        major = _indices(draw, draw(st.sampled_from([n] * 9 + [n + 1])), n_major)
        matrix.coords = (major, minor)
        sound = len(major) == len(minor) == len(data) and major.dtype.kind == "i"
        places = [*zip(major, minor, strict=False)]
    else:
        inner = st.lists(st.integers(0, n), min_size=n_major - 1, max_size=n_major - 1)
        rising = inner.map(lambda some: [0, *sorted(some), n])
        anything = st.lists(st.integers(-2, 9) | st.sampled_from(_HUGE), max_size=n_major + 2)
        offsets = draw(rising | rising | anything)
        matrix.indices, matrix.indptr = (
            minor,
            np.array(offsets, draw(st.sampled_from([int, int, float]))),
        )
        sound = (
            matrix.indptr.dtype == int
            and len(offsets) == n_major + 1
            and (offsets[0], offsets) == (0, sorted(offsets))
            and offsets[-1] <= min(n, len(data))
        )
        majors = np.repeat(np.arange(n_major), np.diff(offsets)) if sound else []
        places = [*zip(majors, minor, strict=False)]
        if form is sp.csc_array:
            places = [place[::-1] for place in places]
    matrix.data = data.reshape(-1, 1, 1) if form is sp.bsr_array else data
    matrix.has_canonical_format = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        matrix._shape = shape
        sound = sound and (form is sp.coo_array or n_major == shape[form is sp.csc_array])
    sound = sound and minor.dtype.kind == "i" and not np.ma.is_masked(data)
    return matrix, _entries(matrix.shape, places, data[: len(places)]) if sound else None


def _entries(shape: Any, places: Any, values: Any) -> dict[Any, float] | None:
    """Entries by place, those of one place added up; None if a place is outside or no number."""
    entries: dict[Any, float] = {}
    for (row, column), value in zip(places, values, strict=True):
        if not (0 <= row < shape[0] and 0 <= column < shape[1] and np.isfinite(value)):
            return None
        entries[int(row), int(column)] = entries.get((row, column), 0) + float(value)
    return entries if max(shape) < 1000 else None


def _numbers(n: int) -> Any:
    return np.arange(1.0, n + 1)


def _spoilt(n: int) -> Any:
    numbers = _numbers(n)
    return [np.where(numbers == n, np.nan, numbers), np.ma.array(numbers, mask=numbers == n)][n % 2]


def _indices(draw: st.DrawFn, n: int, side: int) -> Any:
    inside = st.lists(st.integers(0, side - 1), min_size=n, max_size=n)
    anything = st.integers(-2, side + 2) | st.sampled_from(_HUGE)
    wrong = st.lists(anything, min_size=n, max_size=n)
    kind = draw(st.sampled_from([np.int64, np.int64, np.int32, np.float64]))
    return np.array(draw(inside | inside | wrong), np.int64).astype(kind)


def _lists(n_rows: int, side: int) -> st.SearchStrategy[Any]:
    row = st.lists(st.integers(0, side - 1) | st.integers(0, side + 1), max_size=3).map(sorted)

    def as_array(rows: list[Any]) -> Any:
        array = np.empty(n_rows, object)
        array[:] = rows
        return array

    return st.lists(row, min_size=n_rows, max_size=n_rows).map(as_array)
