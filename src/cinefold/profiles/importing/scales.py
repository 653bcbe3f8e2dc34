"""Ratings of another scale as stars of a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cinefold.interactions import Interactions

_MOST_STEPS = 100
_SCALES = (5.0, 10.0, 100.0)
_SHARE_BEYOND, _ENOUGH = 0.05, 3


@dataclass(frozen=True)
class StarScale:
    """The ratings that a data set knows: from `lowest` to `highest` by `step` (0: any)."""

    lowest: float = 0.5
    highest: float = 5.0
    step: float = 0.5

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        """The scale that the ratings of a data set use."""
        values = np.unique(interactions.by_user.data)
        steps = np.diff(values)
        step = float(steps.min()) if 0 < len(steps) < _MOST_STEPS else 0.0
        return cls(float(values[0]), float(values[-1]), step)


@dataclass(frozen=True)
class Conversion:
    """Stars = rating x `target.highest` / `highest`, to the nearest step, halves up, in range.

    So two grades of ten make a star, and half stars become the next whole one.

    Attributes
    ----------
    highest : float
        Best rating of the file's scale.
    target : StarScale
    exact : bool
        Neither round nor raise to the lowest: the file has stars of this kind already.
    """

    highest: float
    target: StarScale
    exact: bool = False

    def stars(self, rating: float) -> float:
        """A rating of the file in stars."""
        value = rating * self.target.highest / self.highest
        if self.exact:
            return value
        if step := self.target.step:
            # Steps are counted from the lowest; the small term is for 2.4999999 meaning 2.5.
            steps = math.floor((value - self.target.lowest) / step + 0.5 + 1e-9)
            value = self.target.lowest + steps * step
        return min(max(value, self.target.lowest), self.target.highest)

    def table(self, ratings: Iterable[float]) -> tuple[tuple[float, float], ...]:
        """Each different rating and its stars, by rising rating."""
        return tuple((rating, self.stars(rating)) for rating in sorted(set(ratings)))

    def __str__(self) -> str:
        if self.exact:
            return "stars as they are"
        if self.highest == self.target.highest:
            text = "stars"
        else:
            text = f"{self.highest:g} there is {self.target.highest:g} stars here"
        step = {0.0: "", 0.5: "to half stars", 1.0: "to whole stars"}.get(
            self.target.step, f"to steps of {self.target.step:g}"
        )
        rounded = f", rounded {step} (halves up)" if step else ""
        return f"{text}{rounded}, {self.target.lowest:g} at least"


def scale_of(ratings: Iterable[tuple[float | None, float | None]]) -> float:
    """The best rating of the smallest usual scale (5, 10, 100) that nearly all ratings fit.

    All but one of three or more, or all but 5 %. Ratings with a scale of their own (5 of "4/5") do
    not count, unless there are no others: then it is the largest of these.
    """
    pairs = [pair for pair in ratings if pair[0] is not None]
    values = np.array([value for value, own in pairs if own is None], np.float64)
    if not values.size:
        return max((own for _, own in pairs if own is not None), default=_SCALES[0])
    allowed = max(int(values.size >= _ENOUGH), int(_SHARE_BEYOND * values.size))
    return next((s for s in _SCALES if (values > s).sum() <= allowed), _SCALES[-1])
