"""What lists from familiar to adventurous cost, and what they bring.

    python -m benchmarks.reranking [--output docs/images/reranking.svg]

Three random tenths of each user's ratings of MovieLens 100K are held out in turn, the default model
learns from the rest, and every user's list is ranked anew as the app does it. The other rule, for
comparison, is maximal marginal relevance (Carbonell and Goldstein 1998): one movie after the other,
by (1 - a/2) score - (a/2) cosine with the most similar movie already listed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from cinefold import WeightedMatrixFactorization, load_movielens
from cinefold.metrics import accuracy, beyond_accuracy
from cinefold.recommender.reranking import CANDIDATES, rerank

if TYPE_CHECKING:
    from collections.abc import Callable

    from cinefold.interactions import Interactions

ADVENTURES = (0.0, 0.25, 0.5, 0.75, 1.0)
_K = 10


def by_popularity(model: Any, items: np.ndarray, scores: np.ndarray, adventure: float) -> Any:
    counts = model.interactions_.item_counts()
    percentiles = 100 * rankdata(counts, method="max") / len(counts)
    order = rerank(scores, percentiles[items], adventure)
    return np.take_along_axis(items, order[:, :_K], axis=1)


def by_marginal_relevance(
    model: Any, items: np.ndarray, scores: np.ndarray, adventure: float
) -> Any:
    lengths = np.linalg.norm(model.item_factors_, axis=1, keepdims=True)
    vectors = model.item_factors_ / np.where(lengths > 0, lengths, 1)
    chosen = np.empty((len(items), _K), np.int64)
    for user, (movies, own) in enumerate(zip(items, scores, strict=True)):
        relevance, likeness = own / own[0], np.zeros(len(movies))
        left = np.ones(len(movies), bool)
        for place in range(_K):
            value = np.where(
                left, (1 - adventure / 2) * relevance - adventure / 2 * likeness, -np.inf
            )
            best = int(value.argmax())
            chosen[user, place], left[best] = movies[best], False
            likeness = np.maximum(likeness, vectors[movies] @ vectors[movies[best]])
    return chosen


RULES: dict[str, Callable[..., Any]] = {
    "popularity discount (the app's)": by_popularity,
    "maximal marginal relevance": by_marginal_relevance,
}
MEASURES = ("NDCG@10", "novelty (bits)", "diversity", "coverage")


def measured(data: Interactions, seeds: range) -> dict[tuple[str, float], dict[str, float]]:
    found: dict[tuple[str, float], list[list[float]]] = {}
    for seed in seeds:
        training, held_out = data.split(fraction=0.1, random_state=seed)
        model = WeightedMatrixFactorization().fit(training, progress=False)
        users = np.flatnonzero(held_out.user_counts())
        relevant = held_out.by_user[users]
        ranking = model.recommend(training.user_ids[users], CANDIDATES)
        items = ranking.indices(training)
        for rule, choose in RULES.items():
            for adventure in ADVENTURES:
                top = choose(model, items, ranking.scores.astype(float), adventure)
                values = [
                    accuracy.ndcg(top, relevant),
                    accuracy.mean(
                        beyond_accuracy.novelty_per_user(
                            top, training.item_counts(), training.n_users
                        )
                    ),
                    accuracy.mean(beyond_accuracy.diversity_per_user(top, training.by_item)),
                    beyond_accuracy.coverage(top, training.n_items),
                ]
                found.setdefault((rule, adventure), []).append(values)
    return {
        key: dict(zip(MEASURES, np.mean(values, axis=0).tolist(), strict=True))
        for key, values in found.items()
    }


def table(found: dict[tuple[str, float], dict[str, float]]) -> str:
    lines = ["| rule | adventure | " + " | ".join(MEASURES) + " |", "|---" * 6 + "|"]
    for (rule, adventure), values in found.items():
        cells = " | ".join(f"{value:.3f}" for value in values.values())
        lines.append(f"| {rule} | {adventure:g} | {cells} |")
    return "\n".join(lines)


def draw(found: dict[tuple[str, float], dict[str, float]], output: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for rule in RULES:
        rows = [found[rule, adventure] for adventure in ADVENTURES]
        x, y = ([row[name] for row in rows] for name in ("novelty (bits)", "NDCG@10"))
        axes.plot(x, y, marker="o", label=rule)
        for adventure, right, up in zip(ADVENTURES, x, y, strict=True):
            axes.annotate(f"{adventure:g}", (right, up), (4, 4), textcoords="offset points")
    axes.set_xlabel("Novelty: mean self-information of the listed movies (bits)")
    axes.set_ylabel("NDCG@10 (0 to 1)")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="draw a plot into this file, too")
    options = parser.parse_args()
    found = measured(load_movielens("ml-100k").interactions, range(3))
    print(table(found))
    if options.output:
        draw(found, options.output)


if __name__ == "__main__":
    main()
