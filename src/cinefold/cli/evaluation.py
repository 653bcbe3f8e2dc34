"""``cinefold evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.text import Text

from cinefold._signals import INTERRUPTED
from cinefold.cli import options
from cinefold.cli.console import (
    complain,
    displayed,
    print_json,
    print_table,
    say,
    settings,
    show,
    to_json,
    write,
)
from cinefold.cli.option_groups import INPUT_FILE, OUTPUT_FILE, option, panel
from cinefold.datasets import load_interactions
from cinefold.evaluation import Comparison, Ranker, compare
from cinefold.evaluation.model_metrics import check_asked
from cinefold.evaluation.protocols import Division, Protocol
from cinefold.interactions import Interactions
from cinefold.metrics import METRICS
from cinefold.metrics.registry import metric_title
from cinefold.models import (
    PRESETS,
    BiasBaseline,
    Ease,
    Popularity,
    StarPredictor,
    WeightedMatrixFactorization,
)
from cinefold.profiles.csv_format import csv_text
from cinefold.serving.training import train
from cinefold.tuning.parameters import read_parameters

_BASELINES = {"popularity": Popularity, "bias": BiasBaseline, "ease": Ease}
_MODELS = (*PRESETS, *_BASELINES)
# Of fewer, all may agree by chance more often than once in twenty: 2 / 2**5 of the time.
_FEWEST_USERS = 6
_LONGEST = 100_000  # list


@dataclass
class _DivisionOptions:
    """Arguments of `cinefold.evaluation.compare` that are options."""

    protocol: Protocol = option(
        "What is held out: a share of each user's ratings, or of all; each user's latest, or the "
        "latest of all; each part of k-fold cross-validation in its turn; or some users, folded in "
        "from 80 % of their ratings (strong generalisation).",
        default="per-user",
    )
    fraction: float = option("Share for per-user, random and time.", default=0.1, min=0.01, max=0.9)
    folds: int = option("Parts for k-fold and strong.", default=5, min=2)
    repeats: int = option("How often, each time with another random division.", default=1, min=1)
    random_state: int = option("Of the first division.", "--seed", default=0, min=0)


_parts = panel("Parts that are given")


@dataclass
class _DataOptions(options.DataOptions):
    """Data to divide, or the files of a division that somebody else has made."""

    train: Path | None = _parts(
        "Learn from this file instead of a data set: adjacency lists (user item item ...), pairs, "
        "or a table with named columns (which --user-column and its kind name here, too).",
        **INPUT_FILE,
    )
    validation: Path | None = _parts("Learn from this file, too.", **INPUT_FILE)
    test: Path | None = _parts(
        "Measure on this file: recall@k and NDCG@k as papers on LightGCN and its kind define them.",
        **INPUT_FILE,
    )

    def __post_init__(self) -> None:
        """Check what goes with what."""
        if self.train is None:
            if self.validation or self.test:
                raise typer.BadParameter("--validation and --test go with --train")
            super().__post_init__()
        elif self.data or self.path or self.titles:
            raise typer.BadParameter("give either a data set or --train")
        elif self.test is None:
            raise typer.BadParameter("--train goes with --test, the file to measure on")

    def load_parts(self) -> Division | None:
        """The division, or None if a data set is to be divided."""
        if self.train is None or self.test is None:
            return None
        files = filter(None, (self.train, self.test, self.validation))
        train, test, *validation = (load_interactions(file, **self.columns) for file in files)
        return Division.of_parts(train, test, *validation)


@dataclass
class _RunOptions:
    """What is compared and computed, and where results go."""

    model: list[Path] | None = option(
        "Also the parameters of this model, that [bold]cinefold train --output[/bold] wrote; it is "
        "trained anew on each training part.",
        **INPUT_FILE,
    )
    params: list[Path] | None = option(
        "Also the parameters that [bold]cinefold tune --output[/bold] wrote.", **INPUT_FILE
    )
    k: str = option("Lengths of the lists, such as 10,20.", "-k", default="10,20", metavar="K,K")
    metrics: str = option(
        f"Of {', '.join(METRICS)}; or all.",
        default="rmse,ndcg,recall,coverage",
        metavar="NAME,NAME",
    )
    json_file: Path | None = option("Write all of it as JSON.", **OUTPUT_FILE)
    csv: Path | None = option("Write the table, one metric a line, as CSV.", **OUTPUT_FILE)


def evaluate(
    *,
    models: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="A preset (ranking, plain, stars) or a baseline (popularity, bias, ease); several "
            "with commas, or repeat.",
        ),
    ] = ["ranking,popularity,bias,ease"],  # noqa: B006 - typer makes a list of its own
    asked: _RunOptions,
    division: _DivisionOptions,
    data: _DataOptions,
    sample: options.SampleOptions,
    as_json: options.AsJson = False,
) -> None:
    """Compare models on held-out ratings, with 95 % confidence intervals.

    Every model learns from the same training parts. Lists are made of all movies that a user has
    not rated there; none is sampled away, and every held-out movie is relevant. Users count who
    have both training and held-out ratings. The stars (RMSE, MAE) of Cinefold's models are those
    predicted from their scores.

    Intervals are over users; two models are compared user by user, so that smaller differences
    can be sure than the intervals suggest. docs/evaluation.md has all definitions.

    Ctrl-C shows what was finished, if a whole division was, and exits with 130.

    Examples:

      cinefold evaluate --repeats 3
      cinefold evaluate --models ranking,ease --metrics all -k 5
      cinefold evaluate --data ratings.csv --protocol time --csv table.csv
      cinefold evaluate --params best.json --protocol strong --json-file all.json
      cinefold evaluate --train train.txt --test test.txt -k 20 --models ranking,popularity
    """
    candidates = _candidates(models, asked.model or [], asked.params or [])
    ks = _lengths(asked.k)
    names = [part.strip() for part in asked.metrics.split(",")]
    names = list(METRICS) if names == ["all"] else names
    check_asked(ks, names)
    given = data.load_parts()
    if given is not None and (division, sample) != (_DivisionOptions(), options.SampleOptions()):
        raise typer.BadParameter(
            "--protocol, its options and --sample-users divide a data set; --train gives the parts"
        )
    if given is None:
        movies = data.load()
        name, ratings = movies.name, sample.draw(movies.interactions, division.random_state)
    else:
        name, ratings = str(data.test), given.training
    if _are_equal(ratings):
        names = [name for name in names if METRICS[name].kind != "errors"]
    comparison = compare(
        candidates,
        given or ratings,
        **vars(division),
        ks=ks,
        names=names,
        progress=settings.progress,
        keep_interrupted=True,
    )
    news = list(_remarks(comparison, ks[0]))
    if not comparison.models:
        for line in news:
            complain(line)
        raise typer.Exit(1)
    report = {**_report(name, comparison, news), **vars(sample)}
    if as_json:
        print_json(report)
    else:
        _print(name, ratings.n_users, comparison, news)
    if asked.json_file is not None:
        write(asked.json_file, to_json(report) + "\n")
        say(f"All of it is in {asked.json_file}.")
    if asked.csv is not None:
        _write_csv(asked.csv, comparison)
        say(f"The table is in {asked.csv}.")
    if comparison.interrupted:
        n_divisions = len(comparison.evaluations[comparison.models[0]])
        say(f"Interrupted: only {n_divisions} finished divisions count.")
        raise typer.Exit(INTERRUPTED)


# -- what to compare ------------------------------------------------------------------------------


def _are_equal(interactions: Interactions) -> bool:
    """Whether all ratings are equal, so that there are none to predict."""
    ratings = interactions.by_user.data
    return bool(ratings.min() == ratings.max())


def _candidates(names: list[str], files: list[Path], tuned: list[Path]) -> dict[str, Any]:
    candidates: dict[str, Any] = {}
    for name in (part.strip() for text in names for part in text.split(",")):
        if name in _BASELINES:
            candidates[name] = _BASELINES[name]()
        elif name in PRESETS:
            candidates[name] = _with_stars(WeightedMatrixFactorization.preset(name).get_params())
        else:
            raise typer.BadParameter(
                f"there is no model {name!r}; there are {', '.join(_MODELS)}", param_hint="--models"
            )
    saved = [(file, WeightedMatrixFactorization.load(file).get_params()) for file in files]
    for file, parameters in [*saved, *((file, read_parameters(file)) for file in tuned)]:
        is_taken = file.stem in candidates or file.stem in _MODELS
        candidates[displayed(str(file) if is_taken else file.stem)] = _with_stars(parameters)
    return candidates


def _with_stars(parameters: dict[str, Any]) -> Callable[[Interactions], Ranker]:
    """Learns as the command line and the app do: a part of the training data calibrates stars."""

    def learn(training: Interactions) -> Ranker:
        model = WeightedMatrixFactorization(**parameters)
        if _are_equal(training):
            return model.fit(training, progress=False)
        run = train(training, model, refit=True, progress=False)
        if run.stars:
            return run.stars
        # Too few ratings to hold any out for stars: those of the explicit model; scores are none.
        return StarPredictor(run.model).fit(training.select(np.zeros(training.n_ratings, bool)))

    return learn


def _lengths(text: str) -> list[int]:
    try:
        lengths = sorted({int(part) for part in text.split(",")})
    except ValueError:
        lengths = [0]
    if not 1 <= lengths[0] <= lengths[-1] <= _LONGEST:
        raise typer.BadParameter(f"-k takes lengths from 1 to {_LONGEST:,}, not {text!r}")
    return lengths


# -- what came of it ------------------------------------------------------------------------------


def _remarks(comparison: Comparison, k: int) -> Iterator[str]:
    """What the user should know before they trust a model of ours."""
    yield from (f"{model} was left out: {why}" for model, why in comparison.left_out.items())
    ours = {name: e for name, e in comparison.evaluations.items() if name not in _BASELINES}
    for name, what, sign in ((f"ndcg_at_{k}", "lists", 1), ("rmse", "predicted stars", -1)):
        best = replace(comparison, evaluations=ours).best(name)
        for baseline in (model for model in comparison.models if model in _BASELINES):
            gap = comparison.difference(baseline, best, name) if best else None
            if gap is not None and sign * gap.value > 0:
                low, high = gap.interval
                is_sure = gap.n >= _FEWEST_USERS and not low <= 0 <= high
                advice = (
                    ". Tune the model, or use the baseline." if is_sure else ", maybe by chance."
                )
                yield (
                    f"{baseline} makes better {what} than {best} here: {metric_title(name)} "
                    f"{gap.value:+.4f} ± {high - gap.value:.4f}{advice}"
                )


def _print(dataset: str, n_users: int, comparison: Comparison, news: list[str]) -> None:
    show(_described(dataset, comparison))
    show(_counted(comparison, n_users))
    # A line for each metric, as many metrics fit no screen side by side.
    rows = (_row(comparison, name) for name in comparison.metrics)
    print_table(("", *comparison.models), rows, numbers=tuple(comparison.models))
    for line in news:
        show(line)


def _row(comparison: Comparison, metric: str) -> list[str | Text]:
    """A metric's name and its value for each model; the best is bold."""
    best = comparison.best(metric)
    row: list[str | Text] = [metric_title(metric)]
    for model in comparison.models:
        found = comparison.estimate(model, metric)
        text = "–" if found is None or np.isnan(found.value) else str(found)
        row.append(Text(text, style="bold" if model == best else ""))
    return row


