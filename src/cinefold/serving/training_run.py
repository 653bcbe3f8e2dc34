"""A training run: the model, how it was trained and evaluated, and its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from cinefold._files import read_folder, read_parsed, replace_folder
from cinefold.models import WeightedMatrixFactorization, checks
from cinefold.models.rating_predictor import StarPredictor

_MODEL_FILE, _STARS_FILE, _REPORT_FILE = "model.safetensors", "stars.safetensors", "run.json"
_RUN_FILES = frozenset({_MODEL_FILE, _STARS_FILE, _REPORT_FILE})
_MODELS = ("model", "stars")
_MEASURED = ("validation_rmse", "validation_ndcg_at_10")
_LARGEST = 1e300


@dataclass(frozen=True)
class TrainingRun:
    """A trained model, and how it was trained and evaluated.

    Attributes
    ----------
    model : WeightedMatrixFactorization
        Fitted on the training part of the split; on all ratings if `refitted`.
    stars : StarPredictor or None
        Predicted ratings for `model`; None without a held-out part, or where all ratings are equal.
    history : list of dict
        The learning curve of the model that was measured: its ``history_``; where the target is
        the root, with ``train_rmse_in_stars`` and ``validation_rmse_in_stars`` (of u.v squared).
    metrics : dict of str to float
        Of a model that has not seen the held-out part: ``rmse`` (of the predicted stars, cross-
        validated in halves of the held-out ratings; missing where `stars` is), ``ndcg_at_10`` and
        ``recall_at_10`` (means over users with held-out items, all of which are relevant; items
        rated in training are not ranked). Empty without a held-out part.
    baseline : dict of str to float
        The same metrics of `cinefold.models.Popularity`, fitted on the same training part.
    parameters : dict
        Of the model.
    split : dict
        Arguments of ``Interactions.split`` that reproduce the split: ``method``, ``fraction`` and
        ``random_state``.
    stop_reason : {"converged", "max_iter", "early_stopping", "callback", "interrupted"}
        Why the measured fit ended.
    refitted : bool
        Whether `model` was fitted again, on all ratings, after the measurement.
    seconds : float
        Wall time of the fits and measurements.
    """

    model: WeightedMatrixFactorization
    stars: StarPredictor | None
    history: list[dict[str, Any]]
    metrics: dict[str, float]
    baseline: dict[str, float]
    parameters: dict[str, Any]
    split: dict[str, Any]
    stop_reason: str
    refitted: bool
    seconds: float

    def report(self) -> dict[str, Any]:
        """Everything but the model and its stars, ready for JSON."""
        return {name: getattr(self, name) for name in _report_fields()}

    def save(self, folder: str | Path) -> None:
        """Write the run as `folder`: models as safetensors, and ``run.json``.

        It is written beside `folder` and then put there, in place of an earlier run: several may
        save at once, and what is there is one of theirs, whole. Only for the short moment of the
        exchange there is none.

        Raises
        ------
        FileExistsError
            If the folder is there and holds other files than those of a run.
        OSError
            If it cannot be written.
        """
        with replace_folder(Path(folder), _RUN_FILES) as new:
            self.model.save(new / _MODEL_FILE)
            stars = self.stars and self.stars.save(new / _STARS_FILE)
            report = {"stars": stars, **self.report()}
            (new / _REPORT_FILE).write_text(json.dumps(report, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a run that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If it is damaged or incomplete.
        """
        folder = Path(folder)
        return read_folder(folder, lambda: cls._load(folder))

    @classmethod
    def _load(cls, folder: Path) -> Self:
        report = read_report(folder)
        try:
            values = {name: report[name] for name in _report_fields()}
            model = WeightedMatrixFactorization.load(folder / _MODEL_FILE)
            stars = report["stars"] and StarPredictor.load(
                folder / _STARS_FILE, model, report["stars"]
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the training run in {folder} is damaged: {error}") from error
        return cls(model=model, stars=stars, **values)


def read_report(folder: Path) -> dict[str, Any]:
    """What `TrainingRun.save` wrote into `folder`, without the models.

    Raises
    ------
    FileNotFoundError
    ValueError
        If anything in it is not what a run has.
    """
    report: dict[str, Any] = read_parsed(folder / _REPORT_FILE, json.loads, "JSON")
    try:
        checks.parameters(WeightedMatrixFactorization(**report["parameters"]))
        split, metrics, baseline = report["split"], report["metrics"], report["baseline"]
        numbers = [report["seconds"], split["fraction"], split["random_state"]]
        numbers += [*metrics.values(), *(baseline[name] for name in metrics)]
        for record in report["history"]:
            numbers += [
                record[name] for name in ("iteration", "objective", "train_rmse", "seconds")
            ]
            numbers += [record[name] or 0.0 for name in _MEASURED]
        wrong = [n for n in numbers if not isinstance(n, int | float) or abs(n) > _LARGEST]
        if wrong or not isinstance(report["stop_reason"], str):
            raise ValueError(f"{[*wrong, report['stop_reason']][0]!r} is not what a run has")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the training run in {folder} is damaged: {error!r}") from error
    return report


def _report_fields() -> tuple[str, ...]:
    return tuple(field.name for field in fields(TrainingRun) if field.name not in _MODELS)
