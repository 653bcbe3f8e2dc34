"""Where a fit stands, in a folder that outlives it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOGGER = logging.getLogger(__name__)


class Checkpoints:
    """The last two checkpoints of a fit: one is complete while the other is written.

    Parameters
    ----------
    spark : SparkSession
    folder : str
        That the driver and all executors reach.
    fit : str
        What tells this fit from others: a checkpoint of another is not gone on from.
    """

    def __init__(self, spark: SparkSession, folder: str, fit: str) -> None:
        self._spark, self._folder, self._fit = spark, folder, fit

    def _path(self, slot: int) -> str:
        return f"{self._folder}/checkpoint-{slot}"

    def last(self) -> dict[str, Any] | None:
        """The state last written for this fit."""
        found = [state for slot in (0, 1) if (state := self._read(slot))]
        return max(found, key=lambda state: len(state["history"]), default=None)

    def _read(self, slot: int) -> dict[str, Any] | None:
        try:
            line = self._spark.read.text(self._path(slot)).first()
            state: dict[str, Any] = json.loads(line[0]) if line else {}
        except (AnalysisException, ValueError):  # none, or one that was cut off
            return None
        if state and state["fit"] != self._fit:
            _LOGGER.warning("%s is of another fit: not gone on from", self._path(slot))
            return None
        return state or None

    def write(self, state: dict[str, Any]) -> None:
        text = json.dumps({"fit": self._fit, **state}, default=float)
        self._write(len(state["history"]) % 2, text)

    def clear(self) -> None:
        """A fit that is finished is not gone on with."""
        for slot in (0, 1):
            self._write(slot, "")

    def _write(self, slot: int, text: str) -> None:
        lines = self._spark.createDataFrame([(text,)], "value string")
        lines.coalesce(1).write.mode("overwrite").text(self._path(slot))
