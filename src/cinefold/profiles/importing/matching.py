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

import numpy as np
from rapidfuzz import fuzz, process

from cinefold.datasets import Movie, MovieCatalog
from cinefold.datasets.titles import names_of, plain
from cinefold.profiles.importing.exported_ratings import ExportLine
from cinefold.profiles.importing.title_variants import loose, numerals_in, title_parts

Progress = Callable[[int, int], object]
Block = int | str
NamedMovie = tuple[str, Movie]

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
_CELLS_AT_ONCE = 2_000_000
_MOST_COMPARED = 200_000_000  # pairs of titles; lines beyond find only what is written the same
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
        different = {_key(line): line for line in lines}
        found: dict[Hashable, tuple[Candidate, ...]] = {}
        rest: list[ExportLine] = []

        def report() -> None:
            if progress is not None:
                progress(len(found), len(different))

        for key, line in different.items():
            if candidates := self._by_id(line) or self._by_title(line):
                found[key] = self._best(candidates, line)
            else:
                rest.append(line)
            if (len(found) + len(rest)) % _LINES_AT_ONCE == 0:
                report()
        n_compared = 0
        for batch, names in self._batches(rest):
            n_compared += len(batch) * len(names)
            names = names if n_compared <= _MOST_COMPARED else []
            found |= zip(map(_key, batch), self._by_likeness(batch, names), strict=True)
            report()
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
        if movies := self._by_other_id.get(("imdb_id", line.imdb_id)):
            return [Candidate(movie, 1.0, "the same IMDb id") for movie in movies]
        found = self._by_other_id.get(("tmdb_id", line.tmdb_id), ())
        if movies := [movie for movie in found if line.is_movie or _may_be(line, movie)]:
            return [Candidate(movie, 1.0, "the same TMDb id") for movie in movies]
        own = None if line.movie_id is None else self._by_written_id.get(line.movie_id)
        if own is None:
            return []
        if not line.title:
            return [Candidate(own, 0.95, "the same id; there is no title to compare")]
        if _same_title(line, own) and line.year in (None, own.year):
            return [Candidate(own, 1.0, "the same id and title")]
        return []

    def _by_title(self, line: ExportLine) -> list[Candidate]:
        names = _all_names(line)
        exact = self._titled(self._by_name, names, line.year, 1.0, "")
        if any(candidate.confidence >= SURE for candidate in exact):
            return exact
        otherwise = self._titled(
            self._by_loose_name,
            map(loose, names),
            line.year,
            _WRITTEN_OTHERWISE,
            " written otherwise",
        )
        return [*exact, *otherwise, *self._by_parts(line, names)]

    @staticmethod
    def _titled(
        known: dict[str, list[Movie]],
        names: Iterable[str],
        year: int | None,
        factor: float,
        how: str,
    ) -> list[Candidate]:
        candidates = []
        for movie in (movie for name in names for movie in known.get(name, ())):
            if year is None or movie.year is None:
                side = "here" if year is not None else "there"
                confidence, reason = _WITHOUT_YEAR, f"the same title{how}, without year {side}"
            else:
                years_apart = abs(movie.year - year)
                confidence = _SAME_TITLE.get(years_apart, 0.0)
                reason = f"the same title{how}"
                if years_apart:
                    reason += f", {years_apart} year{'s' if years_apart > 1 else ''} apart"
            if confidence:
                candidates.append(Candidate(movie, factor * confidence, reason))
        return candidates

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

    def _batches(
        self, lines: Iterable[ExportLine]
    ) -> Iterator[tuple[list[ExportLine], list[NamedMovie]]]:
        """Lines of one block, and the names to compare them with: of about the year, or letter."""
        groups: dict[Block, list[ExportLine]] = defaultdict(list)
        for line in lines:
            groups[_block(plain(line.title), line.year)].append(line)
        for block, group in groups.items():
            near = (block,) if isinstance(block, str) else (block - 1, block, block + 1)
            names = [named for one in near for named in self._blocks.get(one, ())]
            size = max(1, _CELLS_AT_ONCE // max(1, len(names)))
            for begin in range(0, len(group), size):
                yield group[begin : begin + size], names

    def _by_likeness(
        self, lines: list[ExportLine], names: list[NamedMovie]
    ) -> Iterator[tuple[Candidate, ...]]:
        """Movies whose titles are spelled alike, for each line of a batch."""
        written = [plain(line.title) for line in lines]
        likeness = process.cdist(
            written,
            [name for name, _ in names],
            scorer=fuzz.ratio,
            score_cutoff=_LIKE_WITHOUT_YEAR if lines[0].year is None else _LIKE,
            dtype=np.float32,
            workers=-1,
        )
        for line, title, scores in zip(lines, written, likeness, strict=True):
            near = [
                _alike(movie, float(scores[place]), line.year, title, name)
                for place in np.flatnonzero(scores)
                for name, movie in [names[place]]
            ]
            yield self._best(near, line)

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
    def _blocks(self) -> dict[Block, list[NamedMovie]]:
        blocks: dict[Block, list[NamedMovie]] = defaultdict(list)
        for movie in self._catalog:
            for name in names_of(movie.title, movie.year):
                blocks[_block(name, None)].append((name, movie))
                if movie.year is not None:
                    blocks[movie.year].append((name, movie))
        return dict(blocks)

    @cached_property
    def _by_written_id(self) -> dict[str, Movie]:
        return {str(movie.id): movie for movie in self._catalog}

    @cached_property
    def _by_other_id(self) -> dict[tuple[str, Any], list[Movie]]:
        found: dict[tuple[str, Any], list[Movie]] = defaultdict(list)
        for movie in self._catalog:
            for kind in _OTHER_IDS:
                if (id_ := getattr(movie, kind)) is not None:
                    found[kind, id_].append(movie)
        return dict(found)


def _same_title(line: ExportLine, movie: Movie) -> bool:
    return line.title == movie.title or not set(_all_names(line)).isdisjoint(
        names_of(movie.title, movie.year)
    )


def _may_be(line: ExportLine, movie: Movie) -> bool:
    """Whether title or year agree where the TMDb ids do: a series may have the same number."""
    if line.year is not None and movie.year is not None and abs(line.year - movie.year) <= 1:
        return True
    return not line.title or _same_title(line, movie)


def _block(name: str, year: int | None) -> Block:
    """Where to look for movies spelled alike: in a year, or by the first letter without it."""
    return name[:1] if year is None else year


def _alike(movie: Movie, score: float, year: int | None, written: str, name: str) -> Candidate:
    same_year = year is not None and movie.year == year
    reason = f"spelled alike ({score:.0f} %)" + ("" if same_year else ", not of the same year")
    nearly = score >= _NEARLY_EQUAL and len(name) >= _LONG_ENOUGH
    if nearly and same_year and numerals_in(written) == numerals_in(name):
        return Candidate(movie, score / 100, reason)
    confidence = min(score / 100, SURE - 0.01) * (1.0 if same_year else 0.95)
    return Candidate(movie, confidence, reason)


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
