"""The mathematics of weighted ALS: objective, half-steps, change of basis, exact top-k."""

from cinefold.als.objective import Objective

__all__ = ["Objective"]
