"""The one module that imports the compiled core.

With V fixed, the row of user i is the solution of (Hu, Koren, Volinsky 2008, eq. 4, generalized)

    (w0 V'V + sum_{j in Obs(i)} (c_ij - w0) v_j v_j' + lambda_i I) u_i = sum_j c_ij t_ij v_j.

V is first brought to a basis where V'V is diagonal (basis.py). Then w0 V'V is diagonal, so that
rows with few observations can be solved in the much smaller dual (native/rows/dual.h). The other
side changes with it, so that no product does, and fit keeps both: no row is ever turned back.

All that the core reads is checked when the objects here are made. Results do not depend on the
number of threads, nor on which other rows a call of :func:`solve_rows` has.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cinefold.als import _core
from cinefold.als.basis import Basis, one_blas_thread
from cinefold.als.method import EXACT, Method
from cinefold.als.padding import compact as compact
from cinefold.als.padding import lent as lent
from cinefold.als.padding import mapped_factors as mapped_factors
from cinefold.als.padding import padded_rows as padded_rows
from cinefold.als.row_sums import ROWS_PER_SUM, sum_in_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.objective import Objective

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

simd_level = _core.simd_level
simd_levels = _core.simd_levels
record = _core.record

# The core forms V'V from products in float32 and rotates in float32. What they round off, V'V keeps
# off its diagonal: it averages out over many rows; over few it would show in ill-conditioned
# solutions.
_ROWS_IN_DOUBLE = 4096

# (up to so many observations, so many steps of conjugate gradients), by rising length.
ExpectedSteps = list[tuple[int, int]]


class CheckedRows(Protocol):
    """The observations of rows, as :class:`cinefold.als.observations.Observations` has them."""

    checked: _core.Observations


class SingularRowError(ArithmeticError):
    """The equations of a row have no unique solution in float32; ``row`` is its index."""

    def __init__(self, row: int) -> None:
        super().__init__(f"the normal equations of row {row} are singular")
        self.row = row


class FixedSide:
    """The side that a half-step holds fixed, in a basis where its Gram matrix is diagonal.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, n_factors)
        V T. Copied unless they are of :func:`empty_factors`.
    basis : Basis
        T.
    n_threads : int

    Attributes
    ----------
    rows : ndarray of float32, shape (n, n_factors)
        Each row is contiguous; the array need not be: see `factors`.
    basis : Basis
    norms : ndarray of float32, shape (n,)
        Squared length of each row.

    Raises
    ------
    ValueError
        For rows that are not finite.
    """

    def __init__(
        self,
        rows: Floats,
        basis: Basis,
        n_threads: int,
        norms: tuple[Floats, float] | None = None,
    ) -> None:
        padded = padded_rows(rows)
        if padded is None:
            padded = _core.aligned(len(rows), _core.padded_length(rows.shape[1]))
            given, rows = rows, mapped_factors(padded, rows.shape[1])
            rows[:] = given
        if padded.flags.writeable:
            padded[:, rows.shape[1] :] = 0
        self.rows, self.basis, self._n_threads = rows, basis, n_threads
        spectrum = np.ascontiguousarray(basis.spectrum)
        self.norms, largest = norms or _core.row_norms(padded, n_threads)
        self._core = _core.FixedSide(padded, spectrum, self.norms, largest)

    def __reduce__(self) -> tuple[type[FixedSide], tuple[Floats, Basis, int]]:
        return FixedSide, (self.factors, self.basis, self._n_threads)

    @classmethod
    def of(
        cls,
        factors: Floats,
        n_threads: int,
        basis: Basis | None = None,
        *,
        out: Floats | None = None,
    ) -> FixedSide:
        """`factors` (n, n_factors) in `basis`, by default the eigenbasis of their Gram matrix.

        The rows come into `out`, of :func:`empty_factors`, which `factors` may be.
        """
        if basis is None:
            basis = Basis.of_eigenvectors(gram_matrix(factors, n_threads))
        if is_summed_in_double(len(factors)):
            rows, norms = rotate(factors, basis.fixed, n_threads, out, in_double=True), None
        else:
            rows, norms = _multiply(factors, basis.fixed, n_threads, out)
        return cls(rows, basis, n_threads, norms)

    @classmethod
    def in_eigenbasis(cls, factors: Floats, spectrum: Doubles, n_threads: int) -> FixedSide:
        """`factors` that are in theirs already."""
        identity = np.eye(len(spectrum))
        return cls(factors, Basis(spectrum, identity, identity), n_threads)

    @property
    def spectrum(self) -> Doubles:
        """The diagonal of the Gram matrix (n_factors,), falling."""
        return self.basis.spectrum

    @property
    def n_factors(self) -> int:
        """How many columns the rows have."""
        return len(self.spectrum)

    @cached_property
    def factors(self) -> Floats:
        """The rows as one contiguous array (n, n_factors)."""
        return np.ascontiguousarray(self.rows)

    def change_basis(self, factors: Floats, n_threads: int, *, out: Floats | None = None) -> Floats:
        """The other side's `factors` (n, n_factors) in the basis in which all products stay.

        They come into `out`, of :func:`empty_factors`, which `factors` may be.
        """
        return rotate(factors, self.basis.other, n_threads, out, in_double=False)

    def restore_basis(self, factors: Floats, n_threads: int) -> Floats:
        """The other side's `factors` as they were before `change_basis`."""
        return rotate(factors, self.basis.fixed.T, n_threads, None, in_double=False)


