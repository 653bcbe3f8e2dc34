"""A fit from its first iteration to its last, with everything that watches it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from cinefold._signals import ctrl_c_waits, keep_on_interrupt
from cinefold.als.backend import compact
from cinefold.als.biased import alternate_with_biases
from cinefold.als.iterations import alternate, available_threads, choose_solver, with_exact_users
from cinefold.interactions.splits import seed_from
from cinefold.models.callbacks import Convergence, EarlyStopping, Validation, progress_bar
from cinefold.models.default_regularization import pair_weights
from cinefold.models.default_settings import settings_for
from cinefold.models.fitted import Fitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from cinefold.als.iterations import Iteration
    from cinefold.als.objective import Objective
    from cinefold.interactions import Interactions
    from cinefold.models.callbacks import Callback, Record


def learn(
    model: Any,
    train: Interactions,
    held_out: Interactions | None,
    given_weights: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None],
    callbacks: Iterable[Callback],
    progress: bool | None,
) -> None:
    """Factors for `train`, and how they came about, as the state of `model`, the estimator.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, after the last finished iteration has been kept, if there is one. A second Ctrl-C
        before that is done leaves the model without factors.
    """
    seed, n_threads = seed_from(model.random_state), available_threads(model.n_threads)
    n_factors, tol, objective = settings_for(model, train, n_threads)
    parameters, model._state = model.get_params(), None
    solver = choose_solver(model.solver, n_factors)
    start = alternate_with_biases if model.biases else alternate
    weights = pair_weights(objective, train, *given_weights)
    steps = start(train, objective, n_factors, seed, n_threads, solver, weights)
    validation = None if held_out is None else Validation(held_out, train, objective, n_threads)
    early = EarlyStopping(model.early_stopping, model.patience) if model.early_stopping else None
    history: list[Record] = []
    # Closing the steps frees what they keep of the users.
    with (
        keep_on_interrupt(model.__sklearn_is_fitted__) as interrupted,
        closing(steps),
        progress_bar(model.max_iter, progress) as bar,
    ):
        watching = [bar, *callbacks, *([early] if early else ()), Convergence(tol)]
        for step in islice(steps, model.max_iter):
            record = _record(len(history) + 1, step, validation)
            history = [*history, record]
            # One assignment, so that an interrupt leaves a single iteration.
            model._state = Fitted(parameters, train, objective, step.factors, history, len(history))
            ended_by = [callback for callback in watching if callback(model, record)]
            if ended_by:
                reason = getattr(ended_by[0], "stop_reason", "callback")
                model._state = replace(model._fitted, stop_reason=reason)
                break
    if interrupted.is_set():
        model._state = replace(model._fitted, stop_reason="interrupted")
    restored = early is not None and early.restore(model)
    if restored or not solver.is_exact or interrupted.is_set():
        _solve_users_exactly(model, objective, n_threads)
    with ctrl_c_waits():
        factors = replace(model._factors, users=compact(model._factors.users))
        model._state = replace(model._fitted, factors=factors)
    if interrupted.is_set():
        raise KeyboardInterrupt


def _record(number: int, step: Iteration, validation: Validation | None) -> Record:
    return {
        "iteration": number,
        "objective": step.objective,
        "train_rmse": step.train_rmse,
        "validation_rmse": validation and validation.rmse(step.factors),
        "validation_ndcg_at_10": validation and validation.ndcg(step.factors),
        "seconds": step.seconds,
    }


def _solve_users_exactly(model: Any, objective: Objective, n_threads: int) -> None:
    fitted = model._fitted
    model._state = None  # a later iteration has overwritten some users
    step = with_exact_users(fitted.interactions, objective, fitted.factors, n_threads)
    place = fitted.best_iteration - 1
    record = fitted.history[place]
    seconds = record["seconds"] + step.seconds
    reached = {"objective": step.objective, "train_rmse": step.train_rmse, "seconds": seconds}
    history = [*fitted.history[:place], record | reached, *fitted.history[place + 1 :]]
    model._state = replace(fitted, factors=step.factors, history=history)
