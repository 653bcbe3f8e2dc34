"""The search space: ranges of the model's parameters, as far as can be in units of the data.

Good values of three parameters depend on the data and on the other parameters. They are searched as
dimensionless quantities, whose good values hardly do:

``relative_unobserved_weight`` and ``relative_regularization``
    are w0 and lambda in units of what ``"scale"`` makes of them
    (`cinefold.models.scaled_parameters`): for these ratings, confidences and targets; lambda
    also for that w0 and nu. 1 is the default.
``rating_confidence``
    is :math:`\\alpha \\bar r / (1 + \\alpha \\bar r)`, the share of an average rating's confidence
    that comes from its value: 0 counts all ratings the same, towards 1 they count in proportion to
    the rating.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold._files import read_parsed
from cinefold.als.iterations import available_threads
from cinefold.models import WeightedMatrixFactorization, checks
from cinefold.models.default_search import has_short_rows, settings_for
from cinefold.models.scaled_parameters import (
    objective_for,
    scaled_regularization,
    scaled_unobserved_weight,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cinefold.interactions import Interactions

REPLACED_BY: Mapping[str, str] = {
    "unobserved_weight": "relative_unobserved_weight",
    "regularization": "relative_regularization",
    "alpha": "rating_confidence",
}
"""Parameters of the model, and the dimensionless quantities that are searched in their place."""

_STEP = 0.1
_NOT_SEARCHED = {
    "max_iter": "the validation curve of each trial finds it",
    "tol": "trials end by their validation curve",
    "early_stopping": "trials end by their validation curve",
    "patience": "trials end by their validation curve",
    "n_threads": "it changes no result",
    "random_state": "it is no property to choose a model by",
    "preset": "it stands for parameters that are searched",
}


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; evenly by logarithm if `log`."""

    low: float
    high: float
    log: bool = False
    integer: bool = False


Dimension = Range | list[Any] | float | int | str
"""A range, a list of choices, or one fixed value."""

DEFAULT_SPACE: Mapping[str, Dimension] = {
    "n_factors": Range(32, 512, log=True, integer=True),
    "relative_unobserved_weight": Range(0.4, 4.0, log=True),
    "relative_regularization": Range(0.5, 3.0, log=True),
    "regularization_exponent": Range(0.0, 1.25),
    "degree_exponent": Range(0.0, 0.5),
    "target": ["sqrt", "binary", "rating"],
    "rating_confidence": Range(0.0, 0.9),
}
"""Searched for the quality of lists."""

SPARSE_SPACE: Mapping[str, Dimension] = {
    **DEFAULT_SPACE,
    "n_factors": Range(64, 1024, log=True, integer=True),
    "relative_unobserved_weight": Range(0.1, 8.0, log=True),
    "relative_regularization": Range(0.1, 4.0, log=True),
}
"""The same where users and items have few ratings."""

RMSE_SPACE: Mapping[str, Dimension] = {
    **DEFAULT_SPACE,
    "n_factors": Range(4, 128, log=True, integer=True),
    "relative_regularization": Range(0.05, 3.0, log=True),
    "unobserved_weight": 0.0,
    "degree_exponent": 0.0,
    "target": "rating",
    "alpha": 0.0,
    "biases": True,
}
"""Searched for predicted ratings: from the observed ones alone, with biases."""


def searched(names: Mapping[str, Any]) -> dict[str, Any]:
    """`names` without the quantities whose parameter is among them too."""
    hidden = {REPLACED_BY[name] for name in names if name in REPLACED_BY}
    return {name: value for name, value in names.items() if name not in hidden}


