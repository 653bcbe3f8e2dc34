"""Who rated what: original ids on the outside, compressed sparse rows on the inside."""

from cinefold.interactions.entries import Duplicates
from cinefold.interactions.ids import UnknownIdError
from cinefold.interactions.interactions import Interactions
from cinefold.interactions.splits import SplitMethod

__all__ = ["Duplicates", "Interactions", "SplitMethod", "UnknownIdError"]
