"""Cinefold: movie recommendations by exact weighted alternating least squares."""

from importlib.metadata import PackageNotFoundError, version

from cinefold.datasets import MovieCatalog, MovieData, load_movielens, load_ratings
from cinefold.diagnostics import show_versions
from cinefold.interactions import Interactions, UnknownIdError
from cinefold.model import WeightedMatrixFactorization

try:
    __version__ = version("cinefold")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Interactions",
    "MovieCatalog",
    "MovieData",
    "UnknownIdError",
    "WeightedMatrixFactorization",
    "load_movielens",
    "load_ratings",
    "show_versions",
]
