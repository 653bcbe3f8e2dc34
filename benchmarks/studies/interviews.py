"""Which questions teach most: interviews with users that the model was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from tqdm.auto import tqdm

from benchmarks.studies.strong_generalization import (
    Curves,
    Fold,
    Table,
    folds_of_users,
    lists,
    metrics_of_lists,
    part_of,
    pattern,
    popular_lists,
)
from cinefold.recommender import ColdStart
from cinefold.recommender.question_selection import QuestionSelection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.als.row_equations import Posterior
    from cinefold.interactions import Interactions
    from cinefold.models import WeightedMatrixFactorization

_USERS_AT_ONCE = 256


@dataclass(frozen=True)
class Situation:
    """What a strategy may go by when it chooses the next question for each of some new users.

    Attributes
    ----------
    told, not_seen : csr_array, shape (n_users, n_items)
        The answers so far.
    candidates : ndarray of int64, shape (n_candidates,)
        Item indices of what may be asked about, most rated first.
    selection : QuestionSelection
    cold_start : ColdStart
    random : numpy.random.Generator
    """

    told: csr_array
    not_seen: csr_array
    candidates: NDArray[np.int64]
    selection: QuestionSelection
    cold_start: ColdStart
    random: np.random.Generator

    @property
    def shape(self) -> tuple[int, int]:
        """Number of new users and of candidates."""
        return self.told.shape[0], len(self.candidates)

    def posteriors(self) -> list[Posterior]:
        """What the answers so far say about each of the new users."""
        rows = self.cold_start.equations_of_rows(self.told, self.not_seen)
        return [equations.posterior() for equations in rows]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the training users who have rated each candidate."""
        training = self.cold_start.model.interactions_
        return training.item_counts()[self.candidates] / training.n_users


if TYPE_CHECKING:
    Strategy = Callable[[Situation], NDArray[np.float64]]


def informative(situation: Situation) -> NDArray[np.float64]:
    """Expected gain times the chance that they know the movie: what `Interview` asks."""
    values = situation.selection.values
    return np.array([values(known, situation.candidates) for known in situation.posteriors()])


def most_popular(situation: Situation) -> NDArray[np.float64]:
    """The most rated movies."""
    return _for_all(situation, situation.shares)


def at_random(situation: Situation) -> NDArray[np.float64]:
    """Any of the candidates."""
    return situation.random.random(situation.shape)


def popular_and_disputed(situation: Situation) -> NDArray[np.float64]:
    """Popularity times the entropy of the stars (Rashid et al. 2002)."""
    by_item = situation.cold_start.model.interactions_.by_item
    entropies = []
    for item in situation.candidates.tolist():
        stars = by_item.data[by_item.indptr[item] : by_item.indptr[item + 1]]
        _, counts = np.unique(stars, return_counts=True)
        shares = counts / max(1, counts.sum())
        entropies.append(-(shares * np.log(shares)).sum())
    return _for_all(situation, situation.shares * np.array(entropies))


def uncertain(situation: Situation) -> NDArray[np.float64]:
    """Posterior variance of the score times popularity."""
    vectors = situation.cold_start.vectors[situation.candidates]
    variances = [
        np.einsum("cd,cd->c", vectors @ known.covariance, vectors)
        for known in situation.posteriors()
    ]
    return np.array(variances) * situation.shares


