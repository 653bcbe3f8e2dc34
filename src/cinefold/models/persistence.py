"""A model as one safetensors file: arrays, and a JSON header; nothing in it is ever executed.

Files are read, not mapped into memory: one that another process cuts off or overwrites meanwhile is
an error, and not the end of this one.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np

from cinefold.als.backend import FixedSide, gram_matrix
from cinefold.als.factors import Biases, Factors
from cinefold.als.iterations import available_threads
from cinefold.als.objective import Objective, PairWeights, Target
from cinefold.interactions.column_values import finite
from cinefold.interactions.splits import seed_from
from cinefold.interactions.tensor_files import (
    DTYPES,
    interactions_of,
    rating_tensors,
    read_tensors,
    write_tensors,
)
from cinefold.models import checks
from cinefold.models.fitted import Fitted
from cinefold.models.scaled_parameters import objective_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from cinefold.interactions import Interactions
    from cinefold.interactions.tensor_files import Arrays

_Model = TypeVar("_Model")

FORMAT = "cinefold-model"
FORMAT_VERSION = 2
_CHECKSUM = "sha256"
_TEXTS = {
    *("format", "format_version", "parameters", "objective", "history", "best_iteration"),
    *("stop_reason", _CHECKSUM),
}
_LONGEST_MESSAGE = 300
# The types that each array may have, and its shape, of sizes that are the same wherever they occur.
_LAYOUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "user_factors": ("F32", ("users", "factors")),
    "item_factors": ("F32", ("items", "factors")),
    "item_spectrum": ("F64", ("factors",)),
    "user_weight_roots": ("F32", ("users",)),
    "item_weight_roots": ("F32", ("items",)),
    "biases.mean": ("F64", ("one",)),
    "biases.baseline": ("F32", ("items",)),
    "biases.direction": ("F32", ("factors",)),
    "ratings.offsets": ("I64", ("users and the end",)),
    "ratings.items": ("I32 I64", ("ratings",)),
    "ratings.values": ("F32", ("ratings",)),
    "ratings.weights": ("F32", ("ratings",)),
    "user_ids": ("I32 I64 U8", ("users, or bytes of their ids",)),
    "user_ids.offsets": ("I64", ("users and the end",)),
    "item_ids": ("I32 I64 U8", ("items, or bytes of their ids",)),
    "item_ids.offsets": ("I64", ("items and the end",)),
}
_ROOTS = ("user_weight_roots", "item_weight_roots")
_OPTIONAL = {"ratings.weights", "user_ids.offsets", "item_ids.offsets", *_ROOTS}
_BIASES = {"biases.mean", "biases.baseline", "biases.direction"}
# Of the largest eigenvalue: how far V'V may be from its stored diagonal by rounding to float32.
_GRAM_TOLERANCE = 1e-3
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_RECORDED = ("iteration", "objective", "train_rmse", "seconds")


def save(path: Path, fitted: Fitted) -> None:
    """Write a fitted model to `path`, in one step."""
    factors = fitted.factors
    tensors: dict[str, NDArray[Any]] = {
        "user_factors": factors.users,
        "item_factors": factors.items.factors,
        "item_spectrum": factors.items.spectrum,
        **rating_tensors(fitted.interactions),
    }
    if factors.pair_weights is not None:
        roots = factors.pair_weights.users, factors.pair_weights.items
        tensors |= dict(zip(_ROOTS, roots, strict=True))
    if factors.biases is not None:
        tensors["biases.mean"] = np.array([factors.biases.mean])
        tensors["biases.baseline"] = factors.biases.baseline
        tensors["biases.direction"] = factors.biases.direction
    header = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "parameters": _json(fitted.parameters),
        "objective": _json(fitted.objective and asdict(fitted.objective)),
        "history": _json(fitted.history),
        "best_iteration": str(fitted.best_iteration),
        "stop_reason": fitted.stop_reason,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    header[_CHECKSUM] = _checksum(header, arrays)
    write_tensors(path, header, arrays)


def load(path: Path, make: Callable[..., _Model]) -> tuple[_Model, Fitted]:
    """Read and check a file that `save` wrote: a model of its parameters, and what a fit left.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is not such a file, is damaged, or has a newer format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}")
    try:
        header, arrays = read_tensors(path)
        if header.get("format") != FORMAT:
            raise ValueError("its format is another")
        version = header.get("format_version", "")
        if not version.isdecimal() or int(version) > FORMAT_VERSION:
            raise ValueError(
                f"it has model format {version!r:.20}, and this version of Cinefold reads formats "
                f"up to {FORMAT_VERSION}: update it"
            )
        if unknown := header.keys() - _TEXTS:
            raise ValueError(f"it tells {min(unknown)!r:.50}, which this version does not know")
        if header.get(_CHECKSUM, checksum := _checksum(header, arrays)) != checksum:
            raise ValueError("its checksum does not match its content")
        parameters = json.loads(header["parameters"])
        if parameters.get("solver") == "cholesky":  # as "exact" was called
            parameters["solver"] = "exact"
        if isinstance(parameters.get("degree_exponent"), list):
            parameters["degree_exponent"] = tuple(parameters["degree_exponent"])
        model = make(**parameters)
        checks.parameters(model)
        seed_from(parameters.get("random_state"))
        fitted = _fitted(header, arrays, model, parameters)
        if fitted.objective is None and fitted.interactions.n_ratings:
            fitted = replace(fitted, objective=objective_for(model, fitted.interactions))
    except _DAMAGE as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        if len(reason) > _LONGEST_MESSAGE:
            reason = f"{reason[:_LONGEST_MESSAGE]} ..."
        raise ValueError(f"{path} is not a Cinefold model or is damaged: {reason}") from error
    if _CHECKSUM not in header:
        warnings.warn(
            f"{path} is of an earlier version of Cinefold and has no checksum, so that damage may "
            "go unnoticed; saving the model again adds one",
            stacklevel=3,
        )
    return model, fitted


