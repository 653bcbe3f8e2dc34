"""One trial of a study: the fits at one point of the space, and their validation curve."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.trial import TrialState

from cinefold.evaluation import evaluate_per_user
from cinefold.models import WeightedMatrixFactorization
from cinefold.tuning.results import INTERRUPTED
from cinefold.tuning.space import Range
from cinefold.tuning.study import UNRANKED

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from cinefold.interactions import Interactions
    from cinefold.tuning.search_data import SearchData
    from cinefold.tuning.space import Coordinates, Space

CHEAP_ITERATIONS = 6
"""At most, of a trial with few factors, which tells settings apart; more factors need no more."""
_CHANCE = 0.005  # by which a list metric goes up and down from iteration to iteration

logger = logging.getLogger(__name__)


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """A value for every dimension of `space`."""
    point: dict[str, Any] = {}
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, list):
            point[name] = trial.suggest_categorical(name, dimension)
        elif not isinstance(dimension, Range):
            point[name] = dimension
        else:
            number = trial.suggest_int if dimension.integer else trial.suggest_float
            point[name] = number(name, dimension.low, dimension.high, log=dimension.log)  # type: ignore[arg-type]
    return point


@dataclass(frozen=True)
class TrialObjective:
    """The function that Optuna calls for each trial: the best value of its validation curve.

    Attributes
    ----------
    data : SearchData
    space : Space
    coordinates : Coordinates
    metric : str
    max_iter, patience, n_threads : int
    stop : Event
        Once it is set, fits end after their iteration, and their trial is to be tried again.
    deadline : float, optional
        On the monotonic clock; then the running trial ends after its iteration, too, unless no
        other is complete.
    """

    data: SearchData
    space: Space
    coordinates: Coordinates
    metric: str
    max_iter: int
    patience: int
    n_threads: int
    stop: threading.Event
    deadline: float | None = None

    def is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def __call__(self, trial: optuna.Trial) -> float:
        try:
            return self._value(trial)
        except ValueError as error:
            trial.set_user_attr("error", str(error))
            logger.warning("trial %d failed: %s", trial.number, error)
            raise
        except KeyboardInterrupt:
            trial.set_user_attr(INTERRUPTED, True)
            kept = {k: v for k, v in trial.user_attrs.items() if k != INTERRUPTED}
            trial.study.enqueue_trial(trial.params, kept)
            raise

    def _value(self, trial: optuna.Trial) -> float:
        point = suggest(trial, self.space)
        parameters = self.coordinates.parameters(point)
        is_cheap = point["n_factors"] == self.space.few_factors()
        longest = min(self.max_iter, CHEAP_ITERATIONS) if is_cheap else self.max_iter
        curves: list[ValidationCurve] = []
        # Without time for one model, what comes out would be worse than what was not tuned.
        ended = trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        is_late = self.is_late if ended else lambda: False
        for training, validation in self.data.folds:
            # The first fold alone decides when the trial ends.
            max_iter = len(curves[0].values) if curves else longest
            ended_by = () if curves else (trial, self.patience, is_late)
            curve = ValidationCurve(self.metric, validation, self.stop, *ended_by)
            model = WeightedMatrixFactorization(
                **parameters, max_iter=max_iter, tol=0.0, n_threads=self.n_threads
            )
            model.fit(training, callbacks=[curve], progress=False)
            if self.stop.is_set():
                raise KeyboardInterrupt
            curves.append(curve)
            if curve.pruned:
                break
        n = len(curves[0].values)
        values = np.mean([curve.until(n) for curve in curves], axis=0).tolist()
        best = _best(self.metric, values)
        model = WeightedMatrixFactorization(**parameters, max_iter=best + 1, tol=0.0)
        kept = {k: v for k, v in model.get_params().items() if k != "n_threads"}
        trial.set_user_attr("parameters", kept)
        trial.set_user_attr("curve", values)
        if curves[0].pruned:
            raise optuna.TrialPruned
        return float(values[best])


@dataclass
class ValidationCurve:
    """A callback of a fit: a metric after every iteration. Ends the fit when more is of no use.

    Parameters
    ----------
    metric : str
        As `Evaluation` names it.
    validation : Interactions
    stop : Event
        Ends the fit.
    trial : optuna.Trial, optional
        Compares the curve with those of earlier trials.
    patience : int, optional
        Ends the fit after so many iterations without a better value.
    is_late : callable
        Ends the fit once it is true.

    Attributes
    ----------
    values : list of float
    pruned : bool
        Whether it stayed behind earlier trials.
    """

    metric: str
    validation: Interactions
    stop: threading.Event
    trial: optuna.Trial | None = None
    patience: int | None = None
    is_late: Callable[[], bool] = lambda: False
    values: list[float] = field(default_factory=list)
    pruned: bool = False

    def __call__(self, model: WeightedMatrixFactorization, record: dict[str, Any]) -> bool:
        del record
        name, _, k = self.metric.partition("_at_")
        found = evaluate_per_user(model, self.validation, names=(name,), ks=(int(k or 10),))
        value = found.means[self.metric]
        self.values.append(value)
        if self.trial is not None and UNRANKED not in self.trial.user_attrs:
            self.trial.report(value, len(self.values))
            self.pruned = self.trial.should_prune()
        waited = len(self.values) - 1 - _near_best(self.metric, self.values)
        no_hope = self.patience is not None and waited >= self.patience
        return self.pruned or no_hope or self.is_late() or self.stop.is_set()

    def until(self, iteration: int) -> list[float]:
        """The values up to `iteration`; nothing changes in a fit that converged before it."""
        return self.values + self.values[-1:] * (iteration - len(self.values))


def _near_best(metric: str, values: list[float]) -> int:
    """The first value from which there is no more to be gained than chance gives and takes."""
    if metric == "rmse":
        return _best(metric, values)
    return int(np.argmax(np.asarray(values) >= (1 - _CHANCE) * max(values)))


def _best(metric: str, values: list[float]) -> int:
    return int(np.argmin(values) if metric == "rmse" else np.argmax(values))
