"""Getting to know somebody: questions, answers, and how their list moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cinefold.datasets import Movie
from cinefold.models import checks
from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.recommender import MovieRecommender, Recommendation

Kind = Literal["rated", "not seen", "skipped"]


@dataclass(frozen=True)
class Movement:
    """How a list changed, apart from movies leaving it because they were rated.

    Attributes
    ----------
    before, after : tuple of Movie
        Best first, of equal length unless movies ran out.
    """

    before: tuple[Movie, ...]
    after: tuple[Movie, ...]

    @property
    def new(self) -> tuple[Movie, ...]:
        """Movies that came in, best first."""
        before = {movie.id for movie in self.before}
        return tuple(movie for movie in self.after if movie.id not in before)

    @property
    def overlap(self) -> float:
        """Share of the list that stayed, 0 to 1; 1 for empty lists."""
        return 1 - len(self.new) / len(self.after) if self.after else 1.0


@dataclass(frozen=True)
class Answer:
    """What was said to one question.

    Attributes
    ----------
    movie : Movie
    kind : {"rated", "not seen", "skipped"}
    stars : float or None
        Of a rating.
    movement : Movement
        Of the list, by this answer.
    """

    movie: Movie
    kind: Kind
    stars: float | None
    movement: Movement


class Interview:
    """Asks somebody new about movies, those first whose answers should improve their list most.

    "Not seen" is an answer too: it tells what else they may know. "Skip" tells nothing. An answer
    to an earlier question replaces it.

    Parameters
    ----------
    recommender : MovieRecommender
    ratings : mapping of movie id to stars, optional
    not_seen, skipped : iterable of movie ids, optional
        What is known before the first question.
    length : int
        Of the list whose movement is followed.

    Attributes
    ----------
    ratings : dict of movie id to stars
        All known ratings, also those known before.
    not_seen_ids, skipped_ids : list of movie ids
        Likewise, movies they have not seen and those they did not want to say anything about.
    answers : list of Answer
        To the questions, in their order.

    Raises
    ------
    UnknownIdError
        If the model does not know a movie.

    Examples
    --------
    ::

        interview = Interview(recommender)
        (movie,) = interview.next()
        answer = interview.answer(movie.id, 5)
        print(answer.movement.overlap, [new.label for new in answer.movement.new])
    """

    def __init__(
        self,
        recommender: MovieRecommender,
        ratings: Mapping[Any, float] | None = None,
        *,
        not_seen: Iterable[Any] = (),
        skipped: Iterable[Any] = (),
        length: int = 10,
    ) -> None:
        self.recommender = recommender
        self.length = length
        self.answers: list[Answer] = []
        self.ratings: dict[Any, float] = {}
        self.not_seen_ids: list[Any] = []
        self.skipped_ids: list[Any] = []
        for movie_id, stars in (ratings or {}).items():
            self._keep(movie_id, "rated", stars)
        for movie_id in not_seen:
            self._keep(movie_id, "not seen", None)
        for movie_id in skipped:
            self._keep(movie_id, "skipped", None)
        self._rated_before = dict(self.ratings)

    # -- questions and answers ----------------------------------------------------------------

    def next(self, k: int = 1) -> list[Movie]:
        """The k movies to ask about next, the best question first; fewer when movies run out.

        Parameters
        ----------
        k : int

        Returns
        -------
        list of Movie
        """
        return self.recommender.suggest_to_rate(
            self.ratings, k, skip=self.not_seen_ids, never=self.skipped_ids
        )

    def answer(self, movie_id: Any, stars: float) -> Answer:
        """They have seen the movie, and give it so many stars.

        Parameters
        ----------
        movie_id : object
        stars : float

        Returns
        -------
        Answer

        Raises
        ------
        UnknownIdError
            If the model does not know the movie.
        ValueError
            If the stars are no finite number.
        """
        return self._take(movie_id, "rated", stars)

    def not_seen(self, movie_id: Any) -> Answer:
        """They have not seen the movie. It may be recommended to them.

        Parameters, result and errors are those of `answer`.
        """
        return self._take(movie_id, "not seen", None)

    def skip(self, movie_id: Any) -> Answer:
        """They do not want to say. The movie is not asked about again.

        Parameters, result and errors are those of `answer`.
        """
        return self._take(movie_id, "skipped", None)

    def take_back(self, movie_id: Any) -> None:
        """As if nothing had been said about the movie; it may be asked about again.

        Parameters
        ----------
        movie_id : object
        """
        self.answers = [answer for answer in self.answers if answer.movie.id != movie_id]
        self.ratings.pop(movie_id, None)
        for ids in (self.not_seen_ids, self.skipped_ids):
            if movie_id in ids:
                ids.remove(movie_id)

    def _take(self, movie_id: Any, kind: Kind, stars: float | None) -> Answer:
        known = dict(self.ratings)
        self._keep(movie_id, kind, stars)
        movie = self.recommender.data.movies[movie_id]
        answer = Answer(movie, kind, self.ratings.get(movie_id), self._movement_from(known))
        self.answers.append(answer)
        return answer

    def _keep(self, movie_id: Any, kind: Kind, stars: float | None) -> None:
        self.recommender.indices([movie_id])  # unknown movies are refused
        if stars is not None:
            checks.ratings({movie_id: stars}, "movie")
        self.take_back(movie_id)
        if stars is not None:
            self.ratings[movie_id] = float(stars)
        else:
            (self.not_seen_ids if kind == "not seen" else self.skipped_ids).append(movie_id)

    # -- what comes of it ---------------------------------------------------------------------

    @property
    def movement(self) -> Movement:
        """Of the list, since before the first question."""
        return self._movement_from(self._rated_before)

    def recommendations(
        self, k: int = 10, *, filters: MovieFilter | None = None, exclude: Iterable[Any] = ()
    ) -> list[Recommendation]:
        """Their list so far; before the first answer, what people like in general.

        Parameters and errors are those of `MovieRecommender.recommend_for`.
        """
        return self.recommender.recommend_for(self.ratings, k, filters=filters, exclude=exclude)

    def _movement_from(self, ratings: Mapping[Any, float]) -> Movement:
        """From the list by earlier ratings; movies rated since then are in neither list."""
        before = self.recommender.recommend_for(ratings, self.length, exclude=self.ratings)
        return Movement(_movies(before), _movies(self.recommendations(self.length)))


def _movies(lines: list[Recommendation]) -> tuple[Movie, ...]:
    return tuple(line.movie for line in lines)
