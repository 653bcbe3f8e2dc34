"""How good a model is: protocols, comparison and standard errors."""

from cinefold._deprecated import old_names
from cinefold.evaluation.comparison import Comparison, compare
from cinefold.evaluation.model_metrics import Evaluation, Ranker, evaluate, evaluate_per_user
from cinefold.evaluation.protocols import Division, divide
from cinefold.evaluation.standard_errors import Estimate

__all__ = [
    "Comparison",
    "Division",
    "Estimate",
    "Evaluation",
    "Ranker",
    "compare",
    "divide",
    "evaluate",
    "evaluate_per_user",
]

__getattr__ = old_names(__name__)