def empty_factors(n: int, n_factors: int) -> Floats:
    """Uninitialized rows (n, n_factors), laid out in memory as the core reads them fastest."""
    return mapped_factors(_core.aligned(n, _core.padded_length(n_factors)), n_factors)


def is_summed_in_double(n: int) -> bool:
    """Whether so many rows are few enough for double precision throughout."""
    return n <= _ROWS_IN_DOUBLE


def gram_matrix(
    factors: Floats, n_threads: int, weights: Doubles | None = None, in_double: bool | None = None
) -> Doubles:
    """V'V, or V'WV with a weight for each row.

    `in_double` is for parts of V: what :func:`is_summed_in_double` says of all rows.
    """
    scale = None if weights is None else np.sqrt(weights)
    if is_summed_in_double(len(factors)) if in_double is None else in_double:
        exact = factors.astype(np.float64)
        if scale is not None:
            exact *= scale[:, np.newaxis]
        starts = range(0, max(len(exact), 1), ROWS_PER_SUM)
        parts = (exact[start : start + ROWS_PER_SUM] for start in starts)
        with one_blas_thread():
            gram = sum_in_pairs([part.T @ part for part in parts])
    else:
        gram = _core.gram(factors, scale if scale is None else scale.astype(np.float32), n_threads)
    return checked_gram(gram)


def checked_gram(gram: Doubles) -> Doubles:
    """`gram` itself; a ValueError if it is not finite."""
    if not np.isfinite(gram).all():
        raise ValueError(
            "the factors have grown beyond what float32 can hold; "
            "increase regularization or scale the ratings down"
        )
    return gram


def rotate(
    factors: Floats, change: Doubles, n_threads: int, out: Floats | None, in_double: bool
) -> Floats:
    """`factors` (n, n_factors) times `change`, in `out` of :func:`empty_factors`."""
    if not in_double:
        return _multiply(factors, change, n_threads, out)[0]
    if out is None:
        out = empty_factors(*factors.shape)
    with one_blas_thread():
        for begin in range(0, len(factors), ROWS_PER_SUM):
            rows = slice(begin, begin + ROWS_PER_SUM)
            out[rows] = factors[rows].astype(np.float64) @ change
    return out


def _multiply(
    factors: Floats, change: Doubles, n_threads: int, out: Floats | None
) -> tuple[Floats, tuple[Floats, float]]:
    """The product, and the squared lengths of its rows and the largest of these."""
    n, d = factors.shape
    if out is None:
        out = empty_factors(n, d)
    rows = padded_rows(out)
    if rows is None or out.shape != factors.shape:
        raise ValueError("out must be of empty_factors, with the shape of factors")
    return out, _core.rotate(factors, _columns(change), rows, n_threads)


def _columns(change: Doubles) -> Floats:
    """Those of a change of basis, one after the other."""
    return np.ascontiguousarray(change.T, np.float32)


def check_observations(
    ratings: csr_array,
    weights: Floats | None,
    regularization: Doubles,
    objective: Objective,
) -> _core.Observations:
    """Rows of `ratings`, checked, in the form that the core reads, without a copy of float32."""
    offsets, columns = _indices(ratings)
    return _core.Observations(
        offsets,
        columns,
        np.ascontiguousarray(ratings.data, np.float32),
        weights,
        regularization,
        ratings.shape[1],
        objective.unobserved_weight,
        objective.target,
        objective.alpha,
    )


