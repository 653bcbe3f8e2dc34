"""Which movie of a catalogue a line of an export means.

Ids decide where both sides have them. Then titles do, as plain names (without case, accents, signs
and leading articles, see `cinefold.datasets.titles`), each with the year: dictionaries first, and
RapidFuzz only for what they do not have, among the movies of the year and its neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rapidfuzz import fuzz, process

from cinefold.datasets import Movie, MovieCatalog
from cinefold.datasets.titles import names_of, plain
from cinefold.profiles.importing.exported_ratings import ExportLine
from cinefold.profiles.importing.title_variants import loose, numerals_in, title_parts

Progress = Callable[[int, int], object]
Names = tuple[list[str], list[Movie]]
"""Plain names, and the movie of each."""

SURE = 0.9
"""From this confidence on a match is taken without asking."""

_MAX_CANDIDATES = 5
_SAME_TITLE = {0: 1.0, 1: 0.95, 2: 0.7, 3: 0.65}  # by years apart
_WITHOUT_YEAR = 0.92
_WRITTEN_OTHERWISE = 0.97  # "Spider-Man 2" and "Spiderman II"
_PART_OF_TITLE = 0.75
_AMBIGUOUS = 0.85
_OTHER_ID = 0.5
_OTHER_IDS = ("imdb_id", "tmdb_id")
_LIKE, _NEARLY_EQUAL, _LONG_ENOUGH = 80.0, 92.0, 8  # of 100, of 100, letters
_LIKE_WITHOUT_YEAR = 90.0
_MOST_COMPARED = 50_000_000  # pairs of titles; lines beyond find only what is written the same
_LINES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A movie that a line may mean.

    Attributes
    ----------
    movie : Movie
    confidence : float
        From 0 to 1; see the table in docs/importing.md.
    reason : str
        What speaks for it, and what against it.
    """

    movie: Movie
    confidence: float
    reason: str


class Matcher:
    """Finds movies of a catalogue.

    Parameters
    ----------
    catalog : MovieCatalog
    """

    def __init__(self, catalog: MovieCatalog) -> None:
        self._catalog = catalog
        self._by_name: dict[str, list[Movie]] = defaultdict(list)
        self._by_loose_name: dict[str, list[Movie]] = defaultdict(list)
        self._by_part: dict[str, list[Movie]] = defaultdict(list)
        for movie in catalog:
            names = names_of(movie.title, movie.year)
            for name in names:
                self._by_name[name].append(movie)
            for name in set(map(loose, names)):
                self._by_loose_name[name].append(movie)
            for part in set(map(loose, title_parts(movie.title))):
                self._by_part[part].append(movie)

    def match(
        self, lines: Sequence[ExportLine], progress: Progress | None = None
    ) -> list[tuple[Candidate, ...]]:
        """The movies that each line may mean, likeliest first; none where there is no such movie.

        Parameters
        ----------
        lines : sequence of ExportLine
        progress : callable, optional
            Called as ``progress(done, total)`` now and then.

        Returns
        -------
        list of tuple of Candidate
            One for each line.
        """
        found: dict[Hashable, tuple[Candidate, ...]] = {}
        left = _MOST_COMPARED
        for number, line in enumerate(lines, start=1):
            key = _key(line)
            if key not in found:
                candidates = self._by_id(line) or self._by_title(line)
                if not candidates and left > 0:
                    near = self._near(line)
                    left -= sum(len(names) for names, _ in near)
                    candidates = [*_alike(line, near)]
                found[key] = self._best(candidates, line)
            if progress is not None and (number % _LINES_AT_ONCE == 0 or number == len(lines)):
                progress(number, len(lines))
        return [found[_key(line)] for line in lines]

    def why_not(self, line: ExportLine) -> str:
        """What to say of a line that no movie was found for.

        Parameters
        ----------
        line : ExportLine

        Returns
        -------
        str
        """
        titled = (movie for name in _all_names(line) for movie in self._by_name.get(name, ()))
        years = sorted({movie.year for movie in titled if movie.year is not None})
        if years:
            return f"of this title there is only one of {' and '.join(map(str, years))}"
        return "no movie of this title" + ("" if line.title else ": there is only an unknown id")

    # -- the ways to find a movie --------------------------------------------------------------

    def _by_id(self, line: ExportLine) -> list[Candidate]:
        if movies := self._known.get(("imdb_id", line.imdb_id)):
            return [Candidate(movie, 1.0, "the same IMDb id") for movie in movies]
        found = self._known.get(("tmdb_id", line.tmdb_id), ())
        if movies := [movie for movie in found if line.is_movie or _may_be(line, movie)]:
            return [Candidate(movie, 1.0, "the same TMDb id") for movie in movies]
        for own in self._known.get(("movie_id", line.movie_id), ()):
            if not line.title:
                return [Candidate(own, 0.95, "the same id; there is no title to compare")]
            if _same_title(line, own) and line.year in (None, own.year):
                return [Candidate(own, 1.0, "the same id and title")]
        return []

    def _by_title(self, line: ExportLine) -> list[Candidate]:
        names = _all_names(line)
        exact = [*_titled(self._by_name, names, line.year)]
        if any(candidate.confidence >= SURE for candidate in exact):
            return exact
        otherwise = _titled(self._by_loose_name, map(loose, names), line.year, otherwise=True)
        return [*exact, *otherwise, *self._by_parts(line, names)]

    def _by_parts(self, line: ExportLine, names: Sequence[str]) -> Iterator[Candidate]:
        """Movies whose title is a part of the line's, or the other way round, of about the year."""
        if line.year is None:
            return
        longer = [(self._by_part, name) for name in names]
        shorter = [(self._by_loose_name, part) for part in title_parts(line.title)]
        for known, written in (*longer, *shorter):
            name = loose(written)
            for movie in known.get(name, ()):
                years_apart = abs((movie.year or 0) - line.year)
                if years_apart <= 1:
                    yield Candidate(
                        movie, _PART_OF_TITLE - 0.05 * years_apart, "a part of the title"
                    )

    def _near(self, line: ExportLine) -> list[Names]:
        """Where to look for titles spelled alike: those of about the year, or of the letter."""
        year = line.year
        blocks = [plain(line.title)[:1]] if year is None else [year - 1, year, year + 1]
        return [self._blocks[block] for block in blocks if block in self._blocks]

    # -- choosing among them ------------------------------------------------------------------

    def _best(self, candidates: Iterable[Candidate], line: ExportLine) -> tuple[Candidate, ...]:
        """The best candidates of different movies; none of them sure where two are."""
        best: dict[tuple[str, int | None], Candidate] = {}
        for candidate in candidates:
            judged = _with_ids(candidate, line)
            title = candidate.movie.title, candidate.movie.year
            if title not in best or self._rank(judged) > self._rank(best[title]):
                best[title] = judged
        ranked = sorted(best.values(), key=self._rank, reverse=True)[:_MAX_CANDIDATES]
        if len(ranked) > 1 and ranked[1].confidence > ranked[0].confidence - 0.03:
            ranked = [
                Candidate(c.movie, min(c.confidence, _AMBIGUOUS), f"{c.reason}; others fit as well")
                for c in ranked
            ]
        return tuple(ranked)

    def _rank(self, candidate: Candidate) -> tuple[float, int]:
        return candidate.confidence, self._catalog.popularity(candidate.movie.id)

    @cached_property
    def _blocks(self) -> dict[int | str | None, Names]:
        """By year, and by first letter."""
        blocks: dict[int | str | None, Names] = defaultdict(lambda: ([], []))
        for movie in self._catalog:
            for name in names_of(movie.title, movie.year):
                for names, movies in (blocks[name[:1]], blocks[movie.year]):
                    names.append(name)
                    movies.append(movie)
        return dict(blocks)

    @cached_property
    def _known(self) -> dict[tuple[str, Any], list[Movie]]:
        """Movies by their ids, each with its kind."""
        found: dict[tuple[str, Any], list[Movie]] = defaultdict(list)
        for movie in self._catalog:
            found["movie_id", str(movie.id)].append(movie)
            for kind in _OTHER_IDS:
                found[kind, getattr(movie, kind)].append(movie)
        return {key: movies for key, movies in found.items() if key[1] is not None}


