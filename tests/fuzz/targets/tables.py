"""Tables as people pass them to `fit`: JSON of their columns, [name, value, value, ...]."""

from __future__ import annotations

import json

import pandas as pd

from cinefold.models.rating_input import as_interactions

SEEDS = [
    json.dumps(columns).encode()
    for columns in (
        [["userId", 1, 1, 2], ["movieId", 7, 8, 7], ["rating", 4.5, 3, 1], ["timestamp", 1, 2, 3]],
        [["reviewerID", "A", "b\0"], ["asin", "x", "y"], ["overall", 5, 1], ["helpful", [0], [1]]],
        [["user", 1e300, 2], ["item", None, True], ["weight", 1, -1]],
        [[0, 1, 2], [1, 3, 4], [2, 5.0, 1.0]],
        [["user", 1], ["item", 2], ["rating", 3], ["rating", 4]],
        [["user", 1], ["item", 2], ["x_score", 1180591620717411303424]],
    )
]


def check(data: bytes) -> None:
    try:
        columns = json.loads(data)
        names = [str(name) if isinstance(name, list | dict) else name for name, *_ in columns]
        values = [pd.Series(column[1:], dtype=object).infer_objects() for column in columns]
        frame = pd.concat(values, axis=1, keys=range(len(names)))
        frame.columns = names
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return  # no table
    try:
        as_interactions(frame, "X")
    except (ValueError, TypeError) as error:
        if len(str(error)) > 1000:
            raise AssertionError("an error of many words") from error
