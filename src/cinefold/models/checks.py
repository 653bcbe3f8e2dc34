"""Checks of what users pass in; each error names the thing, what was found and what is allowed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from cinefold._threads import MAX_THREADS
from cinefold.als.iterations import SolverName
from cinefold.als.objective import Target
from cinefold.models.callbacks import Callback, ValidationMetric

MAX_FACTORS = 2048
MAX_ITERATIONS = 2**31 - 1
_LEAST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def parameters(model: Any) -> None:
    """A TypeError or ValueError for the first parameter that is not as it may be."""
    if str(model.n_factors) != "scale":
        integer("n_factors", model.n_factors, 1, MAX_FACTORS)
    integer("max_iter", model.max_iter, 1, MAX_ITERATIONS)
    integer("patience", model.patience, 1)
    if model.n_threads is not None:
        integer("n_threads", model.n_threads, 1, MAX_THREADS)
    for name in ("unobserved_weight", "regularization", "tol"):
        number(name, getattr(model, name), word="scale")
    if model.regularization != "scale" and 0 < model.regularization < _LEAST:
        raise ValueError(
            f"regularization must be 0 or at least {_LEAST:.3g}, not {model.regularization!r}"
        )
    number("alpha", model.alpha)
    number("regularization_exponent", model.regularization_exponent, 0, 2)
    exponents = model.degree_exponent
    word = None if isinstance(exponents, tuple | list) else "scale"
    if word:
        exponents = (exponents,) * 2
    elif len(exponents) != 2:
        raise ValueError(f"degree_exponent must be one number or two, not {exponents!r}")
    for exponent in exponents:
        number("degree_exponent", exponent, 0, 1, word=word)
    choice("target", model.target, ("scale", *get_args(Target)))
    if str(model.solver) == "cholesky":
        warnings.warn("solver='cholesky' is now called 'exact'", FutureWarning, stacklevel=3)
    else:
        choice("solver", model.solver, get_args(SolverName))
    choice("early_stopping", model.early_stopping, (None, *get_args(ValidationMetric)))
    if not isinstance(model.biases, bool | np.bool_):
        raise TypeError(f"biases must be True or False, not {model.biases!r}")
    if model.biases and (model.unobserved_weight != 0 or model.target != "rating"):
        raise ValueError(
            "biases are for unobserved_weight=0 and target='rating', not for "
            f"unobserved_weight={model.unobserved_weight!r} and target={model.target!r}; "
            "WeightedMatrixFactorization.preset('stars') sets all three"
        )
    if model.biases and any(exponent not in (0, "scale") for exponent in exponents):
        raise ValueError(f"biases are for degree_exponent=0, not {model.degree_exponent!r}")


def biases(model: Any, start: Any, *weights: Any) -> None:
    """A ValueError for what a fit with biases cannot go on from, or weigh."""
    if model.biases and any(given is not None for given in weights):
        raise ValueError("biases are for pairs that all weigh the same")
    if model.biases and start is not None:
        raise ValueError("a fit with biases cannot go on from another model: leave start out")


def ratings(given: Mapping[Any, Any], side: str) -> NDArray[np.float32]:
    """The values of {id: rating}, which must be finite numbers; `side` is what the ids are of."""
    for rated, value in given.items():
        if not _is_finite_number(value):
            raise ValueError(
                f"the rating of {side} {rated!r} must be a finite number, not {value!r}"
            )
    return np.array([*map(float, given.values())], np.float32)


def _is_finite_number(value: Any) -> bool:
    try:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        return is_number and abs(float(value)) <= _LARGEST
    except OverflowError:  # an integer beyond even float64
        return False


def callbacks(given: Any) -> list[Callback]:
    """The callbacks of a fit as a list."""
    called: list[Any] = [*given] if isinstance(given, Iterable) else [None]
    if not all(map(callable, called)):
        raise TypeError(
            f"callbacks must be a list of callables, not {given!r}; one is given as [callback]"
        )
    return called


def integer(name: str, value: Any, low: int, high: int | None = None) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {allowed}, not {value}")


def choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, not {value!r}")


def number(
    name: str, value: Any, low: float = 0, high: float = np.inf, *, word: str | None = None
) -> None:
    """A number in the range, or `word`."""
    if word is not None and isinstance(value, str):
        if value != word:
            raise ValueError(f"{name} must be a number or {word!r}, not {value!r}")
        return
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {value!r}")
    plain = value.item() if isinstance(value, np.generic) else value
    if not low <= plain <= min(high, _LARGEST):
        allowed = f"at least {low}" if high == np.inf else f"from {low} to {high}"
        raise ValueError(f"{name} must be finite in float32 and {allowed}, not {value!r:.50}")
