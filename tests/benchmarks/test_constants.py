from __future__ import annotations

from benchmarks import constants


def test_every_constant_of_the_choice_of_solver_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(constants, "FACTORS", (64,))
    monkeypatch.setattr(constants, "OBSERVATIONS_AT_ONCE", 1)
    monkeypatch.setattr(constants, "ROUNDS", 1)
    constants.main()
    names, used, measured = capsys.readouterr().out.splitlines()
    assert len(names.split()) == 1 + 6
    assert len(used.split()) == 3 + 6
    assert len(measured.split()) == 2 + 6
    in_place, few_steps = (float(word) for word in measured.split()[-2:])
    assert in_place > 0
    assert few_steps > 0
