"""Options for ratings of one's own in any file, which several commands share."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cinefold.datasets import RatingsFile

if TYPE_CHECKING:
    from collections.abc import Callable

_PANEL = "Your own data"
_File = typer.Option(
    "--data",
    metavar="FILE",
    exists=True,
    dir_okay=False,
    rich_help_panel=_PANEL,
    help="Everybody's ratings in a CSV, TSV or Parquet file with named columns, instead of a "
    "data set of the catalogue. Ids are integers or text.",
)
_Titles = typer.Option(
    "--titles",
    metavar="FILE",
    exists=True,
    dir_okay=False,
    rich_help_panel=_PANEL,
    help="The movies of --data: a file with columns for id and title, and if you have them year "
    "and genres.",
)
_COLUMNS = {
    "user": "the users' ids",
    "item": "the movies' ids",
    "rating": "ratings; where there is none, every row counts as 1",
    "timestamp": "times: numbers or ISO dates",
}


_chosen: ContextVar[RatingsFile | None] = ContextVar("own_data", default=None)


def chosen() -> RatingsFile | None:
    """The file that the running command was given with --data."""
    return _chosen.get()


def takes_own_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command with options for a file of ratings.

    `cinefold.cli.options.open_data` then opens that file; the command's own parameter `dataset` is
    its name.
    """

    @wraps(command)
    def run(**given: Any) -> None:
        own = _own_data(given)
        if own is not None:
            given["dataset"] = own.name
        token = _chosen.set(own)
        try:
            command(**given)
        finally:
            _chosen.reset(token)

    signature = inspect.signature(command, eval_str=True)
    parameters = [*signature.parameters.values(), *_parameters()]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters() -> list[inspect.Parameter]:
    kinds: dict[str, Any] = {"data": Annotated[Path | None, _File]}
    for role, what in _COLUMNS.items():
        option = typer.Option(
            f"--{role}-column",
            metavar="NAME",
            rich_help_panel=_PANEL,
            help=f"The column of --data with {what}. By default the one with a usual name.",
        )
        kinds[f"{role}_column"] = Annotated[str | None, option]
    kinds["titles"] = Annotated[Path | None, _Titles]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(name, keyword, default=None, annotation=kind)
        for name, kind in kinds.items()
    ]


def _own_data(given: dict[str, Any]) -> RatingsFile | None:
    """What the options say, which are taken out of `given`."""
    file, titles = given.pop("data"), given.pop("titles")
    columns = {role: given.pop(f"{role}_column") for role in _COLUMNS}
    if file is None:
        lost = [f"--{role}-column" for role, column in columns.items() if column is not None]
        lost += ["--titles"] if titles is not None else []
        if lost:
            raise typer.BadParameter(f"{lost[0]} is about the file that --data gives")
        return None
    if given.get("path") is not None:
        raise typer.BadParameter("give either --data or --path")
    return RatingsFile(
        str(file.resolve()), **columns, titles=None if titles is None else str(titles.resolve())
    )
