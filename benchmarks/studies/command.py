"""The command of the studies: options, tables, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from benchmarks.studies import figures
from benchmarks.studies.cold_start import cold_start_curves
from benchmarks.studies.interviews import interview_curves
from benchmarks.studies.strong_generalization import METRICS, Curves
from cinefold.cli import options, plotting
from cinefold.cli.console import print_json, print_table, say, settings
from cinefold.models import WeightedMatrixFactorization

if TYPE_CHECKING:
    from cinefold.datasets import MovieData

Metric = Literal["ndcg_at_10", "capped_recall_at_20", "liked_ndcg_at_10", "disliked_at_10"]


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 1,5,10")
    return list(map(int, parts))


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE, such as unobserved_weight=0.3")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def measure(
    *,
    given: Annotated[
        Any,
        typer.Option(
            parser=_numbers, metavar="NUMBERS", help="Numbers of ratings that a new user gives."
        ),
    ] = "1,3,5,10,20",
    questions: Annotated[
        Any,
        typer.Option(
            parser=_numbers, metavar="NUMBERS", help="Numbers of questions that one is asked."
        ),
    ] = "0,1,3,5,10,15,20",
    folds: Annotated[
        int, typer.Option(min=2, help="Parts of the users; each is held out once.")
    ] = 5,
    max_users: Annotated[
        int, typer.Option(min=1, help="At most so many users of each part are measured.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 0,
    metric: Annotated[
        Metric, typer.Option(help="Which metric the tables show; --json has all of them.")
    ] = "ndcg_at_10",
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the model, instead of the default; repeat it for more.",
        ),
    ] = None,
    data: options.DataOptions,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves, as PNG, SVG or PDF.", **plotting.FILE)
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Measure what people get who are new: after few ratings, and after few questions.

    A fifth of the users at a time is kept from the model, and told to it only as new users: lists
    are made from some of their ratings and compared with others. The first table counts ratings
    given, at random, of the most popular movies first, or as an interview asks for them. The second
    counts questions, most of which people cannot answer as they have not seen the movie, and
    compares ways to choose them.

    NDCG@10 rates lists from 0 to 1; every held-out movie is relevant, whatever its stars. Errors
    are standard errors of the mean over users. With MovieLens 100K it takes a minute or two.
    """
    model = WeightedMatrixFactorization().set_params(**dict(map(_parameter, parameter or ())))
    movies = data.load()
    common: dict[str, Any] = {
        "n_folds": folds,
        "max_users": max_users,
        "random_state": seed,
        "progress": settings.progress,
    }
    by_ratings = cold_start_curves(movies.interactions, model, n_given=given, **common)
    by_questions = interview_curves(movies.interactions, model, n_questions=questions, **common)
    if plot is not None:
        plotting.save_figure(figures.figure(by_ratings, by_questions, metric), plot)
        say(f"The curves are drawn in {plot}.")
    if as_json:
        print_json(_report(movies, model, by_ratings, by_questions))
        return
    _print_ratings_table(by_ratings, metric)
    _print_questions_table(by_questions, metric)


def _report(
    data: MovieData,
    model: WeightedMatrixFactorization,
    by_ratings: Curves,
    by_questions: Curves,
) -> dict[str, Any]:
    return {
        "dataset": data.name,
        "source": data.source,
        "parameters": model.get_params(),
        "by_ratings": {"settings": by_ratings.settings, "records": by_ratings.records},
        "by_questions": {"settings": by_questions.settings, "records": by_questions.records},
    }


def _print_ratings_table(curves: Curves, metric: Metric) -> None:
    columns = tuple(str(n) for n in curves.settings["n_given"])
    n_users = curves.records[0]["n_users"]
    rows: list[list[str]] = []
    for order in curves.settings["orders"]:
        for method in dict.fromkeys(r["method"] for r in curves.records):
            line = curves.where(metric=metric, order=order, method=method)
            rows.append([method, figures.ORDERS[order], *map(_with_error, line)])
    title = f"{METRICS[metric]} by number of ratings ({n_users} new users)"
    print_table(("List", "Ratings of movies", *columns), rows, title=title, numbers=columns)


def _print_questions_table(curves: Curves, metric: Metric) -> None:
    columns = tuple(str(n) for n in curves.settings["n_questions"])
    n_users = curves.records[0]["n_users"]
    rows: list[list[str]] = []
    for strategy, fold_in in dict.fromkeys((r["strategy"], r["fold_in"]) for r in curves.records):
        line = curves.where(metric=metric, strategy=strategy, fold_in=fold_in)
        rows.append([strategy, fold_in, *map(_with_error, line)])
    for strategy in curves.settings["strategies"]:
        line = curves.where(metric="n_answers", strategy=strategy, fold_in="cold start")
        rows.append([strategy, "movies known", *(f"{r['mean']:.1f}" for r in line)])
    title = f"{METRICS[metric]} by number of questions ({n_users} new users)"
    print_table(("Questions", "Fold-in", *columns), rows, title=title, numbers=columns)


def _with_error(record: dict[str, Any]) -> str:
    return f"{record['mean']:.3f} ±{record['standard_error']:.3f}"