def expected_steps(
    observations: CheckedRows,
    fixed: FixedSide,
    previous: Floats,
    n_threads: int = 1,
    change: Doubles | None = None,
) -> ExpectedSteps:
    """How many steps of conjugate gradients the rows are expected to take to an exact solution.

    A few of them are tried, from `previous` (n_rows, n_factors) as :func:`solve_rows` takes them;
    of fewer than 256 rows none.
    """
    changed = None if change is None else _columns(change)
    return _core.expected_steps(observations.checked, fixed._core, previous, changed, n_threads)


def solve_rows(
    observations: CheckedRows,
    fixed: FixedSide,
    out: Floats,
    n_threads: int,
    method: Method = EXACT,
    *,
    expected_steps: ExpectedSteps | None = None,
    losses: Doubles | None = None,
    previous: Floats | None = None,
    change: Doubles | None = None,
    gram: Doubles | None = None,
) -> None:
    """Solve every row against `fixed`, in its basis, into `out` (n_rows, n_factors).

    A row's result depends on the row, `fixed`, `method` and `expected_steps` alone: it is the same
    to the last bit in any call that has it, on any number of threads.

    Parameters
    ----------
    out : ndarray of float32, shape (n_rows, n_factors)
        Filled with the solutions.
    expected_steps : ExpectedSteps, optional
        Of these rows or of more; without them exact rows are solved by factorisations.
    losses : ndarray of float64, shape (n_rows, 2), optional
        Filled with each row's part of the objective, without the regularization of the fixed side,
        and with its sum of squared errors over the observations.
    previous : ndarray of float32, shape (n_rows, n_factors)
        Where conjugate gradients start, which exact solutions may be made by as well, and the
        previous rows of a relaxation; by default what `out` holds.
    change : ndarray of float64, shape (n_factors, n_factors), optional
        `previous` times this is in the basis of `fixed`. It is applied to rows that need it.
    gram : ndarray of float64, shape (n_factors, n_factors), optional
        Filled with the Gram matrix of the solutions, as the core forms it.

    Raises
    ------
    SingularRowError
        If a row has no unique solution.
    KeyboardInterrupt
        On Ctrl-C, within a fraction of a second; `out` is then only partly written.
    """
    chosen = _core.Method(
        method.max_steps,
        method.tolerance,
        method.relaxation,
        method.row_solver,
        expected_steps or [],
    )
    try:
        _core.solve_rows(
            observations.checked,
            fixed._core,
            chosen,
            out if previous is None else previous,
            None if change is None else _columns(change),
            out,
            losses,
            gram,
            n_threads,
        )
    except ArithmeticError as error:
        raise SingularRowError(int(error.args[0])) from None


def top_k(
    queries: Floats,
    items: Floats,
    k: int,
    *,
    excluded: csr_array | None = None,
    allowed: NDArray[np.bool_] | None = None,
    n_threads: int = 1,
) -> tuple[NDArray[np.int32], Floats]:
    """The k items of largest inner product with each query; equal scores by rising index.

    A score does not depend on the batch it is computed in, nor on the number of threads.

    Parameters
    ----------
    queries : ndarray of float32, shape (n, n_factors)
    items : ndarray of float32, shape (n_items, n_factors)
        Fastest if of :func:`empty_factors`.
    excluded : csr_array, shape (n, n_items), optional
        The stored entries of a row, with rising columns, are not candidates for it.
    allowed : ndarray of bool, shape (n_items,), optional
        The only candidates.

    Returns
    -------
    indices : ndarray of int32, shape (n, min(k, n_items)); -1 where no candidate is left
    scores : ndarray of float32, the same shape; -inf there

    Raises
    ------
    ValueError
        For excluded columns that are out of range or do not rise.
    """
    offsets = columns = None
    if excluded is not None:
        offsets, columns = _indices(excluded)
    candidates = None if allowed is None else allowed.astype(np.bool_, copy=False).view(np.uint8)
    rows = np.ascontiguousarray(queries)
    return _core.top_k(rows, items, min(k, len(items)), offsets, columns, candidates, n_threads)


def _indices(matrix: csr_array) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Row offsets and columns as the core takes them; it checks them after this."""
    columns, n_columns = matrix.indices, matrix.shape[1]
    if n_columns > np.iinfo(np.int32).max:
        raise ValueError(f"there can be at most 2,147,483,647 columns, not {n_columns:,}")
    if columns.dtype != np.int32 and columns.size:  # would wrap around
        for column in (columns.min(), columns.max()):
            if not 0 <= column < n_columns:
                raise ValueError(f"column {column} is not one of the {n_columns} columns")
    offsets = np.ascontiguousarray(matrix.indptr, np.int64)
    return offsets, np.ascontiguousarray(columns, np.int32)
