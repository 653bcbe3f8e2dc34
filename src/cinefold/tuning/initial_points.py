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
# From docs/defaults.md: artists, papers, what people buy, where they go.
_GOOD_IF_SPARSE = tuple(
    {
        "n_factors": 128,
        "relative_unobserved_weight": weight,
        "relative_regularization": ridge,
        "regularization_exponent": 1.0,
        "degree_exponent": exponent,
        "target": "binary",
        "rating_confidence": 0.0,
    }
    for weight, ridge, exponent in (
        (1.0, 1.0, 0.0),
        (0.3, 0.45, 0.0),
        (1.0, 2.0, 0.25),
        (3.0, 1.0, 0.4),
    )
)


def untuned_model(metric: str) -> WeightedMatrixFactorization:
    """The untuned model that a search for `metric` begins with and is compared with."""
    return WeightedMatrixFactorization.preset("stars" if metric == "rmse" else "ranking")


def initial_points(space: Space, coordinates: Coordinates, metric: str) -> list[dict[str, Any]]:
    """Points of `space` that a new search tries first, the untuned model among them.

    It comes last where it has more factors than the others, whose pruner it would be.
    """
    fixed = {k: v for k, v in space.dimensions.items() if k not in space.free()}
    is_sparse = "degree_exponent" in space.free()
    points = _GOOD_IF_SPARSE if is_sparse else [{**_GOOD, **size} for size in _GOOD_SIZES]
    good = [coordinates.parameters(searched({**point, **fixed})) for point in points]
    untuned = untuned_model(metric).get_params()
    return nearest_points(space, coordinates, [*good, untuned] if is_sparse else [untuned, *good])


def nearest_points(
    space: Space, coordinates: Coordinates, models: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The points of `space` next to the parameters of `models`, where there are any."""
    points = (space.nearest(coordinates.point(parameters)) for parameters in models)
    return [point for point in points if point is not None]
