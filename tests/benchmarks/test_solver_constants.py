from __future__ import annotations

import pytest

from benchmarks import solver_constants


@pytest.mark.parametrize(
    ("order", "tile", "products"),
    [
        (16, (16, 16, 1), 256),
        (32, (16, 8, 2), 8 * (2 * 32 + 2 * 16)),  # two tiles of both vectors, two of the second
        (48, (16, 8, 2), 8 * (2 * 32 + 2 * 16) + 8 * 6 * 16),  # and six of the last one
        (4, (4, 4, 4), 16),
    ],
)
def test_products_below_the_diagonal(order, tile, products):
    expected = 1 - order * (order + 1) / 2 / products
    assert solver_constants.wasted(order, *tile) == pytest.approx(expected)


def test_every_constant_of_the_choice_of_solver_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(solver_constants, "FACTORS", (64,))
    monkeypatch.setattr(solver_constants, "ROUNDS", 1)
    solver_constants.main()
    *_, names, used, measured, _, lengths, losses = capsys.readouterr().out.splitlines()
    assert len(names.split()) == 1 + 6
    assert len(used.split()) == 3 + 6
    assert len(measured.split()) == 2 + 6
    found = dict(zip(names.split()[1:], map(float, measured.split()[2:]), strict=True))
    assert found["in_place"] > 0
    assert found["kFewSteps"] > 0
    assert lengths.count(" d") == len(losses.split()) - 2 == len(solver_constants.LENGTHS)
    assert all(float(loss) >= 1 for loss in losses.split()[2:])
