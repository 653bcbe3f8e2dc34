"""The history of training runs: what was tried, how good it was, and which one is in use."""

from __future__ import annotations

import logging
import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cinefold._files import replace_file
from cinefold.datasets import default_data_dir
from cinefold.serving.training_run import TrainingRun, read_report

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_MOST_RUNS = 50
_ACTIVE = "active"
_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}")


@dataclass(frozen=True)
class RunSummary:
    """What is known of a run without loading its model.

    Attributes
    ----------
    id : str
    finished : datetime
        UTC.
    parameters : dict
    metrics : dict of str to float
    iterations : int
    seconds : float
    """

    id: str
    finished: datetime
    parameters: dict[str, Any]
    metrics: dict[str, float]
    iterations: int
    seconds: float

    @classmethod
    def of(cls, run_id: str, report: Mapping[str, Any]) -> Self:
        """From the run's report."""
        return cls(
            id=run_id,
            finished=datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC),
            parameters=dict(report["parameters"]),
            metrics=dict(report["metrics"]),
            iterations=len(report["history"]),
            seconds=float(report["seconds"]),
        )


class RunHistory:
    """The training runs of a data set, in a folder; processes may share it.

    Parameters
    ----------
    dataset : str
    folder : path, optional
        By default ``runs`` and the data set's name in the data folder.
    """

    def __init__(self, dataset: str, folder: str | Path | None = None) -> None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", dataset)
        self.folder = Path(folder) if folder is not None else default_data_dir() / "runs" / name

    def add(self, run: TrainingRun) -> str:
        """Keep `run`, and return its id; the oldest ones beyond fifty go, but not the active one.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"
        run.save(self.folder / run_id)
        for old in self.ids()[_MOST_RUNS:]:
            if old != self.active:
                self.delete(old)
        return run_id

    def runs(self) -> list[RunSummary]:
        """All runs, the latest first; damaged ones are left out, and the log says why."""
        found = []
        for run_id in self.ids():
            try:
                found.append(RunSummary.of(run_id, read_report(self.folder / run_id)))
            except (OSError, ValueError) as error:
                logger.warning("the run %s cannot be read: %s", run_id, error)
        return found

    def report(self, run_id: str) -> dict[str, Any]:
        """As `TrainingRun.report`, without loading the model.

        Raises
        ------
        OSError, ValueError
            If it is gone or damaged.
        """
        return read_report(self._place(run_id))

    def load(self, run_id: str) -> TrainingRun:
        """The run with its model.

        Raises
        ------
        FileNotFoundError
            If there is none (any more).
        ValueError
            If it is damaged.
        """
        return TrainingRun.load(self._place(run_id))

    def delete(self, run_id: str) -> None:
        """Remove a run; one that is gone already is fine."""
        shutil.rmtree(self._place(run_id), ignore_errors=True)

    @property
    def active(self) -> str | None:
        """The run whose model is to be used; None for the default model."""
        try:
            run_id = (self.folder / _ACTIVE).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return run_id if _ID.fullmatch(run_id) and (self.folder / run_id).is_dir() else None

    def activate(self, run_id: str | None) -> None:
        """Use this run from now on, after restarts too; None goes back to the default model."""
        if run_id is None:
            (self.folder / _ACTIVE).unlink(missing_ok=True)
            return
        place = self._place(run_id)
        if not place.is_dir():
            raise FileNotFoundError(f"there is no run {run_id}")
        with replace_file(self.folder / _ACTIVE) as new:
            new.write_text(run_id, encoding="ascii")

    def ids(self) -> list[str]:
        """Of all runs, damaged ones too, the latest first."""
        if not self.folder.is_dir():
            return []
        names = (entry.name for entry in self.folder.iterdir())
        return sorted(filter(_ID.fullmatch, names), reverse=True)

    def _place(self, run_id: str) -> Path:
        if not _ID.fullmatch(run_id):
            raise ValueError(f"{run_id!r} is not the id of a run")
        return self.folder / run_id
