"""docs/objective.md: parameters of other libraries and ours have the same minimizers.

Each library's row equations are written down from its own definition. The factors that our model
ends with must solve them, for users and for items, with the parameters converted as documented.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold import Interactions, WeightedMatrixFactorization
from tests.oracle import relative_error


def solve(weights: np.ndarray, targets: np.ndarray, regularization: Any, v: np.ndarray):
    """Minimizers of sum_j weight_ij (target_ij - u_i.v_j)^2 + regularization_i |u_i|^2."""
    penalties = np.broadcast_to(regularization, len(weights))
    return np.array(
        [
            np.linalg.solve((v.T * w) @ v + penalty * np.eye(v.shape[1]), (v.T * w) @ t)
            for w, t, penalty in zip(weights, targets, penalties, strict=True)
        ]
    )


# -- the libraries, by their own definitions; values is dense, NaN where nothing was observed ------


def implicit(values, v, *, alpha, regularization):
    observed = ~np.isnan(values)
    weights = np.where(observed, alpha * np.abs(values), 1)
    return solve(weights, np.where(observed, values, 0) > 0, regularization, v)


def lenskit(values, v, *, weight, use_ratings, regularization):
    observed = ~np.isnan(values)
    strength = np.where(observed, values, 0) if use_ratings else observed
    return solve(1 + weight * strength, observed, regularization, v)


def irspack(values, v, *, alpha0, reg, nu, loss_type="IALSPP"):
    strength = np.nan_to_num(values)
    observed = strength > 0
    targets = {
        "ORIGINAL": observed,
        "IALSPP": strength / (alpha0 + strength),  # c (1 - s)^2 + alpha0 s^2, completed
    }
    penalties = reg * (alpha0 * values.shape[1] + observed.sum(axis=1)) ** nu
    return solve(alpha0 + strength, targets[loss_type], penalties, v)


def ials_plus_plus(values, v, *, unobserved_weight, regularization, regularization_exp):
    return irspack(
        np.where(np.isnan(values), np.nan, 1),
        v,
        alpha0=unobserved_weight,
        reg=regularization,
        nu=regularization_exp,
    )


def spark(values, v, *, reg_param, implicit_prefs, alpha=1.0):
    observed = ~np.isnan(values)
    ratings = np.where(observed, values, 0)
    if not implicit_prefs:
        return solve(observed, ratings, reg_param * observed.sum(axis=1), v)
    penalties = reg_param * (ratings > 0).sum(axis=1)
    return solve(1 + alpha * np.abs(ratings), ratings > 0, penalties, v)


# -- the table of docs/objective.md ---------------------------------------------------------------


@dataclass
class Ours:
    """What to give to our model, and how its factors compare."""

    parameters: dict[str, Any]
    ratings: np.ndarray | None = None  # None: the values as they are
    weights: np.ndarray | None = None
    users_times: float = 1.0  # their user factors are ours times this
    items_times: float = 1.0


@dataclass
class Case:
    name: str
    half_step: Any
    peer: dict[str, Any]
    ours: Any
    only_ones: bool = False
    peer_for_items: dict[str, Any] = field(default_factory=dict)


def from_implicit(values, peer):
    return Ours(
        {
            "target": "binary",
            "unobserved_weight": 1.0,
            "regularization": peer["regularization"],
        },
        weights=peer["alpha"] * np.abs(values),
    )


def from_implicit_without_values(values, peer):
    return Ours(
        {
            "target": "binary",
            "unobserved_weight": 1 / peer["alpha"],
            "regularization": peer["regularization"] / peer["alpha"],
        }
    )


def from_lenskit(values, peer):
    return Ours(
        {
            "target": "binary",
            "unobserved_weight": 1.0,
            "alpha": peer["weight"],
            "regularization": peer["regularization"],
        },
        ratings=values if peer["use_ratings"] else np.ones_like(values),
    )


USER_REG, ITEM_REG = 0.4, 6.4


def from_lenskit_with_two(values, peer):
    ours = from_lenskit(values, {**peer, "regularization": (USER_REG * ITEM_REG) ** 0.5})
    ours.users_times = (ITEM_REG / USER_REG) ** 0.25
    ours.items_times = 1 / ours.users_times
    return ours


def from_irspack_original(values, peer):
    alpha0, nu = peer["alpha0"], peer["nu"]
    return Ours(
        {
            "target": "binary",
            "unobserved_weight": alpha0 / (1 + alpha0),
            "regularization": peer["reg"] * (1 + alpha0) ** (nu - 1),
            "regularization_exponent": nu,
        },
        weights=(alpha0 + values) / (1 + alpha0),
    )


def from_irspack_ialspp(values, peer):
    ours = from_irspack_original(values, peer)
    ours.parameters["target"] = "rating"
    ours.ratings = values / (peer["alpha0"] + values)
    return ours


def from_ials_plus_plus(values, peer):
    w0, nu = peer["unobserved_weight"], peer["regularization_exp"]
    scale = (1 + w0) ** -0.5
    return Ours(
        {
            "target": "binary",
            "unobserved_weight": w0 / (1 + w0),
            "regularization": peer["regularization"] * (1 + w0) ** nu,
            "regularization_exponent": nu,
        },
        users_times=scale,
        items_times=scale,
    )


def from_spark_explicit(values, peer):
    return Ours(
        {
            "target": "rating",
            "unobserved_weight": 0.0,
            "regularization": peer["reg_param"],
            "regularization_exponent": 1.0,
        }
    )


# -- and back -------------------------------------------------------------------------------------


def to_implicit(w, lam, nu):
    return {"alpha": 1 / w, "regularization": lam / w}


def to_lenskit(w, lam, nu):
    return {"weight": 1 / w - 1, "use_ratings": False, "regularization": lam / w}


def to_irspack_original(w, lam, nu):
    return {"alpha0": w / (1 - w), "reg": lam * (1 - w) ** (nu - 1), "nu": nu}


def to_ials_plus_plus(w, lam, nu):
    return {
        "unobserved_weight": w / (1 - w),
        "regularization": lam * (1 - w) ** nu,
        "regularization_exp": nu,
    }


def cases():
    yield Case("implicit", implicit, {"alpha": 8.0, "regularization": 0.7}, from_implicit)
    yield Case(
        "implicit without values",
        implicit,
        {"alpha": 8.0, "regularization": 0.7},
        from_implicit_without_values,
        only_ones=True,
    )
    for use_ratings in (False, True):
        peer = {"weight": 5.0, "use_ratings": use_ratings}
        one = {**peer, "regularization": 0.7}
        yield Case(f"lenskit, use_ratings={use_ratings}", lenskit, one, from_lenskit)
        yield Case(
            f"lenskit, use_ratings={use_ratings}, one reg a side",
            lenskit,
            {**peer, "regularization": USER_REG},
            from_lenskit_with_two,
            peer_for_items={"regularization": ITEM_REG},
        )
    for nu in (0.0, 0.5, 1.0):
        peer = {"alpha0": 0.3, "reg": 0.05, "nu": nu}
        for loss, ours in (("ORIGINAL", from_irspack_original), ("IALSPP", from_irspack_ialspp)):
            yield Case(f"irspack {loss}, {nu=}", irspack, {**peer, "loss_type": loss}, ours)
        yield Case(
            f"iALS++, {nu=}",
            ials_plus_plus,
            {"unobserved_weight": 0.3, "regularization": 0.05, "regularization_exp": nu},
            from_ials_plus_plus,
        )
    peer = {"reg_param": 0.08, "implicit_prefs": False}
    yield Case("Spark, explicit", spark, peer, from_spark_explicit)


def ratings(shape, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 6, shape).astype(float)
    values[rng.random(shape) < 0.7] = np.nan
    values[0, 0] = 3  # no shape is empty
    return values


def fit(values: np.ndarray, ours: Ours):
    """Our factors, converted to the peer's."""
    users, items = np.nonzero(~np.isnan(values))

    def observed(array):
        return None if array is None else array[users, items]

    interactions = Interactions.from_arrays(
        users,
        items,
        observed(values if ours.ratings is None else ours.ratings),
        weights=observed(ours.weights),
        user_ids=np.arange(values.shape[0]),
        item_ids=np.arange(values.shape[1]),
    )
    model = WeightedMatrixFactorization(
        **{
            "n_factors": 4,
            "max_iter": 400,
            "tol": 0,
            "regularization_exponent": 0.0,
            **ours.parameters,
        }
    )
    model.fit(interactions, progress=False)
    return model.user_factors_ * ours.users_times, model.item_factors_ * ours.items_times


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_our_minimizer_is_theirs(case):
    values = ratings((30, 20))
    if case.only_ones:
        values[~np.isnan(values)] = 1
    u, v = fit(values, case.ours(values, case.peer))
    assert relative_error(u, case.half_step(values, v, **case.peer)) < 1e-4
    peer_for_items = {**case.peer, **case.peer_for_items}
    # Items are the minimizer only in the limit of many iterations.
    assert relative_error(v, case.half_step(values.T, u, **peer_for_items)) < 2e-3


