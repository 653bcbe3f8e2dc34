"""A model as one safetensors file: arrays, and a JSON header; nothing in it is ever executed."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cinefold._files import replace_file
from cinefold.als.backend import FixedSide
from cinefold.als.factors import Biases, Factors
from cinefold.als.iterations import available_threads
from cinefold.als.objective import Objective, PairWeights
from cinefold.interactions import Interactions
from cinefold.interactions.ids import rising
from cinefold.models.fitted import Fitted

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = "cinefold-model"
FORMAT_VERSION = 1


def save(path: Path, parameters: dict[str, Any], fitted: Fitted) -> None:
    """Write a fitted model with these parameters to `path`, in one step."""
    factors = fitted.factors
    tensors: dict[str, NDArray[Any]] = {
        "user_factors": factors.users,
        "item_factors": factors.items.factors,
        "item_spectrum": factors.items.spectrum,
        **_rating_tensors(fitted.interactions),
    }
    if factors.pair_weights is not None:
        tensors["user_weight_roots"] = factors.pair_weights.users
        tensors["item_weight_roots"] = factors.pair_weights.items
    if factors.biases is not None:
        tensors["biases.mean"] = np.array([factors.biases.mean])
        tensors["biases.baseline"] = factors.biases.baseline
        tensors["biases.direction"] = factors.biases.direction
    header = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "parameters": _json(parameters),
        "objective": _json(fitted.objective and asdict(fitted.objective)),
        "history": _json(fitted.history),
        "best_iteration": str(fitted.best_iteration),
        "stop_reason": fitted.stop_reason,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    try:
        with replace_file(path) as new:
            save_file(arrays, new, metadata=header)
    except SafetensorError as error:  # as when the disk is full
        raise OSError(f"{path} could not be written: {error}") from error


def load(path: Path) -> tuple[dict[str, Any], Fitted]:
    """Read and check a file that `save` wrote: the model's parameters, and what a fit left.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is not such a file, is damaged, or has a newer format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
        _check_header(path, header)
        parameters: dict[str, Any] = {**json.loads(header["parameters"])}
        if parameters.get("solver") == "cholesky":  # as "exact" was called
            parameters["solver"] = "exact"
        if isinstance(parameters.get("degree_exponent"), list):
            parameters["degree_exponent"] = tuple(parameters["degree_exponent"])
        return parameters, _fitted(header, tensors)
    except (SafetensorError, LookupError, TypeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not a Cinefold model or is damaged: {error}") from error


def _check_header(path: Path, header: dict[str, str]) -> None:
    if header.get("format") != FORMAT:
        raise ValueError(f"{path} is a safetensors file, but not a Cinefold model")
    version = header.get("format_version", "")
    if not version.isdecimal() or int(version) > FORMAT_VERSION:
        raise ValueError(
            f"{path} has model format {version!r}; this version of Cinefold reads formats up to "
            f"{FORMAT_VERSION}: update it"
        )


def _fitted(header: dict[str, str], tensors: dict[str, NDArray[Any]]) -> Fitted:
    interactions = _interactions(tensors)
    objective = json.loads(header.get("objective", "null"))
    return Fitted(
        interactions,
        Objective(**objective) if objective else None,
        _factors(tensors, interactions),
        json.loads(header["history"]),
        int(header["best_iteration"]),
        header["stop_reason"],
    )


def _factors(tensors: dict[str, NDArray[Any]], interactions: Interactions) -> Factors:
    users, items, spectrum = (
        tensors[name] for name in ("user_factors", "item_factors", "item_spectrum")
    )
    d, n_users, n_items = len(spectrum), interactions.n_users, interactions.n_items
    if (users.shape, items.shape, spectrum.shape) != ((n_users, d), (n_items, d), (d,)):
        raise ValueError(
            f"factors of shapes {users.shape} and {items.shape} do not fit {n_users} users, "
            f"{n_items} items and {d} factors"
        )
    biases = pair_weights = None
    if "user_weight_roots" in tensors:
        pair_weights = PairWeights(tensors["user_weight_roots"], tensors["item_weight_roots"])
        for roots, n in ((pair_weights.users, n_users), (pair_weights.items, n_items)):
            if roots.shape != (n,) or not (np.isfinite(roots) & (roots > 0)).all():
                raise ValueError(f"weights must be {n} finite numbers above 0")
    if "biases.mean" in tensors:
        baseline, direction = tensors["biases.baseline"], tensors["biases.direction"]
        if (baseline.shape, direction.shape) != ((n_items,), (d,)):
            raise ValueError(f"the biases do not fit {n_items} items and {d} factors")
        biases = Biases(float(tensors["biases.mean"][0]), baseline, direction)
    side = FixedSide.in_eigenbasis(items, spectrum, available_threads(None))
    return Factors(users, side, biases, pair_weights)


def _rating_tensors(interactions: Interactions) -> dict[str, NDArray[Any]]:
    ratings = interactions.by_user
    tensors = {
        "ratings.offsets": ratings.indptr.astype(np.int64),
        "ratings.items": ratings.indices,
        "ratings.values": ratings.data,
        **_id_tensors("user_ids", interactions.user_ids),
        **_id_tensors("item_ids", interactions.item_ids),
    }
    if interactions.weights is not None:
        tensors["ratings.weights"] = interactions.weights
    return tensors


def _interactions(tensors: dict[str, NDArray[Any]]) -> Interactions:
    user_ids, item_ids = _ids("user_ids", tensors), _ids("item_ids", tensors)
    if not len(tensors["ratings.values"]) and rising(user_ids) and rising(item_ids):
        none = sp.csr_array((len(user_ids), len(item_ids)), dtype=np.float32)
        return Interactions(user_ids, item_ids, none)
    matrix = sp.csr_array((len(user_ids), len(item_ids)), dtype=np.float32)
    # As they are: scipy's constructor would round and wrap what from_sparse is to refuse.
    matrix.data, matrix.indices = tensors["ratings.values"], tensors["ratings.items"]
    matrix.indptr = tensors["ratings.offsets"]
    weights = tensors.get("ratings.weights")
    return Interactions.from_sparse(
        matrix, user_ids=user_ids, item_ids=item_ids, weights=weights, copy=False
    )


def _id_tensors(name: str, ids: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Integers as they are; strings as UTF-8 bytes and offsets, which safetensors can hold."""
    if ids.dtype.kind == "i":
        return {name: ids}
    encoded = [str(value).encode() for value in ids]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return {name: np.frombuffer(b"".join(encoded), np.uint8), f"{name}.offsets": offsets}


def _ids(name: str, tensors: dict[str, NDArray[Any]]) -> NDArray[Any]:
    offsets = tensors.get(f"{name}.offsets")
    if offsets is None:
        return tensors[name]
    text = tensors[name].tobytes()
    return np.array([text[a:b].decode() for a, b in pairwise(offsets)])


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.random.Generator | np.random.RandomState):
        return None  # the next fit differs as well
    raise TypeError(f"{value!r} cannot be saved with a model")
