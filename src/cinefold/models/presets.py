"""Parameters for a purpose; docs/defaults.md has the measurements behind them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "ranking": MappingProxyType({}),
        "plain": MappingProxyType(
            {
                "target": "rating",
                "unobserved_weight": 0.15,
                "regularization": 25.0,
                "regularization_exponent": 0.0,
            }
        ),
        "stars": MappingProxyType(
            {
                "target": "rating",
                "unobserved_weight": 0.0,
                "regularization": 1.3,
                "regularization_exponent": 0.5,
                "biases": True,
            }
        ),
    }
)
"""Changes to the defaults of `WeightedMatrixFactorization`, by the name of the preset."""
