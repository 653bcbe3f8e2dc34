"""What ``"scale"`` stands for in a model of which nothing was chosen.

Good settings differ by factors from one data set to the next (docs/defaults.md), most of all where
users and items have few ratings, and no formula that we know foresees them: candidates, in units
of the formulas of `scaled_parameters`, are tried on ratings that are held out of a sample of
users, for a few iterations with few factors. The fit has more factors, which with these settings
rank better or as well, and few iterations: all together takes up to about five times as long as
64 factors by the formulas.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cinefold.als.iterations import Problem, alternate, method_named
from cinefold.models.callbacks import Validation
from cinefold.models.rating_input import only_users
from cinefold.models.scaled_parameters import objective_for, pair_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cinefold.als.objective import Objective
    from cinefold.interactions import Interactions

N_FACTORS, TOL = 64, 1e-4
"""Of the formulas; and the number of factors with which candidates are tried."""

_FEWEST_RATINGS = 10_000  # of all: fewer tell no settings apart
_FEW_RATINGS, _VERY_FEW_RATINGS = 40, 6  # a user or item, on average
_MANY_RATINGS, _FACTORS_OF_MANY_RATINGS = 10_000_000, 128  # in long rows: what minutes allow
_USUAL, _USUAL_TOL = 256, 0.003
# Factors and iterations where rows are short, by how much better twice the factors of the formulas
# rank than these. Later iterations change the objective there, not the lists; where rows are very
# short they change these, too.
_BY_GROWTH = ((1.05, (448, 4)), (0.0, (256, 4)))
_OF_VERY_SHORT_ROWS = ((1.05, (256, 6)), (0.0, (N_FACTORS, None)))
_OF_STRONGEST = 512, 3  # in place of the first, with the last candidate of strong structure
_MOST_FACTORS, _MULTIPLE = 10, 16  # times the cube root of the ratings: some steps take d^3
_TRIED_ITERATIONS, _MOST_TRIED, _HELD_OUT = 3, 2_000_000, 0.2
_USERS, _RATINGS = (1_000, 2_000), 25_000  # of whom some are held out: enough to have these
_DEPTH = 100  # of lists: gains are those of 20 places, with half of the standard error


class Settings(NamedTuple):
    """A model's parameters with numbers in place of "scale"."""

    n_factors: int
    tol: float
    objective: Objective
    n_iterations: int | None = None
    """Iterations after which the fit ends in any case."""


class _Candidate(NamedTuple):
    """w0 and lambda in units of the formulas', and p of users and items."""

    weight: float = 1.0
    ridge: float = 1.0
    exponent: float = 0.0


# In each series the next is tried if the last was better, the second if nothing of the first was.
# Strong structure, as of papers in libraries, wants little of w0 and lambda; weak one more of
# lambda, or p.
_STRONG = (_Candidate(0.55, 0.7), _Candidate(0.3, 0.45))
_WEAK = (_Candidate(1.0, 1.4), _Candidate(1.0, 2.0), _Candidate(2.0, 2.0))
_EXPONENTS = (0.25, 0.4)
# What is to be gained, a standard error taken off: of what more of lambda gains some is owed to
# there being few factors.
_GAIN, _GAIN_OF_WEAK = 0.01, 0.04


def settings_for(model: Any, train: Interactions, n_threads: int) -> Settings:
    """Of an estimator for its training data."""
    names = ("n_factors", "unobserved_weight", "regularization", "degree_exponent")
    if train.n_ratings >= _FEWEST_RATINGS and all(getattr(model, n) == "scale" for n in names):
        candidate, n_factors, n_iterations = _found(model, train, n_threads)
        tol = 0.0 if n_iterations else TOL if n_factors == N_FACTORS else _USUAL_TOL
        n_factors = min(n_factors, train.n_users, train.n_items)
        objective = _objective(model, train, candidate)
    else:
        n_factors = N_FACTORS if model.n_factors == "scale" else model.n_factors
        tol, n_iterations, objective = TOL, None, objective_for(model, train)
    if model.tol != "scale":
        tol, n_iterations = model.tol, None
    return Settings(n_factors, tol, objective, n_iterations)


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


def _found(model: Any, train: Interactions, n_threads: int) -> tuple[_Candidate, int, int | None]:
    """The best candidate, and the numbers of factors and of iterations of the fit, if few do."""
    is_short, n_factors = has_short_rows(train), _USUAL
    if not is_short and train.n_ratings > _MANY_RATINGS:
        n_factors = _FACTORS_OF_MANY_RATINGS
    learnt, held_out = _divided(train)
    best = start = _Candidate()
    if not held_out.n_ratings:
        return best, n_factors, None
    validation = Validation(held_out, learnt, objective_for(model, learnt), n_threads)

    def ndcgs(candidate: _Candidate, n_factors: int = N_FACTORS) -> NDArray[np.float64]:
        objective = _objective(model, learnt, candidate)
        weights = pair_weights(objective, learnt.user_counts(), learnt.item_counts())
        problem, method = Problem(learnt, objective, n_threads, weights), method_named("cg", 0)
        steps = alternate(problem, n_factors, 0, method)
        with closing(steps):
            *_, last = islice(steps, _TRIED_ITERATIONS)
            return validation.ndcgs(last.factors, _DEPTH)

    reached = ndcgs(best)
    n_iterations = None
    if is_short:
        growth = ndcgs(best, 2 * N_FACTORS).mean() / max(reached.mean(), 1e-9)
        is_very_short = _row_length(train) < _VERY_FEW_RATINGS
        fits = _OF_VERY_SHORT_ROWS if is_very_short else _BY_GROWTH
        n_factors, n_iterations = next(fit for least, fit in fits if growth >= least)

    def is_better(candidate: _Candidate, least: float) -> bool:
        nonlocal best, reached
        found = ndcgs(candidate)
        gain = found - reached
        error = gain.std() / np.sqrt(len(gain))
        if not gain.mean() - error > least * reached.mean():
            return False
        best, reached = candidate, found
        return True

    all(is_better(candidate, _GAIN) for candidate in _STRONG)
    if best == start:
        all(is_better(candidate, _GAIN_OF_WEAK) for candidate in _WEAK)
        all(is_better(best._replace(exponent=p), _GAIN) for p in _EXPONENTS)
    if best == _STRONG[-1] and (n_factors, n_iterations) == _BY_GROWTH[0][1]:
        n_factors, n_iterations = _OF_STRONGEST
    most = int(_MOST_FACTORS * np.cbrt(train.n_ratings)) // _MULTIPLE * _MULTIPLE
    return best, min(n_factors, most), n_iterations


def _divided(train: Interactions) -> tuple[Interactions, Interactions]:
    """All but a fifth of the ratings of some users, and these.

    Of more than two million ratings, those of a sample of users stand for all.
    """
    rng = np.random.default_rng(0)
    if train.n_ratings > _MOST_TRIED:
        train = only_users(train, rng.random(train.n_users) < _MOST_TRIED / train.n_ratings)
    counts = train.user_counts()
    n_users = int(np.clip(_RATINGS / max(counts.mean(), 1), *_USERS))
    users = rng.permutation(np.flatnonzero(counts > 1))[:n_users]
    chosen = np.zeros(train.n_users, np.bool_)
    chosen[users] = True
    held_out = np.repeat(chosen, counts) & (rng.random(train.n_ratings) < _HELD_OUT)
    return train.select(~held_out), train.select(held_out)
