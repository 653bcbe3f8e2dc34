"""What can be measured, at which sizes, and about how long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import convergence, epochs, fold_in, memory, schedule, topk
from benchmarks.contestants import BY_EPOCH, choose, estimate
from benchmarks.section_case import MOVIELENS, Case
from benchmarks.synthetic import LONG_TAIL, SIZES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHAPES = {**SIZES, "ml-100k": MOVIELENS, "longtail": LONG_TAIL}


class Section(NamedTuple):
    """One thing to measure.

    Attributes
    ----------
    shape, factors
        By default; the `quick` ones only show that it works.
    seconds : callable
        About how long a case takes, without making its ratings.
    """

    about: str
    measure: Callable[[Case], dict[str, Any]]
    seconds: Callable[[Case], float]
    shape: Shape
    factors: tuple[int, ...]
    quick_shape: Shape
    quick_factors: tuple[int, ...]

    def cases(
        self, shapes: list[Shape], factors: list[int], quick: bool, **settings: Any
    ) -> Iterator[Case]:
        """One for each shape and number of factors; the section's own where none are given."""
        own_shape = self.quick_shape if quick else self.shape
        own_factors = self.quick_factors if quick else self.factors
        for shape in shapes or [own_shape]:
            alike = shape._replace(popularity=own_shape.popularity)
            if shape in (MOVIELENS, LONG_TAIL):
                alike = shape
            for n_factors in factors or own_factors:
                yield Case(alike, n_factors, **settings)


def minutes(section: Section, cases: list[Case]) -> float:
    making = {case.shape for case in cases if case.shape != MOVIELENS}
    seconds = sum(1.5e-6 * shape.n_ratings for shape in making)
    return (seconds + sum(section.seconds(case) for case in cases)) / 60


def _epochs(*names: str) -> Callable[[Case], float]:
    return lambda case: (case.rounds + 1) * _one_each(names, case, case.rounds + 1)


def _one_each(names: tuple[str, ...], case: Case, turns: int) -> float:
    allowed = tuple(name for name in names if name in case.names)
    chosen, _ = choose(allowed, case.shape, case.n_factors, turns, slow=case.slow)
    return sum(estimate(name, case.shape, case.n_factors) for name in chosen)


def _convergence(case: Case) -> float:
    long_run = case.long_run * estimate("cinefold, CG", case.shape, case.n_factors)
    scores = 2.0 * case.shape.n_users * case.shape.n_items * case.n_factors / 2e11
    evaluation = 6 * (scores + 1e-7 * case.shape.n_ratings)
    # Most need fewer epochs than they may have.
    each = _one_each(convergence.NAMES, case, case.epochs) + evaluation
    return long_run + 0.67 * case.epochs * each


def _top_ten(case: Case) -> float:
    return (case.rounds + 1) * case.shape.n_users * case.shape.n_items / 3e7


def _fold_in(case: Case) -> float:
    return 15 + (case.rounds + 1) * case.shape.n_users / 4.5e4


def _memory(case: Case) -> float:
    each = 3 + 1e-6 * case.shape.n_ratings
    return len(memory.FITS) * each + memory.EPOCHS * _one_each(tuple(memory.FITS), case, 1)


_TINY = SIZES["100k"]
_FOR_LEVELS = ("cinefold, exact",) * 8 + ("irspack, Cholesky",)  # lower levels are slower

SECTIONS: dict[str, Section] = {
    "epochs": Section(
        "seconds an epoch of each library",
        epochs.epochs,
        _epochs(*BY_EPOCH),
        SIZES["10m"],
        (64, 128, 256),
        _TINY,
        (16, 32),
    ),
    "longtail": Section(
        "the same where half of the items have 2 ratings or fewer",
        epochs.long_tail,
        _epochs(*epochs.ON_THE_LONG_TAIL),
        LONG_TAIL,
        (128,),
        Shape(3_000, 6_000, 100_000, LONG_TAIL.popularity),
        (32,),
    ),
    "levels": Section(
        "Cinefold on lower instruction sets against irspack",
        epochs.levels,
        _epochs(*_FOR_LEVELS),
        SIZES["10m"],
        (64, 128),
        _TINY,
        (32,),
    ),
    "threads": Section(
        "an epoch on one thread and on all, by phase, and a model of it on up to 16",
        schedule.scaling,
        _epochs(*["cinefold, exact"] * 4),
        SIZES["10m"],
        (64, 128),
        _TINY,
        (32,),
    ),
    "history": Section(
        "what measuring the objective adds to an exact epoch",
        epochs.history,
        _epochs("cinefold, exact"),
        SIZES["10m"],
        (64, 128),
        _TINY,
        (32,),
    ),
    "objective": Section(
        "seconds to within 0.1% of the converged objective",
        convergence.convergence,
        _convergence,
        SIZES["10m"],
        (256,),
        _TINY,
        (32,),
    ),
    "topk": Section(
        "the ten best unseen items of all users",
        topk.top_ten,
        _top_ten,
        Shape(70_000, 10_000, 10_000_000),
        (64,),
        Shape(2_000, 1_500, 100_000),
        (16,),
    ),
    "foldin": Section(
        "one new user with 20 ratings, and a million new users",
        fold_in.fold_in,
        _fold_in,
        Shape(1_000_000, 27_000, 20_000_000),
        (64,),
        Shape(5_000, 2_700, 100_000),
        (16,),
    ),
    "memory": Section(
        "peak memory of a fit",
        memory.memory,
        _memory,
        SIZES["10m"],
        (64, 128),
        _TINY,
        (32,),
    ),
}
