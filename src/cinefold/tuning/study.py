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

    from cinefold.tuning.space import Space

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_CONDITIONS = "cinefold:conditions"
_CHECKSUMS = ("data set or seed", "validation part")
_CHEAP = "cinefold:cheap"
_NEAR = "cinefold:near"  # of trials that the sampler puts next to the best
UNRANKED = "cinefold:unranked"
"""Of trials at chosen points with more than few factors, which are compared with no others before
they end."""
_CHEAP_FOR_EACH_LARGE = 4  # trials with few factors
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
    space: Space,
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
    space : Space
    seed : int

    Raises
    ------
    ValueError
        If the storage is none, or its study was made under other conditions.
    """
    options: dict[str, Any] = {
        "study_name": name,
        "storage": _storage(storage),
        "sampler": Sampler(space, seed, len(initial_points) + _N_RANDOM),
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
        _enqueue(study, point, space.few_factors())
    return study


def plan_next(study: optuna.Study, space: Space, usual: int) -> None:
    """Say what is tried next, unless that is for the sampler to say.

    The best quarter of what had few factors is tried with as many as the best trial, or the `usual`
    number; then the best trial with twice its own, or as many as the space allows. Else three of
    four trials are next to the best, with few factors; of others, the first sixteen have few.
    """
    trials = [t for t in study.get_trials(deepcopy=False) if INTERRUPTED not in t.user_attrs]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete or any(trial.state == TrialState.WAITING for trial in trials):
        return
    best, few, cheap = study.best_trial.params, space.few_factors(), {}
    if few is not None:
        cheap = {"n_factors": few}
        sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
        with_few = [t for t in complete if t.params["n_factors"] == few]
        with_few.sort(key=lambda trial: sign * (trial.value or 0.0))
        n_best = sum(t.params.get("n_factors") == few for t in trials) // _CHEAP_FOR_EACH_LARGE
        known = {_settings(t) for t in trials if t.params.get("n_factors", few) > few}
        larger = [
            {**trial.params, "n_factors": max(usual, best["n_factors"])}
            for trial in with_few[:n_best]
            if _settings(trial) not in known and len(known) <= n_best
        ]
        twice = space.nearest({**best, "n_factors": 2 * best["n_factors"]}) or best
        if n_best > 1 and twice["n_factors"] > 1.5 * best["n_factors"]:
            larger.append(twice)
        for point in larger:
            if all(trial.params != point for trial in trials):
                _enqueue(study, point, few)
                return
    if len(trials) % 4:
        study.enqueue_trial(cheap, {_NEAR: True})
    elif cheap and sum(_CHEAP in trial.user_attrs for trial in trials) < 2 * _N_RANDOM:
        study.enqueue_trial(cheap, {_CHEAP: True})


def _settings(trial: FrozenTrial) -> tuple[tuple[str, Any], ...]:
    return tuple(item for item in sorted(trial.params.items()) if item[0] != "n_factors")


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

    def __init__(self, space: Space, seed: int, n_startup_trials: int) -> None:
        self._space, self._seed = space, seed
        self._options: dict[str, Any] = {"multivariate": True, "constant_liar": True}
        self._options["n_startup_trials"] = n_startup_trials
        super().__init__(**self._options)

    def sample_relative(self, study: Any, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
        if _NEAR in trial.user_attrs:
            rng = np.random.default_rng([self._seed, self._place_of(study, trial)])
            near = self._space.near(study.best_trial.params, rng)
            return {name: near[name] for name in search_space}
        tpe = TPESampler(seed=self._seed_of(study, trial), **self._options)
        return tpe.sample_relative(study, trial, search_space)

    def sample_independent(self, study: Any, trial: FrozenTrial, name: str, values: Any) -> Any:
        sampler = RandomSampler(self._seed_of(study, trial, name))
        return sampler.sample_independent(study, trial, name, values)

    def _seed_of(self, study: optuna.Study, trial: FrozenTrial, name: str = "") -> int:
        entropy = [self._seed, self._place_of(study, trial), *name.encode()]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _place_of(self, study: optuna.Study, trial: FrozenTrial) -> int:
        before = study.get_trials(deepcopy=False)[: trial.number]
        return sum(INTERRUPTED not in other.user_attrs for other in before)
