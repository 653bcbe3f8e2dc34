"""A place for inputs of readers that want a path."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")  # removed when Python ends


def file_of(data: bytes, name: str = "file") -> Path:
    """A file with this content; the next of the same name takes its place."""
    path = Path(_folder().name, name)
    path.write_bytes(data)
    return path
