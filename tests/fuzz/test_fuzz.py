from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.fuzz.mutations import LONGEST, mutated
from tests.fuzz.runner import fuzz

ROOT = Path(__file__).parents[2]
SECONDS = 28  # with the start of Python 30


@pytest.mark.processes
def test_no_input_breaks_a_parser():
    command = [sys.executable, "-m", "tests.fuzz", f"--seconds={SECONDS}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_inputs_are_the_seeds_and_then_the_same_for_the_same_number():
    seeds = [b"a,b\n1,2\n", b"", b"{}"]
    inputs = [mutated(seeds, number) for number in range(500)]
    assert inputs[:3] == seeds
    assert inputs == [mutated(seeds, number) for number in range(500)]
    assert len(set(inputs)) > 300
    assert max(map(len, inputs)) <= LONGEST


def fail(data):
    if data != b"fine":
        raise LookupError(data)


def hang(data):
    if data != b"fine":
        time.sleep(5)


@pytest.mark.parametrize("check", [fail, hang])
def test_findings_are_kept_and_said_once(tmp_path, capsys, check):
    target = SimpleNamespace(SEEDS=[b"fine", b"bad", b"worse"], check=check)
    outcome = fuzz("target", target, tmp_path, seconds=0, patience=0.05)
    assert (outcome.n_inputs, outcome.n_findings) == (3, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["target-1"]
    assert (tmp_path / "target-1").read_bytes() == b"bad"
    assert capsys.readouterr().out.count("target: input") == 1
