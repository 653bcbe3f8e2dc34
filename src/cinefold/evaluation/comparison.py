"""Several models on the same divisions of the ratings, with the errors of what was measured."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from cinefold.evaluation.measuring import ERRORS, Evaluation, Ranker, measure
from cinefold.evaluation.protocols import Protocol, divide, n_divisions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from cinefold.interactions import Interactions

    Candidate = Callable[[Interactions], Ranker] | Any

_NORMAL_95 = 1.959964
LOWER_IS_BETTER = frozenset({"rmse", "mae", "gini"})


@dataclass(frozen=True)
class Measure:
    """A value and its standard error (NaN where there is none).

    Users are taken as the sample: with several divisions, a user's values are averaged first, and
    the error is that of the mean over users. What is measured of all lists together varies over
    divisions instead.
    """

    value: float
    standard_error: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval, by the normal approximation."""
        half = _NORMAL_95 * self.standard_error
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Comparison:
    """What `compare` measured.

    Attributes
    ----------
    protocol : dict
        Arguments of `divide`.
    evaluations : dict of str to list of Evaluation
        By model, one for each division.
    left_out : dict of str to str
        Models that could not be fitted, and why.
    """

    protocol: dict[str, Any]
    evaluations: dict[str, list[Evaluation]]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        return list(self.evaluations)

    @property
    def measures(self) -> list[str]:
        """Names of all that was measured of any model, errors first."""
        names = {name: None for found in self.evaluations.values() for name in found[0].means}
        return list(names)

    def measure(self, model: str, name: str) -> Measure | None:
        """A measure of a model; None if it has none of this name."""
        found = self.evaluations[model]
        if name not in found[0].means:
            return None
        if name in found[0].totals:
            values = np.array([one.totals[name] for one in found])
            return Measure(float(values.mean()), _standard_error(values), len(values))
        users = self._by_user(model, name)
        return _of_users(name, users.sums, users.counts)

    def difference(self, model: str, other: str, name: str) -> Measure | None:
        """By how much `model` has more than `other`, user by user; None if either has none.

        Its error is smaller than those of the two values, as both saw the same users.
        """
        one, two = self.measure(model, name), self.measure(other, name)
        if one is None or two is None or name in self.evaluations[model][0].totals:
            return None
        a, b = self._by_user(model, name), self._by_user(other, name)
        influence = _influence(name, a.sums, a.counts) - _influence(name, b.sums, b.counts)
        return Measure(one.value - two.value, _standard_error(influence), len(influence))

    def table(self) -> list[dict[str, Any]]:
        """Rows of model, measure, value, standard_error, low, high and n, for any dataframe."""
        rows = []
        for model in self.models:
            for name in self.measures:
                found = self.measure(model, name)
                if found is not None:
                    low, high = found.interval
                    rows.append(
                        {
                            "model": model,
                            "measure": name,
                            "value": found.value,
                            "standard_error": found.standard_error,
                            "low": low,
                            "high": high,
                            "n": found.n,
                        }
                    )
        return rows

    def best(self, name: str) -> str | None:
        """The model with the best value of a measure."""
        values = {model: self.measure(model, name) for model in self.models}
        known = {model: m.value for model, m in values.items() if m and np.isfinite(m.value)}
        if not known:
            return None
        lower = name.partition("_at_")[0] in LOWER_IS_BETTER
        return (min if lower else max)(known, key=lambda model: known[model])

    def __str__(self) -> str:
        width = max(map(len, self.models), default=0)
        lines = []
        for name in self.measures:
            for model in self.models:
                found = self.measure(model, name)
                if found is not None:
                    value, error = f"{found.value:.4f}", f"{found.standard_error:.4f}"
                    lines.append(f"{name:18} {model:{width}}  {value} ± {error}")
        return "\n".join(lines)

    def _by_user(self, model: str, name: str) -> _PerUser:
        """Sums over the divisions and what they are to be divided by, for all users, by id."""
        found = self.evaluations[model]
        ids = np.concatenate([one.users for one in found])
        if name in ERRORS:
            sums = np.concatenate([one.errors[name] for one in found])
            counts = np.concatenate([one.counts for one in found]).astype(np.float64)
        else:
            sums = np.concatenate([one.per_user[name] for one in found])
            counts = np.isfinite(sums).astype(np.float64)
            sums = np.nan_to_num(sums)
        _, rows = np.unique(ids, return_inverse=True)
        totals = (np.bincount(rows, values).astype(np.float64) for values in (sums, counts))
        return _PerUser(*totals)


