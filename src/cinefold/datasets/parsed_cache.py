"""Parsed data sets, kept: the next start maps them into memory instead of reading text."""

from __future__ import annotations

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
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
_COLUMNS = ("id", "title", "year", "imdb_id", "tmdb_id")
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
        known, genres, *columns = json.loads(arrays.pop("movies").tobytes())
        named = [tuple(names) for names in known]
        ids, titles, years, *other_ids = columns
        each = zip(ids, titles, years, [named[n] for n in genres], *other_ids, strict=True)
        return interactions_of(arrays), [Movie(*values) for values in each]
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"it is damaged: {error!r}") from error


def _save(parsed: Parsed, file: Path, identity: str) -> Parsed | None:
    """Of a large one, what is kept: it need not be in memory."""
    interactions, movies = parsed
    if interactions.n_ratings < FEWEST_RATINGS:
        return None
    tensors = rating_tensors(interactions, timestamps=True)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    # By column, and the genres by number, so that reading them makes few objects.
    numbers: dict[tuple[str, ...], int] = {}
    genres = [numbers.setdefault(movie.genres, len(numbers)) for movie in movies]
    columns = [[getattr(movie, name) for movie in movies] for name in _COLUMNS]
    described = json.dumps([[*numbers], genres, *columns]).encode()
    arrays["movies"] = np.frombuffer(described, np.uint8)
    texts = {"format": _FORMAT, "identity": identity, "crc32": _checksums(arrays)}
    write_tensors(file, texts, arrays)
    return _load(file, identity)


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
