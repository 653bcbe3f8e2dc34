"""Recommendations of movies, with their reasons, to known and new users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.recommender.filters import Features, MovieFilter
from cinefold.recommender.movie_model import MovieModel
from cinefold.recommender.question_selection import QuestionSelection
from cinefold.recommender.reranking import CANDIDATES, rerank
from cinefold.recommender.taste import Taste, taste_of
from cinefold.recommender.viewers import KnownUser, NewUser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from cinefold.datasets import Movie
    from cinefold.models import Explanation, Ranking
    from cinefold.recommender.viewers import Viewer

_REASONS = 3


@dataclass(frozen=True)
class Reason:
    """A rated movie, and what that rating adds to the score of the recommended one."""

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
        predicted number of stars. For similar movies, the cosine (at most 1).
    reasons : tuple of Reason
        The largest positive contributions, at most three; empty for similar movies.
    stars : float or None
        What the person is expected to rate it, where the recommender can tell.
    """

    rank: int
    movie: Movie
    score: float
    reasons: tuple[Reason, ...] = ()
    stars: float | None = None


class MovieRecommender(MovieModel):
    """Movies for people.

    A movie that a user has rated is never recommended to them, whether the model was trained on
    that rating or it was held out, and whichever of several ids it was rated under.

    New users are folded in by `ColdStart`: from what is known of people in general towards what
    their ratings say. Stars count by their distance from the lowest rating of the data (one star
    in MovieLens 100K), which tells the model "none of this": a movie given one star never brings
    more of its kind. docs/cold_start.md measures both against a plain fold-in and popularity.

    Parameters and attributes are those of `MovieModel`.
    """

    @cached_property
    def _features(self) -> Features:
        return Features(self.movies, self.rating_counts)

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
        """The k best movies for a known user; fewer if fewer are left.

        Parameters
        ----------
        user_id : object
        k : int
        filters : MovieFilter, optional
        exclude : iterable of movie ids
            More movies that must not appear.
        adventure : float
            From 0, the model's own list, to 1, less known movies: `cinefold.recommender.reranking`.

        Raises
        ------
        UnknownIdError
            If there is no such user, or no such movie in `exclude`.
        ValueError
            If a filter names a genre that the data does not have, or `adventure` is out of range.
        """
        return self._list(KnownUser(self, user_id), k, filters, exclude, adventure)

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
        """The k best movies for somebody new, from their ratings (movie id to stars).

        Nothing is trained: the new user's factors are solved exactly, in about a millisecond.

        Parameters
        ----------
        ratings : mapping of movie id to stars
        k, filters, exclude, adventure
            As in `recommend`.
        not_seen : iterable of movie ids
            Movies they were asked about and have not seen. They may be recommended, but tell
            something about the others.
        from_nothing : bool
            Without a rating above the lowest one there is little to go by, and the list is empty.
            True lists what people like in general, as far as the answers do not speak against it.

        Raises
        ------
        UnknownIdError
            If the model does not know a movie.
        ValueError
            If a filter names a genre that the data does not have.
        """
        if not from_nothing and not any(s > self.lowest_rating for s in ratings.values()):
            self.indices(ratings)
            return []
        viewer = NewUser(self, ratings, not_seen)
        return self._list(viewer, k, filters, exclude, adventure)

    def _list(
        self,
        viewer: Viewer,
        k: int,
        filters: MovieFilter | None,
        exclude: Iterable[Any],
        adventure: float,
    ) -> list[Recommendation]:
        hidden = self._item_ids[self.indices_of_all_ids([*viewer.ratings, *exclude])]
        depth = max(k, CANDIDATES) if adventure else k
        ranking = self.model.recommend(
            viewer.model_user, depth + self._n_repeated, exclude=hidden, among=self._among(filters)
        )
        places, scores = self._one_id_each(ranking)
        if adventure:
            order = rerank(scores, self._features.percentiles[places], adventure)
            places, scores = places[order], scores[order]
        places, scores = places[:k], scores[:k]
        items = self._item_ids[places]
        reasons = map(self._reasons, viewer.explain(items))
        columns = places.tolist(), scores.tolist(), reasons, viewer.predicted_stars(items)
        return [
            Recommendation(rank, self.movies[place], score, why, stars)
            for rank, (place, score, why, stars) in enumerate(zip(*columns, strict=True), start=1)
        ]

    def _reasons(self, explanation: Explanation) -> tuple[Reason, ...]:
        columns = explanation.items, explanation.ratings, explanation.contributions
        helping = [
            Reason(self.data.movies[rated], rating, contribution)
            for rated, rating, contribution in zip(*(c.tolist() for c in columns), strict=True)
            if contribution > 0
        ]
        liked = [reason for reason in helping if reason.rating >= self.middle_rating]
        return tuple((liked or helping)[:_REASONS])

    def similar(
        self, movie_id: Any, k: int = 10, *, filters: MovieFilter | None = None
    ) -> list[Recommendation]:
        """The k movies whose factors point most nearly the same way; the score is the cosine.

        Raises
        ------
        UnknownIdError
            If the model does not know the movie.
        """
        ranking = self.model.similar_items(
            movie_id,
            k + self._n_repeated,
            exclude=self._item_ids[self.indices_of_all_ids([movie_id])],
            among=self._among(filters),
        )
        places, scores = self._one_id_each(ranking)
        lines = zip(places[:k].tolist(), scores[:k].tolist(), strict=True)
        return [
            Recommendation(rank, self.movies[place], score)
            for rank, (place, score) in enumerate(lines, start=1)
        ]

    def _one_id_each(self, ranking: Ranking) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Indices and scores of a ranking, each movie under its best id alone."""
        places = self.indices(ranking.items)
        _, first = np.unique(self.movie_numbers[places], return_index=True)
        kept = np.sort(first)
        return places[kept], ranking.scores[kept]

    # -- movies by index -----------------------------------------------------------------------

    def candidates(
        self, *, filters: MovieFilter | None = None, exclude: Iterable[Any] = ()
    ) -> NDArray[np.int64]:
        """Where the movies stand that pass the filters, each under its most rated id alone."""
        passing = self._features.passing(filters or MovieFilter()) & self._most_rated_id
        passing[self.indices_of_all_ids(exclude)] = False
        return np.flatnonzero(passing)

    def _among(self, filters: MovieFilter | None) -> NDArray[Any] | None:
        if filters is None or filters == MovieFilter():
            return None
        return self._item_ids[self._features.passing(filters)]

    @cached_property
    def _most_rated_id(self) -> NDArray[np.bool_]:
        """Whether no other id of the same movie has more ratings, (n_items,); one of equals."""
        n = len(self.movies)
        order = np.lexsort((-np.arange(n), -self.rating_counts, self.movie_numbers))
        found = np.zeros(n, np.bool_)
        found[order[np.flatnonzero(np.diff(self.movie_numbers[order], prepend=-1))]] = True
        return found

    # -- getting to know somebody -------------------------------------------------------------

    def suggest_to_rate(
        self,
        ratings: Mapping[Any, float],
        k: int = 5,
        *,
        skip: Iterable[Any] = (),
        never: Iterable[Any] = (),
    ) -> list[Movie]:
        """Movies to ask somebody new about next: those whose rating should improve their list most.

        Chosen among well-known movies by the expected gain of a rating and the chance that they
        have seen the movie (see `cinefold.recommender.question_selection`). For a conversation,
        with undo and with how the list moves, use `Interview`.

        Parameters
        ----------
        ratings : mapping of movie id to stars
            What they have rated so far; may be empty.
        k : int
        skip : iterable of movie ids
            Movies they have not seen: neither these nor rated ones are suggested, and the chance of
            others takes it into account.
        never : iterable of movie ids
            Movies that are not to be suggested either, for a reason that tells nothing.

        Raises
        ------
        UnknownIdError
            If the model does not know a movie.
        """
        skipped = list(skip)
        posterior = NewUser(self, ratings, skipped).equations.posterior()
        hidden = self.indices_of_all_ids([*ratings, *skipped, *never])
        never_asked = np.union1d(hidden, np.flatnonzero(~self._most_rated_id))
        chosen = self._question_selection.choose(posterior, k, never=never_asked)
        return [self.movies[item] for item in chosen]

    @cached_property
    def _question_selection(self) -> QuestionSelection:
        return QuestionSelection(self.cold_start, self.rating_counts)

    # -- taste --------------------------------------------------------------------------------

    def taste(self, user_id: Any) -> Taste:
        """What a known user likes, from all their ratings in the data."""
        items, ratings = self.data.interactions.user_ratings(user_id)
        return self.taste_for(dict(zip(items.tolist(), ratings.tolist(), strict=True)))

    def taste_for(self, ratings: Mapping[Any, float]) -> Taste:
        """What somebody new likes, from their ratings (movie id to stars)."""
        return taste_of(self.data, ratings)
