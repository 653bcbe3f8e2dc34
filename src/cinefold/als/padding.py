"""Factors whose rows lie apart in memory, padded with zeros, as the core reads them fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_ROWS_MOVED = 4096  # at a time
_padded: WeakValueDictionary[int, Floats] = WeakValueDictionary()  # by address


def mapped_factors(padded: Floats, n_factors: int) -> Floats:
    """The factors in what :func:`padded_rows` gave, for instance read from a mapped file."""
    _padded[padded.ctypes.data] = padded
    return padded[:, :n_factors]


def padded_rows(factors: Floats) -> Floats | None:
    """The rows whose first columns `factors` are, and which may be overwritten; None for others."""
    rows = _padded.get(factors.ctypes.data)
    if rows is None:
        return None
    same_rows = (len(factors), factors.strides) == (len(rows), rows.strides)
    return rows if same_rows and factors.base is rows else None


def compact(factors: Floats) -> Floats:
    """`factors` (n, n_factors), made contiguous, in their own memory where that is padded."""
    if factors.flags.c_contiguous:
        return factors
    (n, d), rows = factors.shape, padded_rows(factors)
    if rows is None:
        return np.ascontiguousarray(factors)
    compacted: Floats = rows.reshape(-1)[: n * d].reshape(n, d)
    for begin in range(0, n, _ROWS_MOVED):
        end = begin + _ROWS_MOVED
        compacted[begin:end] = factors[begin:end].copy()
    return compacted
