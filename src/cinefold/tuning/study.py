"""Optuna's study: where trials are kept, and what they try next."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

try:
    import optuna
except ImportError as error:
    raise ImportError(
        "tuning needs Optuna; install it with: pip install 'cinefold[tune]'"
    ) from error
from optuna.pruners import SuccessiveHalvingPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState

from cinefold._files import check_regular
from cinefold.tuning.results import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_CONDITIONS = "cinefold:conditions"
_CHECKSUMS = ("data set or seed", "validation part")
_CHEAP = "cinefold:cheap"
UNRANKED = "cinefold:unranked"
"""Of trials at chosen points with more than few factors, which are compared with no others before
they end."""
_N_RANDOM = 8  # trials at random points, after the initial points and before TPE


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's own messages."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(
    storage: str | Path | None,
    name: str,
    *,
    maximize: bool,
    conditions: Mapping[str, Any],
    warm_starts: list[dict[str, Any]],
    initial_points: list[dict[str, Any]],
    few: int | None,
    seed: int,
) -> optuna.Study:
    """The study called `name`, new or continued.

    Parameters
    ----------
    storage : path, database URL or None
        A file gets a journal of trials that several processes may share; None keeps them in memory.
    name : str
    maximize : bool
    conditions : mapping of str to JSON value
        What all trials of one study share.
    warm_starts : list of dict
        Points that are tried next, if they have not been.
    initial_points : list of dict
        Points that a new study tries first, after `warm_starts`.
    few : int, optional
        The number of factors of cheap trials.
    seed : int

    Raises
    ------
    ValueError
        If the storage is none, or its study was made under other conditions.
    """
    options: dict[str, Any] = {
        "study_name": name,
        "storage": _storage(storage),
        "sampler": Sampler(seed, len(initial_points) + _N_RANDOM),
        "pruner": SuccessiveHalvingPruner(min_resource=3, reduction_factor=2),
    }
    try:
        study = optuna.create_study(**options, direction="maximize" if maximize else "minimize")
        study.set_user_attr(_CONDITIONS, dict(conditions))
        first = [*warm_starts, *initial_points]
    except optuna.exceptions.DuplicatedStudyError:  # only one of several processes creates it
        study, first = optuna.load_study(**options), warm_starts
        _check_conditions(study, conditions, f"the study {name!r} in {storage}")
    for point in first:
        _enqueue(study, point, few)
    return study


def plan_next(study: optuna.Study, few: int, usual: int, most: int) -> None:
    """After eight trials, what was best again with more factors, unless it was; else with `few`.

    The best with `few` has the `usual` number then, the best of all twice its own, up to `most`. Of
    other trials with few there are sixteen; then it is for the sampler to say.
    """
    trials = [t for t in study.get_trials(deepcopy=False) if INTERRUPTED not in t.user_attrs]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete or any(trial.state == TrialState.WAITING for trial in trials):
        return
    larger = []
    if len(trials) >= _N_RANDOM:
        best = study.best_trial.params
        with_few = [trial for trial in complete if trial.params["n_factors"] <= few]
        if with_few:
            sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
            cheapest = min(with_few, key=lambda trial: sign * (trial.value or 0.0))
            larger.append({**cheapest.params, "n_factors": usual})
        larger.append({**best, "n_factors": min(2 * best["n_factors"], most)})
    for point in larger:
        if all(trial.params != point for trial in trials):
            _enqueue(study, point, few)
            return
    if sum(_CHEAP in trial.user_attrs for trial in trials) < 2 * _N_RANDOM:
        study.enqueue_trial({"n_factors": few}, {_CHEAP: True})


def _enqueue(study: optuna.Study, point: dict[str, Any], few: int | None) -> None:
    attributes = {UNRANKED: True} if few and point["n_factors"] > few else {}
    study.enqueue_trial(point, attributes, skip_if_exists=True)


def _check_conditions(study: optuna.Study, conditions: Mapping[str, Any], name: str) -> None:
    known = study.user_attrs.get(_CONDITIONS)
    if known is None and study.get_trials(deepcopy=False):
        raise ValueError(f"{name} is not one of cinefold's")
    then, now = (_by_name(json.loads(json.dumps(c))) for c in (known or conditions, conditions))
    for key in now | then:
        if then.get(key) != now.get(key):
            values = "" if key in _CHECKSUMS else f": {then.get(key)}, not {now.get(key)}"
            raise ValueError(
                f"{name} was begun with another {key}{values}; continue it as it was begun, or "
                "give this one another name or storage"
            )


def _by_name(conditions: dict[str, Any]) -> dict[str, Any]:
    grouped = ("space", "iterations")
    single = {k: v for k, v in conditions.items() if k not in grouped}
    return {**single, **conditions["space"], **conditions["iterations"]}


def _storage(given: str | Path | None) -> str | BaseStorage | None:
    if given is None or (isinstance(given, str) and "://" in given):
        return given
    file = Path(given)
    if not file.absolute().parent.is_dir():
        raise ValueError(f"storage: there is no folder {file.absolute().parent}")
    if file.exists():
        check_regular(file)
        with file.open("rb") as content:
            if content.read(1) not in (b"", b"{"):
                raise ValueError(f"storage: {file} is not a journal of trials; name another file")
    return JournalStorage(JournalFileBackend(str(file)))


class Sampler(TPESampler):
    """Optuna's tree-structured Parzen estimator, with a random generator for each trial.

    What a trial tries depends on the seed, on its number (interrupted trials not counted) and on
    the trials that have ended, and on no state of this process: a study that is continued goes on
    as if it had not been interrupted, and processes that share one do not try the same.
    """

    def __init__(self, seed: int, n_startup_trials: int) -> None:
        self._seed = seed
        self._options: dict[str, Any] = {"multivariate": True, "constant_liar": True}
        self._options["n_startup_trials"] = n_startup_trials
        super().__init__(**self._options)

    def sample_relative(self, study: Any, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
        tpe = TPESampler(seed=self._seed_of(study, trial), **self._options)
        return tpe.sample_relative(study, trial, search_space)

    def sample_independent(self, study: Any, trial: FrozenTrial, name: str, values: Any) -> Any:
        sampler = RandomSampler(self._seed_of(study, trial, name))
        return sampler.sample_independent(study, trial, name, values)

    def _seed_of(self, study: optuna.Study, trial: FrozenTrial, name: str = "") -> int:
        before = study.get_trials(deepcopy=False)[: trial.number]
        place = sum(INTERRUPTED not in other.user_attrs for other in before)
        entropy = [self._seed, place, *name.encode()]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])
