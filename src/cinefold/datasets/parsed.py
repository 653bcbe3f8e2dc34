"""Parsed data sets, kept: the next start maps them into memory instead of reading text."""

from __future__ import annotations

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold._cache import cached
from cinefold.datasets.movies import Movie
from cinefold.interactions.tensor_files import (
    interactions_of,
    rating_tensors,
    read_tensors,
    write_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cinefold.interactions import Interactions
    from cinefold.interactions.tensor_files import Arrays

    Parsed = tuple[Interactions, list[Movie]]

FEWEST_RATINGS = 1_000_000
"""Fewer are read as fast as they were kept."""
_FORMAT = "cinefold-data 1"
_BLOCK = 16 << 20


def kept_file(folder: Path, name: str, source: Path) -> Path:
    """Where the data set read from `source`, a zip file or folder, is kept."""
    place = hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:12]
    return folder / "parsed" / f"{name}-{place}.safetensors"


def is_kept(file: Path, identity: str) -> bool:
    """Whether `file` is there, and was made from files of this identity."""
    try:
        return read_tensors(file, mapped=True)[0].get("identity") == identity
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        return False


def load_or_parse(file: Path, identity: str, parse: Callable[[], Parsed]) -> Parsed:
    """What `file` keeps of the source files of this identity, or parsed now and kept.

    An entry of other files, as after an update, is replaced; there is one for each source.
    """
    return cached(
        file,
        load=lambda file: _load(file, identity),
        make=parse,
        save=lambda parsed, file: _save(parsed, file, identity),
    )


def _load(file: Path, identity: str) -> Parsed:
    try:
        texts, arrays = read_tensors(file, mapped=True)
        if (texts["format"], texts["identity"]) != (_FORMAT, identity):
            raise FileNotFoundError(f"{file} was made from other files")
        if texts["crc32"] != _checksums(arrays):
            raise ValueError("its checksums do not match its content")
        described = json.loads(arrays.pop("movies").tobytes())
        movies = [Movie(i, title, year, tuple(g), *ids) for i, title, year, g, *ids in described]
        timestamps = arrays.pop("ratings.timestamps", None)
        return replace(interactions_of(arrays), timestamps=timestamps), movies
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"it is damaged: {error!r}") from error


def _save(parsed: Parsed, file: Path, identity: str) -> None:
    interactions, movies = parsed
    if interactions.n_ratings < FEWEST_RATINGS:
        return
    arrays = {name: np.ascontiguousarray(a) for name, a in rating_tensors(interactions).items()}
    if interactions.timestamps is not None:
        arrays["ratings.timestamps"] = interactions.timestamps
    described = json.dumps([astuple(movie) for movie in movies]).encode()
    arrays["movies"] = np.frombuffer(described, np.uint8)
    texts = {"format": _FORMAT, "identity": identity, "crc32": _checksums(arrays)}
    write_tensors(file, texts, arrays)


def _checksums(arrays: Arrays) -> str:
    """CRC-32 of every block of every array, by all cores: damage is found, and at little cost."""
    blocks: list[Any] = []
    for _, array in sorted(arrays.items()):
        content = array.reshape(-1).view(np.uint8).data
        blocks += [content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK)]
    with ThreadPoolExecutor() as threads:
        found = np.array([*threads.map(zlib.crc32, blocks)], np.uint32)
    layout = [(name, array.dtype.str, array.shape) for name, array in sorted(arrays.items())]
    return f"{zlib.crc32(repr(layout).encode(), zlib.crc32(found.tobytes())):08x}"