def _for_all(situation: Situation, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.broadcast_to(values, situation.shape)


STRATEGIES: dict[str, Strategy] = {
    "Random": at_random,
    "Most popular": most_popular,
    "Popularity x entropy": popular_and_disputed,
    "Variance x popularity": uncertain,
    "Informative": informative,
}
"""How to choose the next question, by name."""

BASELINE, SHIPPED = "Most popular", "Informative"
COLD_START, WITHOUT_NOT_SEEN, PLAIN = "cold start", "cold start, without not seen", "plain"


def interview_curves(
    interactions: Interactions,
    model: WeightedMatrixFactorization,
    *,
    strategies: Sequence[str] = tuple(STRATEGIES),
    n_questions: Sequence[int] = (0, 1, 3, 5, 10, 15, 20),
    n_folds: int = 5,
    max_users: int = 1000,
    random_state: int = 0,
    progress: bool | None = None,
) -> Curves:
    """Lists for users that the model was not trained on, by how many questions they were asked.

    In each fold a random half of the movies may be asked about, and lists are made of, and measured
    on, the other half: so that all strategies are measured on the same movies, no question takes
    away what could be found, and every "not seen" is the truth as the data knows it. A question is
    answered by the stars in the data, else by "not seen".

    Parameters
    ----------
    interactions, model, n_folds, max_users, random_state, progress
        As in `cold_start_curves`.
    strategies : sequence of str
        Of `STRATEGIES`. "Most popular" is always among them.
    n_questions : sequence of int
        After how many questions to measure.

    Returns
    -------
    Curves
        Records have ``strategy``, ``fold_in`` and ``n_questions``; one more metric, ``n_answers``,
        is the number of movies that they knew. ``fold_in`` is "cold start" (what `MovieRecommender`
        does), for the baseline and "Informative" also "cold start, without not seen" and "plain"
        (with which those who have rated nothing get the most rated movies). Gains are over the
        baseline with the same fold-in.

    Raises
    ------
    ValueError
        If a parameter is out of range, or a strategy unknown.
    """
    measured = sorted(set(n_questions))
    if not measured or measured[0] < 0:
        raise ValueError(f"n_questions must be numbers of questions, 0 or more, not {measured}")
    unknown = [name for name in strategies if name not in STRATEGIES]
    if unknown:
        raise ValueError(f"strategies must be among {tuple(STRATEGIES)}, not {unknown[0]!r}")
    chosen = [name for name in STRATEGIES if name in strategies or name == BASELINE]
    table = Table()
    folds = folds_of_users(interactions, model, n_folds, max_users, random_state)
    hidden_bar = None if progress is None else not progress
    for fold in tqdm(folds, total=n_folds, desc="Interviews", unit="fold", disable=hidden_bar):
        _measure_fold(table, fold, chosen, measured)
    settings = {
        "strategies": chosen,
        "n_questions": measured,
        "n_folds": n_folds,
        "max_users": max_users,
        "random_state": random_state,
    }
    return Curves(table.records({"strategy": BASELINE}), settings)


def _measure_fold(table: Table, fold: Fold, strategies: list[str], measured: list[int]) -> None:
    cold_start, counts = ColdStart(fold.model), fold.model.interactions_.item_counts()
    askable = np.zeros(len(counts), np.bool_)
    askable[np.random.default_rng(fold.seed).permutation(len(counts))[: len(counts) // 2]] = True
    asked_about = askable[fold.ratings.indices]
    answers, test = part_of(fold.ratings, asked_about), part_of(fold.ratings, ~asked_about)
    nothing = part_of(answers, np.zeros(answers.nnz, np.bool_))
    popular = popular_lists(counts, nothing, ~askable)
    for name in strategies:
        asked = interview(
            cold_start, np.where(askable, counts, -1), answers, STRATEGIES[name],
            measured[-1], seed=fold.seed,
        )  # fmt: skip
        for n in measured:
            told, not_seen = _told(answers, asked[:, :n])
            factors = {COLD_START: cold_start.fold_in(told, not_seen).factors}
            if name in (BASELINE, SHIPPED):
                factors[WITHOUT_NOT_SEEN] = cold_start.fold_in(told).factors
                factors[PLAIN] = _plain(fold.model, told)
            for fold_in, users in factors.items():
                found = lists(fold.model, users, nothing, ~askable)
                if fold_in == PLAIN:  # has nothing to say to those who have rated nothing
                    found = np.where(np.diff(told.indptr)[:, np.newaxis] > 0, found, popular)
                measures = metrics_of_lists(found, test, fold.middle)
                measures["n_answers"] = np.diff(told.indptr).astype(np.float64)
                place = {"strategy": name, "fold_in": fold_in, "n_questions": n}
                table.add(place, measures)


def _plain(model: WeightedMatrixFactorization, told: csr_array) -> NDArray[np.float32]:
    if told.nnz == 0:
        return np.zeros((told.shape[0], model.item_factors_.shape[1]), np.float32)
    return model.fold_in(told).factors


def interview(
    cold_start: ColdStart,
    counts: NDArray[np.int64],
    rated: csr_array,
    strategy: Strategy,
    n_questions: int,
    *,
    only_rated: bool = False,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Ask users one question after another, each chosen by the answers before.

    Parameters
    ----------
    cold_start : ColdStart
    counts : ndarray of int, shape (n_items,)
        Ratings of each movie; movies below 0 are not asked about.
    rated : csr_array, shape (n_users, n_items)
        What they can answer; anything else they have not seen.
    strategy : callable
        Gives the value of each question for each user in a `Situation`.
    n_questions : int
    only_rated : bool
        Ask only about movies that they have rated.
    seed : int

    Returns
    -------
    ndarray of int64, shape (n_users, n_questions)
        Item indices in the order of asking; -1 where no movie is left.
    """
    selection = QuestionSelection(cold_start, counts.clip(0))
    candidates = selection.best_known(counts >= 0)
    random = np.random.default_rng(seed)
    asked = np.full((rated.shape[0], n_questions), -1, np.int64)
    for start in range(0, len(asked), _USERS_AT_ONCE):
        rows = slice(start, start + _USERS_AT_ONCE)
        answers = rated[rows]
        known = pattern(answers)[:, candidates].toarray() > 0
        free = known if only_rated else np.ones_like(known)
        for question in range(n_questions):
            told, not_seen = _told(answers, asked[rows, :question])
            situation = Situation(told, not_seen, candidates, selection, cold_start, random)
            values = np.where(free, strategy(situation), -np.inf)
            best = values.argmax(axis=1)
            left = np.flatnonzero(free[np.arange(len(free)), best])
            asked[start + left, question] = candidates[best[left]]
            free[left, best[left]] = False
    return asked


def _told(answers: csr_array, asked: NDArray[np.int64]) -> tuple[csr_array, csr_array]:
    """The ratings of what was asked, and what of it they have not seen."""
    n, n_items = answers.shape
    who, place = np.nonzero(asked >= 0)
    questions = np.sort(who * n_items + asked[who, place])
    rows = np.repeat(np.arange(n), np.diff(answers.indptr))
    known = rows * n_items + answers.indices
    unseen = np.setdiff1d(questions, known, assume_unique=True)
    offsets = np.searchsorted(unseen, np.arange(n + 1) * n_items)
    ones = np.ones(len(unseen), np.float32)
    not_seen = sp.csr_array((ones, unseen % n_items, offsets), answers.shape)
    return part_of(answers, np.isin(known, questions, assume_unique=True)), not_seen
