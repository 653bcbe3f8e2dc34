"""The model of the schedule, on costs made up, and the phases of true epochs."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.section_case import Case
from benchmarks.synthetic import Shape

from benchmarks import schedule
from cinefold import Interactions
from cinefold.als.iterations import Problem, alternate

CASE = Case(Shape(2_500, 5_000, 40_000), 8, 2, rounds=1)


@pytest.mark.parametrize(
    ("serial", "calls", "n_threads", "expected"),
    [
        (0.5, [], 16, 0.5),
        (0, [[3, 2, 1]], 1, 6),
        (0, [[3, 2, 1]], 2, 3),
        (0, [[3, 2, 1]], 16, 3),
        (0, [[1, 2, 3]], 2, 4),  # in the order given: 1 + 3 beside 2
        (1, [[1] * 16, [1] * 17], 16, 4),  # a call waits for the one before
        (0, [[10, *[1] * 30]], 4, 10),  # one block longer than a thread's share
        (2, [[], [4]], 2, 6),
    ],
)
def test_blocks_go_to_whichever_thread_is_free_first(serial, calls, n_threads, expected):
    assert schedule.predicted(serial, calls, n_threads) == pytest.approx(expected)


def test_shares_of_a_phase():
    call = np.array([[0, 0.0, 3.0, 2.5], [1, 0.5, 1.5, 1.0], [1, 2.0, 4.0, 2.0]])
    phase = schedule.Phase(seconds=6.0, calls=[call])
    assert phase.busy(3).tolist() == [2.5, 3.0, 0.0]
    assert phase.waits == pytest.approx(1.0)  # to be woken, and for the second block
    assert [costs.tolist() for costs in phase.costs] == [[2.5, 1.0, 2.0]]
    assert schedule.Phase().busy(2).tolist() == [0.0, 0.0]


def test_watched_epochs_are_the_same_epochs():
    train = Interactions.from_sparse(CASE.ratings)
    watched = schedule.Watched(train, CASE.problem.objective, 2)
    plain = Problem(train, CASE.problem.objective, 2)
    steps, others = alternate(watched, 8, 0), alternate(plain, 8, 0)
    for _ in range(2):
        found = []
        phases = watched.epoch(lambda f=found: f.append(next(steps)))
        expected = next(others)
    assert found[0].objective == expected.objective
    assert np.array_equal(found[0].factors.users, expected.factors.users)
    assert set(phases) == {
        *schedule.ROWS,
        *("balancing", "Gram matrices", "decompositions", "change of basis", "rest in Python"),
    }
    assert all(p.seconds > 0 and p.waits >= 0 for p in phases.values())
    assert all(phases[name].calls for name in schedule.ROWS)


def test_nothing_is_recorded_unless_asked():
    next(
        alternate(Problem(Interactions.from_sparse(CASE.ratings), CASE.problem.objective, 1), 8, 0)
    )
    assert schedule.record(False) == []


def test_more_threads_take_no_longer_in_the_model():
    result = schedule.scaling(CASE)
    assert set(result["seconds"]) == {"1", "2"}
    for phase in result["phases"].values():
        assert phase["predicted"] == sorted(phase["predicted"], reverse=True)
        assert phase["serial"] >= 0
