"""How good a model is: protocols, comparison and standard errors."""

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
