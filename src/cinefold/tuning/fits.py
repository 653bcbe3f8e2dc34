"""One trial's fit: its validation curve, and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.evaluation import evaluate

if TYPE_CHECKING:
    import threading

    import optuna

    from cinefold.interactions import Interactions
    from cinefold.model import WeightedMatrixFactorization

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
    def is_in_records(self) -> bool:
        """Whether a fit with validation measures it anyway."""
        return self.name in _IN_RECORDS

    @property
    def sign(self) -> int:
        """1 if more is better, else -1."""
        return -1 if self.name == "rmse" else 1

    def __call__(self, model: WeightedMatrixFactorization, record: dict[str, Any]) -> float:
        if self.name in _IN_RECORDS:
            return float(record[_IN_RECORDS[self.name]])
        k = int(self.name.rpartition("_")[2])
        return evaluate(model, self._validation, k=k)[self.name]


class Curve:
    """Called after every iteration of a fit; ends it when going on is of no use.

    Attributes
    ----------
    values : list of float
        The metric after each iteration.
    best : int
        Where in `values` the best is.
    pruned : bool
        Whether it stayed behind earlier trials.
    has_ended : bool
        Whether it ended by itself.
    """

    def __init__(
        self, trial: optuna.Trial, measure: Measure, patience: int, stop: threading.Event
    ) -> None:
        self._trial, self._measure, self._stop = trial, measure, stop
        self._patience = patience
        self.values: list[float] = []
        self.pruned = self.has_ended = False

    @property
    def best(self) -> int:
        return int(np.argmax(self._measure.sign * np.array(self.values)))

    def __call__(self, model: WeightedMatrixFactorization, record: dict[str, Any]) -> bool:
        value = self._measure(model, record)
        if not np.isfinite(value):
            raise ValueError(f"{self._measure.name} is {value}: nothing was held out to measure on")
        self.values.append(value)
        self._trial.report(value, len(self.values))
        self.pruned = self._trial.should_prune()
        self.has_ended = self.pruned or len(self.values) - 1 - self.best >= self._patience
        return self.has_ended or self._stop.is_set()
