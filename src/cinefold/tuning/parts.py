"""What a search learns from, chooses by, and is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cinefold.interactions import Interactions
from cinefold.model import checks

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Parts:
    """Ratings in three parts.

    Attributes
    ----------
    training, validation : Interactions
    test : Interactions or None
    rest : Interactions
        All but the test part: training and validation together.
    splits : dict of str to dict
        Arguments of ``Interactions.split`` that give the test part, and then the validation part.
    """

    training: Interactions
    validation: Interactions
    test: Interactions | None
    rest: Interactions
    splits: dict[str, dict[str, Any]]

    @classmethod
    def random(
        cls, ratings: Interactions, validation: float, test: float, random_state: int
    ) -> Self:
        """Random shares `validation` and `test` of each user's ratings."""
        checks.number("validation_fraction", validation, 0, 0.9)
        checks.number("test_fraction", test, 0, 0.9)
        checks.integer("random_state", random_state, 0)
        if validation == 0 or validation + test >= 1:
            raise ValueError(
                "validation_fraction must be above 0, and below 1 with test_fraction; they are "
                f"{validation:g} and {test:g}"
            )
        seeds = np.random.SeedSequence(random_state).generate_state(2)
        splits: dict[str, dict[str, Any]] = {}
        rest, tested = ratings, None
        if test > 0:
            splits["test"] = _split(test, seeds[0])
            rest, tested = ratings.split(**splits["test"])
        splits["validation"] = _split(validation / (1 - test), seeds[1])
        training, chosen_by = rest.split(**splits["validation"])
        for name, part in (("validation", chosen_by), ("test", tested)):
            if part is not None and part.n_ratings == 0:
                raise ValueError(
                    f"the {name} part is empty: no user has ratings enough; hold out a larger share"
                )
        return cls(training, chosen_by, tested, rest, splits)

    @classmethod
    def given(
        cls, training: Interactions, validation: Interactions, test: Interactions | None
    ) -> Self:
        """Parts that somebody else has made."""
        for part in (validation, test):
            if part is not None:
                checks.same_ids(checks.as_interactions(part, "validation and test"), training)
        return cls(training, validation, test, _union(training, validation), {})


def _split(fraction: float, seed: np.integer[Any]) -> dict[str, Any]:
    return {"method": "per-user", "fraction": fraction, "random_state": int(seed)}


def _union(one: Interactions, other: Interactions) -> Interactions:
    users, items, ratings, weights = zip(*map(_columns, (one, other)), strict=True)
    weighted = one.weights is not None or other.weights is not None
    return Interactions.from_arrays(
        np.concatenate(users),
        np.concatenate(items),
        np.concatenate(ratings),
        weights=np.concatenate(weights) if weighted else None,
        user_ids=one.user_ids,
        item_ids=one.item_ids,
        duplicates="error",
    )


def _columns(ratings: Interactions) -> tuple[NDArray[Any], ...]:
    by_user = ratings.by_user
    users = ratings.user_ids[np.repeat(np.arange(ratings.n_users), ratings.user_counts())]
    weights = np.ones(len(users), np.float32) if ratings.weights is None else ratings.weights
    return users, ratings.item_ids[by_user.indices], by_user.data, weights
