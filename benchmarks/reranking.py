"""What it costs that lists agree with the stars they show, and what the slider does.

    python -m benchmarks.reranking [--output docs/images/reranking.svg]

On MovieLens 100K. Known users: a random tenth of each one's ratings is held out in turn, and the
default model learns from the rest. Newcomers: a fifth of the users is held out in turn, and folded
in from some of their ratings; of the others, a quarter of all is for measuring. A list contradicts
itself if one of its first ten movies promises less than the person's own mean rating, while ten
movies that promise more are among its first fifty.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from cinefold import WeightedMatrixFactorization, load_movielens
from cinefold.interactions import Interactions
from cinefold.metrics import accuracy, beyond_accuracy, rmse
from cinefold.models import StarPredictor, rating_predictor
from cinefold.recommender import ColdStart
from cinefold.recommender.reranking import CANDIDATES, rerank

TOLERANCES = (0.0, 0.025, 0.05, 0.075, 0.125)
ADVENTURES = (0.0, 0.25, 0.5, 0.75, 1.0)
N_GIVEN = (3, 5, 10, 20)
N_FOLDS = 5
N_NEWCOMERS = 500
_K, _LIKED = 10, 4
_AGREEMENT = ("NDCG@10", "NDCG@10 of 4 stars and more", "lists that contradict themselves")
_SLIDER = ("NDCG@10", "mean ratings of a movie", "coverage", "others of 10 (mean)", "(tenth)")


class People:
    """Lists to come: the candidates of many people, and what they have held out."""

    def __init__(self, items: Any, scores: Any, stars: Any, means: Any, held_out: Any) -> None:
        self.items, self.scores, self.stars = items, scores, stars
        self.liked = stars >= means[:, np.newaxis]
        self.held_out = held_out
        self.held_out_liked = held_out.copy()
        self.held_out_liked.data = np.where(held_out.data >= _LIKED, held_out.data, 0)
        self.held_out_liked.eliminate_zeros()

    def orders(self, counts: Any, adventure: float = 0.0, *, agree: bool = True) -> np.ndarray:
        rows = zip(self.scores, self.items, self.liked, strict=True)
        return np.array(
            [
                rerank(s, counts[i], _K, adventure=adventure, liked=liked if agree else None)
                for s, i, liked in rows
            ]
        )

    def top(self, orders: np.ndarray) -> np.ndarray:
        return np.take_along_axis(self.items, orders[:, :_K], axis=1)

    def agreement(self, orders: np.ndarray) -> list[np.ndarray]:
        """For each person, what `_AGREEMENT` names."""
        top, liked = self.top(orders), np.take_along_axis(self.liked, orders[:, :50], axis=1)
        contradicts = ~liked[:, :_K].all(axis=1) & (liked.sum(axis=1) >= _K)
        found = [accuracy.ndcg_per_user(top, h) for h in (self.held_out, self.held_out_liked)]
        return [*found, contradicts.astype(float)]


def known_users(data: Interactions, seed: int) -> tuple[People, Interactions, float]:
    """People, what was learned from, and the RMSE of their stars on what was held out."""
    training, held_out = data.split(fraction=0.1, random_state=seed)
    model = WeightedMatrixFactorization().fit(training, progress=False)
    predictor = StarPredictor(model).fit(held_out)
    users = np.flatnonzero(held_out.user_counts())
    ids = training.user_ids[users]
    ranking = model.recommend(ids, CANDIDATES)
    stars = [predictor.predict(i, row) for i, row in zip(ids, ranking.items, strict=True)]
    means = np.array([training.by_user[[user]].data.mean() for user in users])
    items = ranking.indices(training)
    pairs = held_out.by_user.tocoo()
    predicted = predictor.predict(training.user_ids[pairs.row], training.item_ids[pairs.col])
    people = People(items, ranking.scores, np.array(stars), means, held_out.by_user[users])
    return people, training, rmse(predicted, pairs.data)


def newcomers(data: Interactions, fold: np.ndarray, n_given: int, seed: int) -> tuple[People, Any]:
    others = data.by_user[np.setdiff1d(np.arange(data.n_users), fold)].tocoo()
    rest = Interactions.from_arrays(others.row, data.item_ids[others.col], others.data)
    training, held_out = rest.split(fraction=0.1, random_state=seed)
    model = WeightedMatrixFactorization().fit(training, progress=False)
    predictor, cold_start = StarPredictor(model).fit(held_out), ColdStart(model)
    position = {item: i for i, item in enumerate(training.item_ids.tolist())}
    generator = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for user in fold:
        ids, ratings = data.user_ratings(data.user_ids[user])
        known = [i for i, item in enumerate(ids.tolist()) if item in position]
        order = generator.permutation(known)
        n_test = len(order) // 4
        if len(order) - n_test < max(N_GIVEN):
            continue
        test, given = order[:n_test], np.sort(order[n_test:][:n_given])
        own = {ids[i].item(): float(ratings[i]) for i in given}
        told = sp.csr_array(
            (ratings[given], [position[i] for i in own], [0, n_given]),
            (1, training.n_items),
            dtype=np.float32,
        )
        told.sort_indices()
        folded = cold_start.fold_in(told)
        ranking = model.recommend(folded[0], CANDIDATES, exclude=list(own))
        stars = predictor.predict(predictor.fold_in(own, ranked=folded)[0], ranking.items)
        relevant = np.zeros(training.n_items)
        relevant[[position[ids[i].item()] for i in test]] = ratings[test]
        items = [position[i] for i in ranking.items.tolist()]
        rows.append((items, ranking.scores, stars, np.mean([*own.values()]), relevant))
    items, scores, stars, means, held = (np.array(column) for column in zip(*rows, strict=True))
    return People(items, scores, stars, means, sp.csr_array(held)), training


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.3f}"


def measured_agreement(data: Interactions) -> list[list[Any]]:
    found: dict[tuple[str, str], list[list[np.ndarray]]] = defaultdict(list)

    def add(who: str, people: People, counts: np.ndarray) -> None:
        for rule, agree in (("by score", False), ("agreeing (the product's)", True)):
            found[who, rule].append(people.agreement(people.orders(counts, agree=agree)))

    for seed in range(3):
        people, training, _ = known_users(data, seed)
        add("known users", people, training.item_counts())
    users = np.random.default_rng(0).permutation(data.n_users)[:N_NEWCOMERS]
    for n_given in N_GIVEN:
        for seed, fold in enumerate(np.array_split(users, N_FOLDS)):
            people, training = newcomers(data, fold, n_given, seed)
            add(f"newcomers, {n_given} ratings", people, training.item_counts())
    rows = []
    for (who, rule), parts in found.items():
        per_person = [np.concatenate(column) for column in zip(*parts, strict=True)]
        ndcg = per_person[0]
        n = len(ndcg) / (3 if who == "known users" else 1)  # each is measured in three splits
        error = np.nanstd(ndcg) / np.sqrt(n)
        values = [float(np.nanmean(column)) for column in per_person]
        rows.append([who, rule, f"{values[0]:.3f} ± {error:.3f}", values[1], values[2]])
    return rows


def measured_tolerance(data: Interactions) -> list[list[float]]:
    found = []
    for tolerance in TOLERANCES:
        rating_predictor.TOLERANCE = tolerance
        splits = []
        for seed in range(3):
            people, training, error = known_users(data, seed)
            ndcg, ndcg_liked, _ = people.agreement(people.orders(training.item_counts()))
            splits.append([np.nanmean(ndcg), np.nanmean(ndcg_liked), error])
        found.append([tolerance, *np.mean(splits, axis=0)])
    return found


def measured_slider(data: Interactions) -> list[list[float]]:
    found = defaultdict(list)
    for seed in range(3):
        people, training, _ = known_users(data, seed)
        counts = training.item_counts()
        familiar = people.top(people.orders(counts))
        for adventure in ADVENTURES:
            top = people.top(people.orders(counts, adventure))
            pairs = zip(top, familiar, strict=True)
            others = np.array([len(np.setdiff1d(new, old)) for new, old in pairs])
            found[adventure].append(
                [
                    accuracy.ndcg(top, people.held_out),
                    counts[top].mean(),
                    beyond_accuracy.coverage(top, training.n_items),
                    others.mean(),
                    np.quantile(others, 0.1),
                ]
            )
    return [[adventure, *np.mean(values, axis=0)] for adventure, values in found.items()]


def draw(rows: list[list[float]], output: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    adventures, ndcg, popularity, *_ = zip(*rows, strict=True)
    axes.plot(popularity, ndcg, marker="o")
    for adventure, right, up in zip(adventures, popularity, ndcg, strict=True):
        axes.annotate(f"{adventure:g}", (right, up), (4, 4), textcoords="offset points")
    axes.set_xlabel("Mean number of ratings of the listed movies")
    axes.set_ylabel("NDCG@10 (0 to 1)")
    axes.set_ylim(bottom=0)
    figure.savefig(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="draw a plot of the slider into this file, too")
    options = parser.parse_args()
    data = load_movielens("ml-100k").interactions
    print(table(["who", "order", *_AGREEMENT], measured_agreement(data)))
    slider = measured_slider(data)
    print("\n" + table(["adventure", *_SLIDER], [[f"{a:g}", *row] for a, *row in slider]))
    tolerances = [[f"{share:g}", *row] for share, *row in measured_tolerance(data)]
    print("\n" + table(["tolerance, of the scale", *_AGREEMENT[:2], "RMSE of stars"], tolerances))
    if options.output:
        draw(slider, options.output)


if __name__ == "__main__":
    main()
