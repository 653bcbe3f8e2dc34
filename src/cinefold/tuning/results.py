"""What a search found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from cinefold._version import __version__
from cinefold.models import WeightedMatrixFactorization
from cinefold.tuning.parameters import write_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import optuna

INTERRUPTED = "cinefold:interrupted"
"""The user attribute of trials that Ctrl-C ended, in Optuna's study."""

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Trial:
    """One model that was tried.

    Attributes
    ----------
    number : int
        From 0, in the order in which they were begun.
    state : {"complete", "pruned", "failed", "interrupted"}
        "pruned": ended because its curve stayed behind the median of those before.
    value : float or None
        The best of the curve.
    iteration : int or None
        Where it was reached, from 1.
    curve : tuple of float
        The validation metric after each iteration; of a pruned one on the first part alone.
    point : dict
        What was searched, by name.
    parameters : dict
        The model's, with `iteration` as ``max_iter``.
    seconds : float or None
    error : str or None
        Why it failed.
    """

    number: int
    state: str
    value: float | None
    iteration: int | None
    curve: tuple[float, ...]
    point: dict[str, Any]
    parameters: dict[str, Any]
    seconds: float | None
    error: str | None = None

    @classmethod
    def from_optuna(cls, frozen: optuna.trial.FrozenTrial) -> Self:
        """The trial as Optuna keeps it, which must have ended."""
        attributes = frozen.user_attrs
        parameters = attributes.get("parameters", {})
        curve = tuple(attributes.get("curve", ()))
        iteration = parameters.get("max_iter")
        return cls(
            number=frozen.number,
            state="interrupted" if INTERRUPTED in attributes else _STATES[frozen.state.name],
            value=curve[iteration - 1] if iteration else None,
            iteration=iteration,
            curve=curve,
            point=dict(frozen.params),
            parameters=parameters,
            seconds=frozen.duration.total_seconds() if frozen.duration else None,
            error=attributes.get("error"),
        )


def ranked(trials: Iterable[Trial], metric: str) -> list[Trial]:
    """The complete trials, best first."""
    complete = [trial for trial in trials if trial.state == "complete"]
    sign = 1 if metric == "rmse" else -1
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


@dataclass(frozen=True)
class TuningResult:
    """The outcome of `tune`.

    Attributes
    ----------
    metric : str
    best_parameters : dict
        Of the model; ``WeightedMatrixFactorization(**best_parameters)`` trains as many iterations
        as were best.
    best_value : float
        The validation metric of the best trial: chosen as the best of many, it flatters.
    best_trial : Trial
    trials : tuple of Trial
        All of the study, in the order of their numbers.
    test : dict of str to dict
        Metrics on the ratings that the search never saw, of the "tuned" and the "default" model
        (the preset "stars" if the metric is rmse), both fitted on all the others, and of
        "popularity". Empty after an interrupt, and without a test part.
    splits : dict
        ``test``: arguments of ``Interactions.split`` that give the test part and the rest;
        ``validation``: a list of those that divide the rest. Empty if the parts were given.
    stop_reason : {"trials", "timeout", "callback", "interrupted"}
    seconds : float
        Wall time of this call.
    conditions : dict
        What all trials of the study share: fingerprints of the data, the metric, the space.
    """

    metric: str
    best_parameters: dict[str, Any]
    best_value: float
    best_trial: Trial
    trials: tuple[Trial, ...]
    test: dict[str, dict[str, float]]
    splits: dict[str, Any]
    stop_reason: str
    seconds: float
    conditions: dict[str, Any]

    def ranked(self) -> list[Trial]:
        """The complete trials, best first."""
        return ranked(self.trials, self.metric)

    def model(self, **changes: Any) -> WeightedMatrixFactorization:
        """An unfitted model with the best parameters, except for `changes`."""
        return WeightedMatrixFactorization(**{**self.best_parameters, **changes})

    def report(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)

    def save(self, file: str | Path) -> None:
        """Write the best parameters into `file`, for ``cinefold train --params``."""
        write_parameters(
            file,
            self.best_parameters,
            {
                "metric": self.metric,
                "value": self.best_value,
                "trial": self.best_trial.number,
                "n_trials": len(self.trials),
                "test": self.test,
                "splits": self.splits,
                "conditions": self.conditions,
                "cinefold": __version__,
            },
        )
