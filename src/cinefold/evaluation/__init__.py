"""How good a model is: protocols, comparison and standard errors."""

from cinefold._deprecated import old_names
from cinefold.evaluation.comparison import Comparison, compare
from cinefold.evaluation.evaluate import Evaluation, Ranker, evaluate, measure
from cinefold.evaluation.protocols import Division, divide
from cinefold.evaluation.standard_errors import Measure

__all__ = [
    "Comparison",
    "Division",
    "Evaluation",
    "Measure",
    "Ranker",
    "compare",
    "divide",
    "evaluate",
    "measure",
]

__getattr__ = old_names(__name__)
