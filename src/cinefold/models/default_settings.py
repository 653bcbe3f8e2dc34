"""What ``"scale"`` stands for in a model of which nothing was chosen.

Where users and items have many ratings, as those of MovieLens, the formulas of
`default_regularization` with 64 factors rank as well as tuned settings do. Where they have few,
good settings differ by factors from one data set to the next (docs/defaults.md), and more factors
are worth much and cost little. There, candidates are tried: for a few iterations, with fewer
factors, on ratings that are held out of a sample of users. The spectrum of the ratings does not
tell the two kinds apart: that of independent choices among items of unequal popularity has values
far beyond the edge that equal ones would have.
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

if TYPE_CHECKING:
    from cinefold.als.objective import Objective
    from cinefold.interactions import Interactions

N_FACTORS, TOL = 64, 1e-4
"""With many ratings a row."""

_FEW_RATINGS = 40  # a user or item, on average
_FEWEST_RATINGS = 10_000  # of all: fewer tell no settings apart
_MANY_FACTORS, _COARSE_TOL = 384, 0.01
_TRIED_ITERATIONS, _USERS, _HELD_OUT = 3, 2_000, 0.2


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


# Strong structure, as of papers in libraries, wants little of either; weak one, as of what people
# buy, more.
_STRENGTHS = (_Candidate(0.3, 0.45), _Candidate(1.0, 2.0), _Candidate(3.0, 1.0))
_EXPONENTS = (0.25, 0.4)


def settings_for(model: Any, train: Interactions, n_threads: int) -> Settings:
    """Of an estimator for its training data."""
    names = ("n_factors", "unobserved_weight", "regularization", "degree_exponent")
    searched = all(getattr(model, name) == "scale" for name in names) and has_short_rows(train)
    if searched:
        n_factors = min(_MANY_FACTORS, train.n_users, train.n_items)
        objective = _objective(model, train, _best_candidate(model, train, n_threads))
    else:
        n_factors = N_FACTORS if model.n_factors == "scale" else model.n_factors
        objective = objective_for(model, train)
    usual = _COARSE_TOL if searched else TOL
    return Settings(n_factors, usual if model.tol == "scale" else model.tol, objective)


def has_short_rows(train: Interactions) -> bool:
    """Whether users and items have few ratings, but all together enough to choose settings by."""
    per_row = 2 * train.n_ratings / (train.n_users + train.n_items)
    return train.n_ratings >= _FEWEST_RATINGS and per_row < _FEW_RATINGS


def _objective(model: Any, train: Interactions, candidate: _Candidate) -> Objective:
    changed = type(model)(**{**model.get_params(), "degree_exponent": candidate.exponent})
    changed.unobserved_weight = candidate.weight * objective_for(changed, train).unobserved_weight
    objective = objective_for(changed, train)
    return replace(objective, regularization=candidate.ridge * objective.regularization)


def _best_candidate(model: Any, train: Interactions, n_threads: int) -> _Candidate:
    learnt, held_out = _divided(train)
    validation = Validation(held_out, learnt, objective_for(model, learnt), n_threads)
    values: dict[_Candidate, float] = {}

    def value(candidate: _Candidate) -> float:
        if candidate not in values:
            objective = _objective(model, learnt, candidate)
            weights = pair_weights(objective, learnt.user_counts(), learnt.item_counts())
            problem = Problem(learnt, objective, n_threads, weights)
            steps = alternate(problem, N_FACTORS, 0)
            with closing(steps):
                *_, last = islice(steps, _TRIED_ITERATIONS)
                values[candidate] = validation.ndcg(last.factors)
        return values[candidate]

    best = max((_Candidate(), *_STRENGTHS), key=value)
    for exponent in _EXPONENTS:
        other = best._replace(exponent=exponent)
        if value(other) <= value(best):
            break
        best = other
    return best


def _divided(train: Interactions) -> tuple[Interactions, Interactions]:
    """All but a fifth of the ratings of up to 2,000 users, and these."""
    rng = np.random.default_rng(0)
    counts = train.user_counts()
    users = rng.permutation(np.flatnonzero(counts > 1))[:_USERS]
    chosen = np.zeros(train.n_users, np.bool_)
    chosen[users] = True
    held_out = np.repeat(chosen, counts) & (rng.random(train.n_ratings) < _HELD_OUT)
    return train.select(~held_out), train.select(held_out)
