"""Protocols: which ratings a model learns from, and which are held out to evaluate it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np

from cinefold.interactions import Interactions, splits
from cinefold.interactions.splits import RandomState
from cinefold.models import checks
from cinefold.models.rating_input import only_users, union, with_ids

Protocol = Literal["per-user", "random", "leave-last-out", "time", "k-fold", "strong"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
_ALWAYS_THE_SAME = ("leave-last-out", "time")
_GIVEN = 0.8  # of a held-out user's ratings, in strong generalisation


@dataclass(frozen=True)
class Division:
    """One way to divide ratings.

    Attributes
    ----------
    training : Interactions
        What the model may learn from.
    held_out : Interactions
        What it is evaluated on; the same items.
    given : Interactions or None
        With strong generalisation, the other ratings of the held-out users, who are then new: from
        these they are folded in. Rows are those of `held_out`.
    """

    training: Interactions
    held_out: Interactions
    given: Interactions | None = None

    @classmethod
    def of_parts(
        cls, training: Interactions, held_out: Interactions, validation: Interactions | None = None
    ) -> Self:
        """Parts that somebody else has made; a validation part is learned from, too.

        So all items are ranked but those of a user's training and validation parts. Parts may be
        loaded separately: both of the division have the ids of all.

        Parameters
        ----------
        training, held_out, validation : Interactions
            With ids of one kind; no pair of user and item may be in two of them.

        Raises
        ------
        ValueError
            If a pair is in two parts, or ids are of two kinds.
        """
        known = training
        for name, part in (("validation", validation), ("test", held_out)):
            if part is not None:
                try:
                    both = union(known, part)
                except ValueError as error:
                    raise ValueError(f"the {name} part beside the training part: {error}") from None
                repeated = known.n_ratings + part.n_ratings - both.n_ratings
                if repeated:
                    raise ValueError(
                        f"{repeated:,} pairs of the {name} part are in the training part, too, "
                        f"such as {next(_common_pairs(known, part))}"
                    )
                known, training = both, known
        return cls(with_ids(known, training, ""), with_ids(known, held_out, ""))


def _common_pairs(known: Interactions, part: Interactions) -> Iterator[str]:
    for user in np.intersect1d(known.user_ids, part.user_ids).tolist():
        items = np.intersect1d(known.user_ratings(user)[0], part.user_ratings(user)[0])
        yield from (f"user {user!r:.80} with item {item!r:.80}" for item in items.tolist())


def divide(
    interactions: Interactions,
    protocol: Protocol = "per-user",
    *,
    fraction: float = 0.1,
    folds: int = 5,
    repeats: int = 1,
    random_state: RandomState = 0,
) -> Iterator[Division]:
    """The divisions of a protocol, one after the other.

    Parameters
    ----------
    interactions : Interactions
    protocol : str
        "per-user": a random `fraction` of each user's ratings is held out. "random": of all
        ratings. "leave-last-out": each user's latest rating. "time": the latest `fraction` of all
        ratings. "k-fold": each user's ratings in `folds` parts, each held out once. "strong": the
        users in `folds` parts; those of one part are not in the training data at all, are folded
        in from 80 % of their ratings, and evaluated on the others (Liang et al. 2018).
    fraction : float
        For "per-user", "random" and "time".
    folds : int
        For "k-fold" and "strong".
    repeats : int
        How often, with seeds counting up from `random_state`; "leave-last-out" and "time" are
        always the same and need no more than once.
    random_state : int, Generator, RandomState or None
        As in ``Interactions.split``.

    Raises
    ------
    ValueError
        If a number is out of range, or there are no times where they are needed.
    """
    checks.choice("protocol", protocol, PROTOCOLS)
    checks.integer("repeats", repeats, 1)
    if protocol in _ALWAYS_THE_SAME:
        repeats = 1
    first = splits.seed_from(random_state)
    for seed in range(first, first + repeats):
        yield from _once(interactions, protocol, fraction, folds, seed)


def n_divisions(protocol: Protocol, folds: int, repeats: int) -> int:
    """How many `divide` gives."""
    if protocol in _ALWAYS_THE_SAME:
        return 1
    return repeats * (folds if protocol in ("k-fold", "strong") else 1)


def _once(
    interactions: Interactions, protocol: Protocol, fraction: float, folds: int, seed: int
) -> Iterator[Division]:
    if protocol == "k-fold":
        numbers = splits.folds_per_user(interactions.by_user.indptr, folds, seed)
        for fold in range(folds):
            is_held_out = numbers == fold
            yield Division(interactions.select(~is_held_out), interactions.select(is_held_out))
    elif protocol == "strong":
        parts = splits.folds(interactions.n_users, folds, seed)
        for fold in range(folds):
            users = parts == fold
            given, held_out = only_users(interactions, users).split(
                "per-user", fraction=1 - _GIVEN, random_state=seed
            )
            yield Division(only_users(interactions, ~users), held_out, given)
    else:
        yield Division(*interactions.split(protocol, fraction=fraction, random_state=seed))
