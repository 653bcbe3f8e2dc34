"""``cinefold tune``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cinefold import tuning
from cinefold._files import replace_file
from cinefold.cli import options, plotting
from cinefold.cli.console import INTERRUPTED, complain, output, print_json, say, settings, table
from cinefold.cli.own_data import takes_own_data
from cinefold.cli.tuning_plot import search_history
from cinefold.metrics.registry import title
from cinefold.tuning.space import parse, read_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from cinefold.tuning import TuningResult

_SHOWN = 10


def _options(panel: str, **usual: Any) -> Callable[..., Any]:
    def option(text: str, *names: str, **more: Any) -> Any:
        return typer.Option(*names, help=text, rich_help_panel=panel, **{**usual, **more})

    return option


_what, _how = _options("What to search"), _options("How to search")
_file = _options("Files", metavar="FILE", dir_okay=False)


@takes_own_data
def tune(
    metric: Annotated[
        str,
        _what(
            "What to be best at on held-out ratings: ndcg_at_K or recall_at_K (lists of K movies), "
            "or rmse (predicted stars)."
        ),
    ] = "ndcg_at_10",
    space: Annotated[
        list[str] | None,
        _what(
            "Search a parameter in another range (n_factors=16..64) or among choices "
            "(target=rating,binary); or a TOML file of such lines, with the right side in quotes. "
            "May be repeated.",
            metavar="NAME=RANGE",
        ),
    ] = None,
    fix: Annotated[
        list[str] | None,
        _what(
            "Leave a parameter at this value: target=rating. May be repeated.", metavar="NAME=VALUE"
        ),
    ] = None,
    max_iter: Annotated[
        int, _what("At most so many iterations; which is best, each trial's curve tells.", min=1)
    ] = 16,
    trials: Annotated[
        int, _how("End when so many models were tried, those in --storage counted.", min=1)
    ] = 50,
    timeout: Annotated[
        float | None, _how("Begin no more trials after so many seconds.", min=0)
    ] = None,
    patience: Annotated[
        int, _how("A trial ends after so many iterations without a better value.", min=1)
    ] = 5,
    validation: Annotated[
        float, _how("Random share of each user's ratings that models are chosen by.", max=0.9)
    ] = 0.1,
    validations: Annotated[
        int | None,
        _how(
            "So many random validation parts, each trial being evaluated on all: the more, the "
            "less the choice owes to chance. By default 3, and 1 from 10,000 users on.",
            min=1,
        ),
    ] = None,
    test: Annotated[
        float,
        _how(
            "Random share of each user's ratings that the search never sees; the chosen model and "
            "the default one are evaluated on it in the end. 0 leaves that out.",
            min=0,
            max=0.9,
        ),
    ] = 0.1,
    seed: Annotated[
        int, _how("Of the splits and the search: with one job, same seed, same result.", min=0)
    ] = 0,
    jobs: Annotated[int, _how("Trials at a time, which share the threads.", min=1)] = 1,
    threads: Annotated[int | None, _how("Threads to use; by default all cores.", min=1)] = None,
    dataset: options.Dataset = "ml-100k",
    path: options.DataPath = None,
    storage: Annotated[
        str | None,
        _file(
            "Keep every trial in this file (or in the database at this URL). The same command "
            "goes on where it ended; several at the same time share the work."
        ),
    ] = None,
    study: Annotated[str, _file("Name of the search in --storage.", metavar="NAME")] = "cinefold",
    params: Annotated[
        list[Path] | None,
        _file("Try the parameters in this file first. May be repeated.", exists=True),
    ] = None,
    output_file: Annotated[
        Path | None,
        _file(
            "Write the best parameters into this file, for [bold]cinefold train --params[/bold].",
            "--output",
            "-o",
        ),
    ] = None,
    plot: Annotated[Path | None, _file("Draw the trials into this PNG, SVG or PDF.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Search for the parameters that suit a data set.

    Each trial trains a model and evaluates it, after every iteration, on ratings that were held
    out; one that stays behind earlier trials is pruned. The first are the default model and others
    that are known to be good, then come random ones, then those that the trials so far make
    promising (TPE, by Optuna).

    Searched are n_factors, unobserved_weight, regularization, regularization_exponent, target and
    alpha (see [bold]cinefold train --help[/bold]). Instead of the second, third and last, which
    depend on the data and on one another, --space and --fix also take relative_unobserved_weight,
    relative_regularization and rating_confidence, of which docs/tuning.md tells more.

    The figure that chose the best of many flatters it. So the chosen model is trained again, on all
    but the test part, and evaluated there, beside the default model.

    Ctrl-C ends the search, keeps what was found, and exits with 130.
    """
    if importlib.util.find_spec("optuna") is None:
        complain("tuning needs more packages; install them with: pip install 'cinefold[tune]'")
        raise typer.Exit(1)
    for file, option in ((output_file, "--output"), (plot, "--plot")):
        options.check_folder(file, option)
    if plot is not None:
        plotting.check(plot)
    warm_starts = [tuning.read_parameters(file) for file in params or ()]
    changes = _space(space or [], fix or [])
    data = options.open_data(dataset, path)
    try:
        result = tuning.tune(
            data.interactions,
            n_trials=trials,
            timeout=timeout,
            metric=metric,
            space=changes,
            max_iter=max_iter,
            patience=patience,
            warm_starts=warm_starts,
            validation_fraction=validation,
            n_validations=validations,
            test_fraction=test,
            random_state=seed,
            storage=storage,
            study_name=study,
            n_jobs=jobs,
            n_threads=threads,
            progress=settings.progress,
            keep_interrupted=True,
        )
    except KeyboardInterrupt:
        say("Ended by Ctrl-C before a trial was complete.")
        raise
    if output_file is not None:
        result.save(output_file)
    if plot is not None:
        with replace_file(plot) as new:
            search_history(result).savefig(new)
    if as_json:
        print_json({"dataset": data.name, "source": data.source, **result.report()})
    else:
        _print(result)
    if plot is not None:
        say(f"The trials are drawn in {plot}.")
    if output_file is not None:
        say(f"The parameters are in {output_file}: cinefold train --params {output_file}")
    if result.stop_reason == "interrupted":
        where = f"The same command goes on with the trials in {storage}."
        say(f"Ended by Ctrl-C. {where if storage else 'With --storage FILE it could go on.'}")
        raise typer.Exit(INTERRUPTED)


