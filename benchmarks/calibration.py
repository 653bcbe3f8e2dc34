"""How far scores and predicted stars are from the ratings that people gave.

    python -m benchmarks.calibration [--preset plain] [--seed 0] [--dataset ml-100k]

A random tenth of each user's ratings is held out. The model learns from the rest, of which a tenth
calibrates its stars, as in `cinefold train`. Two tables come of it: what was rated, scored and
predicted for movies with few and with many ratings, and what was rated where so many stars were
predicted.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cinefold import WeightedMatrixFactorization, load_movielens
from cinefold.metrics import rmse
from cinefold.models import PRESETS
from cinefold.serving.training import train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cinefold.interactions import Interactions

COUNTS = (0, 10, 30, 100, 300)
"""Fewest training ratings of the movies of a line."""


@dataclass(frozen=True)
class HeldOut:
    """The held-out ratings, all of shape (n,).

    Attributes
    ----------
    actual : ndarray of float64
    scores : ndarray of float64
        u.v.
    stars : ndarray of float64
        Predicted by ``cinefold.models.rating_predictor.StarPredictor``.
    counts : ndarray of int64
        Training ratings of each pair's movie.
    """

    actual: NDArray[np.float64]
    scores: NDArray[np.float64]
    stars: NDArray[np.float64]
    counts: NDArray[np.int64]


def predict(interactions: Interactions, model: WeightedMatrixFactorization, seed: int) -> HeldOut:
    """Hold out a tenth, train `model` on the rest, and predict what was held out."""
    training, held_out = interactions.split("per-user", fraction=0.1, random_state=seed)
    run = train(training, model, refit=True, progress=False)
    if run.stars is None:
        raise ValueError("there are too few ratings to calibrate stars")
    matrix = held_out.by_user.tocoo()
    users, items = held_out.user_ids[matrix.row], held_out.item_ids[matrix.col]
    return HeldOut(
        matrix.data.astype(np.float64),
        run.model.predict(users, items).astype(np.float64),
        run.stars.predict(users, items).astype(np.float64),
        training.item_counts()[matrix.col],
    )


def by_popularity(found: HeldOut) -> list[list[str]]:
    """Lines of ratings of the movie, pairs, and means of actual, score and stars."""
    group = np.searchsorted(COUNTS, found.counts, side="right") - 1
    ends = [f"{low} to {high - 1}" for low, high in pairwise(COUNTS)]
    titles = [*ends, f"{COUNTS[-1]} or more"]
    values = (found.actual, found.scores, found.stars)
    return [
        [title, f"{there.sum():,}", *(f"{value[there].mean():.2f}" for value in values)]
        for number, title in enumerate(titles)
        if (there := group == number).any()
    ]


def reliability(found: HeldOut) -> list[list[str]]:
    """Lines of half stars, pairs, mean predicted and mean actual with its standard error."""
    halves = np.floor(2 * found.stars + 0.5) / 2
    lines = []
    for half in np.unique(halves):
        there = halves == half
        n, actual = int(there.sum()), found.actual[there]
        error = f" ± {actual.std(ddof=1) / np.sqrt(n):.2f}" if n > 1 else ""
        predicted = f"{found.stars[there].mean():.2f}"
        lines.append([f"{half:.1f}", f"{n:,}", predicted, f"{actual.mean():.2f}{error}"])
    return lines


def report(found: HeldOut) -> str:
    """Both tables and the errors, as Markdown."""
    return "\n".join(
        [
            f"RMSE of scores (u.v): {rmse(found.scores, found.actual):.3f}",
            f"RMSE of predicted stars: {rmse(found.stars, found.actual):.3f}",
            f"RMSE of the mean rating: {found.actual.std():.3f}",
            "",
            *_table(
                ["movie's ratings", "held out", "rated", "score", "predicted stars"],
                by_popularity(found),
            ),
            "",
            *_table(["predicted, to halves", "held out", "predicted", "rated"], reliability(found)),
        ]
    )


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", choices=list(PRESETS), default="plain", help="of the model")
    parser.add_argument("--seed", type=int, default=0, help="of the held-out ratings")
    parser.add_argument("--dataset", default="ml-100k", help="as in cinefold data list")
    options = parser.parse_args(arguments)
    data = load_movielens(options.dataset)
    model = WeightedMatrixFactorization.preset(options.preset)
    print(report(predict(data.interactions, model, options.seed)))


if __name__ == "__main__":
    main()
