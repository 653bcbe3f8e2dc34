"""Optuna's part: where trials are kept, what they try next, and which are given up early."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import qmc

try:
    import optuna
except ImportError as error:
    raise ImportError(
        "tuning needs Optuna; install it with: pip install 'cinefold[tune]'"
    ) from error
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from cinefold._signals import ctrl_c_waits
from cinefold.tuning.space import Range, Space

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial


INTERRUPTED = "cinefold:interrupted"
_CONDITIONS, _STARTS, _EXTRA = "cinefold:conditions", "cinefold:starts", "cinefold:extra"

# Trials before the sampler learns from them: the known good points, then points spread evenly.
_N_SPREAD = 8


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
    starts: list[dict[str, Any]],
    space: Space,
    seed: int,
) -> Study:
    """The study called `name`, new or continued.

    Parameters
    ----------
    storage : path, database URL or None
        A file gets a journal of trials that several processes may share; None keeps them in memory.
    name : str
    maximize : bool
    conditions : mapping of str to JSON value
        What all trials of one study share.
    starts : list of dict
        Points of `space` that a new study tries first.
    space : Space
    seed : int

    Raises
    ------
    ValueError
        If the storage is none, or its study was made under other conditions.
    """
    study = optuna.create_study(
        study_name=name,
        storage=_storage(storage),
        direction="maximize" if maximize else "minimize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_N_SPREAD, n_warmup_steps=4),
    )
    known = study.user_attrs.get(_CONDITIONS)
    if known is None:
        if study.get_trials(deepcopy=False):
            raise ValueError(f"the study {name!r} in {storage} is not one of cinefold's")
        study.set_user_attr(_STARTS, starts)
        study.set_user_attr(_CONDITIONS, dict(conditions))
    else:
        _check_conditions(known, conditions, f"the study {name!r} in {storage}")
    study.sampler = Sampler(space, study.user_attrs[_STARTS], seed)
    return study


def _check_conditions(known: Mapping[str, Any], now: Mapping[str, Any], study: str) -> None:
    for name, value in json.loads(json.dumps(now)).items():
        if (then := known.get(name)) != value:
            raise ValueError(
                f"{study} was begun with another {name}{_difference(then, value)}; continue it as "
                "it was begun, or give this one another name or storage"
            )


def _difference(then: Any, now: Any) -> str:
    """What changed, where a person can read it: not in checksums."""
    if isinstance(then, dict) and isinstance(now, dict):
        name = next(k for k in [*now, *then] if then.get(k) != now.get(k))
        return f": {name} was {_plain(then.get(name))}, not {_plain(now.get(name))}"
    if isinstance(then, str) and len(then) < 32:
        return f": {then}, not {now}"
    return ""


def _plain(dimension: Any) -> str:
    if isinstance(dimension, dict):
        return f"{dimension['low']:g}..{dimension['high']:g}"
    if isinstance(dimension, list):
        return ",".join(map(str, dimension))
    return "nothing" if dimension is None else str(dimension)


def _storage(given: str | Path | None) -> str | BaseStorage | None:
    if given is None or (isinstance(given, str) and "://" in given):
        return given
    file = Path(given)
    if not file.absolute().parent.is_dir():
        raise ValueError(f"storage: there is no folder {file.absolute().parent}")
    if file.exists():
        with file.open("rb") as content:
            if content.read(1) not in (b"", b"{"):
                raise ValueError(f"storage: {file} is not a journal of trials; name another file")
    return JournalStorage(JournalFileBackend(str(file)))


def add_trial(study: Study, point: dict[str, Any]) -> None:
    """Have `point` tried next, unless it has been."""
    study.enqueue_trial(point, user_attrs={_EXTRA: True}, skip_if_exists=True)


@ctrl_c_waits()
def put_back(study: Study, trial: optuna.Trial) -> None:
    """End an interrupted trial, unless it has ended, and have the next call begin with it."""
    if study.get_trials(deepcopy=False)[trial.number].state.is_finished():
        return
    trial.set_user_attr(INTERRUPTED, True)
    if trial.params:
        study.enqueue_trial(trial.params, user_attrs={_EXTRA: True})
    else:
        trial.set_user_attr(_EXTRA, True)  # its place is free
    study.tell(trial, state=TrialState.FAIL)


class Sampler(BaseSampler):
    """Known good points, then points that fill the space evenly, then Bayesian optimization (TPE).

    What a trial tries depends on the seed, its place in the study and the trials that have ended,
    and on no state of this process: a study that was interrupted goes on as if it had not been, and
    processes that share one never try the same.
    """

    def __init__(self, space: Space, starts: list[dict[str, Any]], seed: int) -> None:
        self._space, self._starts, self._seed = space, starts, seed
        self._distributions = {name: _distribution(d) for name, d in space.free().items()}

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        trials = study.get_trials(deepcopy=False)
        place = sum(t.number < trial.number and _EXTRA not in t.user_attrs for t in trials)
        if place < len(self._starts):
            return self._starts[place]
        place -= len(self._starts)
        if place < _N_SPREAD:
            sobol = qmc.Sobol(len(search_space), seed=np.random.default_rng(self._seed))
            return self._space.at(sobol.random(_N_SPREAD)[place])
        seed = int(np.random.SeedSequence([self._seed, place]).generate_state(1)[0])
        tpe = TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)
        return tpe.sample_relative(study, trial, search_space)

    def sample_independent(self, *_: Any) -> Any:
        raise AssertionError("all are sampled together")  # pragma: no cover


def suggest(study_trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """A value for every dimension of `space`."""
    point: dict[str, Any] = {}
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, list):
            point[name] = study_trial.suggest_categorical(name, dimension)
        elif not isinstance(dimension, Range):
            point[name] = dimension
        elif dimension.integer:
            ends = int(dimension.low), int(dimension.high)
            point[name] = study_trial.suggest_int(name, *ends, log=dimension.log)
        else:
            limits = dimension.low, dimension.high
            point[name] = study_trial.suggest_float(name, *limits, log=dimension.log)
    return point


def _distribution(dimension: Range | list[Any]) -> BaseDistribution:
    if isinstance(dimension, list):
        return CategoricalDistribution(dimension)
    if dimension.integer:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
