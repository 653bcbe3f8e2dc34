"""How good the lists and predicted stars are, beside other libraries.

    python -m benchmarks.quality [--seeds 0 1 2] [--trials 30] [--output docs/quality.md]

Each seed divides each user's ratings of MovieLens 100K at random into 80 % to learn from, 10 % to
tune on and 10 % to evaluate on. The other libraries are tuned by random search, as are their
baselines; Cinefold's default is not tuned at all. All see the same data as "rated or not", except
where their own parameters say otherwise, and all are evaluated by the same code.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cinefold import WeightedMatrixFactorization, load_movielens
from cinefold.evaluation import evaluate_per_user
from cinefold.evaluation.comparison import Comparison
from cinefold.models import Ease, Popularity
from cinefold.models.rating_predictor import StarPredictor
from cinefold.models.results import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable

    from cinefold.evaluation import Evaluation, Ranker
    from cinefold.interactions import Interactions

_NAMES = ("ndcg", "recall")
_KS = (10, 20)
_TUNED_ON = "ndcg_at_10"


def ranker(training: Interactions, users: np.ndarray, items: np.ndarray) -> Ranker:
    """Factors of another library, ranked by our own code."""
    return WeightedMatrixFactorization.from_factors(users, items, interactions=training)


def binary(training: Interactions) -> sp.csr_matrix:
    matrix = training.by_user.copy()
    ones = np.ones(matrix.nnz, np.float32)
    return sp.csr_matrix((ones, matrix.indices, matrix.indptr.astype(np.int32)), matrix.shape)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# -- contestants: a random draw of parameters, as a function from training data to a model ---------


def draw_implicit(
    rng: np.random.Generator,
    factors: tuple[int, ...] = (16, 24, 32, 48, 64, 96),
    widely: bool = False,
) -> Callable[[Interactions], Ranker]:
    """`widely`: where users and items may have few ratings."""
    from implicit.als import AlternatingLeastSquares

    parameters = {
        "factors": int(rng.choice(factors)),
        "regularization": log_uniform(rng, 0.1 if widely else 1, 50),
        "alpha": log_uniform(rng, 0.5, 50 if widely else 8),
        "iterations": int(rng.choice([8, 15, 25])),
    }

    def learn(training: Interactions) -> Ranker:
        model = AlternatingLeastSquares(**parameters, num_threads=1, random_state=0)
        model.fit(binary(training), show_progress=False)
        return ranker(training, model.user_factors, model.item_factors)

    return learn


def draw_irspack(rng: np.random.Generator) -> Callable[[Interactions], Ranker]:
    from irspack import IALSRecommender

    parameters = {
        "n_components": int(rng.choice([16, 24, 32, 48, 64, 96])),
        "alpha0": log_uniform(rng, 0.05, 2),
        "reg": log_uniform(rng, 1e-3, 0.1),
        "train_epochs": int(rng.choice([8, 16])),
    }

    def learn(training: Interactions) -> Ranker:
        model = IALSRecommender(binary(training), **parameters, n_threads=1)
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
            model.learn()
        return ranker(training, model.get_user_embedding(), model.get_item_embedding())

    return learn


def draw_ease(rng: np.random.Generator) -> Callable[[Interactions], Ranker]:
    strength = log_uniform(rng, 100, 1500)
    return lambda training: Ease(regularization=strength).fit(training)


def draw_ours(rng: np.random.Generator) -> Callable[[Interactions], Ranker]:
    w0, ridge = log_uniform(rng, 0.5, 2), log_uniform(rng, 0.6, 1.7)
    target, exponent = str(rng.choice(["sqrt", "binary"])), float(rng.choice([0.5, 1.0]))
    n_factors = int(rng.choice([48, 64, 96, 128]))

    def learn(training: Interactions) -> Ranker:
        model = WeightedMatrixFactorization(
            n_factors, target=target, regularization_exponent=exponent, max_iter=1, n_threads=1
        )
        scaled = model.fit(training, progress=False).objective_
        model.set_params(
            unobserved_weight=scaled.unobserved_weight * w0,
            regularization=scaled.regularization * ridge * w0**0.5,
            max_iter=12,
        )
        return model.fit(training, progress=False)

    return learn


TUNED: dict[str, Callable[[np.random.Generator], Callable[[Interactions], Ranker]]] = {
    "Cinefold, tuned": draw_ours,
    "EASE, tuned": draw_ease,
    "implicit, tuned": draw_implicit,
    "irspack, tuned": draw_irspack,
}


def untuned() -> dict[str, Callable[[Interactions], Ranker]]:
    def preset(name: str) -> Callable[[Interactions], Ranker]:
        return lambda training: WeightedMatrixFactorization.preset(name, n_threads=1).fit(
            training, progress=False
        )

    return {
        "Cinefold, default": preset("ranking"),
        "Cinefold, preset plain": preset("plain"),
        "Popularity": lambda training: Popularity().fit(training),
    }


# -- evaluation -----------------------------------------------------------------------------------


class Hiding:
    """A model whose lists also leave out the ratings that were tuned on."""

    def __init__(self, model: Ranker, hidden: Interactions, training: Interactions) -> None:
        self.model, self.hidden, self.interactions_ = model, hidden, training

    def recommend(self, users: Any, k: int = 10) -> Ranking:
        hidden = self.hidden.by_user[self.hidden.user_index(users)]
        deep = k + int(np.diff(hidden.indptr).max(initial=0))
        ranking = self.model.recommend(users, deep)
        items, scores = ranking
        places = ranking.indices(self.hidden)
        rows = np.arange(len(items))[:, None] * hidden.shape[1]
        known = np.repeat(rows[:, 0], np.diff(hidden.indptr)) + hidden.indices
        scores = np.where(np.isin(rows + places, known), -np.inf, scores)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return Ranking(
            np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)
        )


def evaluate_lists(data: Interactions, seeds: list[int], trials: int) -> Comparison:
    found: dict[str, list[Evaluation]] = {}
    for seed in seeds:
        rest, test = data.split("per-user", fraction=0.1, random_state=seed)
        training, validation = rest.split("per-user", fraction=1 / 9, random_state=seed + 1000)
        chosen = untuned()
        for name, draw in TUNED.items():
            print(f"seed {seed}: {name}", file=sys.stderr)
            chosen[name] = best_of(draw, training, validation, trials, seed)
        for name, learn in chosen.items():
            model = Hiding(learn(training), validation, training)
            found.setdefault(name, []).append(evaluate_per_user(model, test, ks=_KS, names=_NAMES))
    return Comparison({"seeds": seeds}, found)


def best_of(
    draw: Callable[[np.random.Generator], Callable[[Interactions], Ranker]],
    training: Interactions,
    validation: Interactions,
    trials: int,
    seed: int,
) -> Callable[[Interactions], Ranker]:
    rng = np.random.default_rng(seed)
    tried = []
    for _ in range(trials):
        learn = draw(rng)
        quality = evaluate_per_user(learn(training), validation, names=("ndcg",)).means[_TUNED_ON]
        tried.append((quality, learn))
    return max(tried, key=lambda trial: trial[0])[1]


def lists_table(comparison: Comparison) -> list[str]:
    lines = [
        "| | NDCG@10 | Recall@20 | NDCG@10, less the default's |",
        "|---|---|---|---|",
    ]
    for name in comparison.models:
        ndcg, recall = (comparison.estimate(name, m) for m in ("ndcg_at_10", "recall_at_20"))
        gap = comparison.difference(name, "Cinefold, default", "ndcg_at_10")
        assert ndcg is not None  # noqa: S101 - for the type checker
        assert recall is not None  # noqa: S101
        assert gap is not None  # noqa: S101
        apart = f"{gap.value:+.4f} ± {gap.standard_error:.4f}" if gap.standard_error else ""
        lines.append(
            f"| {name} | {ndcg.value:.4f} ± {ndcg.standard_error:.4f} "
            f"| {recall.value:.4f} ± {recall.standard_error:.4f} | {apart} |"
        )
    return lines


def stars_table(data: Interactions, seeds: list[int]) -> list[str]:
    """RMSE on random 90/10 splits, clipped to the scale."""
    errors: dict[str, list[float]] = {}
    for seed in seeds:
        training, held_out = data.split("random", fraction=0.1, random_state=seed)
        rows = np.repeat(np.arange(held_out.n_users), held_out.user_counts())
        users, items = held_out.user_ids[rows], held_out.item_ids[held_out.by_user.indices]
        explicit = WeightedMatrixFactorization.preset("stars").fit(training, progress=False)
        inner, rest = training.split("per-user", fraction=0.1, random_state=seed)
        default = WeightedMatrixFactorization().fit(inner, progress=False)
        predictor = StarPredictor(default).fit(rest)
        whole = WeightedMatrixFactorization().fit(training, progress=False)
        for name, predicted in (
            ("preset stars", explicit.predict(users, items).clip(1, 5)),
            ("default, predicted stars", predictor.refitted(whole).predict(users, items)),
            ("item means (popularity)", Popularity().fit(training).predict(users, items)),
        ):
            error = predicted - held_out.by_user.data
            errors.setdefault(name, []).append(float(np.sqrt(np.mean(error**2))))
    lines = ["| | RMSE, mean of five splits | from | to |", "|---|---|---|---|"]
    for name, values in errors.items():
        lines.append(f"| {name} | {np.mean(values):.4f} | {min(values):.4f} | {max(values):.4f} |")
    return lines


# -- how the scaled parameters hold up ------------------------------------------------------------


def parts_of(data: Interactions) -> dict[str, np.ndarray]:
    """Which ratings each part has."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(data.n_users), data.user_counts())
    items, stars = data.by_user.indices, data.by_user.data
    famous = np.argsort(-data.item_counts(), kind="stable")
    return {
        "all of it": np.ones(data.n_ratings, bool),
        "a quarter of the ratings": rng.random(data.n_ratings) < 0.25,
        "250 users": np.isin(users, rng.permutation(data.n_users)[:250]),
        "80 users": np.isin(users, rng.permutation(data.n_users)[:80]),
        "the 300 best known movies": np.isin(items, famous[:300]),
        "all but the 200 best known movies": ~np.isin(items, famous[:200]),
        "4 and 5 stars only": stars >= 4,
    }


