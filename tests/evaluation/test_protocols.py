"""What is held out: nothing leaks, and a seed is enough to have it again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold import Interactions
from cinefold.evaluation import divide
from cinefold.evaluation.protocols import PROTOCOLS, Division, n_divisions


def ratings(seed=0, n_users=25, n_items=30):
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < 0.4)
    stars = rng.integers(1, 6, len(users))
    return Interactions.from_arrays(
        [f"u{u:02}" for u in users], items, stars, timestamps=rng.integers(0, 50, len(users))
    )


def pairs(interactions):
    matrix = interactions.by_user.tocoo()
    return set(zip(interactions.user_ids[matrix.row], matrix.col.tolist(), strict=True))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**20), protocol=st.sampled_from(PROTOCOLS))
def test_nothing_that_is_measured_on_was_learnt_from(seed, protocol):
    data = ratings(seed)
    divisions = list(divide(data, protocol, folds=3, repeats=2, random_state=seed))
    assert len(divisions) == n_divisions(protocol, 3, 2)
    for division in divisions:
        training, held_out = pairs(division.training), pairs(division.held_out)
        given_ = pairs(division.given) if division.given is not None else set()
        assert not training & held_out
        assert not given_ & held_out
        assert held_out
        assert training | held_out | given_ == pairs(data)
        if protocol == "strong":
            assert not {user for user, _ in training} & {user for user, _ in held_out}
            assert {user for user, _ in held_out} <= {user for user, _ in given_}


@pytest.mark.parametrize("protocol", ["k-fold", "strong"])
def test_each_fold_is_held_out_once(protocol):
    data = ratings()
    found = [pairs(d.held_out) for d in divide(data, protocol, folds=4)]
    assert sum(map(len, found)) == len(set().union(*found))
    if protocol == "k-fold":
        assert set().union(*found) == pairs(data)
        for user in range(data.n_users):
            sizes = [sum(u == data.user_ids[user] for u, _ in fold) for fold in found]
            assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_seed_is_enough(protocol):
    one, again = (
        [pairs(d.held_out) for d in divide(ratings(), protocol, folds=3, random_state=7)]
        for _ in range(2)
    )
    assert one == again
    other = [pairs(d.held_out) for d in divide(ratings(), protocol, folds=3, random_state=8)]
    assert (one == other) == (protocol in ("time", "leave-last-out"))


def test_time_holds_out_the_latest():
    data = ratings()
    (division,) = divide(data, "time", fraction=0.2)
    assert division.training.timestamps.max() < division.held_out.timestamps.min()
    assert abs(division.held_out.n_ratings - 0.2 * data.n_ratings) < 0.1 * data.n_ratings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "loo"}, "protocol must be one of .'per-user'"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"protocol": "strong", "folds": 99}, "folds must be from 2 to 25"),
        ({"protocol": "k-fold", "folds": 1}, "folds must be 2 or more"),
        ({"fraction": 0}, "fraction must be between 0 and 1"),
    ],
)
def test_wrong_settings_are_said(options, words):
    with pytest.raises(ValueError, match=words):
        list(divide(ratings(), **options))


def test_times_are_needed_where_they_are():
    data = Interactions.from_arrays([1, 1, 2], [1, 2, 1], [5, 4, 3])
    for protocol in ("time", "leave-last-out"):
        with pytest.raises(ValueError, match=f"{protocol} needs timestamps"):
            list(divide(data, protocol))


def test_given_parts_have_all_ids_and_the_validation_part_is_learnt_from():
    a = Interactions.from_arrays(["ann", "bob"], [1, 2])
    b = Interactions.from_arrays(["ann"], [3])
    c = Interactions.from_arrays(["ann", "cat"], [2, 4])
    division = Division.of_parts(a, c, b)
    assert pairs(division.training) == {("ann", 0), ("bob", 1), ("ann", 2)}
    assert pairs(division.held_out) == {("ann", 1), ("cat", 3)}
    assert division.training.item_ids.tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"2 pairs .* are in .*, such as user 'ann' with item 1$"):
        Division.of_parts(a, a)
    with pytest.raises(ValueError, match="1 pairs of the validation part"):
        Division.of_parts(a, b, Interactions.from_arrays(["ann"], [1]))
    with pytest.raises(ValueError, match=r"test part .*: ids are like 'ann' here, not like 1"):
        Division.of_parts(a, Interactions.from_arrays([1], [1]))


def test_the_seed_may_be_a_generator_and_is_checked_first():
    first, second = (
        [d.held_out.fingerprint() for d in divide(ratings(), repeats=2, random_state=generator)]
        for generator in (np.random.default_rng(3), np.random.default_rng(3))
    )
    assert first == second
    assert first[0] != first[1]
    with pytest.raises(TypeError, match="random_state must be an integer, None, or a Generator"):
        next(divide(ratings(), random_state="3"))
