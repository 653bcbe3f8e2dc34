"""Tuning: which parameters suit your data, and what the choice is worth.

Needs Optuna (``pip install 'cinefold[tune]'``); reading and writing files of parameters does not.
"""

from typing import TYPE_CHECKING, Any

from cinefold.tuning.parameters import read_parameters, write_parameters
from cinefold.tuning.results import Trial, TuningResult
from cinefold.tuning.space import Range, Space

if TYPE_CHECKING:
    from cinefold.tuning.search import tune

__all__ = ["Range", "Space", "Trial", "TuningResult", "read_parameters", "tune", "write_parameters"]


def __getattr__(name: str) -> Any:
    if name == "tune":
        from cinefold.tuning.search import tune

        return tune
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
