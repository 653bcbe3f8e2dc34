"""A model file, and what is asked of a model that loads.

The seeds have no checksum, as files of earlier versions: with it no change would be read further.
"""

from __future__ import annotations

import json
import re

import numpy as np

from cinefold import Interactions, WeightedMatrixFactorization
from tests.fuzz.scratch import file_of


def _saved(ids: list[str] | list[int], **parameters: object) -> bytes:
    """A small model; the same bytes each time."""
    users, items = np.divmod(np.arange(0, 25, 2), 5)
    data = Interactions.from_arrays(
        np.take(ids, users), np.take(ids, items), 1.0 + users % 5, weights=1.0 + items
    )
    path = file_of(b"", "model")
    WeightedMatrixFactorization(2, max_iter=1, random_state=0, **parameters).fit(data).save(path)
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    texts = header["__metadata__"]
    del texts["sha256"]
    texts["history"] = re.sub(r'"seconds": [^}]*', '"seconds": 1.5', texts["history"])
    text = json.dumps(header, sort_keys=True).encode()
    return len(text).to_bytes(8, "little") + text + content[end:]


SEEDS = [
    _saved([3, 7, 20, 2**40, 2**41]),
    _saved(["a", "ü", "ccc", "李", ""], biases=True, unobserved_weight=0.0, target="rating"),
    _saved([1, 2, 3, 4, 5], target="sqrt", alpha=0.5),
]


def check(data: bytes) -> None:
    _ask(data)
    header = data[8 : data.rfind(b"}}") + 2]
    _ask(len(header).to_bytes(8, "little") + data[8:])  # so that a longer header is read at all


def _ask(data: bytes) -> None:
    path = file_of(data, "model")
    try:
        model = WeightedMatrixFactorization.load(path)
    except ValueError as error:
        assert str(path) in str(error), error  # noqa: PT017
        assert len(str(error)) < 500, error  # noqa: PT017
        return
    ratings = model.interactions_
    model.save(path)
    try:
        assert len(model.recommend(ratings.user_ids[0], 3)) <= 3
        model.similar_items(ratings.item_ids[:2], 3)
        model.predict(ratings.user_ids[0], ratings.item_ids)
        model.explain(ratings.user_ids[0], ratings.item_ids[0])
        model.recommend(model.fold_in({ratings.item_ids.tolist()[0]: 4.0}), 3)
        model.fold_in_items({ratings.user_ids.tolist()[0]: 4.0})
    except ValueError:
        pass
