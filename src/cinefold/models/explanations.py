"""Scores as sums of what each rating adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cinefold.models.results import Explanation

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.row_equations import RowEquations
    from cinefold.models.factor_model import FactorModel


def explain(
    model: FactorModel,
    equations: RowEquations,
    ratings: csr_array,
    items: NDArray[np.int64],
) -> list[Explanation]:
    """What each rating of one user adds to the scores of `items` (indices).

    Parameters
    ----------
    model : FactorModel
    equations : RowEquations
        Of the user; their first observations are `ratings`.
    ratings : csr_array, shape (1, n_items)
    items : ndarray of int64, shape (n,)
    """
    ids, baseline = model.interactions_.item_ids, model.item_baseline_
    starts, contributions = equations.explain(model.item_factors_[items])
    if baseline is not None:
        starts = starts + baseline[items]
    found = []
    for item, start, added in zip(items, starts.tolist(), contributions, strict=True):
        order = np.argsort(-added[: ratings.nnz], kind="stable")
        found.append(
            Explanation(
                ids[item].item(),
                start + float(added.sum()),
                start,
                ids[ratings.indices[order]],
                ratings.data[order],
                added[order],
            )
        )
    return found
