"""Ratings of another scale as stars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from cinefold.interactions import Interactions
from cinefold.profiles.profile import HIGHEST_STARS, LOWEST_STARS

_SCALES = (5.0, 10.0, 100.0)
_SHARE_BEYOND, _ENOUGH = 0.05, 3


@dataclass(frozen=True)
class StarScale:
    """The stars that a person can give to the movies of a data set: from `lowest` to `highest`."""

    lowest: float = LOWEST_STARS
    highest: float = HIGHEST_STARS

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        """Up to the best rating of a data set; half a star, also where its own are whole ones.

        Parameters
        ----------
        interactions : Interactions

        Returns
        -------
        StarScale
        """
        values = interactions.by_user.data
        return cls(min(LOWEST_STARS, float(values.min())), float(values.max()))


@dataclass(frozen=True)
class Conversion:
    """Stars = rating x `target.highest` / `highest`, not rounded; `target.lowest` at least.

    So two grades of ten make a star, one makes half a star, and 87 of 100 are 4.35.

    Attributes
    ----------
    highest : float
        Best rating of the file's scale.
    target : StarScale
    exact : bool
        Do not raise to the lowest: the file has stars of this kind already.
    """

    highest: float
    target: StarScale
    exact: bool = False

    def stars(self, rating: float) -> float:
        """A rating of the file in stars.

        Parameters
        ----------
        rating : float

        Returns
        -------
        float
        """
        value = rating * self.target.highest / self.highest
        return value if self.exact else min(max(value, self.target.lowest), self.target.highest)

    def table(self, ratings: Iterable[float]) -> tuple[tuple[float, float], ...]:
        """Each different rating and its stars, by rising rating.

        Parameters
        ----------
        ratings : iterable of float

        Returns
        -------
        tuple of (float, float)
        """
        return tuple((rating, self.stars(rating)) for rating in sorted(set(ratings)))

    def __str__(self) -> str:
        if self.exact or self.highest == self.target.highest:
            return "stars as they are"
        return f"a rating of {self.highest:g} is {self.target.highest:g} stars"


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