def part_of(data: Interactions, mask: np.ndarray) -> Interactions:
    """Without users and items that have no ratings in it."""
    users = np.repeat(np.arange(data.n_users), data.user_counts())
    return type(data).from_arrays(users[mask], data.by_user.indices[mask], data.by_user.data[mask])


def scaling_table(data: Interactions, seeds: list[int]) -> list[str]:
    factors = (0.5, 0.7, 1.0, 1.4, 2.0)
    lines = [
        "| part of the data | w0 | " + " | ".join(f"λ × {factor:g}" for factor in factors) + " |",
        "|---|---|" + "---|" * len(factors),
    ]
    for name, mask in parts_of(data).items():
        part = part_of(data, mask)
        quality = np.zeros((len(seeds), len(factors)))
        weight = 0.0
        for row, seed in enumerate(seeds):
            training, held_out = part.split(fraction=0.2, random_state=seed)
            model = WeightedMatrixFactorization(max_iter=1, n_threads=1)
            scaled = model.fit(training, progress=False).objective_
            weight = scaled.unobserved_weight
            for column, factor in enumerate(factors):
                model.set_params(regularization=scaled.regularization * factor, max_iter=10)
                model.fit(training, progress=False)
                quality[row, column] = evaluate_per_user(model, held_out, names=("ndcg",)).means[
                    _TUNED_ON
                ]
        means = quality.mean(axis=0)
        cells = (f"**{v:.4f}**" if v == means.max() else f"{v:.4f}" for v in means)
        lines.append(f"| {name} | {weight:.2f} | " + " | ".join(cells) + " |")
    return lines


