"""``python -m benchmarks.studies``: what people get who are new, by several methods."""

import sys

import typer

from benchmarks.studies.command import measure
from cinefold.cli.commands import run
from cinefold.cli.option_groups import expand_groups

app = typer.Typer(
    name="python -m benchmarks.studies",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(expand_groups(measure))

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], app))
