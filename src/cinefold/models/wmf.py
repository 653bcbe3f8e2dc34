"""The estimator."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cinefold.als.factors import Factors
from cinefold.als.iterations import Problem, available_threads, method_named
from cinefold.models import checks, persistence
from cinefold.models.callbacks import Validation, affordable_users
from cinefold.models.default_search import settings_for
from cinefold.models.fitted import Fitted
from cinefold.models.incremental import IncrementalModel
from cinefold.models.presets import PRESETS
from cinefold.models.rating_input import (
    as_interactions,
    assemble,
    axis_weights,
    validation_ratings,
)
from cinefold.models.scaled_parameters import objective_for, pair_weights
from cinefold.models.sklearn_parameters import Parameters
from cinefold.models.training_loop import continued, run_fit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from numpy.typing import ArrayLike

    from cinefold.als.iterations import SolverName
    from cinefold.als.objective import Target
    from cinefold.interactions.splits import RandomState
    from cinefold.models.callbacks import Callback, ValidationMetric
    from cinefold.models.rating_input import Ratings, Weights
    from cinefold.models.scaled_parameters import Scaled


@dataclass(eq=False, repr=False)
class WeightedMatrixFactorization(Parameters, IncrementalModel):
    """Users and items as vectors whose inner products approximate the ratings, by exact WALS.

    Minimizes the weighted squared error over observed *and* unobserved pairs (``objective_``) by
    alternating exact solves: all items with the users fixed, then all users with the items fixed.
    Between them the factors are balanced, and items go beyond their solution (docs/solver.md),
    which takes fewer iterations. The objective never rises.

    Parameters
    ----------
    n_factors : int or "scale"
        Length of the vectors. "scale": up to 256 (128 beyond 10 million ratings), or 448 or 512
        where rows have 6 to 40 ratings and more factors rank better, if the other parameters are
        "scale" too and there are 10,000 ratings; else 64 (docs/defaults.md).
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
    degree_exponent : float, (float, float) or "scale"
        p of users and of items: every pair, observed or not, weighs (n_i / typical_i)^(-2 p_users)
        (n_j / typical_j)^(-2 p_items) for n_i ratings of the user and n_j of the item, and the
        regularization of each row by its own of the two factors. 0 weighs all pairs alike; towards
        1/2, users and items with few ratings count as much as others: the normalization of graph
        convolutions (He et al. 2020). "scale": 0, or what ranks better if `n_factors` is "scale".
    target : {"scale", "sqrt", "rating", "binary"}
        What an observed pair should score: the square root of its rating, its rating, or 1.
        "scale": the root, or 1 where "ratings" are counts, the largest above 20 times the mean.
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
    tol : float or "scale"
        Stop when an iteration lowers the objective by less than this fraction. "scale": 1e-4;
        where `n_factors` follows the data beyond 64 it is 0.003, and rows of less than 40 ratings
        end after 3 to 6 iterations.
    early_stopping : {"ndcg_at_10", "rmse"}, optional
        Stop when this metric of the validation ratings has not improved for `patience` iterations,
        and keep the best iteration.
    patience : int
    n_threads : int, optional
        Threads of the solver; by default ``OMP_NUM_THREADS``, and without it all cores that this
        process may use (its CPU affinity), but no more than its container's quota of CPU time. The
        result does not depend on it.
    random_state : int, Generator, RandomState or None
        Seed of the initial factors; all but an integer differ from run to run.

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
    user_weights_, item_weights_ : ndarray of float32, shape (n_users,), (n_items,), or None
        a and b, where pairs weigh a_i b_j.
    interactions_ : Interactions
        What it was fitted on.
    history_ : list of dict
        One record per iteration: ``iteration``, ``objective``, ``train_rmse``,
        ``validation_rmse``, ``validation_ndcg_at_10`` (None without validation),
        ``validation_sample`` and ``seconds``. To measure takes at most a tenth of an iteration's
        time, or 50 ms: where all users would take more, both metrics are those of a seeded sample
        of so many users (else None), for whom all items are ranked.
        Where pairs have weights, errors count by them.
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
    He, Zhang, Kan, Chua: Fast Matrix Factorization for Online Recommendation with Implicit
    Feedback, SIGIR 2016 (weights of items).
    He, Deng, Wang, Li, Zhang, Wang: LightGCN, SIGIR 2020.
    Rendle, Krichene, Zhang, Koren: Revisiting the Performance of iALS on Item Recommendation
    Benchmarks, 2021.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> ratings = sp.csr_array([[5.0, 4, 0, 0], [4, 5, 0, 1], [0, 0, 5, 4], [0, 1, 4, 5]])
    >>> model = WeightedMatrixFactorization(n_factors=2, regularization=0.1).fit(ratings)
    >>> newcomer = model.fold_in({0: 5.0})
    >>> model.recommend(newcomer, k=1).items.tolist()
    [1]
    """

    n_factors: int | Scaled = "scale"
    _: KW_ONLY
    unobserved_weight: float | Scaled = "scale"
    regularization: float | Scaled = "scale"
    regularization_exponent: float = 1.0
    degree_exponent: float | tuple[float, float] | Scaled = "scale"
    target: Target | Scaled = "scale"
    alpha: float = 0.0
    biases: bool = False
    solver: SolverName = "auto"
    max_iter: int = 15
    tol: float | Scaled = "scale"
    early_stopping: ValidationMetric | None = None
    patience: int = 3
    n_threads: int | None = None
    random_state: RandomState = 0

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """A model for a purpose, with `changes` to its parameters.

        Parameters
        ----------
        name : {"ranking", "plain", "stars"}
            "ranking", the default: the best lists. "plain": squared errors of the ratings, one
            lambda for all (Hu et al. 2008 without confidence). "stars": predicted ratings of the
            lowest RMSE, from observed ratings alone, with biases.
        **changes
            Parameters that are others than the preset's.

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
        user_weights: Weights | None = None,
        item_weights: Weights | None = None,
        callbacks: Iterable[Callback] = (),
        progress: bool | None = None,
        start: IncrementalModel | None = None,
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
            Held-out ratings of users and items of `X`, measured after every iteration. Those that
            are in `X` as well count as misses, and a warning tells how many they are.
        user_weights, item_weights : array or mapping {id: weight}, optional
            Every pair, observed or not, is weighed by that of its user and that of its item, above
            0; and the regularization of each row by its own. Arrays are in the order of the sorted
            ids, of shape (n_users,) and (n_items,); what a mapping leaves out weighs 1, as do new
            users and items. `degree_exponent` multiplies them.
        callbacks : iterable of callable
            Called as ``callback(model, record)`` after every iteration, with the factors in
            place; a true return value ends training. The next iteration overwrites
            ``user_factors_``: copy what is to be kept.
        progress : bool, optional
            Show a progress bar; by default when standard error is a terminal.
        start : WeightedMatrixFactorization, optional
            A fitted model to go on from, of some of the same users and items. Not with biases.

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
        callbacks = checks.callbacks(callbacks)
        train = as_interactions(X, "X")
        measured = validation_ratings(validation, y, train, bool(self.early_stopping))
        given = (
            axis_weights("user_weights", user_weights, train.user_ids),
            axis_weights("item_weights", item_weights, train.item_ids),
        )
        checks.biases(self, start, *given)
        n_threads = available_threads(self.n_threads)
        settings = settings_for(self, train, n_threads)
        objective = settings.objective
        counts = train.user_counts(), train.item_counts()
        weights = pair_weights(objective, *counts, *given)
        problem = Problem(train, objective, n_threads, weights)
        validation = None
        if measured is not None:
            exact = method_named(self.solver, settings.n_factors).is_exact
            most = affordable_users(measured, train, settings.n_factors, exact=exact)
            validation = Validation(measured, train, objective, n_threads, most)
        resumed = None
        if start is not None:
            resumed = continued(start, train, settings.n_factors, n_threads)
        self._state = None  # its memory is free for the new factors
        run_fit(self, problem, settings, validation, callbacks, progress, resumed)
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
        users, items, known = assemble(user_factors, item_factors, user_ids, item_ids, interactions)
        asked = (model.unobserved_weight, model.regularization, model.degree_exponent)
        has_numbers = "scale" not in asked[:2] and asked[2] in (0, "scale", (0, 0))
        objective = objective_for(model, known) if has_numbers or known.n_ratings else None
        weights = None
        if objective is not None:
            weights = pair_weights(objective, known.user_counts(), known.item_counts())
        if weights is not None:
            users, items = users * weights.users[:, None], items * weights.items[:, None]
        factors = Factors.in_eigenbasis(users, items, None, weights, n_threads)
        own = model.get_params()
        model._state = Fitted(own, known, objective, factors, stop_reason="from_factors")
        return model

    # -- keeping it ---------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as safetensors: factors, ids, ratings, and the parameters of the fit.

        Parameters
        ----------
        path : path
            A file there is replaced in one step.

        Raises
        ------
        NotFittedError
        OSError
            If it cannot be written.
        """
        persistence.save(Path(path), self._fitted)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; nothing in the file is executed.

        Parameters
        ----------
        path : path

        Raises
        ------
        FileNotFoundError
        ValueError
            If the file is not a model, is damaged, or comes from a newer format.
        """
        model: Self
        model, model._state = persistence.load(Path(path), cls)
        return model
