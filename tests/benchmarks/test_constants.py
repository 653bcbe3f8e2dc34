from __future__ import annotations

from benchmarks import constants


def test_every_constant_of_the_choice_of_solver_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(constants, "FACTORS", (64,))
    monkeypatch.setattr(constants, "OBSERVATIONS_AT_ONCE", 1)
    monkeypatch.setattr(constants, "ROUNDS", 1)
    constants.main()
    names, used, measured = capsys.readouterr().out.splitlines()
    assert len(names.split()) == 7
    assert len(used.split()) == len(measured.split()) == 8
    on_copies, in_place = float(measured.split()[4]), float(measured.split()[6])
    assert on_copies > 0
    assert in_place > 0
