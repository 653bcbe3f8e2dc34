"""Options that several commands share, and what they open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from cinefold.cli.console import say, settings
from cinefold.cli.option_groups import INPUT_FILE, option, panel
from cinefold.datasets import (
    DatasetError,
    DatasetSpec,
    MovieData,
    RatingsFile,
    dataset_info,
    load_movielens,
)
from cinefold.interactions import Interactions, UnknownIdError
from cinefold.models import WeightedMatrixFactorization
from cinefold.models.rating_input import only_users
from cinefold.recommender import MovieFilter, MovieRecommender
from cinefold.serving.training import load_or_train

if TYPE_CHECKING:
    from cinefold.profiles import Profile, ProfileStore

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs, instead of tables.")
]

# -- data -----------------------------------------------------------------------------------------

DATASET_HELP = "The data set: one that [bold]cinefold data list[/bold] names."
PATH_HELP = "A folder or zip file with the data set, instead of the downloaded one."
Dataset = Annotated[str, typer.Option(help=DATASET_HELP)]
DataPath = Annotated[Path | None, typer.Option(exists=True, help=PATH_HELP)]


@dataclass
class CatalogueOptions:
    """A data set of the catalogue."""

    dataset: Dataset = "ml-100k"
    path: DataPath = None

    def load(self) -> MovieData:
        """The data set, fetched if it must be."""
        known_dataset(self.dataset)
        return load_movielens(self.dataset, path=self.path, progress=settings.progress)


_own = panel("Your own data")


def _column(role: str, what: str) -> Any:
    text = f"The column of --data with {what}. By default the one with a usual name."
    return _own(text, f"--{role}-column", metavar="NAME")


@dataclass
class DataOptions(CatalogueOptions):
    """A data set of the catalogue, or a file of ratings."""

    data: Path | None = _own(
        "Everybody's ratings in a CSV, TSV or Parquet file with named columns, or a folder of "
        "Parquet files, instead of a data set of the catalogue. Ids are integers or text.",
        **{**INPUT_FILE, "dir_okay": True},
    )
    user_column: str | None = _column("user", "the users' ids")
    item_column: str | None = _column("item", "the movies' ids")
    rating_column: str | None = _column(
        "rating", "ratings; where there is none ('' says so), every row counts as 1"
    )
    timestamp_column: str | None = _column("timestamp", "times: numbers or ISO dates")
    titles: Path | None = _own(
        "The movies of --data: a file with columns for id and title, and if you have them year and "
        "genres.",
        **INPUT_FILE,
    )

    def __post_init__(self) -> None:
        """Build `ratings`: the file to read, None for a data set of the catalogue."""
        columns = self.columns
        self.ratings: RatingsFile | None = None
        if self.data is None:
            about = {f"--{role}-column": name for role, name in columns.items()}
            for option_, value in {**about, "--titles": self.titles}.items():
                if value is not None:
                    raise typer.BadParameter(f"{option_} is about the file that --data gives")
        elif self.path is not None:
            raise typer.BadParameter("give either --data or --path")
        else:
            titles = None if self.titles is None else str(self.titles.resolve())
            self.ratings = RatingsFile(str(self.data.resolve()), **columns, titles=titles)
            self.dataset = self.ratings.name

    @property
    def columns(self) -> dict[str, str | None]:
        """Role -> column, as given."""
        roles = ("user", "item", "rating", "timestamp")
        return {role: getattr(self, f"{role}_column") for role in roles}

    def load(self) -> MovieData:
        """The data set, fetched if it must be, or the file of ratings."""
        return super().load() if self.ratings is None else self.ratings.load()


_MANY_RATINGS = 5_000_000


@dataclass
class SampleOptions:
    """How many users' ratings to use of a large data set."""

    sample_users: int | None = option(
        "Use the ratings of so many users, drawn at random by the seed; 0 takes all. By default, "
        "where there are more than 5 million ratings, as many users as have those.",
        min=0,
    )

    def draw(self, interactions: Interactions, seed: int) -> Interactions:
        """The ratings of the sample, or all; of a sample a line says how large it is."""
        n, asked = interactions.n_users, self.sample_users
        if asked is None:
            asked = max(1, int(n * min(1, _MANY_RATINGS / max(1, interactions.n_ratings))))
        self.sample_users = asked if 0 < asked < n else None
        if self.sample_users is None:
            return interactions
        kept = np.zeros(n, bool)
        kept[np.random.default_rng(seed).choice(n, asked, replace=False)] = True
        sample = only_users(interactions, kept)
        say(
            f"On a sample of {asked:,} of {n:,} users, with {sample.n_ratings:,} of "
            f"{interactions.n_ratings:,} ratings (seed {seed}); --sample-users 0 takes all."
        )
        return sample


