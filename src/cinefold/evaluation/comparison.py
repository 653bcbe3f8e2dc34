"""Several models on the same divisions of the ratings, with standard errors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from cinefold._signals import keep_on_interrupt
from cinefold.evaluation.model_metrics import Evaluation, Ranker, check_asked, evaluate_per_user
from cinefold.evaluation.protocols import Division, Protocol, divide, n_divisions
from cinefold.evaluation.standard_errors import (
    Estimate,
    influence,
    of_divisions,
    of_users,
    standard_error,
)
from cinefold.interactions import Interactions
from cinefold.interactions.splits import RandomState, seed_from
from cinefold.metrics import accuracy
from cinefold.metrics.registry import metric_of

Candidate = Callable[[Interactions], Ranker] | Any


@dataclass(frozen=True)
class Comparison:
    """The outcome of `compare`.

    Attributes
    ----------
    protocol : dict
        Arguments of `divide`.
    evaluations : dict of str to list of Evaluation
        By model, one for each division.
    left_out : dict of str to str
        Models that could not be fitted or evaluated, and why.
    interrupted : bool
        Ctrl-C came before the last division: these are the ones that were finished.
    """

    protocol: dict[str, Any]
    evaluations: dict[str, list[Evaluation]]
    left_out: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def models(self) -> list[str]:
        """Names of the models that were evaluated."""
        return list(self.evaluations)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that any model has, errors of predictions first."""
        names = {name: None for found in self.evaluations.values() for name in found[0].means}
        return list(names)

    def estimate(self, model: str, name: str) -> Estimate | None:
        """A metric of a model; None if it has none of this name."""
        found = self._evaluations_of(model)
        if name not in found[0].means:
            return None
        if name in found[0].totals:
            return of_divisions(np.array([one.totals[name] for one in found]))
        return of_users(name, *self._by_user(model, name))

    def over_divisions(self, model: str, name: str) -> Estimate | None:
        """The mean over divisions of what each gives by itself; None if there is no such metric.

        Its error says how much another random division may change. It cannot say how much other
        users would: all divisions share their users.
        """
        found = self._evaluations_of(model)
        values = [one.means[name] for one in found if name in one.means]
        return of_divisions(np.array(values)) if values else None

    def difference(self, model: str, other: str, name: str) -> Estimate | None:
        """By how much `model` has more than `other`, user by user; None if either has none.

        Its error is smaller than those of the two values, as both saw the same users; that of a
        metric of all lists together is over divisions.

        Parameters
        ----------
        model, other : str
            Two of `models`.
        name : str
            One of `metrics`.

        Raises
        ------
        ValueError
            If there is no such model, or no model has such a metric.
        """
        if name not in self.metrics:
            raise ValueError(f"there is no metric {name!r}; there are {', '.join(self.metrics)}")
        one, two = self.estimate(model, name), self.estimate(other, name)
        if one is None or two is None:
            return None
        if one.over == "divisions":
            pairs = zip(self.evaluations[model], self.evaluations[other], strict=True)
            return of_divisions(np.array([a.totals[name] - b.totals[name] for a, b in pairs]))
        of_model, of_other = (influence(name, *self._by_user(m, name)) for m in (model, other))
        gaps = of_model - of_other
        known = gaps[np.isfinite(gaps)]
        is_error = metric_of(name).kind == "errors"
        value = one.value - two.value if is_error else accuracy.mean(known)
        return Estimate(value, standard_error(known), len(known))

    def differences(self) -> list[dict[str, Any]]:
        """Each model against the best by each metric: rows of model, other, and as in `table`.

        Where low and high lie on one side of 0, the difference is unlikely to be chance.
        """
        return [
            {"model": model, "other": best, **_row(name, found)}
            for name in self.metrics
            if (best := self.best(name)) is not None
            for model in self.models
            if model != best and (found := self.difference(model, best, name)) is not None
        ]

    def table(self) -> list[dict[str, Any]]:
        """Rows of model, metric, value, standard_error, low, high and n, for any dataframe."""
        return [
            {"model": model, **_row(name, found)}
            for model in self.models
            for name in self.metrics
            if (found := self.estimate(model, name)) is not None
        ]

    def best(self, name: str) -> str | None:
        """The model with the best value of a metric."""
        values = {model: self.estimate(model, name) for model in self.models}
        known = {model: m.value for model, m in values.items() if m and np.isfinite(m.value)}
        if not known:
            return None
        choose = min if metric_of(name).lower_is_better else max
        return choose(known, key=lambda model: known[model])

    def __str__(self) -> str:
        """A line for each model, a column for each metric, with half of its 95 % interval."""
        rows = [("", *self.metrics)]
        rows += [
            (model, *(str(self.estimate(model, name) or "-") for name in self.metrics))
            for model in self.models
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        left_out = (f"{model} was left out: {why}" for model, why in self.left_out.items())
        return "\n".join([*lines, *left_out])

    def _evaluations_of(self, model: str) -> list[Evaluation]:
        if model not in self.evaluations:
            raise ValueError(f"there is no model {model!r}; there are {', '.join(self.models)}")
        return self.evaluations[model]

    def _by_user(self, model: str, name: str) -> Iterator[NDArray[np.float64]]:
        """Sums over the divisions and what they are to be divided by, for all users, by id."""
        found = self.evaluations[model]
        ids = np.concatenate([one.users for one in found])
        if metric_of(name).kind == "errors":
            sums = np.concatenate([one.errors[name] for one in found])
            counts = np.concatenate([one.counts for one in found]).astype(np.float64)
        else:
            sums = np.concatenate([one.per_user[name] for one in found])
            counts = np.isfinite(sums).astype(np.float64)
            sums = np.nan_to_num(sums)
        _, rows = np.unique(ids, return_inverse=True)
        return (np.bincount(rows, values).astype(np.float64) for values in (sums, counts))


def compare(
    candidates: Mapping[str, Candidate],
    interactions: Interactions | Division,
    protocol: Protocol = "per-user",
    *,
    fraction: float = 0.1,
    folds: int = 5,
    repeats: int = 1,
    random_state: RandomState = 0,
    ks: Sequence[int] = (10, 20),
    names: Sequence[str] = ("rmse", "ndcg", "recall"),
    progress: bool | None = None,
    keep_interrupted: bool = False,
) -> Comparison:
    """Fit models on the training parts of a protocol and evaluate them on the rest.

    Parameters
    ----------
    candidates : mapping of str to model or callable
        Models with ``fit``, which are copied, or functions from training data to a fitted model.
    interactions : Interactions or Division
        Of a division that is given, the rest is left as it is.
    protocol, fraction, folds, repeats, random_state
        As in :func:`cinefold.evaluation.divide`.
    ks, names
        As in :func:`cinefold.evaluation.evaluate_per_user`.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.
    keep_interrupted : bool
        Ctrl-C after the first division returns what was finished.

    Returns
    -------
    Comparison
        A model whose fit or evaluation raises ValueError, ArithmeticError or MemoryError is left
        out, with the reason.

    Raises
    ------
    ValueError
        If there is no model, no such metric or length, a number of the protocol is out of range,
        or nobody has both training and held-out ratings.
    """
    check_asked(ks, names)
    settings: dict[str, Any] = {
        "protocol": protocol,
        "fraction": fraction,
        "folds": folds,
        "repeats": repeats,
        "random_state": seed_from(random_state),
    }
    if not candidates:
        raise ValueError("there are no models to compare")
    finished: list[dict[str, Evaluation]] = []
    left_out: dict[str, str] = {}
    if isinstance(interactions, Division):
        settings, divisions, total = {"protocol": "given"}, iter([interactions]), len(candidates)
    else:
        divisions = divide(interactions, **settings)
        total = n_divisions(protocol, folds, repeats) * len(candidates)
    hide = None if progress is None else not progress
    with (
        tqdm(total=total, desc="evaluate", unit="fit", disable=hide) as bar,
        keep_on_interrupt(lambda: keep_interrupted and any(finished)) as interrupted,
    ):
        for division in divisions:
            found = _evaluated(candidates, division, left_out, bar, ks=ks, names=names)
            finished.append(found)
    kept = {n: [one[n] for one in finished] for n in candidates if n not in left_out}
    if kept and not any(len(one.users) for found in kept.values() for one in found):
        raise ValueError(
            "nobody has both training and held-out ratings with the protocol "
            f"{settings['protocol']!r}; "
            "there may be too few ratings, or a larger fraction or another protocol may suit them"
        )
    return Comparison(settings, kept, left_out, interrupted.is_set())


def _evaluated(
    candidates: Mapping[str, Candidate],
    division: Division,
    left_out: dict[str, str],
    bar: Any,
    **asked: Any,
) -> dict[str, Evaluation]:
    """All candidates on one division; those that fail are added to `left_out`."""
    found = {}
    for name, candidate in candidates.items():
        bar.set_postfix_str(name)
        if name not in left_out:
            try:
                model = _learn(candidate, division.training)
                found[name] = evaluate_per_user(
                    model,
                    division.held_out,
                    training=division.training,
                    given=division.given,
                    **asked,
                )
            except (ArithmeticError, MemoryError, ValueError) as error:
                left_out[name] = str(error) or type(error).__name__
        bar.update()
    return found


def _learn(candidate: Candidate, training: Interactions) -> Ranker:
    learn = copy.deepcopy(candidate).fit if hasattr(candidate, "fit") else candidate
    return learn(training)


def _row(name: str, found: Estimate) -> dict[str, Any]:
    low, high = found.interval
    return {
        "metric": name,
        "value": found.value,
        "standard_error": found.standard_error,
        "low": low,
        "high": high,
        "n": found.n,
    }
