"""A fit from its first iteration to its last, with everything that watches it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from cinefold._signals import ctrl_c_waits, keep_on_interrupt
from cinefold.als.backend import empty_factors
from cinefold.als.biased import alternate_with_biases
from cinefold.als.factors import Factors
from cinefold.als.iterations import Iteration, Problem, alternate, method_named, with_exact_users
from cinefold.interactions import Interactions
from cinefold.interactions.splits import seed_from
from cinefold.models.callbacks import (
    Callback,
    Convergence,
    EarlyStopping,
    Record,
    Validation,
    progress_bar,
)
from cinefold.models.default_search import Settings
from cinefold.models.fitted import Fitted


@dataclass(frozen=True)
class Resumed:
    """What a fit goes on from: the last factors, their history if it is one's own, and the best."""

    factors: Factors
    history: list[Record]
    best: Factors


def continued(model: Any, train: Interactions, n_factors: int, n_threads: int) -> Resumed:
    """The vectors of a fitted model, for users and items of `train`; those of new ones are 0.

    Raises
    ------
    ValueError
        If it has another number of factors, biases, or weights of pairs.
    """
    known, factors = model.interactions_, model._factors
    if factors.biases or factors.pair_weights or factors.items.n_factors != n_factors:
        raise ValueError(
            f"start must be a model with n_factors={n_factors}, without biases or weights of pairs"
        )

    def placed(ids: Any, old_ids: Any, old: Any) -> Any:
        _, places, found = np.intersect1d(ids, old_ids, assume_unique=True, return_indices=True)
        if not len(places):
            raise ValueError("start must be a model of some of the same users and items")
        rows = np.zeros((len(ids), n_factors), np.float32)
        rows[places] = old[found]
        return rows

    rotated = Factors.in_eigenbasis(
        placed(train.user_ids, known.user_ids, factors.users),
        placed(train.item_ids, known.item_ids, factors.items.rows),
        None,
        None,
        n_threads,
    )
    users = empty_factors(*rotated.users.shape)
    users[:] = rotated.users
    rotated = replace(rotated, users=users)
    return Resumed(rotated, [], rotated)


def run_fit(
    model: Any,
    problem: Problem,
    settings: Settings,
    validation: Validation | None,
    callbacks: Iterable[Callback],
    progress: bool | None,
    resumed: Resumed | None = None,
) -> None:
    """Factors for `problem`, and how they came about, as the state of `model`, the estimator.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, after the last finished iteration has been kept, if there is one. A second Ctrl-C
        before that is done leaves the model without factors.
    """
    seed, history = seed_from(model.random_state), resumed.history if resumed else []
    parameters, model._state = model.get_params(), None
    solver = method_named(model.solver, settings.n_factors)
    n_done = len(history)
    if model.biases:
        steps = alternate_with_biases(problem, settings.n_factors, seed, solver)
    else:
        start = resumed.factors if resumed else None
        steps = alternate(problem, settings.n_factors, seed, solver, start=start, n_done=n_done)
    early = EarlyStopping(model.early_stopping, model.patience) if model.early_stopping else None
    own: list[Callback] = [*([early] if early else ())]
    own.append(Convergence(settings.tol, settings.n_iterations))

    def is_ended(watching: Iterable[Callback], record: Record) -> bool:
        ended_by = [callback for callback in watching if callback(model, record)]
        if ended_by:
            reason = getattr(ended_by[0], "stop_reason", "callback")
            model._state = replace(model._fitted, stop_reason=reason)
        return bool(ended_by)

    n_left = max(model.max_iter - n_done, 0)
    if resumed and history:
        known = parameters, problem.train, problem.objective
        model._state = Fitted(*known, resumed.best, history)
        for record in history[:-1]:
            if early:
                early(model, record)
        model._state = Fitted(*known, resumed.factors, history, n_done)
        if is_ended(own, history[-1]):  # it was cut off when it was about to end
            n_left = 0
    # Closing the steps frees what they keep of the users.
    with (
        keep_on_interrupt(model.__sklearn_is_fitted__) as interrupted,
        closing(steps),
        progress_bar(model.max_iter, progress) as bar,
    ):
        for step in islice(steps, n_left):
            record = _record(len(history) + 1, step, validation)
            history = [*history, record]
            # One assignment, so that an interrupt leaves a single iteration.
            model._state = Fitted(
                parameters,
                problem.train,
                problem.objective,
                step.factors,
                history,
                len(history),
            )
            problem.checkpoint(history, step.factors, early.best_factors if early else None)
            if is_ended([bar, *callbacks, *own], record):
                break
    if interrupted.is_set():
        model._state = replace(model._fitted, stop_reason="interrupted")
    restored = early is not None and early.restore(model)
    if restored or not solver.is_exact or interrupted.is_set():
        _solve_users_exactly(model, problem)
    with ctrl_c_waits():
        model._state = replace(model._fitted, factors=problem.finished(model._factors))
    if interrupted.is_set():
        raise KeyboardInterrupt


def _record(number: int, step: Iteration, validation: Validation | None) -> Record:
    return {
        "iteration": number,
        "objective": step.objective,
        "train_rmse": step.train_rmse,
        "validation_rmse": validation and validation.rmse(step.factors),
        "validation_ndcg_at_10": validation and validation.ndcg(step.factors),
        "validation_sample": validation and validation.sample,
        "seconds": step.seconds,
    }


def _solve_users_exactly(model: Any, problem: Problem) -> None:
    fitted = model._fitted
    model._state = None  # a later iteration has overwritten some users
    step = with_exact_users(problem, fitted.factors)
    place = fitted.best_iteration - 1
    record = fitted.history[place]
    seconds = record["seconds"] + step.seconds
    reached = {"objective": step.objective, "train_rmse": step.train_rmse, "seconds": seconds}
    history = [*fitted.history[:place], record | reached, *fitted.history[place + 1 :]]
    model._state = replace(fitted, factors=step.factors, history=history)