@pytest.mark.parametrize(
    ("back", "forth", "nus"),
    [
        (to_implicit, from_implicit_without_values, [0.0]),
        (to_lenskit, from_lenskit, [0.0]),
        (to_irspack_original, from_irspack_original, [0.0, 0.5, 1.0]),
        (to_ials_plus_plus, from_ials_plus_plus, [0.0, 0.5, 1.0]),
    ],
)
def test_there_and_back(back, forth, nus):
    w, lam = 0.2, 3.0
    for nu in nus:
        ours = forth(np.ones((2, 2)), back(w, lam, nu))
        confidence = (1 + ours.parameters.get("alpha", 0)) * (
            1 if ours.weights is None else ours.weights[0, 0]
        )
        # Up to a factor on the whole objective.
        assert ours.parameters["unobserved_weight"] / confidence == pytest.approx(w)
        assert ours.parameters["regularization"] / confidence == pytest.approx(lam)
        assert ours.parameters.get("regularization_exponent", 0) == nu


def test_spark_with_implicit_preferences_when_all_have_as_many_positive_ratings():
    n, positive = 24, 5
    pattern = sp.diags_array(
        [np.full(n, value) for value in (1.0, 2, 3, 4, 5, -2, 0)],
        offsets=range(7),
        shape=(n, 2 * n),
    ).toarray()
    values = np.where(pattern[:, :n] != 0, pattern[:, :n], pattern[:, n:])  # wraps around
    values[values == 0] = np.nan
    peer = {"reg_param": 0.2, "implicit_prefs": True, "alpha": 3.0}
    ours = Ours(
        {
            "target": "binary",
            "unobserved_weight": 1.0,
            "regularization": peer["reg_param"] * positive,
        },
        weights=1 + peer["alpha"] * np.abs(values),
    )
    u, v = fit(values, ours)
    assert relative_error(u, spark(values, v, **peer)) < 1e-4
    assert relative_error(v, spark(values.T, u, **peer)) < 2e-3
