"""``cinefold tune``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cinefold import tuning
from cinefold._signals import INTERRUPTED
from cinefold.cli import options, plotting
from cinefold.cli.console import complain, print_json, print_list, print_table, say, settings, show
from cinefold.cli.option_groups import OUTPUT_FILE, SHARE, panel
from cinefold.metrics.registry import metric_title
from cinefold.tuning import Trial, TuningResult
from cinefold.tuning.space import parse, read_space

_SHOWN = 10


_what, _how = panel("What to search"), panel("How to search")
_file = panel("Files", metavar="FILE", dir_okay=False)


@dataclass
class _SearchOptions:
    """Arguments of `cinefold.tuning.tune` that are options."""

    metric: str = _what(
        "What to be best at on held-out ratings: ndcg_at_K or recall_at_K (lists of K movies), or "
        "rmse (predicted stars).",
        default="ndcg_at_10",
    )
    max_iter: int = _what(
        "At most so many iterations; which is best, each trial's curve tells.", default=16, min=1
    )
    n_trials: int = _how(
        "End when so many models were tried, those in --storage counted.",
        "--trials",
        default=50,
        min=1,
    )
    timeout: float = _how(
        "End after so many seconds: the running trial, after its iteration.", default=600, min=0
    )
    patience: int = _how(
        "A trial ends after so many iterations without a better value.", default=2, min=1
    )
    validation_fraction: float = _how(
        "Random share of each user's ratings that models are chosen by.",
        "--validation",
        default=0.1,
        **SHARE,
    )
    n_validations: int | None = _how(
        "So many random validation parts, each trial being evaluated on all: the more, the less "
        "the choice owes to chance. By default 3, and 1 from 5,000 users on.",
        "--validations",
        min=1,
    )
    test_fraction: float = _how(
        "Random share of each user's ratings that the search never sees; the chosen model and the "
        "default one are evaluated on it in the end. 0 leaves that out.",
        "--test",
        default=0.1,
        **SHARE,
    )
    random_state: int = _how(
        "Of the splits and the search: with one job, same seed, same result.",
        "--seed",
        default=0,
        min=0,
    )
    n_jobs: int = _how("Trials at a time, which share the threads.", "--jobs", default=1, min=1)
    n_threads: int | None = _how(
        "Threads to use; by default OMP_NUM_THREADS, or all cores allowed.", "--threads", min=1
    )
    storage: str | None = _file(
        "Keep every trial in this file (or in the database at this URL). The same command goes on "
        "where it ended; several at the same time share the work."
    )
    study_name: str = _file(
        "Name of the search in --storage.", "--study", default="cinefold", metavar="NAME"
    )


@dataclass
class _RunOptions:
    """What is searched, where to begin, and where results go."""

    space: list[str] | None = _what(
        "Search a parameter in another range (n_factors=16..64) or among choices "
        "(target=rating,binary); or a TOML file of such lines, with the right side in quotes. "
        "May be repeated.",
        metavar="NAME=RANGE",
    )
    fix: list[str] | None = _what(
        "Leave a parameter at this value: target=rating. May be repeated.", metavar="NAME=VALUE"
    )
    params: list[Path] | None = _file(
        "Try the parameters in this file first. May be repeated.", exists=True
    )
    output: Path | None = _file(
        "Write the best parameters into this file, for [bold]cinefold train --params[/bold].",
        "--output",
        "-o",
        **OUTPUT_FILE,
    )
    plot: Path | None = _file("Draw the trials into this PNG, SVG or PDF.", **plotting.FILE)


def tune(
    *,
    search: _SearchOptions,
    asked: _RunOptions,
    data: options.DataOptions,
    sample: options.SampleOptions,
    as_json: options.AsJson = False,
) -> None:
    """Search for the parameters that suit a data set.

    Each trial trains a model and evaluates it, after every iteration, on ratings that were held
    out; one that stays behind earlier trials is pruned. The first are the default model and others
    that are known to be good, these with few factors, then come random ones, then those that the
    trials so far make promising (TPE, by Optuna); the best are tried again with more factors.

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
    warm_starts = [tuning.read_parameters(file) for file in asked.params or ()]
    space = _space(asked.space or [], asked.fix or [])
    movies = data.load()
    try:
        result = tuning.tune(
            sample.draw(movies.interactions, search.random_state),
            **vars(search),
            space=space,
            warm_starts=warm_starts,
            progress=settings.progress,
            keep_interrupted=True,
        )
    except KeyboardInterrupt:
        say("Ended by Ctrl-C before a trial was complete.")
        raise
    if asked.output is not None:
        result.save(asked.output)
    if asked.plot is not None:
        plotting.save_figure(plotting.search_history(result), asked.plot)
    if as_json:
        facts = {"dataset": movies.name, "source": movies.source, **vars(sample)}
        print_json({**facts, **result.report()})
    else:
        _print(result)
    if asked.plot is not None:
        say(f"The trials are drawn in {asked.plot}.")
    if asked.output is not None:
        say(f"The parameters are in {asked.output}: cinefold train --params {asked.output}")
    if result.stop_reason == "interrupted":
        where = f"The same command goes on with the trials in {search.storage}."
        say(
            f"Ended by Ctrl-C. {where if search.storage else 'With --storage FILE it could go on.'}"
        )
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
    _print_best_trials(result)
    states = [trial.state for trial in result.trials]
    show(
        f"{len(states)} trials: {states.count('complete')} complete, {states.count('pruned')} "
        f"pruned, {states.count('failed')} failed. {result.seconds:.1f} s"
        f"{', as --timeout allows' if result.stop_reason == 'timeout' else ''}."
    )
    if result.test:
        show("\nOn ratings that the search has not seen")
        _print_test(result)
        tuned, default = (result.test[name][result.metric] for name in ("tuned", "default"))
        if (tuned < default) == (result.metric != "rmse"):
            show("The default model is as good: the search has found nothing better.")


_PARAMETERS = {
    "n_factors": "Factors",
    "unobserved_weight": "w0",
    "regularization": "lambda",
    "regularization_exponent": "nu",
    "target": "Target",
    "alpha": "alpha",
}


def _print_best_trials(result: TuningResult) -> None:
    def shown(name: str, trial: Trial) -> str:
        value = trial.parameters[name]
        return value if isinstance(value, str) else f"{value:.4g}"

    columns: dict[str, Callable[[Trial], str]] = {
        "Trial": lambda trial: str(trial.number),
        metric_title(result.metric): lambda trial: f"{trial.value:.4f}",
        "Iterations": lambda trial: str(trial.iteration),
        **{title: partial(shown, name) for name, title in _PARAMETERS.items()},
    }
    print_list(columns, result.ranked()[:_SHOWN], numbers=tuple(columns))


def _print_test(result: TuningResult) -> None:
    # The distance of another target to the stars means nothing.
    stars = result.best_parameters["target"] == "rating"
    metrics = [name for name in result.test["tuned"] if stars or name != "rmse"]
    titles = tuple(map(metric_title, metrics))
    untuned = "Preset stars" if result.metric == "rmse" else "Default model"
    names = {"tuned": "Tuned model", "default": untuned, "popularity": "Popularity"}
    rows = (
        (names[name], *(f"{values[metric]:.4f}" for metric in metrics))
        for name, values in result.test.items()
    )
    print_table(("", *titles), rows, numbers=titles)
