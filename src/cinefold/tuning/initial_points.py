"""Where a search begins: the default model, and points that are known to rank well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cinefold.models import WeightedMatrixFactorization
from cinefold.tuning.space import searched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cinefold.tuning.space import Coordinates, Space

_GOOD = {
    "n_factors": 64,
    "relative_unobserved_weight": 1.0,
    "relative_regularization": 1.0,
    "regularization_exponent": 1.0,
    "degree_exponent": 0.0,
    "target": "binary",
    "rating_confidence": 0.0,
}
# From docs/defaults.md and docs/tuning.md: artists and places, papers, what people buy, movies.
_CHANGES: tuple[dict[str, float], ...] = (
    {},
    {"relative_unobserved_weight": 0.3, "relative_regularization": 0.45},
    {"relative_regularization": 2.0, "degree_exponent": 0.25},
    {
        "relative_unobserved_weight": 1.25,
        "regularization_exponent": 0.5,
        "rating_confidence": 0.4,
    },
)


def untuned_model(metric: str) -> WeightedMatrixFactorization:
    """The untuned model that a search for `metric` begins with and is compared with."""
    return WeightedMatrixFactorization.preset("stars" if metric == "rmse" else "ranking")


def initial_points(space: Space, coordinates: Coordinates, metric: str) -> list[dict[str, Any]]:
    """Points of `space` that a new search tries first: the untuned model, then those with few
    factors, its own settings before others.
    """
    fixed = {k: v for k, v in space.dimensions.items() if k not in space.free()}
    good = [coordinates.parameters(searched({**_GOOD, **change, **fixed})) for change in _CHANGES]
    points = nearest_points(space, coordinates, [untuned_model(metric).get_params(), *good])
    if (few := space.few_factors()) is None:
        return points
    return [*points[:1], *({**point, "n_factors": few} for point in points)]


def nearest_points(
    space: Space, coordinates: Coordinates, models: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The points of `space` next to the parameters of `models`, where there are any."""
    points = (space.nearest(coordinates.point(parameters)) for parameters in models)
    return [point for point in points if point is not None]
