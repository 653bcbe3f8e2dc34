"""The tables that papers on graph collaborative filtering publish, with our row in them.

    python -m benchmarks.tables PATH ... [--minutes 0] [--peers] [--threads 2]

A path is a folder with train, test and perhaps validation parts (``train.txt``, ``test.txt``,
``valid.txt``: adjacency lists, pairs or tables), an ``.npz`` archive with arrays "train", "valid"
and "test" of shape (2, n), or a folder of those. docs/tables.md says where public ones are.

The model that is tested has learnt from the training and the validation part. Of all items but
those of a user's parts, recall@20 is hits by test items, NDCG@20 is divided by the best there could
be for min(20, test items), both in the mean over users with test items.

With ``--minutes`` models are chosen by the validation part, each by so much processor time: ours by
`tune`, and with ``--peers`` by as many random points of its space as take no less time, implicit's
by random points, and EASE (up to 20,000 items) by five strengths.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.pruners import NopPruner
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from benchmarks.quality import draw_implicit
from benchmarks.report import machine_line
from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.als.iterations import available_threads
from cinefold.datasets import load_interactions
from cinefold.evaluation import evaluate_per_user
from cinefold.evaluation.protocols import Division
from cinefold.models import Ease, Popularity
from cinefold.models.default_search import N_FACTORS
from cinefold.tuning import Space, tune
from cinefold.tuning.search_data import SearchData
from cinefold.tuning.space import Coordinates, default_space
from cinefold.tuning.study import quiet
from cinefold.tuning.trial import TrialObjective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cinefold.evaluation import Ranker

_METRICS = ("recall_at_20", "ndcg_at_20")
_STRENGTHS, _MOST_ITEMS_OF_EASE = (30, 100, 300, 1000, 3000), 20_000
_NAMES = {"train": ("train",), "validation": ("valid", "val"), "test": ("test",)}


@dataclass(frozen=True)
class Published:
    """A row of a paper's table."""

    model: str
    recall: float
    ndcg: float
    source: str


_ULTRAGCN = "Mao et al., CIKM 2021, table 2"
_EASE = "Anelli et al., RecSys 2023 (arXiv:2308.00404)"
# By users, items and test interactions, which tell these divisions from all others.
PUBLISHED: dict[tuple[int, int, int], tuple[str, list[Published]]] = {
    (29_858, 40_981, 217_242): (
        "Gowalla",
        [
            Published("NGCF", 0.1570, 0.1327, _ULTRAGCN),
            Published("EASE", 0.1661, 0.1384, _EASE),
            Published("LightGCN", 0.1830, 0.1554, "He et al., SIGIR 2020, table 4"),
            Published("GF-CF", 0.1849, 0.1518, "Shen et al., CIKM 2021"),
            Published("UltraGCN", 0.1862, 0.1580, _ULTRAGCN),
            Published("BSPM", 0.1920, 0.1597, "Choi et al., SIGIR 2023"),
        ],
    ),
    (31_668, 38_048, 324_147): (
        "Yelp2018",
        [
            Published("NGCF", 0.0579, 0.0477, _ULTRAGCN),
            Published("LightGCN", 0.0649, 0.0530, "He et al., SIGIR 2020, table 4"),
            Published("UltraGCN", 0.0683, 0.0561, _ULTRAGCN),
        ],
    ),
    (52_643, 91_599, 603_378): (
        "Amazon-Book",
        [
            Published("NGCF", 0.0344, 0.0263, _ULTRAGCN),
            Published("LightGCN", 0.0411, 0.0315, "He et al., SIGIR 2020, table 4"),
            Published("UltraGCN", 0.0681, 0.0556, _ULTRAGCN),
        ],
    ),
}


@dataclass(frozen=True)
class Choice:
    """Settings, and by what they were chosen."""

    chosen_by: str
    parameters: dict[str, Any]


_BY_TEST = "by the test part, as papers on this division do"
SETTINGS: dict[tuple[int, int, int], list[Choice]] = {
    (29_858, 40_981, 217_242): [
        Choice(
            _BY_TEST,
            {
                "n_factors": 512,
                "degree_exponent": 0.4,
                "unobserved_weight": 0.15,
                "regularization": 6.0,
                "regularization_exponent": 0.0,
                "max_iter": 8,
            },
        ),
    ],
}


