"""Recommendations of movies, with their reasons, to known and new users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import Movie
from cinefold.models import Ranking
from cinefold.recommender.filters import Features, MovieFilter
from cinefold.recommender.movie_model import MovieModel
from cinefold.recommender.question_selection import QuestionSelection
from cinefold.recommender.reasons import Reason, reasons_of_list
from cinefold.recommender.related import relatedness
from cinefold.recommender.reranking import CANDIDATES, rerank
from cinefold.recommender.taste import Taste, taste_of
from cinefold.recommender.viewers import KnownUser, NewUser, Viewer

SortBy = Literal["fit", "stars"]
"""Orders of a list: see `MovieRecommender.recommend`."""

_SORTED_BY_STARS = 50


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
        predicted number of stars. For related movies, `cinefold.recommender.related`.
    reasons : tuple of Reason
        Movies they liked that speak for this one more than for the rest of the list, at most three;
        empty for related movies.
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
    more of its kind. docs/cold_start.md measures both against a plain fold-in and popularity. Where
    ratings are counts, of plays say, all that was played is liked.

    Parameters, attributes and errors are those of `MovieModel`.
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
        sort_by: SortBy = "fit",
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
        sort_by : {"fit", "stars"}
            "fit": what they will like and are likely to choose first. "stars": of the 50 best of
            these, those first that they are expected to rate highest.

        Raises
        ------
        UnknownIdError
            If there is no such user, or no such movie in `exclude`.
        ValueError
            If a filter names a genre that the data does not have, `adventure` is out of range, or
            there is no such `sort_by`, or no predictor of stars for it.
        """
        return self._list(KnownUser(self, user_id), k, filters, exclude, adventure, sort_by)

    def recommend_for(
        self,
        ratings: Mapping[Any, float],
        k: int = 10,
        *,
        filters: MovieFilter | None = None,
        exclude: Iterable[Any] = (),
        adventure: float = 0.0,
        sort_by: SortBy = "fit",
    ) -> list[Recommendation]:
        """The k best movies for somebody new, from their ratings (movie id to stars).

        Nothing is trained: the new user's factors are solved exactly, in about a millisecond.
        Without a rating above the lowest, it is what people like in general, as far as the ratings
        do not speak against it.

        Parameters
        ----------
        ratings : mapping of movie id to stars
        k, filters, exclude, adventure, sort_by
            As in `recommend`.

        Raises
        ------
        UnknownIdError
            If the model does not know a movie.
        ValueError
            As in `recommend`.
        """
        return self._list(NewUser(self, ratings), k, filters, exclude, adventure, sort_by)

    def _list(
        self,
        viewer: Viewer,
        k: int,
        filters: MovieFilter | None,
        exclude: Iterable[Any],
        adventure: float,
        sort_by: SortBy,
    ) -> list[Recommendation]:
        if sort_by not in get_args(SortBy):
            raise ValueError(f"sort_by must be one of {get_args(SortBy)}, not {sort_by!r}")
        hidden = self._item_ids[self.indices_of_all_ids([*viewer.ratings, *exclude])]
        ranking = self.model.recommend(
            viewer.model_user,
            max(k, CANDIDATES) + self._n_repeated,
            exclude=hidden,
            among=self._among(filters),
        )
        places, scores = self._one_id_each(ranking)
        stars = viewer.predicted_stars(self._item_ids[places])
        expected = np.array(stars, np.float64)  # NaN where nothing tells
        liked = None
        if viewer.ratings and not self.are_counts:
            liked = ~(expected < np.mean([*viewer.ratings.values()]))
        order = rerank(scores, self.rating_counts[places], k, adventure=adventure, liked=liked)
        if sort_by == "stars":
            if self.stars is None:
                raise ValueError('sort_by="stars" takes a recommender that predicts stars')
            best = order[:_SORTED_BY_STARS]
            order = best[np.argsort(-expected[best], kind="stable")]
        order = order[:k]
        explanations = viewer.explain(self._item_ids[places[order]])
        columns = zip(
            places[order].tolist(),
            scores[order].tolist(),
            reasons_of_list(explanations, self.data.movies, self.middle_rating),
            [stars[place] for place in order.tolist()],
            strict=True,
        )
        return [
            Recommendation(rank, self.movies[place], score, why, own)
            for rank, (place, score, why, own) in enumerate(columns, start=1)
        ]

    def similar(
        self, movie_id: Any, k: int = 10, *, filters: MovieFilter | None = None
    ) -> list[Recommendation]:
        """The k movies that go best with a movie (`cinefold.recommender.related`); fewer if fewer.

        Parameters
        ----------
        movie_id : object
        k : int
        filters : MovieFilter, optional

        Raises
        ------
        UnknownIdError
            If the model does not know the movie.
        ValueError
            If a filter names a genre that the data does not have.
        """
        known = self.model.interactions_
        scores = relatedness(known, self.movies, int(self.indices([movie_id])[0]))
        candidates = self.candidates(filters=filters, exclude=[movie_id])
        best = candidates[np.argsort(-scores[candidates], kind="stable")][:k]
        lines = zip(best.tolist(), scores[best].tolist(), strict=True)
        return [
            Recommendation(rank, self.movies[place], score)
            for rank, (place, score) in enumerate(lines, start=1)
            if score > -np.inf
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
        rated = self.indices(ratings)
        stars = np.array(list(ratings.values()), np.float32)
        unseen = np.setdiff1d(self.indices(skipped), rated)
        posterior = self.cold_start.equations(rated, stars, unseen).posterior()
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