def _checksum(texts: dict[str, str], arrays: Arrays) -> str:
    """SHA-256 of all that a file says, in hexadecimal."""
    told = {name: text for name, text in texts.items() if name != _CHECKSUM}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _fitted(
    header: dict[str, str], arrays: Arrays, model: Any, parameters: dict[str, Any]
) -> Fitted:
    """Everything but the parameters; each value is checked, against the others as well."""
    optional = _OPTIONAL if model.biases else _OPTIONAL | _BIASES
    if missing := _LAYOUT.keys() - optional - arrays.keys():
        raise ValueError(f"there is no {min(missing)}")
    sizes = {"one": 1}
    if model.n_factors != "scale":
        sizes["factors"] = model.n_factors + bool(model.biases)
    for name, array in arrays.items():
        if name not in _LAYOUT:
            raise ValueError(f"{name!r:.50} is no array of a model")
        types, axes = _LAYOUT[name]
        if array.dtype.str not in (DTYPES[t] for t in types.split()):
            raise ValueError(f"{name} must be {types.replace(' ', ' or ')}, not {array.dtype}")
        expected = [sizes.setdefault(*pair) for pair in zip(axes, array.shape, strict=False)]
        if len(axes) != array.ndim or tuple(expected) != array.shape:
            raise ValueError(f"{name} has shape {array.shape}, not {' x '.join(axes)} {expected}")
        if array.dtype.kind == "f":
            finite(array, name)
    history, best = _history(header["history"]), int(header["best_iteration"])
    if not min(1, len(history)) <= best <= len(history):
        raise ValueError(f"its best iteration is {best} of {len(history)}")
    interactions = interactions_of(arrays)
    return Fitted(
        parameters,
        interactions,
        _objective(json.loads(header.get("objective", "null"))),
        _factors(arrays, bool(model.biases), interactions),
        history,
        best,
        header["stop_reason"],
    )


def _objective(values: dict[str, Any] | None) -> Objective | None:
    if values is None:
        return None
    objective = Objective(**values)
    for name in values.keys() - {"target"}:
        checks.number(name, getattr(objective, name))
    checks.choice("target", objective.target, get_args(Target))
    return objective


def _factors(arrays: Arrays, has_biases: bool, interactions: Interactions) -> Factors:
    users, items, spectrum = (
        arrays[name] for name in ("user_factors", "item_factors", "item_spectrum")
    )
    if (len(users), len(items)) != interactions.by_user.shape:
        raise ValueError(
            f"factors of {len(users)} users and {len(items)} items do not fit {interactions!r}"
        )
    n_threads = available_threads(None)
    factors = FixedSide.in_eigenbasis(items, spectrum, n_threads)
    unlike = np.abs(gram_matrix(items, n_threads) - np.diag(spectrum)).max()
    if not (unlike <= _GRAM_TOLERANCE * spectrum[0] and (np.diff(spectrum, append=0) <= 0).all()):
        raise ValueError("item_spectrum does not belong to item_factors")
    with np.errstate(over="ignore"):
        finite(np.einsum("ij,ij->i", users, users), "squared lengths of user_factors")
    if not has_biases:
        return Factors(users, factors, pair_weights=_pair_weights(arrays))
    mean, baseline, direction = (
        arrays[f"biases.{name}"] for name in ("mean", "baseline", "direction")
    )
    if not direction.any():
        raise ValueError("biases.direction must not be 0")
    return Factors(users, factors, Biases(float(mean[0]), baseline, direction))


def _pair_weights(arrays: Arrays) -> PairWeights | None:
    roots = [arrays[name] for name in _ROOTS if name in arrays]
    if not roots:
        return None
    if len(roots) < len(_ROOTS) or min(roots[0].min(), roots[1].min()) <= 0:
        raise ValueError("weights of users and items must both be there and above 0")
    return PairWeights(*roots)


def _history(text: str) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = json.loads(text)
    for number, record in enumerate(history, 1):
        values = [record[name] for name in _RECORDED]
        if record["iteration"] != number or not all(isinstance(v, int | float) for v in values):
            raise ValueError(f"its history is wrong at iteration {number}")
    return history


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.random.Generator | np.random.RandomState):
        return None  # the next fit differs as well
    raise TypeError(f"{value!r} cannot be saved with a model")
