"""Calls of the compiled core with arrays that are wrong in one way or another.

An input is the seed of the dice that make one call: nothing else of it counts.
"""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als import _core

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = [bytes([number]) for number in range(8)]
_REFUSALS = (TypeError, ValueError, ArithmeticError)
_ODD = [np.nan, np.inf, -np.inf, 3e38, -1e30, 1e-40, 0.0, -0.0, -1.0, 2.0**31, -(2.0**63)]
_OTHER_TYPES = [
    "f2",
    "f4",
    "f8",
    "i1",
    "i4",
    "i8",
    "u1",
    "u8",
    "?",
    "c8",
    "U3",
    "O",
    ">f4",
    "M8[s]",
]
_WRONG = 0.03


class Dice(random.Random):
    """Sizes and arrays of a call: mostly as they should be, so that all is reached."""

    def wrong(self, share: float = _WRONG) -> bool:
        return self.random() < share

    def size(self, n: int) -> int:
        return self.choice((0, 1, n - 1, n + 1, 2 * n, 5000)) if self.wrong() else n

    def threads(self) -> int:
        return self.choice((-1, 0, 2, 64, 2**31 - 1)) if self.wrong() else 1

    def array(self, shape: tuple[int, ...], dtype: str, high: int | None = None) -> Any:
        """Of numbers, or indices below `high`."""
        shape = tuple(max(0, self.size(n)) for n in shape)
        if self.wrong(0.01):
            shape = self.choice((shape[:-1], (*shape, 2), shape[::-1]))
        draw = np.random.default_rng(self.getrandbits(32))
        if high is None:
            values: Any = draw.standard_normal(shape).astype(dtype)
        else:
            values = draw.integers(0, max(high, 1), shape).astype(dtype)
        if self.wrong() and values.size:
            with np.errstate(all="ignore"):
                values.flat[self.randrange(values.size)] = np.asarray(self.choice(_ODD)).astype(
                    dtype
                )
        if self.wrong(0.01):
            with np.errstate(all="ignore"):
                values = values.real.astype(self.choice(_OTHER_TYPES))
        if self.wrong(0.01) and values.ndim:
            wide = np.repeat(values, 2, axis=-1)
            values = self.choice(
                (wide[..., ::2], values[::-1], np.asfortranarray(values), values.T)
            )
        values.flags.writeable = not self.wrong(0.01)
        return self.choice((None, values.tolist(), 3)) if self.wrong(0.01) else values

    def offsets(self, n_rows: int, n_entries: int) -> Any:
        cuts = sorted(self.randrange(n_entries + 1) for _ in range(max(0, n_rows - 1)))
        offsets = np.array([0, *cuts, n_entries][: n_rows + 1], np.int64)
        if self.wrong():
            offsets[self.randrange(len(offsets))] += self.choice((-1, 1, 7, 2**31, 2**62, -(2**62)))
        return offsets[: self.size(n_rows + 1)]

    def columns(self, offsets: Any, n_columns: int, n_entries: int) -> Any:
        columns = self.array((n_entries,), "i4", n_columns)
        if isinstance(columns, np.ndarray) and columns.ndim == 1 and not self.wrong():
            columns = np.sort(columns)
        return columns


def _fixed(dice: Dice, n: int, d: int) -> Any:
    rows = dice.array((n, _core.padded_length(d)), "f4")
    return _core.FixedSide(
        rows,
        np.abs(dice.array((d,), "f8")),
        dice.array((dice.size(n),), "f4") if dice.wrong(0.3) else None,
        dice.threads(),
    )


