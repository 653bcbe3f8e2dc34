"""Where the time of an epoch goes on several threads, and what more threads would make of it.

The core records when each block of rows was worked on, and by which thread. What lies outside is
serial. From the blocks' costs, measured on one thread, and the serial seconds, the epoch is
predicted on any number of threads: blocks go to whichever thread is free first, in the core's
order. Threads that slow each other down (memory, clock, being woken) are not in the model; the
report says how many bytes of vectors a second it takes for granted.
"""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from benchmarks.machine import say
from cinefold import Interactions
from cinefold.als import basis
from cinefold.als.backend import record
from cinefold.als.iterations import Problem, alternate, method_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.section_case import Case

    Doubles = NDArray[np.float64]
    Epoch = dict[str, "Phase"]

ROWS = "items' rows", "users' rows"  # the phases that are not overhead
THREADS = (1, 2, 4, 8, 16)
_UNLIKE_LATER = 2  # epochs that are not balanced, or not relaxed


@dataclass
class Phase:
    """What the calls of a phase took.

    Attributes
    ----------
    seconds, serial : float
        Of the calling thread: all, and CPU seconds outside of calls. (What the clocks cost in them
        is nobody's.)
    calls : list of ndarray, shape (n_blocks, 4)
        Of each block the thread, begin and end, in seconds from the beginning of the call, and the
        seconds of the processor.
    """

    seconds: float = 0.0
    serial: float = 0.0
    calls: list[Doubles] = field(default_factory=list)

    @property
    def costs(self) -> list[Doubles]:
        """CPU seconds of the blocks of each call."""
        return [call[:, 3] for call in self.calls]

    def busy(self, n_threads: int) -> Doubles:
        """CPU seconds that each thread has worked on blocks, (n_threads,)."""
        blocks = np.concatenate([np.empty((0, 4)), *self.calls])
        return np.bincount(blocks[:, 0].astype(int), blocks[:, 3], n_threads)

    @property
    def waits(self) -> float:
        """Seconds that threads waited to be woken and for their next block, all together."""
        waited = 0.0
        for call in self.calls:
            for thread in np.unique(call[:, 0]):
                _, begin, end, _ = call[call[:, 0] == thread].T
                waited += float(end.max() - (end - begin).sum())
        return waited


def predicted(serial: float, calls: Sequence[Sequence[float]], n_threads: int) -> float:
    """Seconds of an epoch.

    Parameters
    ----------
    serial : float
        Seconds outside of all calls.
    calls : sequence of sequences of float
        What each block costs, of each call, in the order in which they are handed out.
    """
    total = serial
    for blocks in calls:
        free = [0.0] * n_threads
        for cost in blocks:
            heapq.heapreplace(free, free[0] + cost)
        total += max(free)
    return total


class Watched(Problem):
    """The steps of an epoch, each phase timed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._phases: Epoch = defaultdict(Phase)
        self._open: list[str] = []
        self._since = 0.0, 0.0

    def gram(self, *arguments: Any, **options: Any) -> Any:
        with self._phase("Gram matrices"):
            return super().gram(*arguments, **options)

    def balanced(self, *arguments: Any) -> Any:
        with self._phase("balancing"):
            return super().balanced(*arguments)

    def fix(self, *arguments: Any) -> Any:
        with self._phase("change of basis"):
            return super().fix(*arguments)

    def _solve(self, side: Any, *arguments: Any) -> Any:
        with self._phase(ROWS[side == "user"]):
            return super()._solve(side, *arguments)

    def epoch(self, run: Callable[[], object]) -> Epoch:
        """The phases of the epoch that `run` runs."""

        def eigen(symmetric: Any) -> Any:
            with self._phase("decompositions"):
                return decompose(symmetric)

        decompose = basis._eigen
        self._phases.clear()
        record(True)
        try:
            with patch.object(basis, "_eigen", eigen), self._phase("rest in Python"):
                run()
        finally:
            record(False)
        return dict(self._phases)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Times what is within, but for the phases that begin and end in it."""
        self._account()
        self._open.append(name)
        try:
            yield
        finally:
            self._account()
            self._open.pop()

    def _account(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        if self._open:
            phase = self._phases[self._open[-1]]
            phase.seconds += now - self._since[0]
            phase.serial += cpu - self._since[1] - self._recorded(phase)
        self._since = time.perf_counter(), time.thread_time()

    @staticmethod
    def _recorded(phase: Phase) -> float:
        """Add what was recorded to the calls of `phase`; the seconds of the calling thread."""
        calls = record(True)
        phase.calls += [np.reshape(blocks, (-1, 4)) for _, blocks in calls]
        return sum(within for within, _ in calls)


def scaling(case: Case) -> dict[str, Any]:
    """Exact epochs on one thread and on more, by phase, and the model's on other numbers."""
    train, objective = Interactions.from_sparse(case.ratings), case.problem.objective
    method = method_named("exact", case.n_factors)
    epochs: dict[int, Callable[[], Epoch]] = {}
    measured: dict[int, list[Epoch]] = {n: [] for n in sorted({1, case.n_threads})}
    for n in measured:
        problem = Watched(train, objective, n)
        steps = alternate(problem, case.n_factors, 0, method)
        epochs[n] = lambda p=problem, s=steps: p.epoch(lambda: next(s))  # type: ignore[misc]
    for turn in range(_UNLIKE_LATER + case.rounds):
        for n, epoch in epochs.items():
            say(f"threads, {case.n_factors} factors, epoch {turn + 1}: {n} threads")
            measured[n].append(epoch())
    say("")
    counted = {n: turns[_UNLIKE_LATER:] for n, turns in measured.items()}
    seconds = {str(n): [_sum(t, "seconds") for t in turns] for n, turns in counted.items()}
    return {"seconds": seconds, "phases": summary(counted[1], counted[case.n_threads])}


def summary(one: list[Epoch], many: list[Epoch]) -> dict[str, dict[str, Any]]:
    """Each phase, from epochs on one thread and on more: medians, and least costs of blocks.

    `predicted` are its seconds on THREADS.
    """
    table = {}
    for name in one[0]:
        serial = min(epoch[name].serial for epoch in one)
        each = zip(*(epoch[name].costs for epoch in one), strict=True)
        costs = [np.min(same, axis=0).tolist() for same in each]
        n_threads = 1 + max(int(c[:, 0].max()) for e in many for p in e.values() for c in p.calls)
        busy = np.median([epoch[name].busy(n_threads) for epoch in many], axis=0)
        table[name] = {
            "serial": serial,
            "seconds": float(np.median([epoch[name].seconds for epoch in many])),
            "busy": busy.tolist(),
            "waits": float(np.median([epoch[name].waits for epoch in many])),
            "predicted": [predicted(serial, costs, n) for n in THREADS],
        }
    return table


def _sum(epoch: Epoch, name: str) -> float:
    return float(sum(getattr(phase, name) for phase in epoch.values()))