@dataclass(frozen=True)
class Parts:
    """A division that somebody else has made."""

    name: str
    training: Interactions
    test: Interactions
    validation: Interactions | None

    @property
    def key(self) -> tuple[int, int, int]:
        division = Division.of_parts(self.training, self.test, self.validation)
        training = division.training
        return training.n_users, training.n_items, division.held_out.n_ratings


def read(path: Path) -> Iterator[Parts]:
    """The divisions at a path, in any of the forms that the module names."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            parts = [
                Interactions.from_arrays(*arrays[part], duplicates="max")
                if part in arrays
                else None
                for part in ("train", "test", "valid")
            ]
        if parts[0] is None or parts[1] is None:
            raise ValueError(f"{path} must have arrays train and test, and may have valid")
        yield Parts(path.stem, parts[0], parts[1], parts[2])
    elif path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        found = {
            role: [load_interactions(f) for f in files if f.stem in names]
            for role, names in _NAMES.items()
        }
        if found["train"] and found["test"]:
            validation = found["validation"][0] if found["validation"] else None
            yield Parts(path.name, found["train"][0], found["test"][0], validation)
        else:
            for inner in sorted(path.iterdir()):
                if inner.suffix == ".npz" or inner.is_dir():
                    yield from read(inner)
    else:
        raise ValueError(f"{path} is neither a folder nor an .npz archive")


# -- our rows -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What a model reached on a test part, and in how many seconds of processor time it learnt."""

    model: str
    recall: float
    ndcg: float
    seconds: float
    note: str


def measured(parts: Parts, learn: Callable[[Interactions], Ranker], name: str, note: str) -> Row:
    """Learns from all but the test part."""
    division = Division.of_parts(parts.training, parts.test, parts.validation)
    started = time.process_time()
    model = learn(division.training)
    seconds = time.process_time() - started
    found = evaluate_per_user(model, division.held_out, ks=(20,), names=("recall", "ndcg")).means
    recall, ndcg = (found[metric] for metric in _METRICS)
    return Row(name, recall, ndcg, seconds, note)


def _wmf(parameters: dict[str, Any], threads: int | None) -> Callable[[Interactions], Ranker]:
    model = WeightedMatrixFactorization(**{**parameters, "n_threads": threads})
    return lambda training: model.fit(training, progress=False)


def our_rows(parts: Parts, threads: int | None) -> Iterator[Row]:
    yield measured(parts, Popularity().fit, "Popularity", "")
    usual = _wmf({"n_factors": N_FACTORS}, threads)
    yield measured(parts, usual, f"Cinefold, {N_FACTORS} factors", "by the formulas")
    yield measured(parts, _wmf({}, threads), "Cinefold", "default, nothing chosen")
    for choice in SETTINGS.get(parts.key, []):
        note = f"chosen {choice.chosen_by}: {_described(choice.parameters)}"
        yield measured(parts, _wmf(choice.parameters, threads), "Cinefold", note)


def chosen_rows(
    parts: Parts, minutes: float, threads: int | None, seed: int, peers: bool
) -> Iterator[Row]:
    """Models that the validation part chose."""
    assert parts.validation is not None  # noqa: S101
    division = Division.of_parts(parts.training, parts.validation)
    training, validation = division.training, division.held_out
    begun = time.process_time()
    budget = 60 * minutes
    found = tune(
        training,
        validation=validation,
        metric="ndcg_at_20",
        callbacks=[lambda _: time.process_time() - begun >= budget],
        n_trials=10_000,
        n_threads=threads,
        random_state=seed,
    )
    spent = time.process_time() - begun
    note = _note(spent, len(found.trials), found.best_value, _described(found.best_parameters))
    yield measured(parts, _wmf(found.best_parameters, threads), "Cinefold", note)
    if peers:
        yield random_points(parts, training, validation, spent, threads, seed)
        for name, learns in {
            "implicit": _implicit(seed, budget),
            "EASE": (Ease(regularization=strength).fit for strength in _STRENGTHS),
        }.items():
            if name == "EASE" and training.n_items > _MOST_ITEMS_OF_EASE:
                continue
            begun, tried = time.process_time(), []
            for learn in learns:
                ranked = evaluate_per_user(learn(training), validation, ks=(20,), names=("ndcg",))
                tried.append((ranked.means["ndcg_at_20"], learn))
            value, best = max(tried, key=lambda one: one[0])
            note = _note(time.process_time() - begun, len(tried), value, "")
            yield measured(parts, best, name, note)


