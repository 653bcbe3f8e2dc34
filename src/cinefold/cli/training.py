"""``cinefold train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cinefold._files import replace_file
from cinefold.cli import options, plotting
from cinefold.cli.console import INTERRUPTED, output, print_json, say, settings, table
from cinefold.cli.own_data import takes_own_data
from cinefold.models import WeightedMatrixFactorization
from cinefold.serving import training
from cinefold.tuning.parameters import read_parameters

if TYPE_CHECKING:
    from rich.table import Table

    from cinefold.datasets import MovieData
    from cinefold.serving.training import TrainingRun


_NUMBER_OR_SCALE = "NUMBER|scale"


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


def _option(*names: str, text: str, panel: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


def _loss(text: str, **more: Any) -> Any:
    return _option(text=text, panel="What to learn", **more)


def _fit(*names: str, text: str, **more: Any) -> Any:
    return _option(*names, text=text, panel="How to learn it", **more)


@takes_own_data
def train(
    preset: Annotated[
        Literal["ranking", "plain", "stars"],
        typer.Option(
            help="Where all that is not said below comes from: [bold]ranking[/bold] makes the best "
            "lists; [bold]plain[/bold] is squared errors of the ratings, with one lambda for all; "
            "[bold]stars[/bold] predicts ratings best, from observed ratings and biases alone."
        ),
    ] = "ranking",
    n_factors: Annotated[
        int | None,
        _loss("Numbers that describe each user and movie: more hold finer tastes.", min=1),
    ] = None,
    unobserved_weight: Annotated[
        Any,
        _loss(
            "w0: how much a movie that somebody has not rated counts as a 0, against 1 for a rated "
            "one: more gives better lists and worse predicted stars; 0 learns from ratings only; "
            "scale goes by how many pairs are rated.",
            parser=_number_or_scale,
            metavar=_NUMBER_OR_SCALE,
        ),
    ] = None,
    regularization: Annotated[
        Any,
        _loss(
            "lambda: pulls all factors towards 0, so that few ratings prove little; scale goes by "
            "the size and number of the ratings.",
            parser=_number_or_scale,
            metavar=_NUMBER_OR_SCALE,
        ),
    ] = None,
    regularization_exponent: Annotated[
        float | None,
        _loss(
            "nu: 0 is one lambda for all; towards 1 it grows with the number of ratings (and a "
            "lambda given as a number must be smaller).",
            min=0,
            max=2,
        ),
    ] = None,
    target: Annotated[
        Literal["sqrt", "rating", "binary"] | None,
        _loss("What a rated movie should score: the root of its rating, its rating, or 1."),
    ] = None,
    alpha: Annotated[
        float | None,
        _loss("Weighs a rated movie 1 + alpha * rating, so that liked ones count more.", min=0),
    ] = None,
    biases: Annotated[
        bool | None,
        _loss("Learn how high each user rates and each movie is rated, too; needs w0 = 0."),
    ] = None,
    solver: Annotated[
        Literal["auto", "exact", "cg", "cholesky"] | None,
        _fit(
            text="How a round solves: exactly, or with many factors several times as fast by "
            "conjugate gradients, which get as far; auto takes those beyond 128 factors. Cholesky "
            "is the old name of exact."
        ),
    ] = None,
    max_iter: Annotated[
        int | None,
        _fit(text="At most so many rounds; each solves all movies, then all users.", min=1),
    ] = None,
    tol: Annotated[
        float | None,
        _fit(text="Stop when a round lowers the loss by less than this fraction.", min=0),
    ] = None,
    early_stopping: Annotated[
        Literal["ndcg_at_10", "rmse"] | None,
        _fit(
            text="Stop when this has not improved on the held-out ratings for a while, and keep "
            "the best round."
        ),
    ] = None,
    patience: Annotated[
        int | None, _fit(text="So many rounds make a while for --early-stopping.", min=1)
    ] = None,
    validation: Annotated[
        float,
        _fit(
            text="Share of each user's ratings that is held out at random and measured on; with 0 "
            "the model learns from all and nothing is measured.",
            min=0,
            max=0.9,
        ),
    ] = training.DEFAULT_VALIDATION_FRACTION,
    seed: Annotated[
        int,
        _fit(text="Of the split and of the first factors: same seed, same result.", min=0),
    ] = training.DEFAULT_SPLIT_SEED,
    threads: Annotated[
        int | None,
        _fit(text="Threads to use; by default all cores. The result does not depend on it.", min=1),
    ] = None,
    params: Annotated[
        Path | None,
        _fit(
            text="Take the parameters in this file, as [bold]cinefold tune --output[/bold] writes "
            "it, except for those that are given as options.",
            metavar="FILE",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    dataset: options.Dataset = "ml-100k",
    path: options.DataPath = None,
    model_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Keep the model in this file (safetensors), for --model of other commands. It is "
            "the one that the figures measure: it has not seen the held-out ratings.",
            dir_okay=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the learning curve into this PNG, SVG or PDF.",
            dir_okay=False,
        ),
    ] = None,
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
    options.check_folder(model_file, "--output")
    options.check_folder(plot, "--plot")
    if plot is not None:
        plotting.check(plot)
    model = _model(
        preset,
        {} if params is None else read_parameters(params),
        n_factors=n_factors,
        unobserved_weight=unobserved_weight,
        regularization=regularization,
        regularization_exponent=regularization_exponent,
        target=target,
        alpha=alpha,
        biases=biases,
        solver=solver,
        max_iter=max_iter,
        tol=tol,
        early_stopping=early_stopping,
        patience=patience,
        n_threads=threads,
        random_state=seed,
    )
    data = options.open_data(dataset, path)
    run = _train(data, model, validation, seed, model_file)
    if model_file is not None:
        run.model.save(model_file)
    if plot is not None:
        with replace_file(plot) as new:
            plotting.learning_curve(run).savefig(new)
    if as_json:
        print_json(_report(data, run, model_file))
    else:
        _print(data, run)
    _say_what_was_kept(run, model_file, plot)


def _model(preset: str, tuned: dict[str, Any], **given: Any) -> WeightedMatrixFactorization:
    """The preset, with what a file says, and over it what was given on the command line."""
    changes = {name: value for name, value in given.items() if value is not None}
    return WeightedMatrixFactorization.preset(preset, **{**tuned, **changes})


def _train(
    data: MovieData,
    model: WeightedMatrixFactorization,
    validation: float,
    seed: int,
    model_file: Path | None,
) -> TrainingRun:
    try:
        return training.train(
            data.interactions,
            model,
            validation_fraction=validation,
            random_state=seed,
            keep_interrupted=True,
            progress=settings.progress,
        )
    except KeyboardInterrupt:
        if model_file is not None and model.__sklearn_is_fitted__():
            model.save(model_file)
            say(f"Ended by Ctrl-C before it was measured. What was learnt is in {model_file}.")
        raise


def _say_what_was_kept(run: TrainingRun, model_file: Path | None, plot: Path | None) -> None:
    if plot is not None:
        say(f"The learning curve is drawn in {plot}.")
    if model_file is not None:
        say(f"The model is in {model_file}.")
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
    console = output()
    console.print(_learning_curve(run))
    console.print(f"Stopped: {_STOPS[run.stop_reason]}. {run.seconds:.1f} s in all.")
    if not run.metrics:
        console.print(f"Trained on all {data.interactions.n_ratings:,} ratings of {data.name}.")
        return
    trained = run.model.interactions_.n_ratings
    console.print(
        f"\nMeasured on {data.interactions.n_ratings - trained:,} held-out ratings of {data.name} "
        f"({trained:,} trained on; split {run.split['method']}, "
        f"fraction {run.split['fraction']:g}, seed {run.split['random_state']})"
    )
    console.print(_metrics(run))
    if not run.model.biases:
        console.print(
            "In the curve, RMSE is the distance of u.v to the target it learns; in the table, that "
            "of predicted\nstars, which also know how users rate and movies are rated."
        )


_STOPS = {
    "converged": "the loss hardly fell any more",
    "max_iter": "all iterations are done",
    "early_stopping": "the metric watched no longer improved",
    "callback": "it was told to",
    "interrupted": "Ctrl-C",
}


def _learning_curve(run: TrainingRun) -> Table:
    columns = ("Iteration", "Loss", "Training RMSE", "Validation RMSE", "NDCG@10", "Seconds")
    keys = ("train_rmse", "validation_rmse", "validation_ndcg_at_10")
    curve = table(*columns, numbers=columns)
    for record in run.history:
        metrics = ("" if record[key] is None else f"{record[key]:.4f}" for key in keys)
        curve.add_row(
            str(record["iteration"]),
            f"{record['objective']:.6g}",
            *metrics,
            f"{record['seconds']:.2f}",
        )
    return curve


def _metrics(run: TrainingRun) -> Table:
    columns = ("RMSE (stars)", "NDCG@10", "Recall@10")
    metrics = table("", *columns, numbers=columns)
    for name, values in (("This model", run.metrics), ("Popularity", run.baseline)):
        keys = ("rmse", "ndcg_at_10", "recall_at_10")
        shown = (f"{values[key]:.4f}" if key in values else "–" for key in keys)
        metrics.add_row(name, *shown)
    return metrics
