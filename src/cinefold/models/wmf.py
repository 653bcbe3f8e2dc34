"""The estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

from cinefold.als.basis import one_blas_thread
from cinefold.als.iterations import available_threads
from cinefold.models import checks, persistence
from cinefold.models.fitted import Fitted
from cinefold.models.from_factors import assemble
from cinefold.models.incremental import IncrementalModel
from cinefold.models.parameters import Parameters
from cinefold.models.presets import PRESETS
from cinefold.models.rating_input import as_interactions, held_out
from cinefold.models.results import Explanation
from cinefold.models.scaled_defaults import objective_for
from cinefold.models.training_loop import learn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray

    from cinefold.als.iterations import SolverName
    from cinefold.als.objective import Target
    from cinefold.models.callbacks import Callback, ValidationMetric
    from cinefold.models.rating_input import Ratings
    from cinefold.models.scaled_defaults import Scaled


class WeightedMatrixFactorization(Parameters, IncrementalModel):
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
        predicted ratings towards 0. "scale": 4/3 sqrt(density) times the mean confidence, and
        at most that; 0.3 for a density of 5 %.
    regularization : float or "scale"
        lambda: pulls the vectors towards 0. "scale": such that the geometric mean of the users'
        mean lambda and the items' is 0.41 t sqrt(c w0) p^(1/4) (sqrt(n_users) + sqrt(n_items)),
        with the mean size t of a target, the mean confidence c and the density p; with c p for a
        smaller w0.
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
    solver : {"auto", "exact", "cg"}
        How the rows of a half-step are solved. "exact": exactly, by factorisations, or to the
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
        Stop when this metric of the validation ratings has not improved for `patience` iterations,
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
    stop_reason_ : {"converged", "max_iter", "early_stopping", "callback", "interrupted",
        "from_factors"}

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
        early_stopping: ValidationMetric | None = None,
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
        X: Ratings,
        y: Any = None,
        *,
        validation: Ratings | None = None,
        callbacks: Iterable[Callback] = (),
        progress: bool | None = None,
    ) -> Self:
        """Learn the factors.

        Parameters
        ----------
        X : Interactions, data frame, or scipy sparse matrix of shape (n_users, n_items)
            A pandas, Polars or Arrow table has a row for each rating; its columns are found by
            their usual names (``user_id``, ``movieId``, ``rating``, ``timestamp``, ``weight`` ...).
            Stored zeros of a matrix are observations with rating 0.
        y : ignored
            For scikit-learn's pipelines.
        validation : the same as `X`, optional
            Held-out ratings of users and items of `X`, measured after every iteration.
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
        KeyboardInterrupt
            On Ctrl-C, within a second. The model then is what the last finished iteration made it,
            with exact users and ``stop_reason_`` "interrupted"; after a second Ctrl-C, or before
            the first iteration, it is not fitted.
        """
        checks.parameters(self)
        train = as_interactions(X, "X")
        measured = held_out(validation, y, train, bool(self.early_stopping))
        self._fit = Fitted(train, objective_for(self, train))
        learn(self, measured, callbacks, progress)
        return self

    @classmethod
    def from_factors(
        cls,
        user_factors: ArrayLike,
        item_factors: ArrayLike,
        *,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        interactions: Ratings | None = None,
        **parameters: Any,
    ) -> Self:
        """A model of vectors that were found elsewhere; their products, the scores, stay.

        Parameters
        ----------
        user_factors : array of float, shape (n_users, n_factors)
        item_factors : array of float, shape (n_items, n_factors)
        user_ids, item_ids : array, optional
            Of the rows; by default those of `interactions`, or else 0, 1, 2 ...
        interactions : as in :meth:`fit`, optional
            What the users have rated, which is not recommended to them.
        **parameters
            Of the model, for new users and items.

        Raises
        ------
        ValueError
            For factors of shapes that do not fit each other or the ids.
        """
        n_factors = np.shape(user_factors)[-1] if np.ndim(user_factors) else 0
        model = cls(**{"n_factors": n_factors, **parameters})
        checks.parameters(model)
        if model.biases or model.n_factors != n_factors:
            raise ValueError(
                f"from_factors makes models without biases, with n_factors={n_factors} as given"
            )
        n_threads = available_threads(model.n_threads)
        factors, known = assemble(
            user_factors, item_factors, user_ids, item_ids, interactions, n_threads
        )
        has_numbers = "scale" not in (model.unobserved_weight, model.regularization)
        objective = objective_for(model, known) if has_numbers or known.n_ratings else None
        model._fit = Fitted(known, objective, factors, stop_reason="from_factors")
        return model

    # -- explanations -------------------------------------------------------------------------

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
        row = objective.observations(ratings, weights).above(self._fitted.baseline)
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
        persistence.save(Path(path), self.get_params(), self._known)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; nothing in the file is executed.

        Raises
        ------
        ValueError
            If the file is not a model, is damaged, or comes from a newer format.
        """
        parameters, fitted = persistence.load(Path(path))
        try:
            model = cls(**parameters)
            checks.parameters(model)
        except TypeError as error:
            raise ValueError(f"{path} has wrong parameters: {error}") from None
        if fitted.objective is None and fitted.interactions.n_ratings:
            fitted = replace(fitted, objective=objective_for(model, fitted.interactions))
        model._fit = fitted
        return model
