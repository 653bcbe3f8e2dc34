"""Parameters, as pyspark.ml has them."""

from __future__ import annotations

from typing import Any

from pyspark.ml.param import Param, Params, TypeConverters

from cinefold.models import WeightedMatrixFactorization
from cinefold.models.default_search import N_FACTORS, TOL

_string, _integer = TypeConverters.toString, TypeConverters.toInt
_boolean, _float = TypeConverters.toBoolean, TypeConverters.toFloat


def _as_given(value: Any) -> Any:
    return value


# Of the model: the name here, and that of WeightedMatrixFactorization, which documents and checks
# them.
MODEL_PARAMS = {
    "nFactors": "n_factors",
    "unobservedWeight": "unobserved_weight",
    "regularization": "regularization",
    "regularizationExponent": "regularization_exponent",
    "degreeExponent": "degree_exponent",
    "target": "target",
    "alpha": "alpha",
    "biases": "biases",
    "solver": "solver",
    "maxIter": "max_iter",
    "tol": "tol",
    "earlyStopping": "early_stopping",
    "patience": "patience",
    "seed": "random_state",
}
# In place of "scale".
ON_A_CLUSTER = {"nFactors": N_FACTORS, "degreeExponent": 0.0, "target": "sqrt", "tol": TOL}
# Of the trainer: what it is, its type and its default; no default is None.
OTHER_PARAMS: dict[str, tuple[str, Any, Any]] = {
    "userCol": ("column of user ids: integers or strings", _string, "user"),
    "itemCol": ("column of item ids: integers or strings", _string, "item"),
    "ratingCol": ("column of ratings; '' counts each row as 1", _string, "rating"),
    "weightCol": ("column of confidence weights, above 0", _string, None),
    "timestampCol": ("column of times: of repeated pairs the latest is kept", _string, None),
    "validationIndicatorCol": ("column that is true for held-out ratings", _string, None),
    "predictionCol": ("column of transform's scores", _string, "prediction"),
    "coldStartStrategy": ("'nan' or 'drop' rows of unknown ids in transform", _string, "nan"),
    "invalidRows": ("'error' or 'drop': what becomes of bad rows", _string, "error"),
    "duplicates": ("of a pair: 'last', 'mean', 'sum', 'max' or 'error'", _string, "last"),
    "numUserBlocks": ("blocks of users; by default by size and cores", _integer, None),
    "numItemBlocks": ("blocks of items", _integer, None),
    "checkpointInterval": ("iterations from one checkpoint to the next", _integer, 5),
    "checkpointDir": ("folder that the driver and all executors reach", _string, None),
    "plan": ("'auto', 'held' or 'stored' factors, for both sides", _string, "auto"),
    "maxHeldBytes": ("factors of a side up to this size are held", _integer, 1 << 29),
    "threadsPerTask": ("as spark.task.cpus", _integer, 1),
}


class FactorizationParams(Params):
    """The parameters of the estimator, which its models keep."""

    def __init__(self) -> None:
        super().__init__()
        usual = WeightedMatrixFactorization().get_params()
        defaults = {name: usual[own] for name, own in MODEL_PARAMS.items()} | ON_A_CLUSTER
        defaults |= {name: default for name, (_, _, default) in OTHER_PARAMS.items()}
        self._setDefault(**{name: value for name, value in defaults.items() if value is not None})

    def _given(self, name: str) -> Any:
        param = self.getParam(name)
        return self.getOrDefault(param) if self.isDefined(param) else None

    def _columns(self) -> dict[str, str | None]:
        """The names of columns by what they are; None for those that there are not."""
        roles = "user", "item", "rating", "weight", "timestamp", "validationIndicator"
        return {role: self._given(f"{role}Col") or None for role in roles}

    def _estimator(self) -> WeightedMatrixFactorization:
        """The single-machine estimator of the same parameters."""
        return WeightedMatrixFactorization(
            **{own: self._given(name) for name, own in MODEL_PARAMS.items()}
        )

    def _set_known(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            if not self.hasParam(name):
                known = ", ".join(param.name for param in self.params)
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {known}")
            if value is None:
                self.clear(self.getParam(name))
            else:
                is_word = isinstance(value, str) and value == "scale"
                self._set(**{name: ON_A_CLUSTER.get(name, value) if is_word else value})


for _name, _own in MODEL_PARAMS.items():
    _doc = f"as {_own} of WeightedMatrixFactorization"
    setattr(FactorizationParams, _name, Param(Params._dummy(), _name, _doc, _as_given))
for _name, (_doc, _converter, _) in OTHER_PARAMS.items():
    setattr(FactorizationParams, _name, Param(Params._dummy(), _name, _doc, _converter))
