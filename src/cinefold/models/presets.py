"""Parameters for a purpose; docs/defaults.md has the measurements behind them."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "ranking": {},
    "plain": {
        "target": "rating",
        "unobserved_weight": 0.15,
        "regularization": 25.0,
        "regularization_exponent": 0.0,
    },
    "stars": {
        "target": "rating",
        "unobserved_weight": 0.0,
        "regularization": 1.3,
        "regularization_exponent": 0.5,
        "biases": True,
    },
}
"""Changes to the defaults of `WeightedMatrixFactorization`, by the name of the preset."""
