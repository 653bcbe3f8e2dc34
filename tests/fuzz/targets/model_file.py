"""A model file, and what is asked of a model that loads."""

from __future__ import annotations

import numpy as np

from cinefold import Interactions, WeightedMatrixFactorization
from tests.fuzz.scratch import file_of


def _saved(ids: list[str] | list[int], **parameters: object) -> bytes:
    users, items = np.divmod(np.arange(0, 30, 2) % 20, 5)
    keep = np.unique(users * 5 + items, return_index=True)[1]
    users, items = users[keep], items[keep]
    data = Interactions.from_arrays(
        np.take(ids, users), np.take(ids, items), 1.0 + users % 5, weights=1.0 + items
    )
    path = file_of(b"", "model")
    WeightedMatrixFactorization(2, max_iter=1, random_state=0, **parameters).fit(data).save(path)
    return path.read_bytes()


SEEDS = [
    _saved([3, 7, 20, 2**40, 2**41]),
    _saved(["a", "ü", "ccc", "李", ""], biases=True, unobserved_weight=0.0, target="rating"),
    _saved([1, 2, 3, 4, 5], target="sqrt", alpha=0.5),
]


def check(data: bytes) -> None:
    path = file_of(data, "model")
    try:
        model = WeightedMatrixFactorization.load(path)
    except ValueError:
        return
    ratings = model.interactions_
    model.save(path)
    try:
        assert len(model.recommend(ratings.user_ids[0], 3)) <= 3
        model.similar_items(ratings.item_ids[:2], 3)
        model.predict(ratings.user_ids[0], ratings.item_ids)
        model.explain(ratings.user_ids[0], ratings.item_ids[0])
        model.recommend(model.fold_in({ratings.item_ids[0].item(): 4.0}), 3)
        model.fold_in_items({ratings.user_ids[0].item(): 4.0})
    except ValueError:
        pass
