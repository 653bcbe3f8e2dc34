"""Where a search begins: the default model, and points that are known to rank well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cinefold.models import WeightedMatrixFactorization
from cinefold.tuning.space import searched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cinefold.tuning.space import Coordinates, Space

# From docs/tuning.md: two sizes and confidences of one good model.
_GOOD = {
    "relative_unobserved_weight": 1.25,
    "relative_regularization": 1.05,
    "regularization_exponent": 0.5,
    "target": "binary",
}
_GOOD_SIZES = (
    {"n_factors": 128, "rating_confidence": 0.4},
    {"n_factors": 64, "rating_confidence": 0.0},
)


def untuned_model(metric: str) -> WeightedMatrixFactorization:
    """The untuned model that a search for `metric` begins with and is compared with."""
    return WeightedMatrixFactorization.preset("stars" if metric == "rmse" else "ranking")


def initial_points(space: Space, coordinates: Coordinates, metric: str) -> list[dict[str, Any]]:
    """Points of `space` that a new search tries first, the untuned model to begin with."""
    fixed = {k: v for k, v in space.dimensions.items() if k not in space.free()}
    good = (coordinates.parameters(searched({**_GOOD, **s, **fixed})) for s in _GOOD_SIZES)
    return nearest_points(space, coordinates, [untuned_model(metric).get_params(), *good])


def nearest_points(
    space: Space, coordinates: Coordinates, models: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The points of `space` next to the parameters of `models`, where there are any."""
    points = (space.nearest(coordinates.point(parameters)) for parameters in models)
    return [point for point in points if point is not None]