@dataclass(frozen=True)
class _PerUser:
    sums: NDArray[np.float64]
    counts: NDArray[np.float64]


def compare(
    candidates: Mapping[str, Candidate],
    interactions: Interactions,
    protocol: Protocol = "per-user",
    *,
    fraction: float = 0.1,
    folds: int = 5,
    repeats: int = 1,
    random_state: int = 0,
    ks: Sequence[int] = (10, 20),
    names: Sequence[str] = ("rmse", "ndcg", "recall"),
    progress: bool | None = None,
) -> Comparison:
    """Fit models on the training parts of a protocol and measure them on the rest.

    Parameters
    ----------
    candidates : mapping of str to model or callable
        Models with ``fit``, which are copied, or functions from training data to a fitted model.
    interactions : Interactions
    protocol, fraction, folds, repeats, random_state
        As in :func:`cinefold.evaluation.divide`.
    ks, names
        As in :func:`cinefold.evaluation.measure`.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.

    Returns
    -------
    Comparison
        A model whose fit raises ValueError is left out, with the reason.
    """
    settings: dict[str, Any] = {
        "protocol": protocol,
        "fraction": fraction,
        "folds": folds,
        "repeats": repeats,
        "random_state": random_state,
    }
    evaluations: dict[str, list[Evaluation]] = {name: [] for name in candidates}
    left_out: dict[str, str] = {}
    total = n_divisions(protocol, folds, repeats) * len(candidates)
    hide = None if progress is None else not progress
    with tqdm(total=total, desc="evaluate", unit="fit", disable=hide) as bar:
        for division in divide(interactions, **settings):
            for name, candidate in candidates.items():
                bar.set_postfix_str(name)
                bar.update()
                if name in left_out:
                    continue
                try:
                    model = _learn(candidate, division.training)
                except ValueError as error:
                    left_out[name] = str(error)
                    del evaluations[name]
                    continue
                evaluations[name].append(
                    measure(
                        model,
                        division.held_out,
                        training=division.training,
                        given=division.given,
                        ks=ks,
                        names=names,
                    )
                )
    return Comparison(settings, evaluations, left_out)


def _learn(candidate: Candidate, training: Interactions) -> Ranker:
    if hasattr(candidate, "fit"):
        fitted: Ranker = copy.deepcopy(candidate).fit(training)
        return fitted
    learnt: Ranker = candidate(training)
    return learnt


def _of_users(name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]) -> Measure:
    there = counts > 0
    influence = _influence(name, sums[there], counts[there])
    return Measure(_total(name, sums, counts), _standard_error(influence), int(there.sum()))


def _total(name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    if not counts.any():
        return float("nan")
    if name in ERRORS:
        mean = float(sums.sum() / counts.sum())
        return float(np.sqrt(mean)) if name == "rmse" else mean
    there = counts > 0
    return float((sums[there] / counts[there]).mean())


def _influence(
    name: str, sums: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers, one a user, whose standard error is that of the measure (the delta method)."""
    if name not in ERRORS:
        return np.asarray(sums / np.where(counts > 0, counts, np.nan))
    mean = sums.sum() / counts.sum()
    own = (sums - mean * counts) / counts.mean()
    return np.asarray(own / (2 * np.sqrt(mean)) if name == "rmse" else own)


def _standard_error(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("nan")
    return float(known.std(ddof=1) / np.sqrt(len(known)))
