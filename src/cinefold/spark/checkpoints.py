"""Where a fit stands, in a folder that outlives it."""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from cinefold.spark.packing import setting
from cinefold.spark.tasks.records import RESULT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LOGGER = logging.getLogger(__name__)
_OPEN_FILES = "spark.sql.maxConcurrentOutputFileWriters"
_IGNORE_METADATA = "spark.sql.streaming.fileStreamSink.ignoreMetadata"


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
        self._slots: set[int] = set()  # that have a checkpoint of this fit
        self._newest = 0

    def last(self) -> dict[str, Any] | None:
        """The state last written for this fit."""
        try:
            # Spark would warn, a hundred lines long, of a folder that is not there yet.
            with setting(self._spark, _IGNORE_METADATA, "true"):
                lines = self._spark.read.text(f"{self._folder}/checkpoint-[01]").collect()
        except AnalysisException:  # there is none
            return None
        states = [state for line in lines if (state := _parsed(line[0]))]
        own = [state for state in states if state["fit"] == self._fit]
        if len(own) < len(states):
            _LOGGER.warning("%s has a checkpoint of another fit: not gone on from", self._folder)
        self._slots = {state["slot"] for state in own}
        newest = max(own, key=lambda state: len(state["history"]), default=None)
        self._newest = newest["slot"] if newest else 0
        return newest

    def write(self, state: dict[str, Any]) -> None:
        slot = 1 - self._newest
        self._write(slot, json.dumps({"fit": self._fit, "slot": slot, **state}, default=float))
        self._newest = slot
        self._slots.add(slot)

    def clear(self) -> None:
        """A fit that is finished is not gone on with."""
        for slot in self._slots:
            self._write(slot, "")

    def _write(self, slot: int, text: str) -> None:
        lines = self._spark.createDataFrame([(text,)], "value string")
        lines.coalesce(1).write.mode("overwrite").text(f"{self._folder}/checkpoint-{slot}")


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(line)
    except ValueError:  # cleared, or cut off
        return None
    return state


class FactorFolders:
    """The folders in which a fit stores factors: data frames delete none, but write them again.

    They are tables too, in buckets, by which Spark knows where the rows of each block are: it joins
    them with blocks without a shuffle.
    """

    def __init__(self, spark: SparkSession, folder: str | None) -> None:
        self._spark = spark
        self.state: dict[str, Any] = {"folder": folder, "n_folders": 0}
        self._unneeded: set[str] = set()
        self._tables: dict[str, str] = {}  # by folder

    def _all(self) -> list[str]:
        return [f"{self.state['folder']}/factors-{at}" for at in range(self.state["n_folders"])]

    def resume(self, state: dict[str, Any]) -> None:
        """Go on with the folders of a fit that was cut off, which said so in a checkpoint."""
        self.state = {name: state[name] for name in self.state}

    def write(self, factors: DataFrame, n_blocks: int | None = None) -> str:
        """Into a folder that nobody needs any more, or a new one; return which."""
        if not self._unneeded:
            self.state["n_folders"] += 1
        path = self._unneeded.pop() if self._unneeded else self._all()[-1]
        # A relative path of a table would begin at another folder.
        if n_blocks and re.match(r"/|\w+:", path):
            table = f"cinefold_{sha256(path.encode()).hexdigest()[:32]}"
            # No task has two buckets to sort. Where no catalog takes the table, rows are shuffled.
            with suppress(AnalysisException), setting(self._spark, _OPEN_FILES, 1):
                writer = factors.write.mode("overwrite").bucketBy(n_blocks, "key")
                writer.option("path", path).saveAsTable(table)
                self._tables[path] = table
                return path
        factors.write.mode("overwrite").parquet(path)
        return path

    def read(self, path: str) -> DataFrame:
        if path in self._tables:
            return self._spark.table(self._tables[path])
        return self._spark.read.schema(RESULT).parquet(path)

    def keep(self, paths: set[str]) -> None:
        """Nobody needs the others."""
        self._unneeded = {*self._all()} - paths

    def empty_others(self, paths: set[str]) -> None:
        """Give back the disk of all but these."""
        for path in {*self._all()} - paths:
            self._spark.createDataFrame([], RESULT).write.mode("overwrite").parquet(path)

    def drop_tables(self) -> None:
        """What is in the folders stays."""
        for path in [*self._tables]:
            self._spark.sql(f"DROP TABLE {self._tables.pop(path)}")


def paths_of(*sides: Any) -> set[str]:
    """Where factors, fixed or not, are stored, if they are."""
    paths = (getattr(getattr(side, "rows", side), "path", None) for side in sides)
    return {path for path in paths if path is not None}
