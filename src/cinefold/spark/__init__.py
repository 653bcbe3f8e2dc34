"""The same weighted ALS on Apache Spark, with the same result.

Needs the extra ``spark`` (``pip install 'cinefold[spark]'``) and, where it starts Spark itself,
Java 17.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if find_spec("pyspark") is None:
    raise ModuleNotFoundError(
        "cinefold.spark needs pyspark 4: pip install 'cinefold[spark]'", name="pyspark"
    )

if TYPE_CHECKING:
    from cinefold.spark.estimator import DistributedWeightedMatrixFactorization
    from cinefold.spark.model import DistributedFactorModel

__all__ = ["DistributedFactorModel", "DistributedWeightedMatrixFactorization"]

# Loaded when first asked for: executors need but `tasks`, and pyspark.ml is large.
_HOMES = {"DistributedFactorModel": "model", "DistributedWeightedMatrixFactorization": "estimator"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