def defaults_table(data: Interactions) -> list[str]:
    """The default beside 64 factors by the formulas, and how much longer it takes."""
    lines = [
        "| part of the data | ratings a row | 64 factors and the formulas | default | ratio |",
        "|---|---|---|---|---|",
    ]
    for name, mask in parts_of(data).items():
        part = part_of(data, mask)
        training, held_out = part.split("per-user", fraction=0.2, random_state=1)
        cells, seconds = [], []
        for n_factors in (64, "scale"):
            model = WeightedMatrixFactorization(n_factors=n_factors, n_threads=1)
            times = [_processor_seconds(model, training) for _ in range(3)]
            found = evaluate_per_user(model, held_out, names=("ndcg",), ks=(20,)).means
            cells.append(f"{found['ndcg_at_20']:.4f}")
            seconds.append(min(times))
        row = 2 * training.n_ratings / (training.n_users + training.n_items)
        many = f"{cells[1]} ({model.item_factors_.shape[1]})"
        ratio = f"{seconds[1] / seconds[0]:.1f} ({seconds[1]:.1f} s)"
        lines.append(f"| {name} | {row:.0f} | {cells[0]} | {many} | {ratio} |")
    return lines


def _processor_seconds(model: WeightedMatrixFactorization, training: Interactions) -> float:
    started = time.process_time()
    model.fit(training, progress=False)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--output", type=Path, help="write the tables to this file, too")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="implicit")
    data = load_movielens("ml-100k").interactions
    comparison = evaluate_lists(data, options.seeds, options.trials)
    sections = {
        "Lists": lists_table(comparison),
        "Predicted stars": stars_table(data, [0, 1, 2, 3, 4]),
        "Scaled parameters": scaling_table(data, options.seeds),
        "Default and 64 factors, NDCG@20": defaults_table(data),
    }
    text = "\n\n".join("\n".join([f"## {title}", "", *table]) for title, table in sections.items())
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
