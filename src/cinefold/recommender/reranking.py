"""Lists from familiar to adventurous.

The best candidates of the model are ranked anew by

.. math::

    z_j = (1 - a/2) \\, s_j / s_1 + (a/2) \\, (1 - P_j)

with their scores :math:`s_1 \\ge s_2 \\ge \\dots`, the share :math:`P_j` of movies that are rated
at most as often as movie j, and the adventure :math:`a` from 0 to 1. Both terms go from 0 to 1, and
the model's opinion always has half the weight at least: what it is surest of stays on top, and less
known movies take the places of those that are there because everybody has seen them. 0 leaves the
list as it is. docs/reranking.md has what it costs, beside other rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CANDIDATES = 300
"""How many of the model's best movies are ranked anew."""


def rerank(scores: ArrayLike, percentiles: ArrayLike, adventure: float) -> NDArray[np.int64]:
    """The new order of candidates, as places in the old one; ties stay in the old order.

    Parameters
    ----------
    scores : array_like, shape (..., n)
        Falling along the last axis; -inf where there is no candidate, which stays last.
    percentiles : array_like, the same shape
        100 P of each: 0 for the least rated movie, 100 for the most rated.
    adventure : float
        From 0 (familiar) to 1 (adventurous); anything else is a ValueError.

    Returns
    -------
    ndarray of int64, the same shape
    """
    if not 0 <= adventure <= 1:
        raise ValueError(f"adventure must be from 0 (familiar) to 1, not {adventure}")
    weight = adventure / 2
    scores = np.asarray(scores, np.float64)
    best = scores[..., :1]
    with np.errstate(invalid="ignore"):
        # Without a positive score there is no scale to speak of, and the order stays.
        relevance = np.where(best > 0, scores / np.where(best > 0, best, 1), scores)
        unknown = np.where(best > 0, 1 - np.asarray(percentiles, np.float64) / 100, 0)
        z = (1 - weight) * relevance + weight * unknown
    return np.argsort(-z, axis=-1, kind="stable")