def _same_title(line: ExportLine, movie: Movie) -> bool:
    return line.title == movie.title or not set(_all_names(line)).isdisjoint(
        names_of(movie.title, movie.year)
    )


def _may_be(line: ExportLine, movie: Movie) -> bool:
    """Whether title or year agree where the TMDb ids do: a series may have the same number."""
    if line.year is not None and movie.year is not None and abs(line.year - movie.year) <= 1:
        return True
    return not line.title or _same_title(line, movie)


def _titled(
    known: dict[str, list[Movie]], names: Iterable[str], year: int | None, otherwise: bool = False
) -> Iterator[Candidate]:
    """Movies of one of the names, perhaps written otherwise, of the year or about it."""
    factor, how = (_WRITTEN_OTHERWISE, " written otherwise") if otherwise else (1.0, "")
    for movie in (movie for name in names for movie in known.get(name, ())):
        reason = f"the same title{how}"
        if year is None or movie.year is None:
            side = "there" if year is None else "here"
            yield Candidate(movie, factor * _WITHOUT_YEAR, f"{reason}, without year {side}")
        elif (apart := abs(movie.year - year)) in _SAME_TITLE:
            years = f", {apart} year{'s' if apart > 1 else ''} apart" if apart else ""
            yield Candidate(movie, factor * _SAME_TITLE[apart], reason + years)


def _alike(line: ExportLine, near: Iterable[Names]) -> Iterator[Candidate]:
    """Movies whose titles are spelled alike."""
    written, year = plain(line.title), line.year
    least = _LIKE_WITHOUT_YEAR if year is None else _LIKE
    for names, movies in near:
        for name, score, place in process.extract(
            written, names, scorer=fuzz.ratio, score_cutoff=least, limit=None
        ):
            same_year = year is not None and movies[place].year == year
            reason = f"spelled alike ({score:.0f} %)"
            nearly = score >= _NEARLY_EQUAL and len(name) >= _LONG_ENOUGH
            if nearly and same_year and numerals_in(written) == numerals_in(name):
                confidence = score / 100
            elif same_year:
                confidence = min(score / 100, SURE - 0.01)
            else:
                confidence = 0.95 * min(score / 100, SURE - 0.01)
                reason += ", not of the same year"
            yield Candidate(movies[place], confidence, reason)


def _with_ids(candidate: Candidate, line: ExportLine) -> Candidate:
    """Less sure of a movie that has another id than the line."""
    for kind in _OTHER_IDS:
        theirs, ours = getattr(line, kind), getattr(candidate.movie, kind)
        if theirs is not None and ours is not None:
            if theirs == ours:
                return candidate
            reason = f"{candidate.reason}, but another movie by its id"
            return Candidate(candidate.movie, min(candidate.confidence, _OTHER_ID), reason)
    return candidate


def _key(line: ExportLine) -> Hashable:
    ids = line.movie_id, line.imdb_id, line.tmdb_id, line.is_movie
    return (*ids, line.title, line.other_titles, line.year)


def _all_names(line: ExportLine) -> list[str]:
    names = [name for title in (line.title, *line.other_titles) for name in names_of(title)]
    return list(dict.fromkeys(names)) or [""]
