"""What a fit leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold._cache import PickledWithoutCaches
from cinefold.als.factors import Biases, Factors
from cinefold.als.objective import Objective
from cinefold.interactions import Interactions
from cinefold.interactions.entries import digest, read_only
from cinefold.models.callbacks import Record
from cinefold.models.results import NotFittedError


@dataclass(frozen=True)
class Fitted(PickledWithoutCaches):
    """A fit so far: the attributes of a model that end in "_" come from here.

    Attributes
    ----------
    parameters : dict
        Of the model as it was then.
    interactions : Interactions
    objective : Objective or None
        None where factors were given without it.
    factors : Factors
    history : list of dict
    best_iteration : int
    stop_reason : str
    """

    parameters: dict[str, Any]
    interactions: Interactions
    objective: Objective | None
    factors: Factors
    history: list[Record] = field(default_factory=list)
    best_iteration: int = 0
    stop_reason: str = "max_iter"

    @cached_property
    def digest(self) -> str:
        """Of what new users and items are solved against: the items' ids and factors."""
        return digest(self.interactions.item_ids, self.factors.items.factors)


class FittedAttributes:
    """A model's fitted attributes; they raise NotFittedError before there are any."""

    _state: Fitted | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return self._state is not None

    @property
    def _fitted(self) -> Fitted:
        if self._state is None:
            raise NotFittedError
        return self._state

    @property
    def _factors(self) -> Factors:
        return self._fitted.factors

    @property
    def interactions_(self) -> Interactions:
        return self._fitted.interactions

    @property
    def objective_(self) -> Objective:
        if self._fitted.objective is None:
            raise NotFittedError(
                "this model was made of factors without an objective; give from_factors the "
                "interactions, or unobserved_weight and regularization as numbers"
            )
        return self._fitted.objective

    @property
    def history_(self) -> list[Record]:
        return [*map(dict, self._fitted.history)]

    @property
    def n_iter_(self) -> int:
        return len(self._fitted.history)

    @property
    def best_iteration_(self) -> int:
        return self._fitted.best_iteration

    @property
    def stop_reason_(self) -> str:
        return self._fitted.stop_reason

    @property
    def user_factors_(self) -> NDArray[np.float32]:
        return np.asarray(read_only(np.ascontiguousarray(self._factors.user_vectors())))

    @property
    def item_factors_(self) -> NDArray[np.float32]:
        factors = self._factors
        vectors = factors.items.factors if factors.pair_weights is None else factors.item_vectors
        return np.asarray(read_only(vectors))

    @property
    def user_weights_(self) -> NDArray[np.float32] | None:
        """a of each user, (n_users,); None where all pairs weigh the same."""
        weights = self._factors.pair_weights
        return None if weights is None else np.square(weights.users)

    @property
    def item_weights_(self) -> NDArray[np.float32] | None:
        """b of each item, (n_items,); None where all pairs weigh the same."""
        weights = self._factors.pair_weights
        return None if weights is None else np.square(weights.items)

    @property
    def user_biases_(self) -> NDArray[np.float32]:
        return self._factors.users @ self._biases.direction

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        return self._biases.baseline - np.float32(self._biases.mean)

    @property
    def item_baseline_(self) -> NDArray[np.float32] | None:
        """What is added to u.v for each item, (n_items,); None without biases."""
        return self._factors.baseline

    @property
    def _biases(self) -> Biases:
        biases = self._factors.biases
        if biases is None:
            raise AttributeError("this model has no biases; fit it with biases=True")
        return biases
