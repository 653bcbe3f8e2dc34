"""``cinefold profiles``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cinefold._files import read_file
from cinefold.cli import options
from cinefold.cli.console import displayed, print_json, print_list, print_text, say, write
from cinefold.cli.option_groups import OUTPUT_FILE
from cinefold.datasets import MovieCatalog, cached_file, load_movielens
from cinefold.profiles import MovieId, Profile, read_csv, write_csv
from cinefold.profiles.delimited_text import MAX_BYTES

app = typer.Typer(
    help="List, show, move and delete the profiles that the app and [bold]recommend --profile"
    "[/bold] keep.",
    epilog="They lie in a file of your data folder that only you can read, which [bold]profiles "
    "list[/bold] names, or in the PostgreSQL or SQLite database whose URL CINEFOLD_DATABASE_URL "
    "holds.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A profile that [bold]profiles list[/bold] names.")]

_LISTED = 10


@app.command("list")
def list_(
    dataset: Annotated[str | None, typer.Option(help="Only those for this data set.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the profiles, the last used first."""
    with options.open_store() as store:
        profiles = store.profiles(dataset)
        place = store.location
    if as_json:
        print_json({"database": place, "profiles": [_as_dict(profile) for profile in profiles]})
        return
    columns: dict[str, Callable[[Profile], str]] = {
        "Name": lambda profile: profile.name,
        "Data set": lambda profile: profile.dataset,
        "Ratings": lambda profile: f"{profile.n_ratings:,}",
        "Marks": lambda profile: f"{profile.n_marks:,}",
        "Last used": lambda profile: _minute(profile.last_used_at),
        "Created": lambda profile: _minute(profile.created_at),
    }
    print_list(columns, profiles, numbers=("Ratings", "Marks"))
    say(f"They are kept in {place}.")


