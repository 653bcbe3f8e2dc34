"""Recommendations of films, with their reasons, to known and new users."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.models import FoldedUsers
from cinefold.recommender.cold_start import Newcomers
from cinefold.recommender.elicitation import Elicitation
from cinefold.recommender.filters import Features, MovieFilter
from cinefold.recommender.reranking import CANDIDATES, check_adventure, steered
from cinefold.recommender.taste import RatedMovie, Taste, taste_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cinefold.datasets import Movie, MovieData
    from cinefold.models import Explanation, Ranking, WeightedMatrixFactorization
    from cinefold.models.rating_predictor import StarPredictor

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
    stars : float or None
        What the person is expected to rate it, where the recommender can tell.
    """

    rank: int
    movie: Movie
    score: float
    reasons: tuple[Reason, ...] = ()
    stars: float | None = None


class MovieRecommender:
    """Films for people.

    A film that a user has rated is never recommended to them, whether the model was trained on
    that rating or it was held out, and whichever of several ids it was rated under.

    New users are folded in by `Newcomers`: from what is known of people in general towards what
    their ratings say. Stars count by their distance from the lowest rating of the data (one star
    in MovieLens 100K), which tells the model "none of this": a film given one star never brings
    more of its kind. docs/cold_start.md measures both against a plain fold-in and popularity.

    Parameters
    ----------
    data : MovieData
    model : WeightedMatrixFactorization
        Fitted on `data` or a part of it.
    stars : StarPredictor, optional
        For `model`: predicts what people will rate.

    Attributes
    ----------
    data, model, stars
    lowest_rating : float
        Of the data; new users must rate something above it to get recommendations.

    Raises
    ------
    ValueError
        If the model was fitted on other films.
    """

    def __init__(
        self,
        data: MovieData,
        model: WeightedMatrixFactorization,
        stars: StarPredictor | None = None,
    ) -> None:
        self.data = data
        self.model = model
        self.stars = stars
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

    @property
    def rating_counts(self) -> NDArray[np.int64]:
        """Number of ratings of each film, in the model's order, (n_items,)."""
        return self._features.counts

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
            From 0, the model's own list, to 1, less known films: `cinefold.recommender.reranking`.

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
        found = [
            self._recommendation(*line, explanation)
            for line, explanation in zip(lines, self.model.explain(user_id, items), strict=True)
        ]
        if self.stars is None or not found:
            return found
        return _with_stars(found, self.stars.predict(user_id, items))

    def recommend_for(
        self,
        ratings: Mapping[Any, float],
        k: int = 10,
        *,
        filters: MovieFilter | None = None,
        exclude: Iterable[Any] = (),
        not_seen: Iterable[Any] = (),
        from_nothing: bool = False,
        adventure: float = 0.0,
    ) -> list[Recommendation]:
        """The k best films for somebody new, from their ratings (movie id to stars).

        Nothing is trained: the new user's factors are solved exactly, in about a millisecond.

        Parameters
        ----------
        ratings : mapping of movie id to stars
        k, filters, exclude, adventure
            As in `recommend`.
        not_seen : iterable of movie ids
            Films they were asked about and have not seen. They may be recommended, but tell
            something about the others.
        from_nothing : bool
            Without a rating above the lowest one there is little to go by, and the list is empty.
            True lists what people like in general, as far as the answers do not speak against it.

        Raises
        ------
        UnknownIdError
            If the model does not know a film.
        ValueError
            If a filter names a genre that the data does not have.
        """
        if not from_nothing and not any(s > self.lowest_rating for s in ratings.values()):
            self._indices(ratings)
            return []
        newcomer, unseen = self._answers(ratings, not_seen)
        beliefs = self.newcomers.believe(newcomer, unseen)
        hidden = self._with_twins([*ratings, *exclude])
        ranking = self.model.recommend(
            FoldedUsers(beliefs.factors[0].astype(np.float32), newcomer),
            self._depth(k, adventure),
            exclude=hidden,
            among=self._among(filters),
        )
        lines = self._films(ranking, k, adventure)
        found = [
            self._recommendation(rank, item, score, self.newcomers.explain(beliefs, newcomer, item))
            for rank, item, score in lines
        ]
        if self.stars is None or not found or not ratings:
            return found
        items, scores = zip(*(line[1:] for line in lines), strict=True)
        ids = np.array(items, self._item_ids.dtype)
        return _with_stars(found, self.stars.predict_for(ratings, np.array(scores), ids))

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
        newcomer, unseen = self._answers(ratings, ())
        folded = self.newcomers.fold_in(newcomer, unseen)
        return np.asarray(self.model.scores(folded)[0], np.float64)

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

    def _answers(
        self, ratings: Mapping[Any, float], not_seen: Iterable[Any]
    ) -> tuple[csr_array, csr_array]:
        """The answers of one newcomer, as rows in the model's order of films."""
        stars = dict(zip(self._indices(ratings).tolist(), ratings.values(), strict=True))
        unseen = self._indices(item for item in not_seen if item not in ratings)
        as_row = self.newcomers.as_row
        return as_row(stars), as_row(dict.fromkeys(unseen.tolist(), 1.0))

    def _recommendation(
        self, rank: int, item: Any, score: float, explanation: Explanation
    ) -> Recommendation:
        columns = explanation.items, explanation.ratings, explanation.contributions
        helping = [
            Reason(self._movie(rated), rating, contribution)
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
        self,
        ratings: Mapping[Any, float],
        k: int = 5,
        *,
        skip: Iterable[Any] = (),
        never: Iterable[Any] = (),
    ) -> list[Movie]:
        """Films to ask somebody new about next: those whose rating should improve their list most.

        Chosen among well-known films by the expected gain of a rating and the chance that they
        have seen the film (see `cinefold.recommender.elicitation`). For a conversation, with undo
        and with how the list moves, use `Interview`.

        Parameters
        ----------
        ratings : mapping of movie id to stars
            What they have rated so far; may be empty.
        k : int
        skip : iterable of movie ids
            Films they have not seen: neither these nor rated ones are suggested, and the chance of
            others takes it into account.
        never : iterable of movie ids
            Films that are not to be suggested either, for a reason that tells nothing.

        Raises
        ------
        UnknownIdError
            If the model does not know a film.
        """
        skipped = list(skip)
        newcomer, unseen = self._answers(ratings, skipped)
        hidden = self._indices(self._with_twins([*ratings, *skipped, *never]) + self._lesser_twins)
        chosen = self._elicitation.choose(newcomer, unseen, k, never=hidden)
        return [self._movies[item] for item in chosen]

    @cached_property
    def _lesser_twins(self) -> list[Any]:
        """Of each film with several ids, those with fewer ratings."""
        counts = dict(zip(self._item_ids.tolist(), self._features.counts.tolist(), strict=True))
        groups = (sorted(ids, key=counts.__getitem__) for ids in set(self._twins.values()))
        return [item for *lesser, _ in groups for item in lesser]

    @cached_property
    def newcomers(self) -> Newcomers:
        """Folds in people who are not in the data."""
        return Newcomers(self.model)

    @cached_property
    def _elicitation(self) -> Elicitation:
        return Elicitation(self.newcomers, self._features.counts)

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


def _with_stars(found: list[Recommendation], stars: NDArray[np.float32]) -> list[Recommendation]:
    return [replace(line, stars=value) for line, value in zip(found, stars.tolist(), strict=True)]


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
