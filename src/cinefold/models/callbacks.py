"""What watches a fit: callables ``callback(model, record)``, which end it by a true return value.

They are called after every iteration, with the factors in place. ``stop_reason_`` of a model is the
attribute ``stop_reason`` of the callback that ended its fit, or "callback" if it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from tqdm.auto import tqdm

from cinefold.als.backend import top_k
from cinefold.als.factors import Factors
from cinefold.als.objective import Objective
from cinefold.interactions import Interactions
from cinefold.metrics import accuracy

RANKING_DEPTH = 10
# In multiplications of the solvers, of which a core makes 2e10 in a second.
_SHARE, _IN_50_MS = 0.07, 8e8
_PER_SCORE = 27  # to find the best of them
_PER_PREDICTION = 70  # times n_factors: rows are gathered from all over the memory
_MULTIPLICATIONS_OF_CG = 30
ValidationMetric = Literal["ndcg_at_10", "rmse"]
Record = dict[str, Any]
Callback = Callable[[Any, Record], bool | None]
"""Called as ``callback(model, record)``, the estimator and what history says of an iteration."""


class Validation:
    """Metrics of factors on held-out ratings: RMSE on each, NDCG@10 of users who have some.

    Parameters
    ----------
    held_out, train : Interactions
    objective : Objective
    n_threads : int
    most_users : int, optional
        Of more (see `affordable_users`), a seeded sample is measured, always the same; all items
        are ranked for these.

    Attributes
    ----------
    sample : int or None
        Number of users measured; None if these are all.
    """

    def __init__(
        self,
        held_out: Interactions,
        train: Interactions,
        objective: Objective,
        n_threads: int,
        most_users: int | None = None,
    ) -> None:
        counts = np.diff(held_out.by_user.indptr)
        users = np.flatnonzero(counts)
        self.sample = None
        if most_users is not None and most_users < len(users):
            self.sample = most_users
            users = np.sort(np.random.default_rng(0).choice(users, most_users, replace=False))
        self._users = users
        self._relevant: csr_array = held_out.by_user[users]
        self._seen: csr_array = train.by_user[users]
        self._rows = np.repeat(users, counts[users])
        self._columns = self._relevant.indices
        self._targets = objective.targets(self._relevant.data)
        self._n_threads = n_threads

    def rmse(self, factors: Factors) -> float:
        """Root mean squared error of u.v, not clipped, against the held-out targets.

        Pairs count by their weight, where the objective has weights.
        """
        predicted = factors.predict(factors.user_vectors(), self._rows, self._columns)
        if factors.pair_weights is None or not len(predicted):
            return accuracy.rmse(predicted, self._targets)
        weights = factors.pair_weights.total(self._rows, self._columns)
        return float(np.sqrt(np.average(np.square(predicted - self._targets), weights=weights)))

    def ndcg(self, factors: Factors) -> float:
        """Mean NDCG@10 over users with held-out items, training items not ranked."""
        return accuracy.mean(self.ndcgs(factors))

    def ndcgs(self, factors: Factors, depth: int = RANKING_DEPTH) -> NDArray[np.float64]:
        """NDCG of each of these users, of lists of so many items."""
        items, _ = top_k(
            factors.queries(factors.user_vectors(self._users)),
            factors.candidates,
            depth,
            excluded=self._seen,
            n_threads=self._n_threads,
        )
        return accuracy.ndcg_per_user(items, self._relevant)


def affordable_users(
    held_out: Interactions, train: Interactions, n_factors: int, *, exact: bool
) -> int:
    """How many users `Validation` measures in a tenth of the time of an iteration, or in 50 ms.

    By multiplications rather than a clock, so that what is measured does not depend on the machine.
    """
    iteration = float(_MULTIPLICATIONS_OF_CG * train.n_ratings * n_factors)
    if exact:
        iteration = 0.0
        for counts in (train.user_counts(), train.item_counts()):
            ranks = np.minimum(counts, n_factors)  # shorter rows are solved in the dual
            iteration += float((counts * ranks * n_factors / 2 + ranks**3 / 6).sum())
    rated = held_out.n_ratings / max(1, int(np.count_nonzero(held_out.user_counts())))
    user = train.n_items * (n_factors + _PER_SCORE) + rated * n_factors * _PER_PREDICTION
    return max(1, int(max(_SHARE * iteration, _IN_50_MS) / user))


class EarlyStopping:
    """Ends a fit when a validation metric has not improved for `patience` iterations."""

    stop_reason = "early_stopping"

    def __init__(self, metric: ValidationMetric, patience: int) -> None:
        self._key = f"validation_{metric}"
        self._sign = 1 if metric == "rmse" else -1
        self._patience = patience
        self._best: tuple[Record, Factors] | None = None

    def __call__(self, model: Any, record: Record) -> bool:
        best = self._best and self._best[0]
        if best is None or self._sign * record[self._key] < self._sign * best[self._key]:
            # The items alone: later iterations overwrite the users.
            best = record
            self._best = record, model._factors
        return bool(record["iteration"] - best["iteration"] >= self._patience)

    @property
    def best_factors(self) -> Factors | None:
        return self._best[1] if self._best else None

    def restore(self, model: Any) -> bool:
        """Go back to the best iteration; its users are to be solved again. False: it is here."""
        if self._best is None or self._best[0]["iteration"] == model.best_iteration_:
            return False
        record, factors = self._best
        best = record["iteration"]
        model._state = replace(model._fitted, factors=factors, best_iteration=best)
        return True


class Convergence:
    """Ends a fit when an iteration lowers the objective by no more than the fraction `tol`.

    Or after `n_iterations` iterations, if that is given.
    """

    stop_reason = "converged"

    def __init__(self, tol: float, n_iterations: int | None = None) -> None:
        self._tol, self._n_iterations = tol, n_iterations

    def __call__(self, model: Any, record: Record) -> bool:
        if record["iteration"] == self._n_iterations:
            return True
        before = [last["objective"] for last in model.history_[-2:-1]]
        return bool(before and before[0] - record["objective"] <= self._tol * before[0])


@contextmanager
def progress_bar(max_iter: int, shown: bool | None) -> Iterator[Callback]:
    """A bar on standard error; None shows it on a terminal."""
    hidden = None if shown is None else not shown
    with tqdm(total=max_iter, desc="WALS", unit="iter", disable=hidden) as bar:

        def update(model: Any, record: Record) -> None:
            del model
            values = {
                "objective": record["objective"],
                "RMSE": record["train_rmse"],
                "validation": record["validation_rmse"],
                "NDCG@10": record["validation_ndcg_at_10"],
            }
            given = {name: f"{value:.4g}" for name, value in values.items() if value is not None}
            bar.set_postfix(given)
            bar.update()

        yield update
