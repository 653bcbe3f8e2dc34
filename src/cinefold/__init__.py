"""Cinefold: movie recommendations by exact weighted alternating least squares."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

# Loaded when first asked for, so that the command line can hear Ctrl-C before NumPy and SciPy load.
_HOMES = {
    "Interactions": "interactions",
    "MovieCatalog": "datasets",
    "MovieData": "datasets",
    "UnknownIdError": "interactions",
    "WeightedMatrixFactorization": "model",
    "load_movielens": "datasets",
    "load_ratings": "datasets",
    "show_versions": "diagnostics",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _HOMES.values():
        found = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
