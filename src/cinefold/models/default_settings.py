"""What ``"scale"`` stands for in a model of which nothing was chosen.

Good settings differ by factors from one data set to the next (docs/defaults.md), most of all where
users and items have few ratings, and no formula that we know foresees them: candidates, in units
of the formulas of `default_regularization`, are tried on ratings that are held out of a sample of
users, for a few iterations with few factors. The fit has many factors, which with these settings
rank better or as well, and few iterations: all together takes about five times as long as
64 factors by the formulas.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cinefold.als.iterations import Problem, alternate
from cinefold.models.callbacks import Validation
from cinefold.models.default_regularization import objective_for, pair_weights
from cinefold.models.rating_input import only_users

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cinefold.als.objective import Objective
    from cinefold.interactions import Interactions

N_FACTORS, TOL = 64, 1e-4
"""Of the formulas, and of the candidates that are tried."""

_FEWEST_RATINGS = 10_000  # of all: fewer tell no settings apart
_FEW_RATINGS, _VERY_FEW_RATINGS = 40, 5  # a user or item, on average
_FACTORS_OF_SHORT_ROWS, _FACTORS = 448, 256
_MANY_RATINGS, _FACTORS_OF_MANY_RATINGS = 10_000_000, 128  # in long rows: what minutes allow
_TOL_OF_SHORT_ROWS, _TOL_OF_VERY_SHORT_ROWS, _TOL = 0.025, 0.01, 0.003
_TRIED_ITERATIONS, _MOST_TRIED, _USERS, _HELD_OUT = 3, 2_000_000, 2_000, 0.2


class Settings(NamedTuple):
    """A model's parameters with numbers in place of "scale"."""

    n_factors: int
    tol: float
    objective: Objective


class _Candidate(NamedTuple):
    """w0 and lambda in units of the formulas', and p of users and items."""

    weight: float = 1.0
    ridge: float = 1.0
    exponent: float = 0.0


# In each series the next is tried if the last was better. Strong structure, as of papers in
# libraries, wants little of w0 and lambda; weak one more of lambda.
_STRENGTHS: tuple[tuple[tuple[float, float], ...], ...] = (((0.3, 0.45),), ((1.0, 1.4), (1.0, 2.0)))
_EXPONENTS = (0.25, 0.4)
_GAIN = 1.02  # less may be chance, or owed to there being few factors and iterations


def settings_for(model: Any, train: Interactions, n_threads: int) -> Settings:
    """Of an estimator for its training data."""
    names = ("n_factors", "unobserved_weight", "regularization", "degree_exponent")
    if train.n_ratings >= _FEWEST_RATINGS and all(getattr(model, n) == "scale" for n in names):
        usual, tol = _FACTORS, _TOL
        if _row_length(train) < _VERY_FEW_RATINGS:
            tol = _TOL_OF_VERY_SHORT_ROWS
        elif has_short_rows(train):
            usual, tol = _FACTORS_OF_SHORT_ROWS, _TOL_OF_SHORT_ROWS
        elif train.n_ratings > _MANY_RATINGS:
            usual = _FACTORS_OF_MANY_RATINGS
        n_factors = min(usual, train.n_users, train.n_items)
        objective = _objective(model, train, _best_candidate(model, train, n_threads))
    else:
        n_factors = N_FACTORS if model.n_factors == "scale" else model.n_factors
        tol, objective = TOL, objective_for(model, train)
    return Settings(n_factors, tol if model.tol == "scale" else model.tol, objective)


def has_short_rows(train: Interactions) -> bool:
    """Whether users and items have few ratings on average."""
    return _row_length(train) < _FEW_RATINGS


def _row_length(train: Interactions) -> float:
    return 2 * train.n_ratings / (train.n_users + train.n_items)


def _objective(model: Any, train: Interactions, candidate: _Candidate) -> Objective:
    changed = type(model)(**{**model.get_params(), "degree_exponent": candidate.exponent})
    changed.unobserved_weight = candidate.weight * objective_for(changed, train).unobserved_weight
    objective = objective_for(changed, train)
    return replace(objective, regularization=candidate.ridge * objective.regularization)


def _best_candidate(model: Any, train: Interactions, n_threads: int) -> _Candidate:
    learnt, held_out = _divided(train)
    if not held_out.n_ratings:
        return _Candidate()
    validation = Validation(held_out, learnt, objective_for(model, learnt), n_threads)

    def ndcg(candidate: _Candidate) -> float:
        objective = _objective(model, learnt, candidate)
        weights = pair_weights(objective, learnt.user_counts(), learnt.item_counts())
        steps = alternate(Problem(learnt, objective, n_threads, weights), N_FACTORS, 0)
        with closing(steps):
            *_, last = islice(steps, _TRIED_ITERATIONS)
            return validation.ndcg(last.factors)

    best = start = _Candidate()
    reached = ndcg(best)

    def climb(candidates: Iterable[_Candidate]) -> None:
        nonlocal best, reached
        for candidate in candidates:
            if (found := ndcg(candidate)) <= _GAIN * reached:
                break
            best, reached = candidate, found

    for series in _STRENGTHS:
        if best == start:
            climb(_Candidate(*strengths) for strengths in series)
    climb([best._replace(exponent=exponent) for exponent in _EXPONENTS])
    return best


def _divided(train: Interactions) -> tuple[Interactions, Interactions]:
    """All but a fifth of the ratings of up to 2,000 users, and these.

    Of more than two million ratings, those of a sample of users stand for all.
    """
    rng = np.random.default_rng(0)
    if train.n_ratings > _MOST_TRIED:
        train = only_users(train, rng.random(train.n_users) < _MOST_TRIED / train.n_ratings)
    counts = train.user_counts()
    users = rng.permutation(np.flatnonzero(counts > 1))[:_USERS]
    chosen = np.zeros(train.n_users, np.bool_)
    chosen[users] = True
    held_out = np.repeat(chosen, counts) & (rng.random(train.n_ratings) < _HELD_OUT)
    return train.select(~held_out), train.select(held_out)
