"""``cinefold evaluate``."""

from __future__ import annotations

import csv
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from rich.text import Text

from cinefold._files import replace_file
from cinefold.cli import console, options
from cinefold.cli.console import output, print_json, say, settings, table
from cinefold.cli.own_data import takes_own_data
from cinefold.evaluation import compare
from cinefold.evaluation.evaluate import ERRORS, MEASURES
from cinefold.models import PRESETS, BiasBaseline, Ease, Popularity, WeightedMatrixFactorization
from cinefold.models.rating_predictor import StarPredictor
from cinefold.serving.training import train
from cinefold.tuning.parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import FrameType

    from rich.table import Table

    from cinefold.evaluation import Comparison, Ranker
    from cinefold.interactions import Interactions

_BASELINES = {"popularity": Popularity, "bias": BiasBaseline, "ease": Ease}
_MODELS = (*PRESETS, *_BASELINES)
_USUAL_MODELS = ("ranking", *_BASELINES)
# Of fewer, all may agree by chance more often than once in twenty: 2 / 2**5 of the time.
_FEWEST_USERS = 6
_USUAL_METRICS = ("rmse", "ndcg", "recall", "coverage")
_TITLES = {"rmse": "RMSE", "mae": "MAE", "ndcg": "NDCG", "map": "MAP", "mrr": "MRR", "auc": "AUC"}


@takes_own_data
def evaluate(
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            metavar="NAME",
            help="A preset (ranking, plain, stars) or a baseline (popularity, bias, ease); several "
            "with commas, or repeat. By default ranking and the baselines.",
        ),
    ] = None,
    model_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Also the parameters of this model, that [bold]cinefold train --output[/bold] "
            "wrote; it is trained anew on each training part.",
        ),
    ] = None,
    params: Annotated[
        list[Path] | None,
        typer.Option(
            "--params",
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Also the parameters that [bold]cinefold tune --output[/bold] wrote.",
        ),
    ] = None,
    protocol: Annotated[
        Literal["per-user", "random", "leave-last-out", "time", "k-fold", "strong"],
        typer.Option(
            help="What is held out: a share of each user's ratings, or of all; each user's latest, "
            "or the latest of all; each part of k-fold cross-validation in its turn; or whole "
            "users, who are folded in from 80 % of their ratings (strong generalisation)."
        ),
    ] = "per-user",
    fraction: Annotated[
        float,
        typer.Option(min=0.01, max=0.9, help="Share for per-user, random and time."),
    ] = 0.1,
    folds: Annotated[int, typer.Option(min=2, help="Parts for k-fold and strong.")] = 5,
    repeats: Annotated[
        int, typer.Option(min=1, help="How often, each time with another random division.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the first division.")] = 0,
    k: Annotated[
        str, typer.Option("-k", metavar="K,K", help="Lengths of the lists, such as 10,20.")
    ] = "10,20",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME",
            help=f"Of {', '.join(MEASURES)}; or all.",
        ),
    ] = ",".join(_USUAL_METRICS),
    json_file: Annotated[
        Path | None, typer.Option("--json-file", metavar="FILE", help="Write all of it as JSON.")
    ] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the table, one measure a line, as CSV."),
    ] = None,
    dataset: options.Dataset = "ml-100k",
    path: options.DataPath = None,
    as_json: options.AsJson = False,
) -> None:
    """Measure models side by side on held-out ratings, with 95 % confidence intervals.

    Every model learns from the same training parts. Lists are made of all films that a user has
    not rated there; none is sampled away, and every held-out film is relevant. Users count who
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
    """
    for file, option in ((json_file, "--json-file"), (csv_file, "--csv")):
        options.check_folder(file, option)
    candidates = _candidates(models or list(_USUAL_MODELS), model_file or [], params or [])
    ks, names = _lengths(k), _names(metrics)
    data = options.open_data(dataset, path)
    if _say_no_more_than_seen(data.interactions):
        names = [name for name in names if name not in ERRORS]
    comparison = compare(
        candidates,
        data.interactions,
        protocol,
        fraction=fraction,
        folds=folds,
        repeats=repeats,
        random_state=seed,
        ks=ks,
        names=names,
        progress=settings.progress,
    )
    if not comparison.models:
        for line in _news(comparison, ks[0]):
            console.complain(line)
        raise typer.Exit(1)
    news = _news(comparison, ks[0])
    report = _report(data.name, comparison, news)
    if as_json:
        print_json(report)
    else:
        _print(data.name, data.interactions.n_users, comparison, news)
    if json_file is not None:
        with replace_file(json_file) as new:
            new.write_text(console.as_json(report) + "\n", encoding="utf-8")
        say(f"All of it is in {json_file}.")
    if csv_file is not None:
        _write_csv(csv_file, comparison)
        say(f"The table is in {csv_file}.")
    if comparison.interrupted:
        say(f"Interrupted: only {_n_divisions(comparison)} finished divisions count.")
        raise typer.Exit(console.INTERRUPTED)


# -- what to compare ------------------------------------------------------------------------------


def _say_no_more_than_seen(interactions: Interactions) -> bool:
    """Whether all ratings are equal, so that there are none to predict."""
    ratings = interactions.by_user.data
    return bool(ratings.min() == ratings.max())


