"""Interactions in safetensors files: arrays and texts, of which nothing is ever executed."""

from __future__ import annotations

import json
import math
import mmap
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import save_file

from cinefold._files import replace_file
from cinefold._memory import check_memory
from cinefold.interactions.entries import canonical, weights_of_pattern
from cinefold.interactions.ids import rising
from cinefold.interactions.interactions import Interactions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

DTYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1"}
_LONGEST_HEADER = 1 << 24


def write_tensors(path: Path, texts: dict[str, str], arrays: Arrays) -> None:
    """Write a safetensors file in one step; OSError if that cannot be done."""
    try:
        with replace_file(path) as new:
            save_file(arrays, new, metadata=texts)
    except SafetensorError as error:  # as when the disk is full
        raise OSError(f"{path} could not be written: {error}") from error


def read_tensors(path: Path, *, mapped: bool = False) -> tuple[dict[str, str], Arrays]:
    """The texts and arrays of a safetensors file, of which no more is read than is there.

    With `mapped` the arrays are read-only and stay on the disk: for files that nobody cuts off or
    overwrites in place.

    Raises
    ------
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError
        If it is damaged.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return _read(file, mapped)


def _read(file: BinaryIO, mapped: bool) -> tuple[dict[str, str], Arrays]:
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    n_header = int.from_bytes(start, "little")
    if not 0 < n_header <= min(_LONGEST_HEADER, size - 8):
        if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            raise ValueError("it is JSON, as files of parameters are, which --params takes")
        raise ValueError("it does not begin as a safetensors file does")
    header = json.loads(file.read(n_header).decode())
    texts = header.pop("__metadata__", {})
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its metadata must be texts")
    arrays, begin = {}, 0
    content: Any = None
    if mapped:
        content = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        content = content[8 + n_header :]
    else:
        check_memory(size, "the file")
    for name, stored in sorted(header.items(), key=lambda entry: entry[1]["data_offsets"]):
        dtype, shape = np.dtype(DTYPES[stored["dtype"]]), tuple(stored["shape"])
        n = math.prod(shape)
        end = begin + n * dtype.itemsize
        is_there = stored["data_offsets"] == [begin, end] and end <= size - 8 - n_header
        if min(shape, default=0) < 0 or not is_there:
            raise ValueError(f"the place of {name} in the file is wrong, or the file is cut off")
        array = content[begin:end].view(dtype) if mapped else np.fromfile(file, dtype, n)
        arrays[name] = array.reshape(shape)
        begin = end
    if 8 + n_header + begin != size:
        raise ValueError(f"{size - 8 - n_header - begin} bytes too many are in the file")
    return texts, arrays


def rating_tensors(interactions: Interactions, *, timestamps: bool = False) -> Arrays:
    """What :func:`interactions_of` takes, by name."""
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
    if timestamps and interactions.timestamps is not None:
        tensors["ratings.timestamps"] = interactions.timestamps
    return tensors


def interactions_of(arrays: Arrays) -> Interactions:
    """The interactions in arrays of a file, checked; ValueError says what is wrong with them."""
    user_ids, item_ids = _ids("user_ids", arrays), _ids("item_ids", arrays)
    matrix = sp.csr_array((len(user_ids), len(item_ids)), dtype=np.float32)
    # As they are: scipy's constructor would round and wrap what is to be refused.
    matrix.data, matrix.indices = arrays["ratings.values"], arrays["ratings.items"]
    matrix.indptr = arrays["ratings.offsets"]
    by_user = canonical(matrix, "ratings", copy=False)
    in_order = by_user.indices is matrix.indices  # and not made anew, in order
    if not (in_order or np.array_equal(by_user.indices, matrix.indices)):
        raise ValueError("ratings.items must rise for each user")
    weights = arrays.get("ratings.weights")
    weights = None if weights is None else weights_of_pattern(weights, by_user)
    timestamps = arrays.get("ratings.timestamps")
    return Interactions(user_ids, item_ids, by_user, weights, timestamps)


def _id_tensors(name: str, ids: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Integers as they are; strings as UTF-8 bytes and offsets, which safetensors can hold."""
    if ids.dtype.kind == "i":
        return {name: ids}
    encoded = [value.encode(errors="surrogatepass") for value in ids]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return {name: np.frombuffer(b"".join(encoded), np.uint8), f"{name}.offsets": offsets}


def _ids(name: str, arrays: Arrays) -> NDArray[Any]:
    ids, offsets = arrays[name], arrays.get(f"{name}.offsets")
    if (ids.dtype.kind == "u") != (offsets is not None):
        raise ValueError(f"{name} must be integers, or bytes with offsets")
    if offsets is not None:
        ids = _texts(name, ids.tobytes(), offsets)
    if not rising(ids):
        raise ValueError(f"{name} must rise")
    return ids


def _texts(name: str, content: bytes, offsets: NDArray[np.int64]) -> NDArray[Any]:
    if [*offsets[:1], *offsets[-1:]] != [0, len(content)] or np.diff(offsets).min(initial=0) < 0:
        raise ValueError(f"{name}.offsets must rise from 0 to the {len(content)} bytes of the ids")
    ids = [content[a:b].decode(errors="surrogatepass") for a, b in pairwise(offsets)]
    return np.array(ids, object)
