"""``cinefold data``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cinefold.cli import options
from cinefold.cli.console import print_json, print_list, print_table, print_text, say, settings
from cinefold.datasets import DatasetSpec, cached_file, default_data_dir, fetch, list_datasets

app = typer.Typer(help="List, fetch and describe the data sets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A data set that [bold]data list[/bold] names.")]


@app.command("list")
def list_(as_json: options.AsJson = False) -> None:
    """List the data sets that there are."""
    specs = list_datasets()
    if as_json:
        print_json([_facts(spec) for spec in specs])
        return
    columns: dict[str, Callable[[DatasetSpec], str]] = {
        "Name": lambda spec: spec.name,
        "Ratings": lambda spec: f"{spec.ratings:,}",
        "Users": lambda spec: f"{spec.users:,}",
        "Movies": lambda spec: f"{spec.movies:,}",
        "Size": _megabytes,
        "Cached": lambda spec: "no" if cached_file(spec) is None else "yes",
        "Terms of use": lambda spec: spec.licence.rpartition("/")[2],
    }
    print_list(columns, specs, numbers=("Ratings", "Users", "Movies", "Size"))
    folders = dict.fromkeys(spec.licence.rpartition("/")[0] for spec in specs)
    say(f"The terms of use are below {'/, '.join(folders)}/")


@app.command("fetch")
def fetch_(name: Name = "ml-100k", as_json: options.AsJson = False) -> None:
    """Fetch and verify a data set, unless it is cached, and print where it is.

    CINEFOLD_DATA_DIR sets the folder, CINEFOLD_MOVIELENS_URL a mirror of the archives.
    """
    spec = options.known_dataset(name)
    found = fetch(spec, progress=settings.progress)
    if as_json:
        print_json({"name": spec.name, "path": str(found.path), "source": found.source})
    else:
        print_text(f"{found.path}\n")


@app.command("info")
def info(name: Name = "ml-100k", as_json: options.AsJson = False) -> None:
    """Describe a data set: its size, its terms of use, and where it is kept."""
    spec = options.known_dataset(name)
    if as_json:
        print_json(_facts(spec))
        return
    cached = cached_file(spec)
    facts = {
        "Name": spec.name,
        "Users": f"{spec.users:,}",
        "Movies": f"{spec.movies:,}",
        "Ratings": f"{spec.ratings:,}",
        "Archive": f"{spec.archive}, {_megabytes(spec)}",
        "Checksum": "none published" if spec.md5 is None else f"MD5 {spec.md5}",
        "Terms of use": spec.licence,
        "Cache folder": str(default_data_dir()),
        "Cached": f"no; cinefold data fetch {spec.name}" if cached is None else cached.name,
    }
    print_table(("", ""), facts.items(), title=spec.title)


def _facts(spec: DatasetSpec) -> dict[str, Any]:
    cached = cached_file(spec)
    return {**asdict(spec), "cached": None if cached is None else str(cached)}


def _megabytes(spec: DatasetSpec) -> str:
    return f"{spec.size / 1e6:.1f} MB"
