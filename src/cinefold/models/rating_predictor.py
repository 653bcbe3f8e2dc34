"""Predicted ratings on the scale of the data, from a model whose scores are for ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cinefold.models.wmf import WeightedMatrixFactorization

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from cinefold.interactions import Interactions
    from cinefold.models.results import FoldedUsers, Ranking
    from cinefold.models.scaled_parameters import Scaled

_FEWEST_RATINGS = 50
_PAIRS_AT_A_TIME = 1 << 17

TOLERANCE = 0.05
"""How little below a user's mean counts as that mean, as a share of the scale."""


@dataclass(frozen=True)
class FoldedRaters:
    """Users that a `StarPredictor` was not fitted on.

    Attributes
    ----------
    ranked, explicit : FoldedUsers
        They in the model that makes the lists, and in the explicit one.
    """

    ranked: FoldedUsers
    explicit: FoldedUsers

    def __len__(self) -> int:
        return len(self.explicit)

    def __getitem__(self, rows: Any) -> FoldedRaters:
        """Some of a batch, by a slice or indices."""
        return FoldedRaters(self.ranked[rows], self.explicit[rows])


class StarPredictor:
    r"""What people would rate, in stars, as well as the lists of the model it is made for.

    Where unobserved pairs count as 0, scores are pulled towards 0, and the more so the less an item
    is known: they say what will be watched, not how much it will be liked. So a prediction starts
    from an explicit model with biases (preset "stars"), fitted on the same ratings, and adds what
    the score s and the numbers of ratings n say beyond it,

    .. math::

        \hat r_{ij} = \beta_0 + \beta_1 e_{ij} + \beta_2 s_{ij}
        + \beta_3 \log(1 + n_i) + \beta_4 \log(1 + n_j)

    with the coefficients of least squares over held-out ratings, which makes the prediction
    calibrated: items with a prediction of 4 are rated 4 on average. It is clipped to the scale.
    One that is less than a twentieth of the scale (0.2 of 1 to 5 stars) below the user's own mean
    rating becomes that mean, unless they have so few ratings that it says little (`user_counts_`):
    nothing tells the two apart, and lists put what promises less than the mean behind
    (`cinefold.recommender.reranking`; docs/reranking.md measures it).

    Parameters
    ----------
    model : WeightedMatrixFactorization
        Fitted; it makes the lists.
    n_factors : int or "scale"
        Of the explicit model. One with biases needs no other: it is its own.

    Attributes
    ----------
    explicit_ : WeightedMatrixFactorization
    coefficients_ : ndarray of float64, shape (5,)
    scale_ : tuple of float
        Lowest and highest rating.
    user_counts_ : tuple of float
        Fewest and most ratings of the users that the coefficients were fitted on; a user with
        fewer or more is taken to have so many.
    """

    explicit_: WeightedMatrixFactorization
    coefficients_: NDArray[np.float64]
    scale_: tuple[float, float]
    user_counts_: tuple[float, float]

    def __init__(self, model: WeightedMatrixFactorization, *, n_factors: int | Scaled = 32) -> None:
        self.model = model
        self.n_factors = n_factors

    def fit(self, held_out: Interactions) -> Self:
        """Learn from ratings that the model has not seen.

        With fewer than 50 of them, predictions are those of the explicit model.

        Parameters
        ----------
        held_out : Interactions
            Of the same users and items.
        """
        training = self.model.interactions_
        ratings = training.by_user.data
        self.scale_ = float(ratings.min()), float(ratings.max())
        self.explicit_ = self._explicit()
        counts = training.user_counts()[np.flatnonzero(held_out.user_counts())]
        self.user_counts_ = (float(counts.min()), float(counts.max())) if len(counts) else (0, 0)
        features, stars = self._held_out(held_out)
        self.coefficients_ = _least_squares(features, stars)
        return self

    def _explicit(self) -> WeightedMatrixFactorization:
        if self.model.biases:
            return self.model
        same = {name: getattr(self.model, name) for name in ("n_threads", "random_state")}
        explicit = WeightedMatrixFactorization.preset("stars", n_factors=self.n_factors, **same)
        return explicit.fit(self.model.interactions_, progress=False)

    def cross_validated_rmse(self, held_out: Interactions) -> float:
        """RMSE on `held_out`, each half predicted with the coefficients of the other.

        Parameters
        ----------
        held_out : Interactions
            Those of `fit`.

        Returns
        -------
        float
            In stars.
        """
        features, stars = self._held_out(held_out)
        first = np.random.default_rng(0).random(len(stars)) < 0.5
        errors = np.empty(len(stars))
        for half in (first, ~first):
            coefficients = _least_squares(features[~half], stars[~half])
            errors[half] = (features[half] @ coefficients).clip(*self.scale_) - stars[half]
        return float(np.sqrt(np.mean(errors**2)))

    def refitted(self, model: WeightedMatrixFactorization) -> StarPredictor:
        """The same coefficients for another model; the explicit one is fitted anew.

        Parameters
        ----------
        model : WeightedMatrixFactorization
            Fitted with the same parameters on more ratings.

        Returns
        -------
        StarPredictor
        """
        copy = StarPredictor(model, n_factors=self.n_factors)
        copy.scale_, copy.user_counts_ = self.scale_, self.user_counts_
        copy.coefficients_ = self.coefficients_
        copy.explicit_ = copy._explicit()
        return copy

    # -- keeping it ---------------------------------------------------------------------------

    def save(self, path: Path) -> dict[str, Any]:
        """Write the explicit model; all the rest is what this returns, for JSON.

        Parameters
        ----------
        path : Path
            No file is written where the model is its own explicit one.

        Returns
        -------
        dict of str to list of float
            ``coefficients``, ``scale`` and ``user_counts``: the `values` of `load`.
        """
        if self.explicit_ is not self.model:
            self.explicit_.save(path)
        return {
            "coefficients": self.coefficients_.tolist(),
            "scale": list(self.scale_),
            "user_counts": list(self.user_counts_),
        }

    @classmethod
    def load(
        cls, path: Path, model: WeightedMatrixFactorization, values: Mapping[str, Any]
    ) -> Self:
        """What `save` wrote and returned.

        Parameters
        ----------
        path : Path
            Of the explicit model; not read where `model` is its own.
        model : WeightedMatrixFactorization
            The one that it was saved for.
        values : mapping of str to list of float
            What `save` returned.

        Returns
        -------
        StarPredictor

        Raises
        ------
        FileNotFoundError
        ValueError
            If the file or a value is damaged.
        """
        for name, n in {"coefficients": 5, "scale": 2, "user_counts": 2}.items():
            if not (np.shape(values[name]) == (n,) and np.isfinite(values[name]).all()):
                raise ValueError(f"{name} must be {n} finite numbers, not {values[name]!r:.100}")
        explicit = model if model.biases else WeightedMatrixFactorization.load(path)
        predictor = cls(model, n_factors=explicit.n_factors)
        predictor.explicit_ = explicit
        predictor.coefficients_ = np.array(values["coefficients"], np.float64)
        predictor.scale_ = tuple(values["scale"])
        predictor.user_counts_ = tuple(values["user_counts"])
        return predictor

    # -- predictions --------------------------------------------------------------------------

    def predict(self, users: Any, items: ArrayLike) -> NDArray[np.float32]:
        """Stars for pairs of users and items: one known user with each item, or pairs.

        Parameters
        ----------
        users : a user id, an array of user ids, or what `fold_in` gave
        items : array_like

        Raises
        ------
        UnknownIdError
            For a user or item that was not in the training data.
        """
        stars = (self._features(users, items) @ self.coefficients_).clip(*self.scale_)
        means = self._known_means(users)
        tolerance = TOLERANCE * (self.scale_[1] - self.scale_[0])
        near = (stars < means) & (stars > means - tolerance)
        return np.where(near, _not_below(means), stars.astype(np.float32))

    def fold_in(
        self,
        ratings: Mapping[Any, float] | Interactions | csr_array,
        ranked: FoldedUsers | None = None,
    ) -> FoldedRaters:
        """New users, in place of ids for `predict`, `recommend` and `scores`.

        Parameters
        ----------
        ratings : mapping {item id: rating}, Interactions, or sparse matrix (n_users, n_items)
            As ``fold_in`` of the model takes them.
        ranked : FoldedUsers, optional
            The same users as their lists are made; by default the model's fold-in of `ratings`.
        """
        explicit = self.explicit_.fold_in(ratings)
        ranked = self.model.fold_in(ratings) if ranked is None else ranked
        return FoldedRaters(ranked, explicit)

    def recommend(self, users: Any, k: int = 10) -> Ranking:
        """The model's lists.

        Parameters
        ----------
        users : a user id, an array of user ids, or what `fold_in` gave
        k : int

        Returns
        -------
        Ranking
            As of `WeightedMatrixFactorization.recommend`, whose errors it raises too.
        """
        return self.model.recommend(_ranked(users), k)

    def scores(self, users: Any) -> NDArray[np.float32]:
        """The model's scores.

        Parameters
        ----------
        users : a user id, an array of user ids, or what `fold_in` gave

        Returns
        -------
        ndarray of float32, shape (n_items,) for one user, else (n_users, n_items)
        """
        return self.model.scores(_ranked(users))

    def _features(self, users: Any, items: ArrayLike) -> NDArray[np.float64]:
        """What the coefficients weigh of each pair, (..., 5)."""
        known = self.model.interactions_
        if isinstance(users, FoldedRaters):
            ranked, explicit = users.ranked, users.explicit
            counts = np.diff(explicit.ratings.indptr)
        else:
            ranked = explicit = users
            counts = known.user_counts()[known.user_index(users)]
        columns = (
            1.0,
            self.explicit_.predict(explicit, items),
            self.model.predict(ranked, items),
            np.log1p(counts.clip(*self.user_counts_)),
            np.log1p(known.item_counts()[known.item_index(items)]),
        )
        return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.float64)

    def _known_means(self, users: Any) -> NDArray[np.float64]:
        """What each one gave on average; NaN with fewer ratings than `user_counts_` begin with."""
        if isinstance(users, FoldedRaters):
            return self._row_means(users.explicit.ratings)
        known = self.model.interactions_
        index = np.asarray(known.user_index(users))
        rows, inverse = np.unique(index, return_inverse=True)
        return self._row_means(known.by_user[rows])[inverse].reshape(index.shape)

    def _row_means(self, ratings: csr_array) -> NDArray[np.float64]:
        sums, counts = ratings.sum(axis=1, dtype=np.float64), np.diff(ratings.indptr)
        enough = counts >= max(1, self.user_counts_[0])
        return np.where(enough, sums / np.maximum(counts, 1), np.nan)

    def _held_out(self, held_out: Interactions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features (n, 5) and stars (n,) of the held-out ratings."""
        rows = np.repeat(np.arange(held_out.n_users), held_out.user_counts())
        columns, stars = held_out.by_user.indices, held_out.by_user.data.astype(np.float64)
        features = np.empty((len(rows), 5))
        for begin in range(0, len(rows), _PAIRS_AT_A_TIME):
            pairs = slice(begin, begin + _PAIRS_AT_A_TIME)
            users, items = held_out.user_ids[rows[pairs]], held_out.item_ids[columns[pairs]]
            features[pairs] = self._features(users, items)
        return features, stars


def _not_below(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The least float32 that is not below each value."""
    rounded = values.astype(np.float32)
    return np.where(rounded < values, np.nextafter(rounded, np.float32(np.inf)), rounded)


def _ranked(users: Any) -> Any:
    return users.ranked if isinstance(users, FoldedRaters) else users


def _least_squares(
    features: NDArray[np.float64], stars: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(stars) < _FEWEST_RATINGS:
        return np.array([0.0, 1, 0, 0, 0])
    return np.asarray(np.linalg.lstsq(features, stars, rcond=None)[0])
