"""``cinefold train --engine spark``."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import typer

from cinefold.cli.console import complain, settings
from cinefold.cli.option_groups import panel
from cinefold.interactions.column_names import find_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from cinefold.models import WeightedMatrixFactorization

_spark = panel("On Spark")


@dataclass
class SparkOptions:
    """Where to train, if not on this machine."""

    engine: Literal["local", "spark"] = _spark(
        "Train in this process, or on Apache Spark, with the same result.", default="local"
    )
    master: str = _spark(
        "Spark's master: local[2], spark://host:7077, yarn, or sc://host of Spark Connect.",
        default="local[*]",
        metavar="URL",
    )
    input: str | None = _spark(
        "Ratings for Spark: Parquet or CSV with named columns, at any path that it reads.",
        metavar="PATH",
    )
    checkpoint_dir: str | None = _spark(
        "A folder that the driver and all executors reach; an interrupted training goes on there.",
        metavar="PATH",
    )

    @property
    def is_asked(self) -> bool:
        if self.engine == "local":
            if self.input is not None or self.checkpoint_dir is not None:
                raise typer.BadParameter("--input and --checkpoint-dir are for --engine spark")
            return False
        if self.input is None:
            raise typer.BadParameter("--engine spark needs --input, the ratings")
        return True


def train_on_spark(
    model: WeightedMatrixFactorization,
    asked: SparkOptions,
    validation: float,
    output: str | None,
) -> list[dict[str, Any]]:
    """Train with the parameters of `model`; return the history.

    `output` is a model file, if it ends in .safetensors, or else a folder for Spark.
    """
    try:
        from cinefold.spark.session import start_session

        spark = start_session(asked.master, {"spark.ui.showConsoleProgress": "false"})
    except (ModuleNotFoundError, RuntimeError) as error:
        complain(str(error))
        raise typer.Exit(1) from None
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    from cinefold.spark import DistributedWeightedMatrixFactorization

    path = str(asked.input)
    is_text = path.endswith((".csv", ".tsv", ".csv.gz"))
    read = spark.read.options(header=True, inferSchema=True, sep="\t" if ".tsv" in path else ",")
    ratings = read.csv(path) if is_text else spark.read.parquet(path)
    roles = dict.fromkeys(("user", "item", "rating", "timestamp", "weight"))

    def least(column: str) -> Any:
        is_number = isinstance(ratings.schema[column].dataType, T.NumericType)
        return ratings.agg(F.min(f"`{column}`")).collect()[0][0] if is_number else None

    found = find_columns(ratings.columns, roles, "rename it in {}", least)
    trainer = DistributedWeightedMatrixFactorization.like(
        model,
        userCol=found["user"],
        itemCol=found["item"],
        ratingCol=found.get("rating") or "",
        timestampCol=found.get("timestamp"),
        weightCol=found.get("weight"),
        checkpointDir=asked.checkpoint_dir,
    )
    if validation:
        ratings = _held_out(ratings, found, validation, model.random_state)
        trainer.setParams(validationIndicatorCol=_HELD_OUT)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    fitted = trainer.fit(ratings, progress=settings.progress)
    if output is not None and output.endswith(".safetensors"):
        own = ratings.filter(~F.col(_HELD_OUT)) if validation else ratings
        own = own.select(*found.values()).toArrow()
        fitted.toLocal(own).save(output)
    elif output is not None:
        fitted.save(output)
    history: list[dict[str, Any]] = json.loads(json.dumps(fitted.history_, default=float))
    return history


_HELD_OUT = "_held_out"


def _held_out(ratings: DataFrame, found: Any, share: float, seed: Any) -> DataFrame:
    """With a column that is true for a `share` of the ratings, by a hash of their ids."""
    from pyspark.sql import functions as F

    pair = F.xxhash64(F.lit(seed), F.col(found["user"]), F.col(found["item"]))
    return ratings.withColumn(_HELD_OUT, F.pmod(pair, F.lit(1_000_000)) < share * 1_000_000)
