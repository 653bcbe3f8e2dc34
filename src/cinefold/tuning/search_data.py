"""How the ratings are divided for a search: training, validation and test parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cinefold.interactions import Interactions
from cinefold.models import checks
from cinefold.models.rating_input import as_interactions, union, with_ids

# Users enough that one random validation part of a tenth tells models apart: to rank the items of
# all takes many times as long as the fits.
_ENOUGH_USERS = 5_000


@dataclass(frozen=True)
class SearchData:
    """Ratings to learn from, to choose by, and to test the choice on.

    Attributes
    ----------
    folds : tuple of (Interactions, Interactions)
        Pairs of a training and a validation part: one or several divisions of `rest`. The latter is
        that of up to 5,000 users.
    rest : Interactions
        All but the test part.
    test : Interactions or None
    splits : dict
        ``test``: arguments of ``Interactions.split`` that give the test part and the rest;
        ``validation``: a list of those that divide the rest. Empty if the parts were given.
    """

    folds: tuple[tuple[Interactions, ...], ...]
    rest: Interactions
    test: Interactions | None
    splits: dict[str, Any]

    @classmethod
    def random(
        cls,
        ratings: Interactions,
        validation: float,
        test: float,
        n_validations: int | None,
        seed: int,
    ) -> Self:
        """Random shares `validation` and `test` of each user's ratings.

        `n_validations` times the former; by default 1 with many users, else 3.
        """
        checks.number("validation_fraction", validation, 0, 0.9)
        checks.number("test_fraction", test, 0, 0.9)
        if validation == 0 or validation + test >= 1:
            raise ValueError(
                "validation_fraction must be above 0, and below 1 with test_fraction; they are "
                f"{validation:g} and {test:g}"
            )
        if n_validations is None:
            n_validations = 1 if ratings.n_users >= _ENOUGH_USERS else 3
        seeds = np.random.SeedSequence(seed).generate_state(1 + n_validations)
        splits: dict[str, Any] = {}
        rest, tested = ratings, None
        if test > 0:
            splits["test"] = _split(test, seeds[0])
            rest, tested = ratings.split(**splits["test"])
            _check_filled(tested, "test")
        share = validation / (1 - test)
        splits["validation"] = [_split(share, seed) for seed in seeds[1:]]
        folds = tuple(
            (training, _sampled(validation))
            for training, validation in (rest.split(**split) for split in splits["validation"])
        )
        _check_filled(folds[0][1], "validation")
        return cls(folds, rest, tested, splits)

    @classmethod
    def given(
        cls, training: Interactions, validation: Interactions, test: Interactions | None
    ) -> Self:
        """Parts that somebody else has made."""
        validation = _given(validation, training, "validation")
        test = None if test is None else _given(test, training, "test")
        rest = union(training, validation)
        if rest.n_ratings < training.n_ratings + validation.n_ratings:
            raise ValueError("the validation part has ratings that are in the training part too")
        return cls(((training, _sampled(validation)),), rest, test, {})


def _given(part: Interactions, training: Interactions, name: str) -> Interactions:
    found = with_ids(training, as_interactions(part, name), f"{name} ")
    _check_filled(found, name)
    return found


def _sampled(validation: Interactions) -> Interactions:
    """The ratings of up to so many users as are enough, at random."""
    users = np.flatnonzero(validation.user_counts())
    if len(users) <= _ENOUGH_USERS:
        return validation
    users = np.random.default_rng(0).permutation(users)[:_ENOUGH_USERS]
    chosen = np.isin(np.arange(validation.n_users), users)
    return validation.select(np.repeat(chosen, validation.user_counts()))


def _check_filled(part: Interactions, name: str) -> None:
    if part.n_ratings == 0:
        raise ValueError(
            f"the {name} part is empty: no user has ratings enough; hold out a larger share"
        )


def _split(fraction: float, seed: np.integer[Any]) -> dict[str, Any]:
    return {"method": "per-user", "fraction": fraction, "random_state": int(seed)}
