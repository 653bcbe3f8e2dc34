"""Measured values and their standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import stdtrit

from cinefold.evaluation.evaluate import ERRORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Measure:
    """A value and its standard error (NaN where there is none).

    Users are taken as the sample: with several divisions, a user's values are averaged first, and
    the error is that of the mean over users. What is measured of all lists together varies over
    divisions instead.

    Attributes
    ----------
    value, standard_error : float
    n : int
        Users, or divisions.
    over : {"users", "divisions"}
    """

    value: float
    standard_error: float
    n: int
    over: Literal["users", "divisions"] = "users"

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval, normal over users, of Student's t over the few divisions."""
        by_t = self.over == "divisions" and self.n > 1
        half = (stdtrit(self.n - 1, 0.975) if by_t else _NORMAL_95) * self.standard_error
        return self.value - half, self.value + half


def of_users(name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]) -> Measure:
    """A measure from what each user adds to it, and what that is to be divided by, (n_users,)."""
    there = counts > 0
    error = standard_error(influence(name, sums[there], counts[there]))
    return Measure(_total(name, sums, counts), error, int(there.sum()))


def _total(name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    if not counts.any():
        return float("nan")
    if name in ERRORS:
        mean = float(sums.sum() / counts.sum())
        return float(np.sqrt(mean)) if name == "rmse" else mean
    there = counts > 0
    return float((sums[there] / counts[there]).mean())


def influence(
    name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers, one a user, whose standard error is that of the measure (the delta method)."""
    if name not in ERRORS:
        return np.asarray(sums / np.where(counts > 0, counts, np.nan))
    mean = sums.sum() / counts.sum()
    own = (sums - mean * counts) / counts.mean()
    if name == "rmse" and mean > 0:
        own /= 2 * np.sqrt(mean)
    return np.asarray(own)


def of_divisions(values: NDArray[np.float64]) -> Measure:
    """The mean of one value for each division."""
    return Measure(float(values.mean()), standard_error(values), len(values), "divisions")


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of `values`, without those that are NaN; NaN itself for less than two."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("nan")
    return float(known.std(ddof=1) / np.sqrt(len(known)))
