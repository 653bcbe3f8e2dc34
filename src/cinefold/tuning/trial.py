"""One trial's fit: its validation curve, and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold._signals import ctrl_c_waits
from cinefold.evaluation import evaluate

if TYPE_CHECKING:
    import threading

    import optuna

    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization

_IN_RECORDS = {"ndcg_at_10": "validation_ndcg_at_10", "rmse": "validation_rmse"}


class Interrupted(Exception):  # noqa: N818 - no error
    """A trial was ended before its time, because the search was."""


class Measure:
    """The metric `name` on `validation`, of a model in training.

    Parameters
    ----------
    name : str
        As `evaluate` names it.
    validation : Interactions
    """

    def __init__(self, name: str, validation: Interactions) -> None:
        self.name, self._validation = name, validation

    @property
    def in_fit(self) -> Interactions | None:
        """What to hand to a fit, if it is that which measures."""
        return self._validation if self.name in _IN_RECORDS else None

    def best(self, values: list[float]) -> int:
        """Where in `values` the best is."""
        return int(np.argmin(values) if self.name == "rmse" else np.argmax(values))

    def __call__(self, model: WeightedMatrixFactorization, record: dict[str, Any]) -> float:
        if self.name in _IN_RECORDS:
            return float(record[_IN_RECORDS[self.name]])
        k = int(self.name.rpartition("_")[2])
        return evaluate(model, self._validation, k=k)[self.name]


class Curve:
    """Called after every iteration of a fit; ends it when going on is of no use.

    Parameters
    ----------
    measure : Measure
    stop : Event
        Ends it at once.
    trial : optuna.Trial, optional
        Compares it with earlier trials.
    patience : int, optional
        Ends it after so many iterations without a better value.

    Attributes
    ----------
    values : list of float
        The metric after each iteration.
    pruned : bool
        Whether it stayed behind earlier trials.
    """

    def __init__(
        self,
        measure: Measure,
        stop: threading.Event,
        *,
        trial: optuna.Trial | None = None,
        patience: int | None = None,
    ) -> None:
        self.measure = measure
        self._stop, self._trial, self._patience = stop, trial, patience
        self.values: list[float] = []
        self.pruned = False

    def __call__(self, model: WeightedMatrixFactorization, record: dict[str, Any]) -> bool:
        self.values.append(self.measure(model, record))
        if self._trial is not None:
            with ctrl_c_waits():
                self._trial.report(self.values[-1], len(self.values))
                self.pruned = self._trial.should_prune()
        waited = len(self.values) - 1 - self.measure.best(self.values)
        no_hope = self._patience is not None and waited >= self._patience
        return self.pruned or no_hope or self._stop.is_set()

    def until(self, iteration: int) -> list[float]:
        """The values up to `iteration`; nothing changes in a fit that converged before it."""
        return self.values + self.values[-1:] * (iteration - len(self.values))
