"""Using a model: top-k for all users, and folding in new ones."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from benchmarks import synthetic
from benchmarks.machine import race, say, timed
from cinefold import WeightedMatrixFactorization
from cinefold.model.half_step import FixedSide
from cinefold.model.ranking import top_k

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

K = 10


def top_ten(
    ratings: sp.csr_array, n_factors: int, rounds: int, n_threads: int, seed: int
) -> dict[str, Any]:
    """The ten best unseen items of every user, from the same random factors in each library."""
    rng = np.random.default_rng(seed)
    users = rng.standard_normal((ratings.shape[0], n_factors), np.float32)
    items = rng.standard_normal((ratings.shape[1], n_factors), np.float32)
    side = FixedSide.in_eigenbasis(items, np.ones(n_factors), n_threads)
    found: dict[str, NDArray[Any]] = {}

    def cinefold() -> None:
        found["cinefold"], _ = top_k(users, side.rows, K, excluded=ratings, n_threads=n_threads)

    contestants: dict[str, Callable[[], None]] = {"cinefold": cinefold}
    if find_spec("implicit"):
        contestants["implicit"] = _implicit(ratings, users, items, n_threads, found)
    if find_spec("irspack"):
        contestants["irspack"] = _irspack(ratings, users, items, n_threads, found)
    seconds = race(
        {name: lambda run=run: timed(run) for name, run in contestants.items()}, rounds, "top-k"
    )
    agreement = {name: float((ids == found["cinefold"]).mean()) for name, ids in found.items()}
    return {"shape": ratings.shape, "seconds": seconds, "same items": agreement}


def _implicit(
    ratings: sp.csr_array,
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    n_threads: int,
    found: dict[str, NDArray[Any]],
) -> Callable[[], None]:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=users.shape[1], num_threads=n_threads)
    model.user_factors, model.item_factors = users, items
    seen, everyone = sp.csr_matrix(ratings), np.arange(len(users))

    def run() -> None:
        found["implicit"], _ = model.recommend(everyone, seen, N=K, filter_already_liked_items=True)

    return run


def _irspack(
    ratings: sp.csr_array,
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    n_threads: int,
    found: dict[str, NDArray[Any]],
    block: int = 2048,
) -> Callable[[], None]:
    """Scores of a block of users, seen ones masked, and its compiled selection."""
    from irspack.utils._util_cpp import retrieve_recommend_from_score_f32
    from threadpoolctl import threadpool_limits

    def run() -> None:
        ids = np.full((len(users), K), -1)
        with threadpool_limits(n_threads, user_api="blas"):
            for begin in range(0, len(users), block):
                scores = users[begin : begin + block] @ items.T
                seen = ratings[begin : begin + block]
                rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
                scores[rows, seen.indices] = -np.inf
                lists = retrieve_recommend_from_score_f32(scores, [], K, n_threads)
                for row, ranked in enumerate(lists, start=begin):
                    ids[row, : len(ranked)] = [item for item, _ in ranked]
        found["irspack"] = ids

    return run


def fold_in(n_items: int, n_factors: int, calls: int, seed: int) -> dict[str, Any]:
    """Microseconds to fold in one user with 20 ratings, and users a second all at once."""
    rng = np.random.default_rng(seed)
    say("fold-in: fitting a model")
    train = synthetic.ratings(20_000, n_items, 1_000_000, seed)
    model = WeightedMatrixFactorization(n_factors, max_iter=2).fit(train, progress=False)
    profiles = [
        {int(item): 4.0 for item in rng.choice(n_items, 20, replace=False)} for _ in range(calls)
    ]
    microseconds = []
    for profile in [*profiles[:100], *profiles]:  # the first ones warm up
        started = time.perf_counter()
        model.fold_in(profile)
        microseconds.append((time.perf_counter() - started) * 1e6)
    many = synthetic.ratings(100_000, n_items, 2_000_000, seed + 1)
    seconds = timed(lambda: model.fold_in(many))
    p50, p99 = np.percentile(microseconds[100:], [50, 99])
    say("")
    return {
        "items": n_items,
        "factors": n_factors,
        "p50": float(p50),
        "p99": float(p99),
        "users a second": many.shape[0] / seconds,
    }