def _described(dataset: str, comparison: Comparison) -> str:
    asked = comparison.protocol
    if asked["protocol"] == "given":
        return f"{dataset}, as given. ± is a 95 % interval."
    details = {
        "per-user": f"{asked['fraction']:.0%} of each user's ratings held out",
        "random": f"{asked['fraction']:.0%} of all ratings held out",
        "time": f"the latest {asked['fraction']:.0%} of all ratings held out",
        "leave-last-out": "each user's latest rating held out",
        "k-fold": f"{asked['folds']} folds of each user's ratings",
        "strong": f"{asked['folds']} folds of users, folded in from 80 % of their ratings",
    }[asked["protocol"]]
    times = f", {asked['repeats']} times" if asked["repeats"] > 1 else ""
    return f"{dataset}: {details}{times} (seed {asked['random_state']}). ± is a 95 % interval."


def _counted(comparison: Comparison, n_users: int) -> str:
    evaluations = next(iter(comparison.evaluations.values()))
    measured = len(np.unique(np.concatenate([one.users for one in evaluations])))
    held_out = sum(int(one.counts.sum()) for one in evaluations)
    others = "" if measured == n_users else ", as the others lack training or held-out ratings"
    return f"{held_out:,} held-out ratings of {measured:,} of {n_users:,} users{others}."


def _report(dataset: str, comparison: Comparison, news: list[str]) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "protocol": comparison.protocol,
        "interrupted": comparison.interrupted,
        "metrics": comparison.table(),
        "differences_from_best": comparison.differences(),
        "divisions": {
            model: [one.means for one in found] for model, found in comparison.evaluations.items()
        },
        "left_out": comparison.left_out,
        "news": news,
    }


def _write_csv(file: Path, comparison: Comparison) -> None:
    rows = comparison.table()
    write(file, csv_text((rows[0] if rows else ["model"], *(row.values() for row in rows))))
