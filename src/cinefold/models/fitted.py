"""What a fit leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.models.results import NotFittedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.factors import Biases, Factors
    from cinefold.als.objective import Objective
    from cinefold.interactions import Interactions

    Record = dict[str, Any]


@dataclass(frozen=True)
class Fitted:
    """A fit so far: the attributes of a model that end in "_" come from here.

    Attributes
    ----------
    interactions : Interactions
    objective : Objective or None
        None where factors were given without it.
    factors : Factors or None
        None before the first iteration is finished.
    history : list of dict
    best_iteration : int
    stop_reason : str
    """

    interactions: Interactions
    objective: Objective | None
    factors: Factors | None = None
    history: list[Record] = field(default_factory=list)
    best_iteration: int = 0
    stop_reason: str = "max_iter"


class FittedAttributes:
    """A model's fitted attributes; they raise NotFittedError before there are any."""

    _fit: Fitted | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return self._fit is not None and self._fit.factors is not None

    @property
    def _known(self) -> Fitted:
        if self._fit is None:
            raise NotFittedError
        return self._fit

    @property
    def _fitted(self) -> Factors:
        if self._known.factors is None:
            raise NotFittedError
        return self._known.factors

    @property
    def interactions_(self) -> Interactions:
        return self._known.interactions

    @property
    def objective_(self) -> Objective:
        if self._known.objective is None:
            raise NotFittedError(
                "this model was made of factors without an objective; give from_factors the "
                "interactions, or unobserved_weight and regularization as numbers"
            )
        return self._known.objective

    @property
    def history_(self) -> list[Record]:
        return self._known.history

    @property
    def n_iter_(self) -> int:
        return len(self._known.history)

    @property
    def best_iteration_(self) -> int:
        return self._known.best_iteration

    @property
    def stop_reason_(self) -> str:
        return self._known.stop_reason

    @property
    def user_factors_(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self._fitted.users)

    @property
    def item_factors_(self) -> NDArray[np.float32]:
        return self._fitted.items.factors

    @property
    def user_biases_(self) -> NDArray[np.float32]:
        return self._fitted.users @ self._biases.direction

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        return self._biases.baseline - np.float32(self._biases.mean)

    @property
    def item_baseline_(self) -> NDArray[np.float32] | None:
        """What is added to u.v for each item, (n_items,); None without biases."""
        return self._fitted.baseline

    @property
    def _biases(self) -> Biases:
        biases = self._fitted.biases
        if biases is None:
            raise AttributeError("this model has no biases; fit it with biases=True")
        return biases