def _observations(dice: Dice, n_rows: int, n_columns: int) -> Any:
    n = dice.randrange(1, 60)
    offsets = dice.offsets(n_rows, n)
    observations = _core.Observations(
        offsets,
        dice.columns(offsets, n_columns, n),
        np.abs(dice.array((n,), "f4")),
        None if dice.wrong(0.5) else np.abs(dice.array((n,), "f4")),
        np.abs(dice.array((n_rows,), "f8")) + 0.1,
        dice.size(n_columns),
        dice.choice(_ODD) if dice.wrong() else 0.5,
        dice.choice(
            ("rating", "sqrt", "binary", "stars") if dice.wrong() else ("rating", "binary")
        ),
        dice.choice(_ODD) if dice.wrong() else 0.5,
    )
    if dice.wrong(0.3):
        observations = observations.with_baseline(dice.array((n_columns,), "f4"))
    return observations


def _method(dice: Dice) -> Any:
    steps = [(dice.choice((-1, 0, 5, 2**62)), dice.choice((0, 3, 2**20, 2**31 - 1)))]
    return _core.Method(
        dice.choice((-1, 10**6, 2**31)) if dice.wrong() else dice.randrange(4),
        dice.choice(_ODD) if dice.wrong() else 0.1,
        dice.choice(_ODD) if dice.wrong() else dice.choice((1.0, 1.7)),
        "none" if dice.wrong() else dice.choice(("automatic", "primal", "dual", "cg")),
        steps * (dice.choice((1, 3, 1000)) if dice.wrong() else 0),
    )


def _solve(dice: Dice) -> None:
    n_rows, n_columns, d = dice.randrange(1, 12), dice.randrange(1, 20), dice.randrange(1, 40)
    observations, fixed = _observations(dice, n_rows, n_columns), _fixed(dice, n_columns, d)
    factors = dice.array((n_rows, d), "f4")
    change = dice.array((d, d), "f4") if dice.wrong(0.5) else None
    if dice.wrong(0.3):
        _core.expected_steps(observations, fixed, factors, change, dice.threads())
    losses = None if dice.wrong(0.5) else dice.array((n_rows, 2), "f8")
    gram = None if dice.wrong(0.5) else dice.array((d, d), "f8")
    previous = factors if dice.wrong(0.5) else dice.array((n_rows, d), "f4")
    method, n_threads = _method(dice), dice.threads()
    _core.solve_rows(
        observations, fixed, method, previous, change, factors, losses, gram, n_threads
    )


def _top_k(dice: Dice) -> None:
    n, n_items, d = dice.randrange(1, 9), dice.randrange(1, 200), dice.randrange(1, 40)
    n_excluded = dice.randrange(30)
    offsets = dice.offsets(n, n_excluded)
    with_excluded = dice.wrong(0.5)
    _core.top_k(
        dice.array((n, d), "f4"),
        dice.array((n_items, d), "f4"),
        dice.choice((-1, 0, n_items + 1, 10**5))
        if dice.wrong()
        else dice.randrange(1, n_items + 1),
        offsets if with_excluded else None,
        dice.columns(offsets, n_items, n_excluded) if with_excluded else None,
        dice.array((n_items,), "u1", 2) if dice.wrong(0.3) else None,
        dice.threads(),
    )


def _gram(dice: Dice) -> None:
    n, d = dice.randrange(1, 300), dice.randrange(1, 40)
    scale = dice.array((n,), "f4") if dice.wrong(0.5) else None
    _core.gram(dice.array((n, d), "f4"), scale, dice.threads())


def _rotate(dice: Dice) -> None:
    n, d = dice.randrange(1, 300), dice.randrange(1, 40)
    rotation = dice.array((d, d), "f4")
    out = _core.aligned(dice.size(n), dice.size(_core.padded_length(d)))
    out[:] = 0
    rows = out[:, :d] if dice.wrong(0.3) else dice.array((n, d), "f4")
    _core.rotate(rows, rotation, out, dice.threads())


_CALLS: list[Callable[[Dice], None]] = [_solve, _solve, _top_k, _top_k, _gram, _rotate]


def check(data: bytes) -> None:
    dice = Dice(data)
    with contextlib.suppress(*_REFUSALS):
        dice.choice(_CALLS)(dice)