def random_points(
    parts: Parts,
    training: Interactions,
    validation: Interactions,
    seconds: float,
    threads: int | None,
    seed: int,
) -> Row:
    """Random points of the space that `tune` searches, each to its end, until so many seconds."""
    data, begun = SearchData.given(training, validation, None), time.process_time()
    objective = TrialObjective(
        data, Space(None, default_space(training, "ndcg_at_20")), Coordinates(training),
        "ndcg_at_20", 16, 5, available_threads(threads), threading.Event(),
    )  # fmt: skip
    with quiet():
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.RandomSampler(seed), pruner=NopPruner()
        )
        while (spent := time.process_time() - begun) < seconds:
            study.optimize(objective, 1, catch=(ValueError,))
    parameters = study.best_trial.user_attrs["parameters"]
    note = _note(spent, len(study.trials), study.best_value, _described(parameters))
    return measured(parts, _wmf(parameters, threads), "Cinefold, random points", note)


def _implicit(seed: int, seconds: float) -> Iterator[Callable[[Interactions], Ranker]]:
    rng, begun = np.random.default_rng(seed), time.process_time()
    while time.process_time() - begun < seconds:
        yield draw_implicit(rng, (64, 128, 256, 512), widely=True)


def _note(seconds: float, n: int, value: float, described: str) -> str:
    note = f"chosen by the validation part ({value:.4f}), {n} models in {seconds / 60:.1f} minutes"
    return f"{note}: {described}" if described else note


def _described(parameters: dict[str, Any]) -> str:
    usual = WeightedMatrixFactorization().get_params()
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in parameters.items()
        if value != usual[name] and name not in ("n_threads", "tol")
    )


def table_of(parts: Parts, ours: list[Row]) -> Table:
    """Our rows and the published ones, by NDCG."""
    name, published = PUBLISHED.get(parts.key, (parts.name, []))
    n_users, n_items, n_test = parts.key
    table = Table(
        "Model", "Recall@20", "NDCG@20", "Seconds", "How", title_justify="left",
        title=f"{name}: {n_users:,} x {n_items:,}, {n_test:,} test interactions",
    )  # fmt: skip
    rows = [*ours, *(Row(p.model, p.recall, p.ndcg, np.nan, p.source) for p in published)]
    for row in sorted(rows, key=lambda row: row.ndcg):
        seconds = "" if np.isnan(row.seconds) else f"{row.seconds:.1f}"
        style = "bold" if row.model == "Cinefold" else ""
        cells = (row.model, f"{row.recall:.4f}", f"{row.ndcg:.4f}", seconds, row.note)
        table.add_row(*cells, style=style)
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    parser.add_argument(
        "--minutes",
        type=float,
        default=0,
        help="of processor time, to choose by the validation part",
    )
    parser.add_argument("--peers", action="store_true", help="choose other models, too")
    parser.add_argument("--seed", type=int, default=0, help="of the searches")
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args(arguments)
    if options.peers and not options.minutes:
        parser.error("--peers are chosen by the validation part, for --minutes")
    if options.peers and find_spec("implicit") is None:
        parser.error("--peers needs implicit, which `make bench BENCH_ARGS=--help` installs")
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(machine_line(describe(available_threads(options.threads))))
    try:
        for path in options.paths:
            for parts in read(path):
                found = [our_rows(parts, options.threads)]
                if options.minutes and parts.validation is not None:
                    asked = options.minutes, options.threads, options.seed, options.peers
                    found.append(chosen_rows(parts, *asked))
                rows = []
                for row in chain(*found):
                    console.print(f"{parts.name}, {row.model}: {row.ndcg:.4f}; {row.note}")
                    rows.append(row)
                console.print(table_of(parts, rows))
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
