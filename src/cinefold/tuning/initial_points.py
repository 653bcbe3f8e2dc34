"""Where a search begins: the default model, and regions that are known to rank well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cinefold.models import WeightedMatrixFactorization, checks
from cinefold.tuning.space import searched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cinefold.tuning.space import Coordinates, Space

# From docs/tuning.md.
_GOOD: tuple[Mapping[str, Any], ...] = (
    {
        "n_factors": 128,
        "relative_unobserved_weight": 1.3,
        "relative_regularization": 1.05,
        "regularization_exponent": 0.5,
        "target": "binary",
        "rating_confidence": 0.4,
    },
    {
        "n_factors": 64,
        "relative_unobserved_weight": 1.2,
        "relative_regularization": 1.05,
        "regularization_exponent": 0.5,
        "target": "binary",
        "rating_confidence": 0.0,
    },
)


def reference(metric: str) -> WeightedMatrixFactorization:
    """The untuned model that a search for `metric` begins with and is compared with."""
    return WeightedMatrixFactorization.preset("stars" if metric == "rmse" else "ranking")


def known_good(
    space: Space, coordinates: Coordinates, untuned: WeightedMatrixFactorization
) -> list[dict[str, Any]]:
    """Distinct points of `space` that a new search tries first, next to `untuned` to begin with."""
    fixed = {k: v for k, v in space.dimensions.items() if k not in space.free()}
    points = [coordinates.parameters(searched({**good, **fixed})) for good in _GOOD]
    models = [untuned.get_params(), *map(complete, points)]
    nearest = [space.nearest(coordinates.point(parameters)) for parameters in models]
    return [
        point
        for number, point in enumerate(nearest)
        if point is not None and point not in nearest[:number]
    ]


def complete(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of the default model, changed to `parameters`."""
    model = WeightedMatrixFactorization(**parameters)
    checks.parameters(model)
    return model.get_params()
