"""A model as one safetensors file: arrays, and a JSON header; nothing in it is ever executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cinefold._files import beside
from cinefold.als.factors import Biases
from cinefold.interactions import Interactions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = "cinefold-model"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SavedModel:
    """Everything that a file holds."""

    parameters: dict[str, Any]
    user_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    item_spectrum: NDArray[np.float64]
    biases: Biases | None
    interactions: Interactions
    history: list[dict[str, Any]]
    best_iteration: int
    stop_reason: str


def save(path: Path, model: SavedModel) -> None:
    """Write `model` to `path`, whole or not at all."""
    tensors: dict[str, NDArray[Any]] = {
        "user_factors": model.user_factors,
        "item_factors": model.item_factors,
        "item_spectrum": model.item_spectrum,
        **_rating_tensors(model.interactions),
    }
    if model.biases is not None:
        tensors["biases.mean"] = np.array([model.biases.mean])
        tensors["biases.baseline"] = model.biases.baseline
        tensors["biases.direction"] = model.biases.direction
    header = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "parameters": json.dumps(model.parameters),
        "history": json.dumps(model.history),
        "best_iteration": str(model.best_iteration),
        "stop_reason": model.stop_reason,
    }
    _write(path, tensors, header)


def _write(path: Path, tensors: dict[str, NDArray[Any]], header: dict[str, str]) -> None:
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    temporary = beside(path)
    try:
        temporary.touch()
        mode = temporary.stat().st_mode  # as the umask has it; safetensors makes files private
        _save_file(arrays, temporary, header)
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _save_file(arrays: dict[str, NDArray[Any]], path: Path, header: dict[str, str]) -> None:
    try:
        save_file(arrays, path, metadata=header)
    except SafetensorError as error:  # as when the disk is full
        raise OSError(f"{path} could not be written: {error}") from error


def load(path: Path) -> SavedModel:
    """Read and check a file that `save` wrote.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is not such a file, is damaged, or has a newer format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}")
    try:
        header, tensors = _read(path)
        _check_header(path, header)
        return _model(header, tensors)
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a Cinefold model or is damaged: {error}") from error


def _read(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return file.metadata() or {}, tensors


def _check_header(path: Path, header: dict[str, str]) -> None:
    if header.get("format") != FORMAT:
        raise ValueError(f"{path} is a safetensors file, but not a Cinefold model")
    version = header.get("format_version", "")
    if not version.isdecimal() or int(version) > FORMAT_VERSION:
        raise ValueError(
            f"{path} has model format {version!r}; this version of Cinefold reads formats up to "
            f"{FORMAT_VERSION}: update it"
        )


def _model(header: dict[str, str], tensors: dict[str, NDArray[Any]]) -> SavedModel:
    interactions = _interactions(tensors)
    model = SavedModel(
        json.loads(header["parameters"]),
        tensors["user_factors"],
        tensors["item_factors"],
        tensors["item_spectrum"],
        _biases(tensors),
        interactions,
        json.loads(header["history"]),
        int(header["best_iteration"]),
        header["stop_reason"],
    )
    d = len(model.item_spectrum)
    shapes = model.user_factors.shape, model.item_factors.shape
    n_users, n_items = interactions.n_users, interactions.n_items
    if shapes != ((n_users, d), (n_items, d)):
        raise ValueError(
            f"factors of shapes {shapes} do not fit {n_users} users, "
            f"{n_items} items and {d} factors"
        )
    biases = model.biases
    if biases and (biases.baseline.shape, biases.direction.shape) != ((n_items,), (d,)):
        raise ValueError(f"the biases do not fit {n_items} items and {d} factors")
    return model


def _biases(tensors: dict[str, NDArray[Any]]) -> Biases | None:
    if "biases.mean" not in tensors:
        return None
    baseline, direction = tensors["biases.baseline"], tensors["biases.direction"]
    return Biases(float(tensors["biases.mean"][0]), baseline, direction)


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
    matrix = sp.csr_array(
        (tensors["ratings.values"], tensors["ratings.items"], tensors["ratings.offsets"]),
        shape=(len(user_ids), len(item_ids)),
    )
    return Interactions.from_sparse(
        matrix, user_ids=user_ids, item_ids=item_ids, weights=tensors.get("ratings.weights")
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