def _candidates(names: list[str], files: list[Path], tuned: list[Path]) -> dict[str, Any]:
    candidates: dict[str, Any] = {}
    for name in (part.strip() for text in names for part in text.split(",")):
        if name in _BASELINES:
            candidates[name] = _BASELINES[name]()
        elif name in PRESETS:
            candidates[name] = _with_stars(WeightedMatrixFactorization.preset(name))
        else:
            raise typer.BadParameter(
                f"there is no model {name!r}; there are {', '.join(_MODELS)}", param_hint="--models"
            )
    for file in files:
        parameters = WeightedMatrixFactorization.load(file).get_params()
        model = WeightedMatrixFactorization(**parameters)
        candidates[_name(file, candidates)] = _with_stars(model)
    for file in tuned:
        model = WeightedMatrixFactorization(**read_parameters(file))
        candidates[_name(file, candidates)] = _with_stars(model)
    return candidates


def _name(file: Path, taken: Container[str]) -> str:
    """What a file's model is called: no other model is lost to it, nor is it taken for another."""
    return str(file) if file.stem in taken or file.stem in _MODELS else file.stem


def _with_stars(model: WeightedMatrixFactorization) -> Callable[[Interactions], Ranker]:
    """Learns as the command line and the app do: a part of the training data calibrates stars."""

    def learn(training: Interactions) -> Ranker:
        fresh = WeightedMatrixFactorization(**model.get_params())
        with _noticed_interrupts() as pressed:
            run = train(training, fresh, refit=True, progress=False)
        if pressed:
            raise KeyboardInterrupt
        return run.stars or _predicting(run.model)

    return learn


def _predicting(model: WeightedMatrixFactorization) -> Ranker:
    """Too few ratings to hold any out for stars: those of the explicit model; scores are none."""
    known = model.interactions_
    if _say_no_more_than_seen(known):
        return model
    return StarPredictor(model).fit(known.select(np.zeros(known.n_ratings, bool)))


@contextmanager
def _noticed_interrupts() -> Iterator[list[int]]:
    """What is pressed meanwhile: each of the several fits of `train` may take Ctrl-C as its end."""
    pressed: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    elsewhere = threading.current_thread() is not threading.main_thread()
    if elsewhere or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield pressed
        return
    usual = signal.signal(signal.SIGINT, interrupt)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, usual)


def _lengths(text: str) -> list[int]:
    try:
        lengths = sorted({int(part) for part in text.split(",")})
    except ValueError:
        lengths = [0]
    if lengths[0] < 1:
        raise typer.BadParameter(f"{text!r} is not a list of lengths such as 10,20")
    return lengths


def _names(text: str) -> list[str]:
    names = list(MEASURES) if text == "all" else [part.strip() for part in text.split(",")]
    for name in names:
        if name not in MEASURES:
            raise typer.BadParameter(
                f"there is no measure {name!r}; there are {', '.join(MEASURES)}, and all"
            )
    return names


# -- what came of it ------------------------------------------------------------------------------


def _news(comparison: Comparison, k: int) -> list[str]:
    """What the user should know before they trust a model of ours."""
    news = [f"{model} was left out: {why}" for model, why in comparison.left_out.items()]
    ours = [model for model in comparison.models if model not in _BASELINES]
    for name, title, better in ((f"ndcg_at_{k}", "lists", 1), ("rmse", "predicted stars", -1)):
        best = max(
            ((better * m.value, model) for model in ours if (m := comparison.measure(model, name))),
            default=None,
        )
        if best is None:
            continue
        for baseline in (model for model in comparison.models if model in _BASELINES):
            gap = comparison.difference(baseline, best[1], name)
            if gap is not None and better * gap.value > 0:
                low, high = gap.interval
                sure = gap.n >= _FEWEST_USERS and not low <= 0 <= high
                news.append(
                    f"{baseline} makes better {title} than {best[1]} here: {_title(name)} "
                    f"{gap.value:+.4f} ± {high - gap.value:.4f}"
                    + (". Tune the model, or use the baseline." if sure else ", maybe by chance.")
                )
    return news


def _title(name: str) -> str:
    metric, _, k = name.partition("_at_")
    title = _TITLES.get(metric, metric.replace("_", " ").capitalize())
    return f"{title}@{k}" if k else title


def _print(dataset: str, n_users: int, comparison: Comparison, news: list[str]) -> None:
    screen = output()
    screen.print(_described(dataset, comparison))
    screen.print(_counted(comparison, n_users))
    screen.print(_table(comparison))
    for line in news:
        screen.print(line)


def _described(dataset: str, comparison: Comparison) -> str:
    asked = comparison.protocol
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


def _n_divisions(comparison: Comparison) -> int:
    return len(next(iter(comparison.evaluations.values())))


def _table(comparison: Comparison) -> Table:
    """A line for each measure, as many measures fit no screen side by side; the best is bold."""
    shown = table("", *comparison.models, numbers=tuple(comparison.models))
    for name in comparison.measures:
        best = comparison.best(name)
        cells = [_cell(comparison, model, name, model == best) for model in comparison.models]
        shown.add_row(_title(name), *cells)
    return shown


def _cell(comparison: Comparison, model: str, name: str, is_best: bool) -> Any:
    found = comparison.measure(model, name)
    if found is None:
        return "–"
    half = found.interval[1] - found.value
    text = f"{found.value:.4f}" + (f" ± {half:.4f}" if np.isfinite(half) else "")
    return Text(text, style="bold" if is_best else "")


def _report(dataset: str, comparison: Comparison, news: list[str]) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "protocol": comparison.protocol,
        "interrupted": comparison.interrupted,
        "measures": comparison.table(),
        "differences_from_best": comparison.differences(),
        "divisions": {
            model: [one.means for one in found] for model, found in comparison.evaluations.items()
        },
        "left_out": comparison.left_out,
        "news": news,
    }


def _write_csv(file: Path, comparison: Comparison) -> None:
    rows = comparison.table()
    with replace_file(file) as new, new.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(rows[0]) if rows else ["model"])
        writer.writeheader()
        writer.writerows(rows)