def known_dataset(name: str) -> DatasetSpec:
    """The data set called `name`, which the user typed."""
    try:
        return dataset_info(name)
    except DatasetError as error:
        raise typer.BadParameter(str(error)) from None


# -- recommenders ---------------------------------------------------------------------------------

ModelFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="A model that [bold]cinefold train --output[/bold] wrote; without it, the default "
        "model, trained on all ratings when first needed and kept.",
    ),
]


def open_recommender(data: CatalogueOptions, model: Path | None) -> MovieRecommender:
    """The data set with the model in the file, or with the default model."""
    movies = data.load()
    if model is not None:
        return MovieRecommender(movies, WeightedMatrixFactorization.load(model))
    run = load_or_train(movies, progress=settings.progress)
    return MovieRecommender(movies, run.model, run.stars)


def _range(text: str, what: str, kind: type, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
    """The ends of a range such as 1980-1999, 1980-, -1999 or 1994; `bounds` where one is open."""
    ends = text.split("-")
    try:
        if not any(end.strip() for end in ends):
            raise ValueError
        low, high = (
            kind(end) if end.strip() else bound
            for end, bound in zip(ends * 2 if len(ends) == 1 else ends, bounds, strict=True)
        )
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a range of {what}") from None
    return low, high


_YEARS = "years such as 1980-1999, 1980-, -1999 or 1994"


@dataclass
class ListOptions:
    """How long a list of movies is, and which movies it may have."""

    k: int = option("Movies to list.", "-k", default=10, min=1)
    genre: list[str] | None = option("Only movies with this genre (or these).")
    exclude_genre: list[str] | None = option("No movies with this genre (or these).")
    years: Any = option(
        "Only movies of 1980-1999, 1980-, -1999 or 1994.",
        parser=lambda text: _range(text, _YEARS, int, (None, None)),
        metavar="YEARS",
    )
    popularity: Any = option(
        "Only movies this often rated: 0-50 is the less known half, 90-100 the hits.",
        parser=lambda text: _range(text, "percentiles such as 0-50", float, (0.0, 100.0)),
        metavar="PERCENTILES",
    )
    min_ratings: int = option("Only movies with at least so many ratings.", default=0, min=0)

    def __post_init__(self) -> None:
        """Build `filters`, which says what is wrong with them."""
        self.filters = MovieFilter(
            genres=tuple(self.genre or ()),
            exclude_genres=tuple(self.exclude_genre or ()),
            years=self.years,
            popularity=self.popularity or (0.0, 100.0),
            min_ratings=self.min_ratings,
        )


def user_id(text: str, data: MovieData) -> Any:
    """The user id that was typed, as the data has it."""
    ids = data.interactions.user_ids
    written = {str(known): known for known in ids.tolist()}
    asked = text if text in written else text.strip()
    if asked not in written:
        raise UnknownIdError(
            f"unknown user: {text:.60}; the {len(ids):,} users here are from {ids[0]} to {ids[-1]}"
        )
    return written[asked]


# -- profiles and files ---------------------------------------------------------------------------


def open_store() -> ProfileStore:
    """The database of profiles, whose requirements may be missing."""
    from cinefold.profiles import ProfileStore

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
