"""Values of metrics, and their standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cinefold.metrics.registry import metric_of

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error (NaN where there is none).

    Users are taken as the sample: with several divisions, a user's values are averaged first, and
    the error is that of the mean over users. Metrics of all lists together vary over divisions
    instead.

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
        quantile = _NORMAL_95
        if self.over == "divisions" and self.n > 1:
            from scipy.special import stdtrit  # slow to import

            quantile = stdtrit(self.n - 1, 0.975)
        half = quantile * self.standard_error
        return self.value - half, self.value + half

    def __str__(self) -> str:
        """The value, with half of its 95 % interval where there is one."""
        half = self.interval[1] - self.value
        return f"{self.value:.4f}" + (f" ± {half:.4f}" if np.isfinite(half) else "")


def of_users(name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]) -> Estimate:
    """A metric from what each user adds to it, and what that is to be divided by, (n_users,)."""
    sums, counts = sums[counts > 0], counts[counts > 0]
    if not len(counts):
        return Estimate(float("nan"), float("nan"), 0)
    own, metric = influence(name, sums, counts), metric_of(name)
    value = sums.sum() / counts.sum() if metric.kind == "errors" else own.mean()
    return Estimate(float(np.sqrt(value) if metric.root else value), standard_error(own), len(own))


def influence(
    name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers, one a user, whose standard error is that of the metric (the delta method)."""
    metric = metric_of(name)
    if metric.kind != "errors":
        return np.asarray(sums / np.where(counts > 0, counts, np.nan))
    mean = sums.sum() / counts.sum()
    own = (sums - mean * counts) / counts.mean()
    if metric.root and mean > 0:
        own /= 2 * np.sqrt(mean)
    return np.asarray(own)


def of_divisions(values: NDArray[np.float64]) -> Estimate:
    """The mean of one value for each division."""
    return Estimate(float(values.mean()), standard_error(values), len(values), "divisions")


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of `values`, without those that are NaN; NaN itself for less than two."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("nan")
    return float(known.std(ddof=1) / np.sqrt(len(known)))
