"""Options that several commands share, and what they open."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cinefold.cli import own_data
from cinefold.cli.console import complain, say, settings
from cinefold.datasets import DatasetError, dataset_info, load_movielens
from cinefold.models import WeightedMatrixFactorization
from cinefold.recommender import MovieFilter, MovieRecommender
from cinefold.serving.training import load_or_train

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cinefold.datasets import DatasetSpec, MovieData
    from cinefold.profiles import Profile, ProfileStore

Dataset = Annotated[
    str, typer.Option(help="The data set: one that [bold]cinefold data list[/bold] names.")
]
DataPath = Annotated[
    Path | None,
    typer.Option(
        "--path",
        exists=True,
        help="A folder or zip file with the data set, instead of the downloaded one.",
    ),
]
ModelFile = Annotated[
    Path | None,
    typer.Option(
        "--model",
        exists=True,
        dir_okay=False,
        help="A model that [bold]cinefold train --output[/bold] wrote; without it, the default "
        "model, trained on all ratings when first needed and kept.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs, instead of tables.")
]
Length = Annotated[int, typer.Option("-k", min=1, help="Movies to list.")]


def _range(text: str, what: str, kind: type, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
    """The ends of a range such as 1980-1999, 1980-, -1999 or 1994; `bounds` where one is open."""
    match = re.fullmatch(r"\s*([\d.]+)?\s*(-)?\s*([\d.]+)?\s*", text)
    first, dash, last = match.groups() if match else (None, None, None)
    try:
        if (first, last) == (None, None) or (first and last and not dash):
            raise ValueError
        ends = first, last if dash else first
        low, high = (
            bound if end is None else kind(end) for end, bound in zip(ends, bounds, strict=True)
        )
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a range of {what}") from None
    return low, high


_YEARS = "years such as 1980-1999, 1980-, -1999 or 1994"
Genres = Annotated[
    list[str] | None, typer.Option("--genre", help="Only movies with this genre (or these).")
]
NotGenres = Annotated[
    list[str] | None, typer.Option("--exclude-genre", help="No movies with this genre (or these).")
]
Years = Annotated[
    Any,
    typer.Option(
        parser=lambda text: _range(text, _YEARS, int, (None, None)),
        metavar="YEARS",
        help="Only movies of 1980-1999, 1980-, -1999 or 1994.",
    ),
]
Popularity = Annotated[
    Any,
    typer.Option(
        parser=lambda text: _range(text, "percentiles such as 0-50", float, (0.0, 100.0)),
        metavar="PERCENTILES",
        help="Only movies this often rated: 0-50 is the less known half, 90-100 the hits.",
    ),
]
Adventure = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="From 0, what most people like you watch, to 1, less known movies."
    ),
]
MinRatings = Annotated[int, typer.Option(min=0, help="Only movies with at least so many ratings.")]


def movie_filter(
    genres: list[str] | None,
    exclude_genres: list[str] | None,
    years: Any,
    popularity: Any,
    min_ratings: int,
) -> MovieFilter:
    """The filter that the options describe."""
    return MovieFilter(
        genres=tuple(genres or ()),
        exclude_genres=tuple(exclude_genres or ()),
        years=years,
        popularity=popularity or (0.0, 100.0),
        min_ratings=min_ratings,
    )


def check_folder(file: Path | None, option: str) -> None:
    """Complain before work begins that its result could not be written."""
    if file is not None and not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"{option}: there is no folder {file.absolute().parent}")
    if file is not None and file.is_dir():
        raise typer.BadParameter(f"{option}: {file} is a folder; name a file in it")


def known_dataset(name: str) -> DatasetSpec:
    """The data set called `name`, which the user typed."""
    try:
        return dataset_info(name)
    except DatasetError as error:
        raise typer.BadParameter(str(error)) from None


def open_data(dataset: str, path: Path | None) -> MovieData:
    """The data set, fetched if it must be; or the file that the command's --data gave."""
    own = own_data.chosen()
    if own is not None:
        return own.load()
    known_dataset(dataset)
    return load_movielens(dataset, path=path, progress=settings.progress)


def open_recommender(dataset: str, path: Path | None, model: Path | None) -> MovieRecommender:
    """The data set with the model in the file, or with the default model."""
    data = open_data(dataset, path)
    if model is not None:
        return MovieRecommender(data, WeightedMatrixFactorization.load(model))
    run = load_or_train(data, progress=settings.progress)
    return MovieRecommender(data, run.model, run.stars)


def open_store() -> ProfileStore:
    """The database of profiles, whose requirements may be missing."""
    try:
        from cinefold.profiles import ProfileStore
    except ModuleNotFoundError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    return ProfileStore()


@contextmanager
def open_profile(dataset: str, name: str) -> Iterator[tuple[ProfileStore, Profile]]:
    """The database, and the profile called `name` in it."""
    with open_store() as store:
        yield store, saved_profile(store, dataset, name)


def saved_profile(store: ProfileStore, dataset: str, name: str) -> Profile:
    """The profile called `name`, which the user typed."""
    found = store.find(dataset, name)
    if found is None:
        others = ", ".join(profile.name for profile in store.profiles(dataset)[:10])
        there = f"; there are: {others}" if others else ", nor any other"
        raise typer.BadParameter(f"{dataset} has no profile {name!r}{there}")
    return found


def user_id(text: str, data: MovieData) -> Any:
    """The user id that was typed, as the data has it."""
    ids = data.interactions.user_ids
    if ids.dtype.kind != "i":
        return text
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(
            f"--user takes a whole number from {ids[0]} to {ids[-1]}, not {text!r}"
        ) from None


def say_if_short(n_found: int, k: int) -> None:
    """Why there are fewer movies than were asked for."""
    if n_found < k:
        say(f"{n_found or 'No'} movie{'' if n_found == 1 else 's'} passed the filters.")
