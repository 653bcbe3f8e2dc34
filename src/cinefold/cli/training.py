"""``cinefold train``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cinefold._signals import INTERRUPTED
from cinefold.cli import options, plotting, spark_training
from cinefold.cli.console import print_json, print_table, say, settings, show
from cinefold.cli.option_groups import INPUT_FILE, OUTPUT_FILE, SHARE, option, panel
from cinefold.datasets import MovieData
from cinefold.models import WeightedMatrixFactorization
from cinefold.serving import training
from cinefold.serving.training_run import TrainingRun
from cinefold.tuning.parameters import read_parameters

_NUMBER_OR_SCALE = "NUMBER|scale"


def _integer_or_scale(text: str) -> int | str:
    try:
        return text if text == "scale" else int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither an integer nor 'scale'") from None


def _number_or_scale(text: str) -> float | str:
    if text == "scale":
        return text
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise typer.BadParameter(f"{text!r} is neither a number of 0 or more nor 'scale'")
    return number


_loss, _fit = panel("What to learn"), panel("How to learn it")


@dataclass
class _ModelOptions:
    """Parameters of the model; None where the preset says."""

    n_factors: Any = _loss(
        "Numbers that describe each user and movie: more hold finer tastes; scale goes by how much "
        "people have rated.",
        parser=_integer_or_scale,
        metavar="INTEGER|scale",
    )
    unobserved_weight: Any = _loss(
        "w0: how much a movie that somebody has not rated counts as a 0, against 1 for a rated "
        "one: more gives better lists and worse predicted stars; 0 learns from ratings only; "
        "scale goes by how many pairs are rated.",
        parser=_number_or_scale,
        metavar=_NUMBER_OR_SCALE,
    )
    regularization: Any = _loss(
        "lambda: pulls all factors towards 0, so that few ratings prove little; scale goes by "
        "the size and number of the ratings.",
        parser=_number_or_scale,
        metavar=_NUMBER_OR_SCALE,
    )
    regularization_exponent: float | None = _loss(
        "nu: 0 is one lambda for all; towards 1 it grows with the number of ratings (and a "
        "lambda given as a number must be smaller).",
        min=0,
        max=2,
    )
    degree_exponent: Any = _loss(
        "p: every pair weighs (its user's ratings * its item's) ** -2p, so that few count as much "
        "as many; 0 weighs all alike.",
        parser=_number_or_scale,
        metavar=_NUMBER_OR_SCALE,
    )
    target: Literal["scale", "sqrt", "rating", "binary"] | None = _loss(
        "What a rated movie should score: the root of its rating, its rating, or 1; scale is the "
        "root, or 1 of counts."
    )
    alpha: float | None = _loss(
        "Weighs a rated movie 1 + alpha * rating, so that liked ones count more.", min=0
    )
    biases: bool | None = _loss(
        "Learn how high each user rates and each movie is rated, too; needs w0 = 0."
    )
    solver: Literal["auto", "exact", "cg", "cholesky"] | None = _fit(
        "How a round solves: exactly, or with many factors several times as fast by conjugate "
        "gradients, which get as far; auto takes those beyond 128 factors. Cholesky is the old "
        "name of exact."
    )
    max_iter: int | None = _fit(
        "At most so many rounds; each solves all movies, then all users.", min=1
    )
    tol: float | None = _fit("Stop when a round lowers the loss by less than this fraction.", min=0)
    early_stopping: Literal["ndcg_at_10", "rmse"] | None = _fit(
        "Stop when this has not improved on the held-out ratings for a while, and keep the best "
        "round."
    )
    patience: int | None = _fit("So many rounds make a while for --early-stopping.", min=1)
    random_state: int = _fit(
        "Of the split and of the first factors: same seed, same result.",
        "--seed",
        default=training.DEFAULT_SPLIT_SEED,
        min=0,
    )
    n_threads: int | None = _fit(
        "Threads to use; by default OMP_NUM_THREADS, or all cores allowed. The result "
        "does not depend on it.",
        "--threads",
        min=1,
    )


@dataclass
class _RunOptions:
    """What is held out, where parameters come from, and where results go."""

    validation: float = _fit(
        "Share of each user's ratings that is held out at random and measured on; with 0 the "
        "model learns from all and nothing is measured.",
        default=training.DEFAULT_VALIDATION_FRACTION,
        **SHARE,
    )
    params: Path | None = _fit(
        "Take the parameters in this file, as [bold]cinefold tune --output[/bold] writes it, "
        "except for those that are given as options.",
        **INPUT_FILE,
    )
    output: Path | None = option(
        "Keep the model in this file (safetensors), for --model of other commands. It is the one "
        "that the figures measure: it has not seen the held-out ratings.",
        "--output",
        "-o",
        **OUTPUT_FILE,
    )
    plot: Path | None = option("Draw the learning curve, as PNG, SVG or PDF.", **plotting.FILE)


def train(
    *,
    preset: Annotated[
        Literal["ranking", "plain", "stars"],
        typer.Option(
            help="Where all that is not said below comes from: [bold]ranking[/bold] makes the best "
            "lists; [bold]plain[/bold] is squared errors of the ratings, with one lambda for all; "
            "[bold]stars[/bold] predicts ratings best, from observed ratings and biases alone."
        ),
    ] = "ranking",
    parameters: _ModelOptions,
    asked: _RunOptions,
    data: options.DataOptions,
    spark: spark_training.SparkOptions,
    as_json: options.AsJson = False,
) -> None:
    """Train a model, show how it learns, and measure it against popularity.

    RMSE is the root mean squared error, in the learning curve of u.v as it is from the target (the
    rating, its root, or 1), and at the end of the predicted stars of the held-out ratings.

    NDCG@10 rates the lists, from 0 to 1: each user's ten best movies, without those rated in
    training, are compared with the held-out ones, all of which are relevant; a hit at place p
    counts 1/log2(p + 1), divided by the best possible sum. It is the mean over the users who have
    held-out ratings. Recall@10 is the share of them that the ten contain.

    Popularity, the baseline, lists the most rated movies and predicts each movie's mean rating.

    Ctrl-C ends training, keeps and measures what was learnt, and exits with 130.
    """
    tuned = {} if asked.params is None else read_parameters(asked.params)
    given = {name: value for name, value in vars(parameters).items() if value is not None}
    model = WeightedMatrixFactorization.preset(preset, **{**tuned, **given})
    if spark.is_asked:
        target = None if asked.output is None else str(asked.output)
        history = spark_training.train_on_spark(model, spark, asked.validation, target)
        if as_json:
            print_json({"history": history, "output": target})
        else:
            _print_learning_curve(history)
        return
    movies = data.load()
    try:
        run = training.train(
            movies.interactions,
            model,
            validation_fraction=asked.validation,
            random_state=parameters.random_state,
            keep_interrupted=True,
            progress=settings.progress,
        )
    except KeyboardInterrupt:
        if asked.output is not None and model.__sklearn_is_fitted__():
            model.save(asked.output)
            say(f"Ended by Ctrl-C before it was measured. What was learnt is in {asked.output}.")
        raise
    if asked.output is not None:
        run.model.save(asked.output)
    if asked.plot is not None:
        plotting.save_figure(plotting.learning_curve(run), asked.plot)
    if as_json:
        print_json(_report(movies, run, asked.output))
    else:
        _print(movies, run)
    if asked.plot is not None:
        say(f"The learning curve is drawn in {asked.plot}.")
    if asked.output is not None:
        say(f"The model is in {asked.output}.")
    if run.stop_reason == "interrupted":
        say(f"Ended by Ctrl-C: this is what was learnt up to iteration {len(run.history)}.")
        raise typer.Exit(INTERRUPTED)


def _report(data: MovieData, run: TrainingRun, model_file: Path | None) -> dict[str, Any]:
    trained = run.model.interactions_.n_ratings
    return {
        "dataset": data.name,
        "source": data.source,
        "n_training_ratings": trained,
        "n_held_out_ratings": data.interactions.n_ratings - trained,
        **run.report(),
        "model_file": None if model_file is None else str(model_file),
    }


def _print(data: MovieData, run: TrainingRun) -> None:
    _print_learning_curve(run.history)
    show(f"Stopped: {_STOPS[run.stop_reason]}. {run.seconds:.1f} s in all.")
    if not run.metrics:
        show(f"Trained on all {data.interactions.n_ratings:,} ratings of {data.name}.")
        return
    trained = run.model.interactions_.n_ratings
    show(
        f"\nMeasured on {data.interactions.n_ratings - trained:,} held-out ratings of {data.name} "
        f"({trained:,} trained on; split {run.split['method']}, "
        f"fraction {run.split['fraction']:g}, seed {run.split['random_state']}; of all users)"
    )
    _print_metrics(run)
    if not run.model.biases:
        show(
            "In the curve, RMSE is the distance of u.v to the target it learns; in the table, that "
            "of predicted\nratings, which also know how users rate and movies are rated."
        )


_STOPS = {
    "converged": "the loss hardly fell any more",
    "max_iter": "all iterations are done",
    "early_stopping": "the metric watched no longer improved",
    "callback": "it was told to",
    "interrupted": "Ctrl-C",
}


def _print_learning_curve(history: list[dict[str, Any]]) -> None:
    columns = ("Iteration", "Loss", "Training RMSE", "Validation RMSE", "NDCG@10", "Seconds")
    keys = ("train_rmse", "validation_rmse", "validation_ndcg_at_10")
    rows = (
        (
            str(record["iteration"]),
            f"{record['objective']:.6g}",
            *("" if record[key] is None else f"{record[key]:.4f}" for key in keys),
            f"{record['seconds']:.2f}",
        )
        for record in history
    )
    print_table(columns, rows, numbers=columns)
    if sample := history[-1]["validation_sample"]:
        show(
            f"Validation in this curve is that of a sample of {sample:,} users, with all movies in "
            "their lists."
        )


def _print_metrics(run: TrainingRun) -> None:
    columns = {"rmse": "RMSE (ratings)", "ndcg_at_10": "NDCG@10", "recall_at_10": "Recall@10"}
    rows = (
        (name, *(f"{values[key]:.4f}" if key in values else "–" for key in columns))
        for name, values in (("This model", run.metrics), ("Popularity", run.baseline))
    )
    print_table(("", *columns.values()), rows, numbers=tuple(columns.values()))
