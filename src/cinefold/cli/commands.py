"""Assembles the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cinefold._signals import INTERRUPTED
from cinefold._version import __version__
from cinefold.cli import (
    app_server,
    data,
    evaluation,
    importing,
    info,
    profiles,
    recommending,
    together,
    training,
    tuning,
)
from cinefold.cli.console import LogFormatter, complain, settings
from cinefold.cli.option_groups import expand_groups
from cinefold.datasets import DatasetError

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
# The base of all complaints about arguments; Typer exports only this subclass of it.
_UsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="cinefold",
    help="Movie recommendations by exact weighted matrix factorization.",
    epilog="Start with [bold]cinefold app[/bold], or "
    '[bold]cinefold recommend --rate "Toy Story=5" --rate "Fargo=4"[/bold].',
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "app": app_server.serve,
    "recommend": recommending.recommend,
    "similar": recommending.similar,
    "together": together.together,
    "import": importing.import_,
    "train": training.train,
    "evaluate": evaluation.evaluate,
    "tune": tuning.tune,
    "info": info.info,
}
for name, command in _COMMANDS.items():
    app.command(name)(expand_groups(command))
app.add_typer(data.app, name="data")
app.add_typer(profiles.app, name="profiles")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"cinefold {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _common(
    context: typer.Context,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "--debug", "-v", help="Say more, with the place of errors."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show no progress, and only warnings.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    del version
    settings.quiet = quiet
    logger = logging.getLogger("cinefold")
    handler = logging.StreamHandler()  # to standard error
    handler.setFormatter(LogFormatter())
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: list[str] | None = None, app: typer.Typer = app) -> int:
    """Run one command of `app`; return its exit code."""
    try:
        code = app(arguments, prog_name=app.info.name, standalone_mode=False) or 0
        sys.stdout.flush()  # it may not fit on the disk
    except _UsageError as error:
        # A group without a command has shown its help, and has no message.
        if message := error.format_message():
            complain(message, f"see {error.ctx.command_path} --help" if error.ctx else "")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit:
        raise
    except BaseException as error:  # a panic of Polars is no Exception
        return _failed(error)
    return code


def _failed(error: BaseException) -> int:
    logging.getLogger(__name__).debug("", exc_info=error)
    if isinstance(error, BrokenPipeError):  # as of ``cinefold ... | head``: there is nothing to say
        return 1
    if isinstance(error, MemoryError):
        complain("there is not enough memory")
    elif isinstance(error, OSError) and error.strerror:
        name = "standard output" if error.errno in _FULL else None
        name = name if error.filename is None else error.filename
        complain(f"{name}: {error.strerror}" if name else error.strerror)
    elif isinstance(error, DatasetError | ValueError | OSError | ModuleNotFoundError):
        complain(str(error))  # of packages that are an extra, it says how to install them
    else:
        hint = "not foreseen: report it with what cinefold --debug says"
        complain(f"{type(error).__name__}: {error}", hint)
    return 2 if isinstance(error, ValueError) else 1
