"""Run one target on numbered inputs for a while."""

from __future__ import annotations

import signal
import time
import traceback
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol

from tests.fuzz.mutations import mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PATIENCE = 10.0  # seconds for one input


class Target(Protocol):
    SEEDS: Sequence[bytes]
    check: Callable[[bytes], None]


class TooSlow(BaseException):
    """No parser catches it."""


@dataclass
class Outcome:
    name: str
    n_inputs: int = 0
    n_findings: int = 0

    def __str__(self) -> str:
        return f"{self.name}: {self.n_inputs:,} inputs, {self.n_findings} findings"


def fuzz(
    name: str,
    target: Target,
    artifacts: Path,
    seconds: float,
    first: int = 0,
    n_inputs: int | None = None,
    patience: float = PATIENCE,
) -> Outcome:
    """Check the seeds, and mutations of them until the time is over.

    Findings that end in the same line of code are printed once.
    """
    artifacts.mkdir(parents=True, exist_ok=True)
    current = artifacts / f"{name}.current"
    outcome, places, started = Outcome(name), set(), time.monotonic()
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        with current.open("wb", buffering=0) as file:
            for number in islice(count(first), n_inputs):
                if number >= len(target.SEEDS) and time.monotonic() - started > seconds:
                    break
                data = mutated(target.SEEDS, number)
                file.seek(0)
                file.truncate()
                file.write(data)
                outcome.n_inputs += 1
                try:
                    signal.setitimer(signal.ITIMER_REAL, patience)
                    target.check(data)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:
                    outcome.n_findings += 1
                    if (place := _place(error)) not in places:
                        places.add(place)
                        kept = artifacts / f"{name}-{number}"
                        kept.write_bytes(data)
                        print(f"\n{name}: input {number}, kept as {kept}: {data[:300]!r}")
                        traceback.print_exception(error, limit=-12)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    current.unlink()
    return outcome


def _interrupt(signum: int, frame: object) -> None:
    raise TooSlow


def _place(error: BaseException) -> tuple[type, str, int | None]:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno
