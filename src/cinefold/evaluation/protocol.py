"""One protocol for every model: predict what was held out, and rank it among everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from cinefold.evaluation.metrics import ndcg, recall, rmse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cinefold.interactions import Interactions
    from cinefold.model.ranking import Ranking


class Ranker(Protocol):
    """What can be evaluated: a fitted model that predicts pairs and ranks unseen items."""

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]: ...

    def recommend(self, users: ArrayLike, k: int = 10) -> Ranking: ...


def evaluate(model: Ranker, held_out: Interactions, *, k: int = 10) -> dict[str, float]:
    """Measure a fitted model on ratings that it has not seen.

    Parameters
    ----------
    model : Ranker
        Its lists leave out what it was fitted on, and rank all other items.
    held_out : Interactions
        Ids as in the training data. Users without ratings here do not count.
    k : int
        Length of the lists.

    Returns
    -------
    dict
        ``rmse`` over all held-out ratings (in stars, predictions not clipped), ``ndcg_at_k`` and
        ``recall_at_k`` (with k's value in the name) as means over users, between 0 and 1.

    Raises
    ------
    UnknownIdError
        If the model does not know a user or item of `held_out`.
    """
    counts = held_out.user_counts()
    users = np.flatnonzero(counts)
    ratings = held_out.by_user
    predicted = model.predict(
        held_out.user_ids[np.repeat(np.arange(len(counts)), counts)],
        held_out.item_ids[ratings.indices],
    )
    relevant, lists = ratings[users], _indices(model, held_out, users, k)
    return {
        "rmse": rmse(predicted, ratings.data),
        f"ndcg_at_{k}": ndcg(lists, relevant),
        f"recall_at_{k}": recall(lists, relevant),
    }


def _indices(
    model: Ranker, held_out: Interactions, users: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """The lists of `users` as item indices, (n, k), -1 where there is none."""
    items, scores = model.recommend(held_out.user_ids[users], k)
    indices = np.asarray(held_out.item_index(items.ravel())).reshape(items.shape)
    return np.where(np.isneginf(scores), -1, indices)
