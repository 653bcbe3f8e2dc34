"""The ten best unseen items of all users."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from benchmarks.machine import race, timed
from cinefold.als.backend import FixedSide, top_k

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.section_case import Case

    Ranker = Callable[[], Any]
    Items = Callable[[Any], NDArray[np.int64]]

K = 10
BLOCK = 2048  # users whose scores irspack holds at a time: 80 MB with 10,000 items


def top_ten(case: Case) -> dict[str, Any]:
    """From the same random factors in each library; what is seen is excluded.

    Items that differ from Cinefold's come from scores that are equal but for rounding.
    """
    rng = np.random.default_rng(case.seed)
    n_users, n_items = case.ratings.shape
    users = rng.standard_normal((n_users, case.n_factors), np.float32)
    items = rng.standard_normal((n_items, case.n_factors), np.float32)
    rankers: dict[str, tuple[Ranker, Items]] = {}
    for name, build in LIBRARIES.items():
        if find_spec(name):
            rankers[name] = build(case.ratings, users, items, case.n_threads)
        else:
            case.left_out[name] = f"{name} is not installed"
    found: dict[str, Any] = {}

    def turn(name: str) -> Callable[[], float]:
        def run() -> float:
            return timed(lambda: found.__setitem__(name, rankers[name][0]()))

        return run

    seconds = race({name: turn(name) for name in rankers}, case.rounds, "top-k")
    lists = {name: rankers[name][1](result) for name, result in found.items()}
    agreement = {name: float((ids == lists["cinefold"]).mean()) for name, ids in lists.items()}
    return {"seconds": seconds, "same items": agreement}


def cinefold(
    ratings: sp.csr_array, users: NDArray[np.float32], items: NDArray[np.float32], n_threads: int
) -> tuple[Ranker, Items]:
    rows = FixedSide.in_eigenbasis(items, np.ones(items.shape[1]), n_threads).rows
    return (
        lambda: top_k(users, rows, K, excluded=ratings, n_threads=n_threads)[0],
        lambda ids: ids,
    )


def implicit(
    ratings: sp.csr_array, users: NDArray[np.float32], items: NDArray[np.float32], n_threads: int
) -> tuple[Ranker, Items]:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=users.shape[1], num_threads=n_threads)
    model.user_factors, model.item_factors = users, items
    seen, everyone = sp.csr_matrix(ratings), np.arange(len(users))
    return lambda: model.recommend(everyone, seen, N=K)[0], lambda ids: ids


def irspack(
    ratings: sp.csr_array, users: NDArray[np.float32], items: NDArray[np.float32], n_threads: int
) -> tuple[Ranker, Items]:
    """What its IDMapper does, in its fastest form: by blocks, with scores from BLAS.

    Scores of a block of users, seen items set to -inf, and its compiled selection. Its own
    get_score_remove_seen_block takes three times as long for the same scores, and mapping ids
    would add a loop in Python.
    """
    from irspack.utils._util_cpp import retrieve_recommend_from_score_f32

    def run() -> list[list[tuple[int, float]]]:
        lists = []
        with threadpool_limits(n_threads, user_api="blas"):
            for begin in range(0, len(users), BLOCK):
                scores = users[begin : begin + BLOCK] @ items.T
                seen = ratings[begin : begin + BLOCK]
                scores[
                    np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices
                ] = -np.inf
                lists += retrieve_recommend_from_score_f32(scores, [], K, n_threads)
        return lists

    def items_of(lists: list[list[tuple[int, float]]]) -> NDArray[np.int64]:
        ids = np.full((len(lists), K), -1)
        for row, ranked in enumerate(lists):
            ids[row, : len(ranked)] = [item for item, _ in ranked]
        return ids

    return run, items_of


LIBRARIES = {"cinefold": cinefold, "implicit": implicit, "irspack": irspack}