class Space:
    """A search space over the model's parameters.

    Parameters
    ----------
    changes : mapping of str to dimension
        By name of a parameter of the model, or of the quantity that is searched in its place: a
        tuple (low, high) or `Range`, a list of choices, one fixed value, or text as on the command
        line (see `parse`). What is not named keeps its dimension in `base`.
    base : mapping
        The dimensions to begin with.

    Raises
    ------
    ValueError
        For unknown names, for both a parameter and what replaces it, and for values that the model
        does not take.
    """

    def __init__(
        self,
        changes: Mapping[str, Any] | None = None,
        base: Mapping[str, Dimension] = DEFAULT_SPACE,
    ) -> None:
        given = {name.replace("-", "_"): value for name, value in (changes or {}).items()}
        for name, replacement in REPLACED_BY.items():
            if name in given and replacement in given:
                raise ValueError(f"the space names both {name} and {replacement}; choose one")
            base = {k: v for k, v in base.items() if replacement not in given or k != name}
        dimensions = {name: _dimension(name, value) for name, value in given.items()}
        self.dimensions: dict[str, Dimension] = searched({**base, **dimensions})

    def free(self) -> dict[str, Range | list[Any]]:
        """The dimensions in which there is something to search."""
        return {k: v for k, v in self.dimensions.items() if isinstance(v, Range | list)}

    def few_factors(self) -> int | None:
        """A number of factors to begin with; None where there is not much of a range."""
        n_factors = self.dimensions.get("n_factors")
        if isinstance(n_factors, Range) and n_factors.high >= 4 * n_factors.low:
            return 2 * int(n_factors.low)
        return None

    def described(self) -> dict[str, Any]:
        """The space as JSON knows it."""
        return {
            name: {"low": d.low, "high": d.high, "log": d.log} if isinstance(d, Range) else d
            for name, d in self.dimensions.items()
        }

    def near(self, point: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Another at normal distances from a point of the space, a tenth of each range."""
        moved = dict(point)
        for name, dimension in self.free().items():
            if isinstance(dimension, Range):
                low, high, step = dimension.low, dimension.high, rng.normal(scale=_STEP)
                value = moved[name]
                moved[name] = (
                    value * (high / low) ** step if dimension.log else value + (high - low) * step
                )
        return {**point, **(self.nearest(moved) or {})}

    def nearest(self, point: Mapping[str, Any]) -> dict[str, Any] | None:
        """The point of the space next to `point`; None where a choice is not among the allowed."""
        result = {}
        for name, dimension in self.free().items():
            if isinstance(dimension, Range):
                value = min(max(point[name], dimension.low), dimension.high)
                result[name] = round(value) if dimension.integer else float(value)
            elif point[name] in dimension:
                result[name] = point[name]
            else:
                return None
        return result


class Coordinates:
    """Turns points of a search space into parameters of the model, for one training set, and back.

    Parameters
    ----------
    training : Interactions
    """

    def __init__(self, training: Interactions) -> None:
        self._training = training
        self._mean_rating = float(training.by_user.data.mean(dtype=np.float64))

    def parameters(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The model's parameters at `point`, which holds every dimension, fixed ones too."""
        result = {k: v for k, v in point.items() if k not in REPLACED_BY.values()}
        if "rating_confidence" in point:
            share = point["rating_confidence"]
            result["alpha"] = share / (1 - share) / self._mean_rating if share else 0.0
        if "relative_unobserved_weight" in point:
            unit = scaled_unobserved_weight(self._training, result["alpha"])
            result["unobserved_weight"] = point["relative_unobserved_weight"] * unit
        if "relative_regularization" in point:
            scaled = WeightedMatrixFactorization(**{**result, "regularization": "scale"})
            unit = objective_for(scaled, self._training).regularization
            result["regularization"] = point["relative_regularization"] * unit
        return result

    def point(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """All coordinates, of both kinds, of a model with `parameters`.

        Raises
        ------
        ValueError, TypeError
            For parameters that the model does not take.
        """
        model = WeightedMatrixFactorization(**parameters)
        checks.parameters(model)
        n_factors, _, objective, _ = settings_for(model, self._training, available_threads(None))
        numbers = {name: getattr(objective, name) for name in REPLACED_BY}  # instead of "scale"
        weight = scaled_unobserved_weight(self._training, objective.alpha)
        ridge = scaled_regularization(self._training, objective)
        share = objective.alpha * self._mean_rating
        return {
            **model.get_params(),
            **numbers,
            "n_factors": n_factors,
            "degree_exponent": objective.user_degree_exponent,
            "target": objective.target,
            "rating_confidence": share / (1 + share),
            "relative_unobserved_weight": objective.unobserved_weight / weight,
            "relative_regularization": objective.regularization / ridge,
        }


def default_space(interactions: Interactions, metric: str) -> Mapping[str, Dimension]:
    """The dimensions that make sense for this metric and these ratings."""
    if metric == "rmse":
        return RMSE_SPACE
    usual = SPARSE_SPACE if has_short_rows(interactions) else DEFAULT_SPACE
    ratings = interactions.by_user.data
    if ratings.min() == ratings.max():  # they say who saw what, and no more
        return {**usual, "target": "binary", "alpha": 0.0}
    if ratings.min() < 0:
        return {**usual, "target": ["binary", "rating"], "alpha": 0.0}
    return usual


# -- what people type ---------------------------------------------------------------------------


def parse(text: str) -> Any:
    """A dimension from text: ``16..64`` is a range, ``a,b`` are choices, others fixed values."""
    if ".." in text:
        return tuple(map(_value, text.split("..")))
    if "," in text:
        return [_value(part) for part in text.split(",")]
    return _value(text)


def read_space(file: str | Path) -> dict[str, Any]:
    """Dimensions by name from a TOML file; texts as in `parse`.

    Raises
    ------
    ValueError
        If it is no TOML.
    """
    found: dict[str, Any] = read_parsed(file, tomllib.loads, "TOML")
    return found


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


# -- one dimension ------------------------------------------------------------------------------


def _dimension(name: str, given: Any) -> Dimension:
    if name in _NOT_SEARCHED:
        raise ValueError(f"{name} is not searched: {_NOT_SEARCHED[name]}")
    known = WeightedMatrixFactorization.parameter_names()
    allowed = [*(n for n in known if n not in _NOT_SEARCHED), *REPLACED_BY.values()]
    if name not in allowed:
        raise ValueError(f"there is no {name!r} to search; there are {', '.join(allowed)}")
    given = parse(given) if isinstance(given, str) else given
    if isinstance(given, tuple):
        given = _range(name, given)
    if isinstance(given, Range):
        if not given.low < given.high:
            raise ValueError(
                f"{name}: the range {given.low:g}..{given.high:g} is empty; it goes from the lower "
                "to the higher end"
            )
        if given.log and given.low <= 0:
            raise ValueError(f"{name}: a logarithmic range must begin above 0")
        values: list[Any] = [given.low, given.high]
    else:
        values = given if isinstance(given, list) else [given]
    try:
        if not values or any(values.count(value) > 1 for value in values):
            raise ValueError(f"{name}: the choices {given} are none, or not distinct")
        for value in values:
            _check(name, value)
    except (TypeError, ValueError) as error:
        is_text = isinstance(_usual(name), Range) and any(isinstance(v, str) for v in values)
        form = "; a range is written 16..64, choices 16,64" if is_text else ""
        raise ValueError(f"{error}{form}") from None
    dimension: Dimension = values[0] if len(values) == 1 else given
    return dimension


def _range(name: str, ends: tuple[Any, ...]) -> Range:
    if len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        raise ValueError(f"{name}: a range has two numbers as ends, such as 16..64, not {ends}")
    usual = _usual(name)
    if isinstance(usual, Range):
        integer = usual.integer
        log = usual.log and ends[0] > 0
    else:
        integer, log = all(isinstance(end, int) for end in ends), False
    if integer and not all(isinstance(end, int) for end in ends):
        raise ValueError(f"{name}: the ends must be whole numbers, not {ends}")
    return Range(*ends, log=log, integer=integer)


def _usual(name: str) -> Dimension | None:
    """The default dimension of a parameter, or of what is searched in its place."""
    return DEFAULT_SPACE.get(REPLACED_BY.get(name, name))


def _check(name: str, value: Any) -> None:
    """ValueError for what the model would not take."""
    if isinstance(value, list | dict):
        raise ValueError(f"{name}: {value} is neither a number nor a word")
    if name not in REPLACED_BY.values():
        checks.parameters(WeightedMatrixFactorization(**{name: value}))
    elif (
        not isinstance(value, int | float | np.number)
        or isinstance(value, bool)
        or not 0 <= value < np.inf
    ):
        raise ValueError(f"{name} must be a number of at least 0, not {value!r}")
    elif name == "rating_confidence" and value >= 1:
        raise ValueError(f"{name} must be below 1, not {value:g}")
