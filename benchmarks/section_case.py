"""What a section is asked to measure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from benchmarks import synthetic
from benchmarks.contestants import FIELD, Problem, choose
from benchmarks.machine import say

if TYPE_CHECKING:
    import scipy.sparse as sp

    from benchmarks.synthetic import Shape

MOVIELENS = synthetic.Shape(943, 1_682, 100_000)


@dataclass(frozen=True)
class Case:
    """A shape of ratings and a number of factors, and how to measure.

    Attributes
    ----------
    names : tuple of str
        Contestants that may take part.
    left_out : dict
        The others and why; `taking_part` adds to it.
    """

    shape: Shape
    n_factors: int
    n_threads: int
    rounds: int = 3
    seed: int = 0
    epochs: int = 30
    long_run: int = 60
    regularization: float = 10.0
    slow: bool = False
    names: tuple[str, ...] = tuple(FIELD)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def ratings(self) -> sp.csr_array:
        return _ratings(self.shape, self.seed)

    @property
    def problem(self) -> Problem:
        return Problem(
            self.ratings, self.n_factors, self.n_threads, regularization=self.regularization
        )

    def taking_part(
        self, names: tuple[str, ...] = tuple(FIELD), epochs: int | None = None
    ) -> list[str]:
        """The contestants among `names` that are to run so many epochs."""
        allowed = tuple(name for name in names if name in self.names)
        turns = self.rounds + 1 if epochs is None else epochs
        chosen, left_out = choose(allowed, self.shape, self.n_factors, turns, slow=self.slow)
        self.left_out.update(left_out)
        return chosen


@lru_cache(maxsize=2)
def _ratings(shape: Shape, seed: int) -> sp.csr_array:
    say(f"ratings: {shape}")
    if shape == MOVIELENS:
        from cinefold import load_movielens

        return load_movielens("ml-100k").interactions.by_user.copy()
    return synthetic.ratings(shape, seed)
