"""``python -m benchmarks.studies``: what people get who are new, by several methods."""

import sys

import typer

from benchmarks.studies.command import measure
from cinefold.cli.commands import run

app = typer.Typer(help=__doc__, pretty_exceptions_enable=False)
app.command()(measure)

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], app))