@app.command("show")
def show(
    name: Name,
    dataset: options.Dataset = "ml-100k",
    path: options.DataPath = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a profile's ratings, the latest first, and the movies it marks.

    Titles are shown where the data set is at hand.
    """
    with options.open_profile(dataset, name) as (store, profile):
        entries = store.entries(profile.id)
    movies = _movies_at_hand(dataset, path)
    ratings: list[dict[str, Any]] = [
        {"movie_id": movie, "rating": rating.stars, "time": rating.at}
        for movie, rating in entries.ratings.items()
    ]
    marks: list[dict[str, Any]] = [
        {"movie_id": movie, "mark": mark, "time": at} for movie, mark, at in entries.marked
    ]
    if as_json:
        print_json({**_as_dict(profile), "ratings": ratings, "marks": marks})
        return
    title = f"{profile.name}: {profile.n_ratings:,} rated, {profile.n_marks:,} marked"
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "Movie": lambda entry: _label(entry["movie_id"], movies),
        "Stars": lambda entry: f"{entry['rating']:g}" if "rating" in entry else "",
        "Mark": lambda entry: entry.get("mark", "").replace("_", " "),
        "Time": lambda entry: _minute(entry["time"]),
    }
    print_list(columns, [*ratings[::-1], *marks], title=title, numbers=("Stars",))


@app.command("delete")
def delete(
    name: Name,
    dataset: options.Dataset = "ml-100k",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a profile and all it holds, for good."""
    with options.open_profile(dataset, name) as (store, profile):
        if not (yes or sys.stdin.isatty()):
            raise typer.BadParameter("say --yes to delete where nobody can be asked")
        question = f"Delete {profile.name} with {profile.n_ratings:,} ratings for good?"
        if not (yes or typer.confirm(displayed(question), err=True)):
            say("Nothing was deleted.")
            raise typer.Exit(1)
        store.delete(profile.id)
    say(f"{profile.name} is deleted.")


@app.command("rename")
def rename(
    name: Name,
    new_name: Annotated[str, typer.Argument(help="Its new name: 1 to 80 characters.")],
    dataset: options.Dataset = "ml-100k",
) -> None:
    """Give a profile another name."""
    with options.open_profile(dataset, name) as (store, profile):
        renamed = store.rename(profile.id, new_name)
    say(f"{profile.name} is called {renamed.name} now.")


@app.command("undo")
def undo(name: Name, dataset: options.Dataset = "ml-100k") -> None:
    """Take a profile's last change of ratings or marks back; say it again for the one before.

    An import is one change. The last 20 changes can be undone.
    """
    with options.open_profile(dataset, name) as (store, profile):
        change = store.undo(profile.id)
    if change is None:
        say(f"{profile.name} has no change left to undo.")
        raise typer.Exit(1)
    movies = f"{len(change.movies):,} movie{'' if len(change.movies) == 1 else 's'}"
    say(f"Undone: {change.action} of {movies}, {_minute(change.made_at)}.")


@app.command("export")
def export(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Instead of printing.", **OUTPUT_FILE),
    ] = None,
    dataset: options.Dataset = "ml-100k",
    path: options.DataPath = None,
) -> None:
    """Write a profile as a CSV file, which [bold]profiles import[/bold] reads.

    One line for each rating and mark, with the columns movie_id, title, year, rating (stars), mark
    (not_interested, seen or not_seen) and time (UTC).
    """
    with options.open_profile(dataset, name) as (store, profile):
        entries = store.entries(profile.id)
    text = write_csv(entries, _movies_at_hand(dataset, path))
    if file is None:
        print_text(text)
    else:
        write(file, text)
        say(f"{profile.name} is in {file}: {len(entries):,} lines.")


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="A CSV file with the columns movie_id and rating (0.5 to 5) or mark, and "
            "perhaps time.",
        ),
    ],
    name: Annotated[
        str,
        typer.Option("--name", help="The profile to add to; it is made if there is none."),
    ],
    dataset: options.Dataset = "ml-100k",
    path: options.DataPath = None,
) -> None:
    """Add the ratings and marks of a CSV file to a profile, all or none.

    For a movie that is rated already, the rating of the file stays. Other columns are left alone.
    """
    content = read_file(file, MAX_BYTES)
    try:
        entries = read_csv(content)
    except ValueError as error:
        raise typer.BadParameter(f"{file}: {error}") from None
    movies = _movies_at_hand(dataset, path)
    unknown = [] if movies is None else [one for one in entries.movies if one not in movies]
    if unknown and len(unknown) == len(entries.movies):
        raise typer.BadParameter(
            f"none of the movies in {file} is in {dataset}, such as {unknown[0]!r}: "
            "is it for another --dataset?"
        )
    with options.open_store() as store:
        profile = store.find(dataset, name) or store.create(dataset, name)
        store.add(profile.id, entries)
        profile = store.get(profile.id)
    say(
        f"{len(entries.ratings):,} ratings and {len(entries.marked):,} marks read; "
        f"{profile.name} has {profile.n_ratings:,} ratings and {profile.n_marks:,} marks now."
    )
    if unknown:
        shown = ", ".join(map(repr, unknown[:_LISTED])) + (", ..." if unknown[_LISTED:] else "")
        say(f"Not in {dataset}, kept but of no effect: {len(unknown):,} movies ({shown}).")


def _as_dict(profile: Profile) -> dict[str, Any]:
    """All but its keys."""
    return {name: v for name, v in asdict(profile).items() if name not in ("key", "share_key")}


# -- movies ----------------------------------------------------------------------------------------


def _movies_at_hand(dataset: str, path: Path | None) -> MovieCatalog | None:
    """The movies, unless they would have to be downloaded for it."""
    if path is None and cached_file(options.known_dataset(dataset)) is None:
        return None
    return load_movielens(dataset, path=path, progress=False).movies


def _label(movie: MovieId, movies: MovieCatalog | None) -> str:
    return f"movie {movie}" if movies is None or movie not in movies else movies[movie].label


def _minute(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