def _space(space: list[str], fixed: list[str]) -> dict[str, Any]:
    """The dimensions that the options name."""
    changes: dict[str, Any] = {}
    for text in [*space, *fixed]:
        name, is_named, dimension = text.partition("=")
        if is_named:
            changes[name.strip().replace("-", "_")] = parse(dimension)
        elif text in fixed:
            raise typer.BadParameter(f"--fix takes NAME=VALUE, not {text!r}")
        else:
            changes.update(read_space(text))
    return changes


# -- printing -------------------------------------------------------------------------------------


def _print(result: TuningResult) -> None:
    console = output()
    console.print(_best_trials(result))
    states = [trial.state for trial in result.trials]
    console.print(
        f"{len(states)} trials: {states.count('complete')} complete, {states.count('pruned')} "
        f"pruned, {states.count('failed')} failed. {result.seconds:.1f} s."
    )
    if result.test:
        console.print("\nOn ratings that the search has not seen")
        console.print(_tested(result))


_PARAMETERS = {
    "n_factors": "Factors",
    "unobserved_weight": "w0",
    "regularization": "lambda",
    "regularization_exponent": "nu",
    "target": "Target",
    "alpha": "alpha",
}


def _best_trials(result: TuningResult) -> Table:
    numbers = ("Trial", title(result.metric), "Iterations", *_PARAMETERS.values())
    best = table(*numbers, numbers=numbers)
    for trial in result.ranked()[:_SHOWN]:
        parameters = (trial.parameters[name] for name in _PARAMETERS)
        best.add_row(
            str(trial.number),
            f"{trial.value:.4f}",
            str(trial.iteration),
            *(value if isinstance(value, str) else f"{value:.4g}" for value in parameters),
        )
    return best


def _tested(result: TuningResult) -> Table:
    # The distance of another target to the stars means nothing.
    stars = result.best_parameters["target"] == "rating"
    metrics = [name for name in result.test["tuned"] if stars or name != "rmse"]
    titles = [title(metric) for metric in metrics]
    untuned = "Preset stars" if result.metric == "rmse" else "Default model"
    names = {"tuned": "Tuned model", "default": untuned, "popularity": "Popularity"}
    shown = table("", *titles, numbers=tuple(titles))
    for name, values in result.test.items():
        shown.add_row(names[name], *(f"{values[metric]:.4f}" for metric in metrics))
    return shown
