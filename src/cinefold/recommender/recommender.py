"""Recommendations of films, with their reasons, to known and new users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.model import Objective
from cinefold.recommender.filters import Features, MovieFilter
from cinefold.recommender.steering import CANDIDATES, check_adventure, steered
from cinefold.recommender.taste import RatedMovie, Taste, taste_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from cinefold.datasets import Movie, MovieData
    from cinefold.model import Explanation, FoldedUsers, Ranking, WeightedMatrixFactorization

_REASONS = 3


@dataclass(frozen=True)
class Reason:
    """A rated film, and what that rating adds to the score of the recommended one."""

    movie: Movie
    rating: float
    contribution: float


@dataclass(frozen=True)
class Recommendation:
    """One line of a list.

    Attributes
    ----------
    rank : int
        From 1.
    movie : Movie
    score : float
        u.v: higher is better. It is drawn towards 0 by the unobserved pairs, so it is not a
        predicted number of stars. For similar films, the cosine (at most 1).
    reasons : tuple of Reason
        The largest positive contributions, at most three; empty for similar films.
    """

    rank: int
    movie: Movie
    score: float
    reasons: tuple[Reason, ...] = ()


class MovieRecommender:
    """Films for people.

    A film that a user has rated is never recommended to them, whether the model was trained on
    that rating or it was held out, and whichever of several ids it was rated under.

    For new users, one lowest rating of the data (one star in MovieLens 100K) is taken off theirs
    before they are folded in. Otherwise even one star would say "more than nothing", as pairs
    without a rating count as 0, and bring *more* films of the kind. So the lowest rating tells the
    model "none of this", and adds nothing to any score. On MovieLens 100K, for people with five or
    ten ratings of which three are 1 or 2 stars, 8 to 15 % fewer of the ten films recommended are
    ones they would rate 1 or 2, and NDCG@10 of the films they rate 4 or 5 stays within 2 %.

    Parameters
    ----------
    data : MovieData
    model : WeightedMatrixFactorization
        Fitted on `data` or a part of it.

    Attributes
    ----------
    data, model
    lowest_rating : float
        Of the data; new users must rate something above it to get recommendations.

    Raises
    ------
    ValueError
        If the model was fitted on other films.
    """

    def __init__(self, data: MovieData, model: WeightedMatrixFactorization) -> None:
        self.data = data
        self.model = model
        self._item_ids = model.interactions_.item_ids
        unknown = ~np.isin(self._item_ids, data.interactions.item_ids)
        if unknown.any():
            raise ValueError(
                f"the model was not trained on {data.name}: {unknown.sum()} of its "
                f"{len(unknown)} films are not in it"
            )
        self._movies = [data.movies[item] for item in self._item_ids.tolist()]
        self._features = Features(self._movies, self._counts())
        self.lowest_rating, self._middle = _scale(data.interactions.by_user.data)
        self._twins = _twins(self._movies)

    @property
    def movies(self) -> Sequence[Movie]:
        """The films, in the model's order."""
        return self._movies

    @property
    def middle_rating(self) -> float:
        """Of the scale of the data: 3 of 1 to 5 stars."""
        return self._middle

    def _counts(self) -> NDArray[np.int64]:
        interactions = self.data.interactions
        return np.asarray(interactions.item_counts()[interactions.item_index(self._item_ids)])

    # -- lists --------------------------------------------------------------------------------

    def recommend(
        self,
        user_id: Any,
        k: int = 10,
        *,
        filters: MovieFilter | None = None,
        exclude: Iterable[Any] = (),
        adventure: float = 0.0,
    ) -> list[Recommendation]:
        """The k best films for a known user; fewer if fewer are left.

        Parameters
        ----------
        user_id : object
        k : int
        filters : MovieFilter, optional
        exclude : iterable of movie ids
            More films that must not appear.
        adventure : float
            From 0, the model's own list, to 1, less known films: `cinefold.recommender.steering`.

        Raises
        ------
        UnknownIdError
            If there is no such user, or no such film in `exclude`.
        ValueError
            If a filter names a genre that the data does not have, or `adventure` is out of range.
        """
        rated, _ = self.data.interactions.user_ratings(user_id)
        hidden = self._with_twins([*rated[np.isin(rated, self._item_ids)].tolist(), *exclude])
        ranking = self.model.recommend(
            user_id, self._depth(k, adventure), exclude=hidden, among=self._among(filters)
        )
        lines = self._films(ranking, k, adventure)
        items = np.array([item for _, item, _ in lines], self._item_ids.dtype)
        return [
            self._recommendation(*line, explanation)
            for line, explanation in zip(lines, self.model.explain(user_id, items), strict=True)
        ]

    def recommend_for(
        self,
        ratings: Mapping[Any, float],
        k: int = 10,
        *,
        filters: MovieFilter | None = None,
        exclude: Iterable[Any] = (),
        adventure: float = 0.0,
    ) -> list[Recommendation]:
        """The k best films for somebody new, from their ratings (movie id to stars).

        Nothing is trained: the new user's factors are solved exactly, in about a millisecond.
        Without a rating above the lowest one there is nothing to go by, and the list is empty.

        Parameters and errors are those of `recommend`.
        """
        folded = self._fold_in(ratings)
        if folded is None:
            return []
        hidden = self._with_twins([*ratings, *exclude])
        ranking = self.model.recommend(
            folded, self._depth(k, adventure), exclude=hidden, among=self._among(filters)
        )
        return [
            self._recommendation(rank, item, score, self.model.explain(folded, item), ratings)
            for rank, item, score in self._films(ranking, k, adventure)
        ]

    def similar(
        self, movie_id: Any, k: int = 10, *, filters: MovieFilter | None = None
    ) -> list[Recommendation]:
        """The k films whose factors point most nearly the same way; the score is the cosine.

        Raises
        ------
        UnknownIdError
            If the model does not know the film.
        """
        ranking = self.model.similar_items(
            movie_id,
            k + len(self._twins),
            exclude=self._with_twins([movie_id]),
            among=self._among(filters),
        )
        return [
            Recommendation(rank, self._movie(item), score)
            for rank, item, score in self._films(ranking, k)
        ]

    # -- for lists of another making ----------------------------------------------------------

    def scores(self, user_id: Any) -> NDArray[np.float64]:
        """A known user's scores of all films, in the model's order, (n_items,)."""
        return np.asarray(self.model.predict(user_id, self._item_ids), np.float64)

    def scores_for(self, ratings: Mapping[Any, float]) -> NDArray[np.float64]:
        """Scores of somebody new from their ratings (movie id to stars), (n_items,)."""
        folded = self._fold_in(ratings)
        if folded is None:
            return np.zeros(len(self._item_ids))
        return np.asarray(self.model.predict(folded, self._item_ids), np.float64)

    def places(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Where films stand in the model's order, with the other ids of the same films."""
        return self._indices(self._with_twins(ids))

    def candidates(
        self, *, filters: MovieFilter | None = None, exclude: Iterable[Any] = ()
    ) -> NDArray[np.int64]:
        """Where the films stand that pass the filters, each under its most rated id alone."""
        passing = self._features.passing(filters or MovieFilter())
        passing[self.places(exclude)] = False
        count = dict(zip(self._item_ids.tolist(), self._features.counts.tolist(), strict=True))
        for twins in set(self._twins.values()):
            passing[self._indices(sorted(twins, key=count.__getitem__)[:-1])] = False
        return np.flatnonzero(passing)

    def _with_twins(self, ids: Iterable[Any]) -> list[Any]:
        """The ids, and the other ids of the same films."""
        return [twin for item in ids for twin in self._twins.get(item, (item,))]

    def _depth(self, k: int, adventure: float) -> int:
        """How many ids to rank, so that k films are left in the end."""
        return (max(k, CANDIDATES) if check_adventure(adventure) else k) + len(self._twins)

    def _films(
        self, ranking: Ranking, k: int, adventure: float = 0.0
    ) -> list[tuple[int, Any, float]]:
        """Rank, movie id and score of the first k films, each under its best id alone."""
        films: list[tuple[Any, float]] = []
        listed: set[Any] = set()
        for item, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True):
            if item not in listed:
                films.append((item, score))
                listed.update(self._twins.get(item, (item,)))
        if adventure and films:
            items, scores = zip(*films, strict=True)
            percentiles = self._features.percentiles[self._indices(items)]
            films = [films[place] for place in steered(scores, percentiles, adventure)]
        return [(rank, *film) for rank, film in enumerate(films[:k], start=1)]

    def _fold_in(self, ratings: Mapping[Any, float]) -> FoldedUsers | None:
        """The new user, or None without anything they like."""
        above = {item: max(0.0, stars - self.lowest_rating) for item, stars in ratings.items()}
        return self.model.fold_in(above) if any(above.values()) else None

    def _recommendation(
        self,
        rank: int,
        item: Any,
        score: float,
        explanation: Explanation,
        stars: Mapping[Any, float] | None = None,
    ) -> Recommendation:
        """`stars` are the ratings as given, where they are not those the model was told."""
        columns = explanation.items, explanation.ratings, explanation.contributions
        helping = [
            Reason(self._movie(rated), stars[rated] if stars else rating, contribution)
            for rated, rating, contribution in zip(*(c.tolist() for c in columns), strict=True)
            if contribution > 0
        ]
        liked = [reason for reason in helping if reason.rating >= self._middle]
        return Recommendation(rank, self._movie(item), score, tuple((liked or helping)[:_REASONS]))

    def _among(self, filters: MovieFilter | None) -> NDArray[Any] | None:
        if filters is None or filters == MovieFilter():
            return None
        return self._item_ids[self._features.passing(filters)]

    def _movie(self, item: Any) -> Movie:
        return self.data.movies[item]

    # -- getting to know somebody -------------------------------------------------------------

    def suggest_to_rate(
        self, ratings: Mapping[Any, float], k: int = 5, *, skip: Iterable[Any] = ()
    ) -> list[Movie]:
        """Films whose rating would teach the model most about somebody, and that they may know.

        The inverse of a user's equations A (see `WeightedMatrixFactorization.explain`) is what is
        uncertain about their factors. One more rating, of film j, takes

        .. math::

            \\sum_l p_l (v_l' A^{-1} v_j)^2 / (1/w + v_j' A^{-1} v_j), \\quad w = c - w_0

        off the uncertainty of their scores, summed over all films l by the share p of users who
        have rated them. The suggestion is the film with the most of it, times the chance that they
        know it: its own share p plus, as unrated films count as 0, their score for it over the
        middle rating. Each further suggestion assumes that those before it are rated.

        Parameters
        ----------
        ratings : mapping of movie id to stars
            What they have rated so far; may be empty.
        k : int
        skip : iterable of movie ids
            Films they do not know; neither these nor rated ones are suggested.
        """
        vectors, shares, importance = self._vectors, self._shares, self._importance
        rated = self._indices(ratings)
        chance = (shares + self._expected_share(ratings)).clip(max=1)
        chance[rated] = chance[self._indices(skip)] = 0
        uncertainty, weight = self._uncertainty(rated)
        spread = vectors @ uncertainty
        weighed = spread @ importance
        chosen: list[Movie] = []
        while len(chosen) < k and chance.any():
            own = 1 / weight + np.einsum("ij,ij->i", spread, vectors)
            learnt = np.einsum("ij,ij->i", weighed, spread) / own
            best = int(np.argmax(chance * learnt))
            chosen.append(self._movies[best])
            chance[best] = 0
            step = spread[best] / np.sqrt(own[best])
            along = vectors @ step
            spread -= np.outer(along, step)
            weighed -= np.outer(along, importance @ step)
        return chosen

    @cached_property
    def _vectors(self) -> NDArray[np.float64]:
        return self.model.item_factors_.astype(np.float64)

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Share of users who have rated each film."""
        return self._features.counts / self.data.interactions.n_users

    @cached_property
    def _importance(self) -> NDArray[np.float64]:
        """sum_l p_l v_l v_l'."""
        return np.asarray(self._vectors.T * self._shares @ self._vectors)

    @cached_property
    def _gram(self) -> NDArray[np.float64]:
        return np.asarray(self._vectors.T @ self._vectors)

    def _expected_share(self, ratings: Mapping[Any, float]) -> NDArray[np.float64]:
        """How far the user's own scores speak for their having seen a film, (n_items,)."""
        user = self._fold_in(ratings)
        if user is None:
            return np.zeros(len(self._vectors))
        return np.asarray((self._vectors @ user.factors).clip(0) / self._middle)

    def _uncertainty(self, rated: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
        """A^-1 of a user who has rated these films, and the weight of one more rating."""
        parameters = self.model.get_params()
        objective = Objective(**{name: parameters[name] for name in Objective.__dataclass_fields__})
        w0 = objective.unobserved_weight
        typical = np.array([self._middle - self.lowest_rating], np.float32)
        confidence = objective.confidence(typical, None)
        weight = max((1.0 if confidence is None else float(confidence[0])) - w0, 1e-3)
        ridge = objective.row_regularization(np.array([len(rated)]), len(self._vectors))[0]
        seen = self._vectors[rated]
        equations = w0 * self._gram + weight * seen.T @ seen
        equations[np.diag_indices_from(equations)] += max(ridge, 1e-6)
        return np.asarray(np.linalg.inv(equations)), weight

    def _indices(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        known = list(ids)
        if not known:
            return np.empty(0, np.int64)
        return np.asarray(self.model.interactions_.item_index(known))

    # -- taste --------------------------------------------------------------------------------

    def taste(self, user_id: Any) -> Taste:
        """What a known user likes, from all their ratings in the data."""
        items, ratings = self.data.interactions.user_ratings(user_id)
        return self.taste_for(dict(zip(items.tolist(), ratings.tolist(), strict=True)))

    def taste_for(self, ratings: Mapping[Any, float]) -> Taste:
        """What somebody new likes, from their ratings (movie id to stars)."""
        interactions = self.data.interactions
        counts = (
            interactions.item_counts()[interactions.item_index(list(ratings))] if ratings else []
        )
        order = sorted(zip(ratings.items(), counts, strict=True), key=lambda p: (-p[0][1], -p[1]))
        rated = [RatedMovie(self._movie(item), float(stars)) for (item, stars), _ in order]
        return taste_of(rated)


def _scale(ratings: NDArray[np.float32]) -> tuple[float, float]:
    """Lowest and middle rating of the scale that the data uses."""
    lowest, highest = float(ratings.min()), float(ratings.max())
    return lowest, (lowest + highest) / 2


def _twins(movies: Iterable[Movie]) -> dict[Any, tuple[Any, ...]]:
    """All ids of each film that has several (same title and year), by every one of them."""
    ids: dict[tuple[str, int], list[Any]] = {}
    for movie in movies:
        if movie.year is not None:
            ids.setdefault((movie.title, movie.year), []).append(movie.id)
    several = (tuple(group) for group in ids.values() if len(group) > 1)
    return {item: group for group in several for item in group}
