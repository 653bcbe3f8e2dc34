"""Factors whose rows lie apart in memory, padded with zeros, as the core reads them fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, ref

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


class _Lent:
    """Memory of rows, which `home` gets back as its `spare` once nobody reads it."""

    def __init__(self, rows: Floats, home: Any) -> None:
        self._rows, self._home = rows, ref(home)
        self.__array_interface__ = rows.__array_interface__

    def __del__(self) -> None:
        home = self._home()
        if home is not None:
            home.spare = self._rows


def lent(rows: Floats, n_factors: int, home: Any) -> Floats:
    """Factors in the padded `rows`, which `home`, if it is still there, gets back as its `spare`.

    What is made again and again costs less in the same memory: the system clears new pages.
    """
    return mapped_factors(np.asarray(_Lent(rows, home)), n_factors)


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
