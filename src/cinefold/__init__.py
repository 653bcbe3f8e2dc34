"""Cinefold: movie recommendations by exact weighted alternating least squares."""

from __future__ import annotations

from cinefold import _deprecated

TYPE_CHECKING = False  # that of typing takes long to load, and Ctrl-C is to be heard soon
if TYPE_CHECKING:
    from typing import Any

    from cinefold._show_versions import show_versions
    from cinefold._version import __version__
    from cinefold.datasets import MovieCatalog, MovieData, load_movielens, load_ratings
    from cinefold.interactions import Interactions, UnknownIdError
    from cinefold.models import WeightedMatrixFactorization

__all__ = [
    "Interactions",
    "MovieCatalog",
    "MovieData",
    "UnknownIdError",
    "WeightedMatrixFactorization",
    "__version__",
    "load_movielens",
    "load_ratings",
    "show_versions",
]

# Loaded when first asked for, so that the command line can hear Ctrl-C before NumPy and SciPy load.
_HOMES = {
    "__version__": "_version",
    "Interactions": "interactions",
    "MovieCatalog": "datasets",
    "MovieData": "datasets",
    "UnknownIdError": "interactions",
    "WeightedMatrixFactorization": "models",
    "load_movielens": "datasets",
    "load_ratings": "datasets",
    "show_versions": "_show_versions",
}
_deprecated.install()


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _HOMES.values() or f"{__name__}.{name}" in _deprecated.MODULES:
        found = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
