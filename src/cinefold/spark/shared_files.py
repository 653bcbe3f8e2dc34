"""Arrays that reach each executor once, as a file that its Python workers map into memory."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark import SparkFiles

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

_ALIGNMENT = 64


@dataclass(frozen=True)
class SharedArrays:
    """Arrays in a file of the session; a task opens it under its name.

    Attributes
    ----------
    name : str
    layout : tuple
        Of each array its name, place in the file, shape and type.
    """

    name: str
    layout: tuple[tuple[str, int, tuple[int, ...], str], ...]

    def open(self) -> dict[str, NDArray[Any]]:
        """The arrays, on an executor; read as they are used, and not to be written."""
        path = Path(SparkFiles.get(self.name))
        return {
            name: np.memmap(path, dtype, "r", offset, shape) if 0 not in shape else np.empty(shape)
            for name, offset, shape, dtype in self.layout
        }


class SharedFiles:
    """The files of one fit. Each takes the place of the last, which no task reads any more."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark, self._fit = spark, uuid.uuid4().hex
        self._last: Path | None = None
        self._n_files = 0

    def share(self, **arrays: NDArray[Any]) -> SharedArrays:
        self._n_files += 1
        path = temporary_folder() / f"cinefold-{self._fit}-{self._n_files}"
        layout = []
        with path.open("wb") as file:
            for name, array in arrays.items():
                file.write(bytes(-file.tell() % _ALIGNMENT))
                layout.append((name, file.tell(), array.shape, array.dtype.str))
                file.write(np.ascontiguousarray(array).data)
        self._spark.addArtifacts(str(path), file=True)
        self.forget()
        self._last = path
        return SharedArrays(path.name, tuple(layout))

    def forget(self) -> None:
        """Free the disk of this machine; an executor that joins still finds a file, if empty."""
        if self._last is not None:
            self._last.write_bytes(b"")


@cache
def temporary_folder() -> Path:
    """On this machine, until the process ends."""
    folder = tempfile.mkdtemp(prefix="cinefold-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
