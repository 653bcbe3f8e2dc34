"""How the equations of rows are solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Method:
    """How the rows of a half-step are solved.

    Attributes
    ----------
    max_steps : int
        Steps of conjugate gradients in a row, from its previous solution; 0 solves every row
        exactly. Rows that an exact solution costs less are solved exactly in any case.
    tolerance : float
        Steps end when the preconditioned residual has shrunk by this factor.
    relaxation : float
        Each row becomes previous + relaxation * (solution - previous). Between 0 and 2 its loss is
        no higher than it was: it is quadratic in the row.
    row_solver : {"automatic", "primal", "dual", "cg"}
        For exact rows; "automatic" is what costs least. The dual is only for rows with fewer
        observations than factors.
    """

    max_steps: int = 0
    tolerance: float = 0.0
    relaxation: float = 1.0
    row_solver: Literal["automatic", "primal", "dual", "cg"] = "automatic"

    @property
    def is_exact(self) -> bool:
        """Whether every row is solved exactly."""
        return self.max_steps == 0


EXACT = Method()
