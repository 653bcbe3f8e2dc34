"""The estimator."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args, overload

import numpy as np
import scipy.sparse as sp
from tqdm.auto import tqdm

from cinefold._signals import ctrl_c_waits
from cinefold.als.backend import FixedSide, SingularRowError, compact, solve_rows, top_k
from cinefold.als.basis import one_blas_thread
from cinefold.als.biased import alternate_with_biases
from cinefold.als.factors import Biases, Factors
from cinefold.als.iterations import (
    Iteration,
    SolverName,
    alternate,
    available_threads,
    choose_solver,
    with_exact_users,
)
from cinefold.als.objective import Objective, Target
from cinefold.interactions import Interactions
from cinefold.models import checks, persistence
from cinefold.models.callbacks import BestIteration, Validation, Watched
from cinefold.models.parameters import Parameters
from cinefold.models.presets import PRESETS
from cinefold.models.results import Explanation, FoldedUsers, NotFittedError, Ranking
from cinefold.models.scaled_defaults import Scaled, scaled_regularization, scaled_unobserved_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray

    Record = dict[str, Any]
    Callback = Callable[["WeightedMatrixFactorization", Record], bool | None]

logger = logging.getLogger(__name__)

MAX_FACTORS = 2048


class WeightedMatrixFactorization(Parameters):
    """Users and items as vectors whose inner products approximate the ratings, by exact WALS.

    Minimizes the weighted squared error over observed *and* unobserved pairs
    (:class:`cinefold.models.Objective`) by alternating exact solves: all items with the users
    fixed, then all users with the items fixed. Between them the factors are balanced, and items go
    beyond their solution (docs/solver.md), which takes fewer iterations. The objective never rises.

    Parameters
    ----------
    n_factors : int
        Length of the vectors.
    unobserved_weight : float or "scale"
        w0: how much an unobserved pair counts as "rating 0", against 1 for an observed one.
        0 fits the observed ratings only. Larger values rank better up to a point, and pull
        predicted ratings towards 0. "scale": 4/3 sqrt(density), which is 0.3 for a density of 5 %.
    regularization : float or "scale"
        lambda: pulls the vectors towards 0. "scale": such that the mean lambda of a row is
        14 sqrt(w0) times the mean target.
    regularization_exponent : float
        nu: a row's lambda is multiplied by (its observations + w0 * the rest) ** nu. 0 is one
        lambda for all, 1 weighs it like the data (Rendle et al. 2021).
    target : {"sqrt", "rating", "binary"}
        What an observed pair should score: the square root of its rating, its rating, or 1.
    alpha : float
        Confidence of an observation is 1 + alpha * rating (Hu et al. 2008); 0 is 1 for all.
    biases : bool
        Predict ratings as mean + user's bias + item's bias + u.v (Koren et al. 2009). Only with
        ``unobserved_weight=0`` and ``target="rating"``.
    solver : {"auto", "cholesky", "cg"}
        How the rows of a half-step are solved. "cholesky": exactly, by factorisations, or to the
        same precision by conjugate gradients where those take less time. "cg": by up to three steps
        of preconditioned conjugate gradients from their last solution, fewer once the residual has
        shrunk tenfold; the objective never rises here either, and falls as fast per iteration,
        which takes a fraction of the time with many factors. In the end the users are solved
        exactly. "auto": "cg" beyond 128 factors.
    max_iter : int
        At most so many iterations.
    tol : float
        Stop when an iteration lowers the objective by less than this fraction.
    early_stopping : {"ndcg_at_10", "rmse"}, optional
        Stop when this measure of the validation ratings has not improved for `patience` iterations,
        and keep the best iteration.
    patience : int
    n_threads : int, optional
        Threads of the solver; by default all cores this process may use. The result does not
        depend on it.
    random_state : int, optional
        Seed of the initial factors; None differs from run to run.

    Attributes
    ----------
    user_factors_ : ndarray of float32, shape (n_users, n_factors)
        For the final item factors, these are the exact minimizer, whatever the solver.
    item_factors_ : ndarray of float32, shape (n_items, n_factors)
        In the eigenbasis of their Gram matrix: columns are orthogonal, by falling norm.
    objective_ : Objective
        What was minimized: the parameters, with numbers in place of "scale".
    user_biases_, item_biases_ : ndarray of float32, shape (n_users,), (n_items,)
        With ``biases``; both kinds of factors then have one more column, in which they are.
    interactions_ : Interactions
        What it was fitted on.
    history_ : list of dict
        One record per iteration: ``iteration``, ``objective``, ``train_rmse``,
        ``validation_rmse``, ``validation_ndcg_at_10`` (None without validation) and ``seconds``.
    n_iter_ : int
        Iterations that were made.
    best_iteration_ : int
        The one whose factors these are: the last one, unless ``early_stopping`` chose another.
    stop_reason_ : {"converged", "max_iter", "early_stopping", "callback", "interrupted"}

    References
    ----------
    Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008.
    Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems, Computer 2009.
    Rendle, Krichene, Zhang, Koren: Revisiting the Performance of iALS on Item Recommendation
    Benchmarks, 2021.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> ratings = sp.csr_array([[5.0, 4, 0, 0], [4, 5, 0, 1], [0, 0, 5, 4], [0, 1, 4, 5]])
    >>> model = WeightedMatrixFactorization(n_factors=2, regularization=0.1).fit(ratings)
    >>> int(model.fold_in({0: 5.0}).factors @ model.item_factors_.T @ [0, 1, 0, 0] > 1)
    1
    """

    interactions_: Interactions
    history_: list[Record]
    n_iter_: int
    best_iteration_: int
    stop_reason_: str
    objective_: Objective

    def __init__(
        self,
        n_factors: int = 64,
        *,
        unobserved_weight: float | Scaled = "scale",
        regularization: float | Scaled = "scale",
        regularization_exponent: float = 1.0,
        target: Target = "sqrt",
        alpha: float = 0.0,
        biases: bool = False,
        solver: SolverName = "auto",
        max_iter: int = 15,
        tol: float = 1e-4,
        early_stopping: Watched | None = None,
        patience: int = 3,
        n_threads: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.n_factors = n_factors
        self.unobserved_weight = unobserved_weight
        self.regularization = regularization
        self.regularization_exponent = regularization_exponent
        self.target = target
        self.alpha = alpha
        self.biases = biases
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.patience = patience
        self.n_threads = n_threads
        self.random_state = random_state

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """A model for a purpose, with `changes` to its parameters.

        Parameters
        ----------
        name : {"ranking", "plain", "stars"}
            "ranking", the default: the best lists. "plain": squared errors of the ratings, one
            lambda for all (Hu et al. 2008 without confidence). "stars": predicted ratings of the
            lowest RMSE, from observed ratings alone, with biases.

        Raises
        ------
        ValueError
            If there is no such preset.
        """
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(**{**PRESETS[name], **changes})

    # -- fitting ------------------------------------------------------------------------------

    def fit(
        self,
        interactions: Interactions | sp.sparray | sp.spmatrix,
        validation: Interactions | sp.sparray | sp.spmatrix | None = None,
        *,
        callbacks: Iterable[Callback] = (),
        progress: bool | None = None,
    ) -> Self:
        """Learn the factors.

        Ctrl-C ends training within a second and keeps the last finished iteration, whose users
        are solved once more (``stop_reason_`` is then "interrupted"); a second Ctrl-C meanwhile
        gives the model up.

        Parameters
        ----------
        interactions : Interactions or scipy sparse matrix, shape (n_users, n_items)
            Stored zeros of a matrix are observations with rating 0.
        validation : the same, optional
            Held-out ratings of the same users and items, measured after every iteration.
        callbacks : iterable of callable
            Called as ``callback(model, record)`` after every iteration, with the factors in
            place; a true return value ends training. The next iteration overwrites
            ``user_factors_``: copy what is to be kept.
        progress : bool, optional
            Show a progress bar; by default when standard error is a terminal.

        Raises
        ------
        ValueError
            A parameter out of range, validation of other users or items, ratings too large, or
            equations without a unique solution (no regularization and too few ratings).
        """
        self._check_parameters()
        train = checks.as_interactions(interactions, "interactions")
        objective, n_threads = self._objective(train), available_threads(self.n_threads)
        measure = self._validation(validation, train, objective)
        best = BestIteration(self.early_stopping, self.patience) if self.early_stopping else None

        self.interactions_, self.objective_ = train, objective
        self.history_, self.n_iter_, self.best_iteration_ = [], 0, 0
        self.stop_reason_ = "max_iter"
        solver = choose_solver(self.solver, self.n_factors)
        start = alternate_with_biases if self.biases else alternate
        steps = start(train, objective, self.n_factors, self.random_state, n_threads, solver)
        hide_bar = None if progress is None else not progress
        try:
            with tqdm(total=self.max_iter, desc="WALS", unit="iter", disable=hide_bar) as bar:
                self._iterate(steps, measure, best, n_threads, list(callbacks), bar)
        except KeyboardInterrupt:
            if self.n_iter_ == 0:
                raise
            self.stop_reason_ = "interrupted"
            logger.warning("training interrupted; keeping what was learnt")
        steps.close()  # with its hold on the users
        restored = best is not None and self._restore(best)
        if restored or not solver.is_exact or self.stop_reason_ == "interrupted":
            self._solve_users_exactly(train, n_threads)
        with ctrl_c_waits():
            self._factors = replace(self._fitted, users=compact(self._fitted.users))
        return self

    def _validation(
        self, given: Any, train: Interactions, objective: Objective
    ) -> Validation | None:
        if given is None:
            if self.early_stopping:
                raise ValueError("early_stopping needs validation ratings: fit(train, validation)")
            return None
        held_out = checks.as_interactions(given, "validation")
        checks.same_ids(held_out, train)
        if self.early_stopping and held_out.n_ratings == 0:
            raise ValueError("early_stopping needs validation ratings, but there are none")
        return Validation(held_out, train, objective)

    def _iterate(
        self,
        steps: Iterator[Iteration],
        measure: Validation | None,
        best: BestIteration | None,
        n_threads: int,
        callbacks: list[Callback],
        bar: tqdm[Any],
    ) -> None:
        for step in steps:
            record: Record = {
                "iteration": self.n_iter_ + 1,
                "objective": step.objective,
                "train_rmse": step.train_rmse,
                "validation_rmse": measure and measure.rmse(step.factors),
                "validation_ndcg_at_10": measure and measure.ndcg(step.factors, n_threads),
                "seconds": step.seconds,
            }
            self._keep(step.factors, record)
            _show(bar, record)
            stops = [callback(self, record) for callback in callbacks]
            if any(stops):
                self.stop_reason_ = "callback"
            elif best is not None and best.is_over(record, step.factors):
                self.stop_reason_ = "early_stopping"
            elif self._converged():
                self.stop_reason_ = "converged"
            elif self.n_iter_ < self.max_iter:
                continue
            break

    def _keep(self, factors: Factors, record: Record) -> None:
        # One assignment each, so that an interrupt leaves the factors of a single iteration.
        self._factors, self.history_ = factors, [*self.history_, record]
        self.n_iter_ = self.best_iteration_ = record["iteration"]

    def _restore(self, best: BestIteration) -> bool:
        """Go back to the best iteration; its users are to be solved again. False: it is here."""
        if best.record is None or best.record["iteration"] == self.best_iteration_:
            return False
        assert best.factors is not None  # noqa: S101 - for the type checker
        self._factors, self.best_iteration_ = best.factors, best.record["iteration"]
        return True

    def _solve_users_exactly(self, train: Interactions, n_threads: int) -> None:
        factors = self._fitted
        del self._factors  # a later iteration has overwritten some of the users
        step = with_exact_users(train, self.objective_, factors, n_threads)
        place = self.best_iteration_ - 1
        record = self.history_[place]
        seconds = record["seconds"] + step.seconds
        reached = {"objective": step.objective, "train_rmse": step.train_rmse, "seconds": seconds}
        history = [*self.history_[:place], record | reached, *self.history_[place + 1 :]]
        self._factors, self.history_ = step.factors, history

    def _converged(self) -> bool:
        if self.n_iter_ < 2:
            return False
        before, now = (record["objective"] for record in self.history_[-2:])
        return bool(before - now <= self.tol * before)

    def _objective(self, train: Interactions) -> Objective:
        """The parameters, with numbers that fit the data in place of "scale"."""
        w0, ridge = self.unobserved_weight, self.regularization
        weight = scaled_unobserved_weight(train, self.alpha) if w0 == "scale" else w0
        objective = Objective(weight, 1.0, self.regularization_exponent, self.target, self.alpha)
        if ridge == "scale":
            ridge = scaled_regularization(train, objective)
        return replace(objective, regularization=ridge)

    def _check_parameters(self) -> None:
        checks.integer("n_factors", self.n_factors, 1, MAX_FACTORS)
        checks.integer("max_iter", self.max_iter, 1)
        checks.integer("patience", self.patience, 1)
        if self.n_threads is not None:
            checks.integer("n_threads", self.n_threads, 1)
        for name in ("unobserved_weight", "regularization"):
            checks.number(name, getattr(self, name), word="scale")
        for name in ("alpha", "tol"):
            checks.number(name, getattr(self, name))
        checks.number("regularization_exponent", self.regularization_exponent, 0, 2)
        checks.choice("target", self.target, get_args(Target))
        checks.choice("solver", self.solver, get_args(SolverName))
        checks.choice("early_stopping", self.early_stopping, (None, *get_args(Watched)))
        if not isinstance(self.biases, bool | np.bool_):
            raise TypeError(f"biases must be True or False, not {self.biases!r}")
        if self.biases and (self.unobserved_weight != 0 or self.target != "rating"):
            raise ValueError(
                "biases are for unobserved_weight=0 and target='rating', not for "
                f"unobserved_weight={self.unobserved_weight!r} and target={self.target!r}; "
                "WeightedMatrixFactorization.preset('stars') sets all three"
            )

    # -- fitted state -------------------------------------------------------------------------

    @property
    def user_factors_(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self._fitted.users)

    @property
    def item_factors_(self) -> NDArray[np.float32]:
        return self._fitted.items.factors

    @property
    def user_biases_(self) -> NDArray[np.float32]:
        return self._fitted.users @ self._biases.direction

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        return self._biases.baseline - np.float32(self._biases.mean)

    @property
    def item_baseline_(self) -> NDArray[np.float32] | None:
        """What is added to u.v for each item, (n_items,); None without biases."""
        return self._fitted.baseline

    @property
    def _biases(self) -> Biases:
        biases = self._fitted.biases
        if biases is None:
            raise AttributeError("this model has no biases; fit it with biases=True")
        return biases

    @property
    def _fitted(self) -> Factors:
        factors: Factors | None = getattr(self, "_factors", None)
        if factors is None:
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted; call fit or load first"
            )
        return factors

    # -- using it -----------------------------------------------------------------------------

    def recommend(
        self,
        user: Any,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        exclude: ArrayLike | None = None,
        among: ArrayLike | None = None,
    ) -> Ranking:
        """The k items of highest score; equal scores in the order of the item ids.

        Parameters
        ----------
        user : a user id, an array of user ids, or FoldedUsers
        k : int
            At most so many; fewer than k left is not an error.
        exclude_seen : bool
            Leave out what the user has rated.
        exclude, among : array of item ids, optional
            Never these; only these.

        Returns
        -------
        Ranking
            ``items`` and ``scores``, of shape (n,) with n <= k for one user, (n_users, k) for an
            array or a batch of folded users.

        Raises
        ------
        UnknownIdError
            For a user or item that was not in the training data (fold new users in).
        """
        checks.integer("k", k, 1)
        factors = self._fitted
        queries, ratings, _, single = self._users(user)
        indices, scores = top_k(
            factors.queries(queries),
            factors.candidates,
            k,
            excluded=ratings if exclude_seen else None,
            allowed=self._allowed(exclude, among),
            n_threads=available_threads(self.n_threads),
        )
        return self._ranking(indices, scores, single)

    def similar_items(
        self,
        item: Any,
        k: int = 10,
        *,
        exclude: ArrayLike | None = None,
        among: ArrayLike | None = None,
    ) -> Ranking:
        """The k items whose vectors point most nearly in the direction of `item`'s.

        Parameters
        ----------
        item : an item id or an array of item ids
        k, exclude, among
            As in :meth:`recommend`; an item is never listed as similar to itself.

        Returns
        -------
        Ranking
            Scores are cosines, at most 1.
        """
        checks.integer("k", k, 1)
        index = np.atleast_1d(self.interactions_.item_index(item))
        directions = self._fitted.directions
        itself = sp.csr_array(
            (np.ones(len(index), np.float32), index, np.arange(len(index) + 1)),
            shape=(len(index), len(directions)),
        )
        indices, scores = top_k(
            directions[index],
            directions,
            k,
            excluded=itself,
            allowed=self._allowed(exclude, among),
            n_threads=available_threads(self.n_threads),
        )
        return self._ranking(indices, scores, np.ndim(item) == 0)

    def predict(self, users: Any, items: ArrayLike) -> NDArray[np.float32]:
        """Scores of pairs: one user (id or folded) with each item, or arrays of equal length.

        They are u.v, and the biases where the model has them.

        Returns
        -------
        ndarray of float32, shape (n_pairs,), or a scalar for one user and one item
        """
        queries, _, _, single = self._users(users)
        columns = np.asarray(self.interactions_.item_index(items))
        if not single and columns.shape != (len(queries),):
            raise ValueError(
                f"users and items must be of equal length; got {len(queries)} users and items of "
                f"shape {columns.shape}"
            )
        rows = np.zeros(columns.size, np.int64) if single else np.arange(len(queries))
        pairs = self._fitted.predict(queries, rows, columns.ravel())
        return pairs.reshape(columns.shape)[()]

    def scores(self, users: Any) -> NDArray[np.float32]:
        """Scores of all items, also of those that were rated; mind the memory.

        Parameters
        ----------
        users : a user id, an array of user ids, or FoldedUsers

        Returns
        -------
        ndarray of float32, shape (n_items,) for one user, else (n_users, n_items)
        """
        factors = self._fitted
        queries, _, _, single = self._users(users)
        rows = factors.queries(queries)
        found: NDArray[np.float32] = rows @ factors.candidates.T
        return found[0] if single else found

    def fold_in(
        self, ratings: Mapping[Any, float] | Interactions | sp.sparray | sp.spmatrix
    ) -> FoldedUsers:
        """New users, solved exactly against the item factors; the model does not change.

        Parameters
        ----------
        ratings : mapping {item id: rating}, Interactions, or sparse matrix (n_users, n_items)
            One user as a mapping; many as interactions (whose items the model must know) or as a
            matrix with the model's item order.

        Raises
        ------
        UnknownIdError
            For an item that was not in the training data.
        """
        fixed = self._fitted.items
        matrix, weights = self._new_ratings(ratings)
        factors = np.zeros((matrix.shape[0], fixed.n_factors), np.float32)
        objective = self.objective_
        n_threads = available_threads(self.n_threads) if matrix.shape[0] > 1 else 1
        try:
            solve_rows(
                objective.observations(matrix, weights).with_baseline(self._fitted.baseline),
                fixed,
                factors,
                n_threads,
            )
        except SingularRowError as error:
            raise ValueError(
                f"the equations of row {error.row} have no unique solution; the model was fitted "
                "with too little regularization to fold in users with few ratings"
            ) from None
        return FoldedUsers(factors[0] if isinstance(ratings, Mapping) else factors, matrix, weights)

    @overload
    def explain(self, user: Any, item: NDArray[Any]) -> list[Explanation]: ...

    @overload
    def explain(self, user: Any, item: Any) -> Explanation: ...

    def explain(self, user: Any, item: Any) -> Explanation | list[Explanation]:
        """What each of a user's ratings adds to the score of an item.

        The user's vector is linear in the targets, u = A^-1 sum_j c_j t_j v_j, so that the score
        is a sum over the rated items, v'u = sum_j c_j t_j v'A^-1 v_j (Hu et al. 2008, section 5).

        Parameters
        ----------
        user : a user id or one folded user
        item : an item id or an array of item ids
            The equations of a user are solved once, for all of the items together.

        Returns
        -------
        Explanation, or a list of them for an array
        """
        queries, ratings, weights, _ = self._users(user)
        if len(queries) != 1:
            raise ValueError(f"explain takes one user, not {len(queries)}")
        targets = np.atleast_1d(self.interactions_.item_index(item))
        fixed, objective = self._fitted.items, self.objective_
        row = objective.observations(ratings, weights).with_baseline(self._fitted.baseline)
        vectors = fixed.factors[row.columns].astype(np.float64)
        confidence = row.confidence
        if confidence is None:
            confidence = np.ones(len(vectors), np.float32)
        w0 = objective.unobserved_weight
        with one_blas_thread():
            equations = vectors.T * (confidence - w0) @ vectors
            equations[np.diag_indices_from(equations)] += (
                w0 * fixed.spectrum + row.regularization[0]
            )
            directions = np.linalg.solve(equations, fixed.factors[targets].T.astype(np.float64))
        contributions = (confidence * row.targets)[:, np.newaxis] * (vectors @ directions)
        explanations = [
            self._explanation(target, row.columns, ratings.data, added)
            for target, added in zip(targets, contributions.T, strict=True)
        ]
        return explanations[0] if np.ndim(item) == 0 else explanations

    def _explanation(
        self,
        target: np.int64,
        rated: NDArray[np.int32],
        ratings: NDArray[np.float32],
        contributions: NDArray[np.float64],
    ) -> Explanation:
        order = np.argsort(-contributions, kind="stable")
        ids, baseline = self.interactions_.item_ids, self._fitted.baseline
        start = 0.0 if baseline is None else float(baseline[target])
        return Explanation(
            ids[target].item(),
            start + float(contributions.sum()),
            start,
            ids[rated[order]],
            ratings[order],
            contributions[order],
        )

    # -- keeping it ---------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as safetensors: factors, ids, ratings, parameters and history."""
        persistence.save(
            Path(path),
            persistence.SavedModel(
                self.get_params(),
                self._fitted.users,
                self._fitted.items.factors,
                self._fitted.items.spectrum,
                self._fitted.biases,
                self.interactions_,
                self.history_,
                self.best_iteration_,
                self.stop_reason_,
            ),
        )

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; nothing in the file is executed.

        Raises
        ------
        ValueError
            If the file is not a model, is damaged, or comes from a newer format.
        """
        saved = persistence.load(Path(path))
        unknown = set(saved.parameters) - set(cls.parameter_names())
        if unknown:
            raise ValueError(f"{path} has unknown parameters: {', '.join(sorted(unknown))}")
        model = cls(**saved.parameters)
        model._check_parameters()
        items = FixedSide.in_eigenbasis(
            saved.item_factors, saved.item_spectrum, available_threads(model.n_threads)
        )
        model._factors = Factors(saved.user_factors, items, saved.biases)
        model.interactions_ = saved.interactions
        model.objective_ = model._objective(saved.interactions)
        model.history_, model.n_iter_ = saved.history, len(saved.history)
        model.best_iteration_ = saved.best_iteration
        model.stop_reason_ = saved.stop_reason
        return model

    # -- ids in, ids out ----------------------------------------------------------------------

    def _users(
        self, user: Any
    ) -> tuple[NDArray[np.float32], sp.csr_array, NDArray[np.float32] | None, bool]:
        """Vectors (n, n_factors), ratings (n, n_items) with weights, and whether it is just one."""
        factors = self._fitted
        if isinstance(user, FoldedUsers):
            return np.atleast_2d(user.factors), user.ratings, user.weights, user.factors.ndim == 1
        index = self.interactions_.user_index(user)
        rows = np.atleast_1d(index)
        by_user, weights = self.interactions_.by_user, self.interactions_.weights
        if np.ndim(index) == 0:
            begin, end = by_user.indptr[rows[0] : rows[0] + 2]
            ratings = _csr(by_user.data[begin:end], by_user.indices[begin:end], by_user.shape[1])
            weights = None if weights is None else weights[begin:end]
            return factors.users[rows], ratings, weights, True
        return factors.users[rows], by_user[rows], None, False

    def _new_ratings(
        self, ratings: Mapping[Any, float] | Interactions | sp.sparray | sp.spmatrix
    ) -> tuple[sp.csr_array, NDArray[np.float32] | None]:
        known = self.interactions_
        if isinstance(ratings, Mapping):
            if not ratings:
                raise ValueError("fold_in needs at least one rating")
            values = checks.ratings(ratings)
            columns = np.asarray(known.item_index(list(ratings)))
            order = np.argsort(columns)
            return _csr(values[order], columns[order], known.n_items), None
        new = checks.as_interactions(ratings, "ratings")
        if sp.issparse(ratings):
            if new.n_items != known.n_items:
                raise ValueError(
                    f"ratings must have {known.n_items} columns, one per item of the model; "
                    f"got {new.n_items}"
                )
            return new.by_user, new.weights
        columns = np.asarray(known.item_index(new.item_ids))[new.by_user.indices]
        # Both id maps are sorted, so that the columns stay sorted within each row.
        matrix = sp.csr_array(
            (new.by_user.data, columns.astype(np.int32), new.by_user.indptr),
            shape=(new.n_users, known.n_items),
        )
        return matrix, new.weights

    def _allowed(
        self, exclude: ArrayLike | None, among: ArrayLike | None
    ) -> NDArray[np.bool_] | None:
        if exclude is None and among is None:
            return None
        n_items = self.interactions_.n_items
        allowed = np.full(n_items, among is None)
        if among is not None:
            allowed[self._items(among)] = True
        if exclude is not None:
            allowed[self._items(exclude)] = False
        return allowed

    def _items(self, ids: ArrayLike) -> NDArray[np.int64]:
        values = np.asarray(list(ids) if isinstance(ids, Set) else ids)
        return np.atleast_1d(self.interactions_.item_index(values)) if values.size else _NO_ITEMS

    def _ranking(
        self, indices: NDArray[np.int32], scores: NDArray[np.float32], single: bool
    ) -> Ranking:
        if single:
            found = indices[0] >= 0
            indices, scores = indices[0][found], scores[0][found]
        return Ranking(self.interactions_.item_ids[indices], scores)


_NO_ITEMS = np.empty(0, np.int64)


def _csr(data: NDArray[Any], columns: NDArray[Any], n_columns: int) -> sp.csr_array:
    return sp.csr_array((data, columns, np.array([0, len(data)])), shape=(1, n_columns))


def _show(bar: tqdm[Any], record: Record) -> None:
    shown = {
        "objective": record["objective"],
        "RMSE": record["train_rmse"],
        "validation": record["validation_rmse"],
        "NDCG@10": record["validation_ndcg_at_10"],
    }
    bar.set_postfix({name: f"{value:.4g}" for name, value in shown.items() if value is not None})
    bar.update()
