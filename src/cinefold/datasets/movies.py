"""Movies, and finding them by what people type."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from cinefold._cache import PickledWithoutCaches
from cinefold.datasets.title_search import TitleIndex
from cinefold.datasets.titles import names_of, plain, readable, split_year
from cinefold.interactions.column_names import ITEM_IDS, TITLE_NAMES
from cinefold.interactions.column_values import as_ids


@dataclass(frozen=True)
class Movie:
    """A movie.

    Attributes
    ----------
    id : int or str
        In the data set.
    title : str
        As people read it, without the year.
    year : int, optional
    genres : tuple of str
    imdb_id : str, optional
        Like "tt0114709".
    tmdb_id : int, optional
    """

    id: int | str
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()
    imdb_id: str | None = None
    tmdb_id: int | None = None

    @property
    def label(self) -> str:
        """ "Fargo (1996)"."""
        return self.title if self.year is None else f"{self.title} ({self.year})"


# Columns of a file of movies, by their usual names; see `find_column`.
MOVIE_COLUMNS = {
    "id": (*ITEM_IDS, ("id",)),
    "title": ((*TITLE_NAMES, "name"),),
    "year": (("year", "releaseyear"),),
    "genres": (("genres", "genre", "class"),),
}
_LONGEST_TITLE = 1000
_NEAR, _LEAST_LIKENESS = 50, 60.0  # so many titles are near, if they are so alike
_FOR_WORDS = 20  # to the score of a title that is near, where it has all words
_NO_GENRE = {"", "unknown", "(no genres listed)"}


def parsed_movie(movie_id: int | str, title: str, year: str, genres: Iterable[str]) -> Movie:
    """A movie as a file describes it; the year, if any, overrides that in the title's brackets.

    ValueError says what is wrong with a title or year.
    """
    if len(title) > _LONGEST_TITLE:
        raise ValueError(f"the title has {len(title):,} characters, more than {_LONGEST_TITLE:,}")
    name, released = split_year(title)
    if year:
        if not re.fullmatch(r"[0-9]{1,4}(\.0*)?", year):
            raise ValueError(f"the year is {short(year)}")
        released = int(float(year))
    named = (genre.strip() for genre in genres)
    return Movie(
        movie_id,
        readable(name) or str(movie_id),
        released,
        tuple(genre for genre in named if genre not in _NO_GENRE),
    )


@dataclass(frozen=True)
class Match:
    """A movie found by a search.

    Attributes
    ----------
    movie : Movie
    score : float
        How well it fits, 0 to 100.
    fits : bool
        Whether one of its titles has all words of the query; else it is only near.
    """

    movie: Movie
    score: float
    fits: bool = True


class TitleError(ValueError):
    """A title that names no movie, or several; ``candidates`` are those it may mean."""

    def __init__(self, message: str, candidates: Sequence[Movie]) -> None:
        listed = "; ".join(movie.label for movie in candidates)
        super().__init__(f"{message}: {listed}" if listed else message)
        self.candidates = list(candidates)


class MovieCatalog(PickledWithoutCaches):
    """The movies of a data set, by id and by title.

    Parameters
    ----------
    movies : iterable of Movie
    popularity : mapping {movie id: number of ratings}, optional
        Decides between movies that fit a search equally well, and between two ids of one movie.
    """

    def __init__(
        self, movies: Iterable[Movie], popularity: Mapping[Any, int] | None = None
    ) -> None:
        self._movies = {movie.id: movie for movie in sorted(movies, key=lambda movie: movie.id)}
        self._popularity = dict(popularity or {})

    def __len__(self) -> int:
        return len(self._movies)

    def __iter__(self) -> Iterator[Movie]:
        return iter(self._movies.values())

    def __contains__(self, movie_id: object) -> bool:
        return movie_id in self._movies

    def __getitem__(self, movie_id: Any) -> Movie:
        key = movie_id.item() if isinstance(movie_id, np.generic) else movie_id
        try:
            return self._movies[key]
        except KeyError:
            raise KeyError(f"there is no movie with id {key!r}") from None

    def __repr__(self) -> str:
        return f"MovieCatalog({len(self):,} movies)"

    @cached_property
    def ids(self) -> NDArray[Any]:
        """All ids, sorted."""
        return as_ids(list(self._movies), "movie ids")

    def popularity(self, movie_id: Any) -> int:
        """Number of ratings of a movie; 0 where it is not known."""
        return int(self._popularity.get(movie_id, 0))

    @cached_property
    def genres(self) -> tuple[str, ...]:
        """All genres, sorted."""
        return tuple(sorted({genre for movie in self for genre in movie.genres}))

    @cached_property
    def years(self) -> tuple[int, int] | None:
        """The first and the last year of the movies; None where none has one."""
        known = [movie.year for movie in self if movie.year is not None]
        return (min(known), max(known)) if known else None

    def search(self, query: str, limit: int = 10) -> list[Match]:
        """Movies whose titles fit `query`, best first: typos, parts and either article order do.

        Without a movie that has all words, those with the nearest titles come, of which
        `Match.fits` says so.

        Parameters
        ----------
        query : str
            A year in it ("sabrina 1954") narrows the search; alone, it is all movies of that year.
        limit : int

        Returns
        -------
        list of Match
        """
        text, year = _query(query)
        if not text and year is None:
            return []
        shares = self._index.shares(text)
        fitting = _complete(shares)
        if year is not None:
            titled = _complete(self._index.shares(plain(query)))  # "2001: A Space Odyssey"
            among = fitting if text else self._movies
            of_year = [movie_id for movie_id in among if self._movies[movie_id].year == year]
            fitting = list(dict.fromkeys([*titled, *of_year]))
        if fitting and not text:  # a year alone: movies called so, then all of that year
            scores = {movie_id: 100.0 if movie_id in titled else 99.0 for movie_id in fitting}
        elif fitting:
            named = [(one, name) for one in fitting for name in self._names_by_id[one]]
            likeness = _likeness(text, [name for _, name in named]).tolist()
            scores = dict.fromkeys(fitting, 0.0)
            for (movie_id, name), score in zip(named, likeness, strict=True):
                scores[movie_id] = max(scores[movie_id], score + _bonus(text, name))
        else:
            ids, names = [one for one, _ in self._names], [*self._names.values()]
            likeness = _likeness(text or plain(query), names)
            near = np.argsort(-likeness, kind="stable")[:_NEAR]
            near = near[likeness[near] >= _LEAST_LIKENESS]
            scores = {ids[place]: float(likeness[place]) for place in reversed(near.tolist())}
            for movie_id, share in shares.items():
                scores[movie_id] = scores.get(movie_id, _LEAST_LIKENESS) + _FOR_WORDS * share
        rated = self._popularity
        ranked = nsmallest(
            limit, scores.items(), key=lambda pair: (-round(pair[1]), -rated.get(pair[0], 0))
        )
        return [
            Match(self._movies[movie_id], min(score, 100.0), bool(fitting))
            for movie_id, score in ranked
        ]

    def resolve(self, title: str) -> Movie:
        """The one movie of exactly this title; case, accents and the article's place do not matter.

        A title that two movies share needs its year: "Sabrina (1954)". Two ids of one title and
        year are one movie; the one with more ratings is taken.

        Raises
        ------
        TitleError
            When no movie or several have this title; ``candidates`` are those it may mean.
        """
        text, year = _query(title, only_in_brackets=True)
        ids = self._ids_by_name.get(text, ())
        movies = [self._movies[key] for key in ids if year in (None, self._movies[key].year)]
        if not movies:
            near = [self._movies[key] for key in ids]
            near = near or [match.movie for match in self.search(text, limit=5)]
            hint = "did you mean" if near else "search with another part of it"
            raise TitleError(f"no movie is titled {title!r}; {hint}", near)
        if len({(movie.title, movie.year) for movie in movies}) > 1:
            raise TitleError(f"{title!r} is the title of several movies; add the year", movies)
        return max(movies, key=lambda movie: self._popularity.get(movie.id, 0))

    @cached_property
    def _names(self) -> dict[tuple[Any, int], str]:
        """Every way to name a movie, as (id, number) -> normalized name."""
        return {
            (movie.id, number): name
            for movie in self
            for number, name in enumerate(names_of(movie.title, movie.year))
        }

    @cached_property
    def _names_by_id(self) -> dict[Any, list[str]]:
        return _grouped((movie_id, name) for (movie_id, _), name in self._names.items())

    @cached_property
    def _index(self) -> TitleIndex:
        return TitleIndex((movie_id, name) for (movie_id, _), name in self._names.items())

    @cached_property
    def _ids_by_name(self) -> dict[str, list[Any]]:
        return _grouped((name, movie_id) for (movie_id, _), name in self._names.items())


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


def _query(query: str, *, only_in_brackets: bool = False) -> tuple[str, int | None]:
    title, year = split_year(query)
    if year is None and not only_in_brackets:
        match = re.search(r"^(?P<rest>(?:.+\D)?)\(?(?P<year>(18|19|20)\d\d)\)?$", title.strip())
        if match:
            title, year = match["rest"], int(match["year"])
    return plain(readable(title.strip())), year


def _complete(shares: Mapping[Any, float]) -> list[Any]:
    """The movies that have all words."""
    return [movie_id for movie_id, share in shares.items() if share > 1 - 1e-6]


def _likeness(query: str, names: Sequence[str]) -> NDArray[np.float64]:
    """Of a query and each name, 0 to 100; parts of words count only where they say something."""
    scorers = (1.0, fuzz.ratio), (0.95, fuzz.token_set_ratio), (0.9, fuzz.partial_ratio)
    ratio, *of_parts = (
        share * process.cdist([query], names, scorer=scorer, dtype=np.float64)[0]
        for share, scorer in scorers
    )
    is_short = np.array([len(name) < 0.7 * len(query) for name in names], np.bool_)
    return np.asarray(np.where(is_short, ratio, np.maximum.reduce([ratio, *of_parts])))


def _bonus(query: str, name: str) -> float:
    if name == query:
        return 15
    if name.startswith(query):
        return 8
    return 4 if query in name else 0
