"""What an import would bring, for a person to look through before it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import Movie, MovieCatalog, MovieData
from cinefold.profiles.csv_format import COLUMNS, FOUND, csv_text, entry_cells
from cinefold.profiles.importing.exported_ratings import Export, ExportLine
from cinefold.profiles.importing.matching import SURE, Candidate, Matcher, Progress
from cinefold.profiles.importing.movielens_ids import check_ids, ratings_of_1997_98
from cinefold.profiles.importing.scales import Conversion, StarScale
from cinefold.profiles.profile import Mark

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OUTCOMES = {
    "chosen": FOUND, "to check": "to check", "missed": "not in the data", "ignored": "left out"
}  # fmt: skip
REPEATED = "another line with this movie counts"


@dataclass(eq=False)
class ReviewLine:
    """A line of an export, and what becomes of it.

    Attributes
    ----------
    source : ExportLine
        As the file has it.
    stars : float, optional
        Its rating, converted; None for a movie without rating.
    candidates : tuple of Candidate
        Movies that it may mean, likeliest first.
    choice : Movie, optional
        The movie that is taken for it; None for none (yet).
    rejected : bool
        Whether a person has said that it is none of them.
    reason : str
        Why it is left out, or why it was chosen.
    """

    source: ExportLine
    stars: float | None
    candidates: tuple[Candidate, ...]
    choice: Movie | None = None
    rejected: bool = False
    reason: str = ""

    @property
    def state(self) -> str:
        """One of "chosen", "to check", "missed" and "ignored"."""
        if self.source.problem:
            return "ignored"
        if self.choice is not None:
            return "chosen"
        return "to check" if self.candidates and not self.rejected else "missed"

    @property
    def weight(self) -> tuple[bool, float, datetime]:
        """Of several lines for a movie the greatest counts: rated, then sure, then late."""
        sure = (c.confidence for c in self.candidates if c.movie == self.choice)
        return self.stars is not None, max(sure, default=1.0), self.source.rated_at or _LONG_AGO


@dataclass(eq=False)
class ImportReview:
    """The movies of an export: found, to be checked, missing and left out; nothing is dropped.

    Attributes
    ----------
    export : Export
    conversion : Conversion
        How its ratings become stars.
    lines : tuple of ReviewLine
        All of them, in the order of the file.
    """

    export: Export
    conversion: Conversion
    lines: tuple[ReviewLine, ...]

    # -- what there is ------------------------------------------------------------------------

    @property
    def matched(self) -> list[ReviewLine]:
        """Lines whose movie is chosen, one a movie."""
        return list(self._chosen().values())

    @property
    def to_check(self) -> list[ReviewLine]:
        """Lines with candidates of which none is sure, until one is accepted or all rejected."""
        return self._in_state("to check")

    @property
    def missed(self) -> list[ReviewLine]:
        """Lines whose movie the data does not have, with the reason; also those rejected."""
        return self._in_state("missed")

    @property
    def ignored(self) -> list[ReviewLine]:
        """Lines that cannot be used, with the reason."""
        return self._in_state("ignored")

    @property
    def repeated(self) -> list[ReviewLine]:
        """Lines whose movie another line has too: the surer match counts, then the later."""
        kept = {id(line) for line in self._chosen().values()}
        return [line for line in self._in_state("chosen") if id(line) not in kept]

    def ratings(self) -> dict[Any, float]:
        """Stars by movie id, of the movies that are chosen and rated."""
        return {item: line.stars for item, line in self._chosen().items() if line.stars is not None}

    def seen(self) -> list[Any]:
        """Ids of the movies that are chosen, and were watched without a rating."""
        return self._unrated("seen")

    def wanted(self) -> list[Any]:
        """Ids of the movies that are chosen, and were only listed: a watchlist."""
        return self._unrated("wanted")

    def summary(self) -> str:
        """All counts in one line."""
        counts = {
            "found": len(self.matched),
            "to check": len(self.to_check),
            "not among these movies": len(self.missed),
            "repeated": len(self.repeated),
            "left out": len(self.ignored),
        }
        shown = [f"{count:,} {what}" for what, count in counts.items() if count or what == "found"]
        return f"{self.export.format}: {len(self.lines):,} lines; " + ", ".join(shown)

    # -- deciding -----------------------------------------------------------------------------

    def accept(self, line: ReviewLine, movie: Movie | None = None) -> None:
        """Take a movie for a line: `movie`, or else its likeliest candidate.

        Parameters
        ----------
        line : ReviewLine
            Of `lines`.
        movie : Movie, optional

        Raises
        ------
        ValueError
            If the line cannot be used, or has no candidate and no movie is given.
        """
        if line.source.problem:
            raise ValueError(f"{line.source.label} cannot be used: {line.source.problem}")
        if movie is None:
            if not line.candidates:
                raise ValueError(f"{line.source.label} has no candidates; say which movie it is")
            movie = line.candidates[0].movie
        line.choice, line.rejected, line.reason = movie, False, "chosen by hand"

    def accept_all(self) -> None:
        """Take the likeliest movie for each line to check."""
        for line in self.to_check:
            self.accept(line)

    def reject(self, line: ReviewLine) -> None:
        """Take no movie for a line.

        Parameters
        ----------
        line : ReviewLine
            Of `lines`.
        """
        line.choice, line.rejected, line.reason = None, True, "none of the candidates"

    # -- inside -------------------------------------------------------------------------------

    def _in_state(self, state: str) -> list[ReviewLine]:
        return [line for line in self.lines if line.state == state]

    def _unrated(self, meaning: str) -> list[Any]:
        if self.export.unrated != meaning:
            return []
        return [item for item, line in self._chosen().items() if line.stars is None]

    def _chosen(self) -> dict[Any, ReviewLine]:
        """The line that counts for each movie: that of greatest weight, of equal ones the last."""
        kept: dict[Any, ReviewLine] = {}
        for line in self.lines:
            if line.choice is not None:
                before = kept.get(line.choice.id)
                if before is None or line.weight >= before.weight:
                    kept[line.choice.id] = line
        return kept


def review(
    export: Export,
    catalog: MovieCatalog,
    *,
    scale: StarScale | None = None,
    name: str = "the data",
    rated: NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> ImportReview:
    """Match the movies of an export with those of a catalogue, and convert their ratings.

    Parameters
    ----------
    export : Export
    catalog : MovieCatalog
    scale : StarScale, optional
        Of the data set; half a star to five by default.
    name : str
        Of the catalogue, for people; of a MovieLens data set, whose ids the export may have.
    rated : ndarray of int64, shape (n, 2), optional
        Ids and times of its ratings, by which such ids are known to be its own.
    progress : callable, optional
        Called as ``progress(done, total)`` now and then.

    Returns
    -------
    ImportReview

    Raises
    ------
    ImportFileError
        If it has ids without titles that are likely of another MovieLens data set.
    """
    check_ids(export, name, rated)
    conversion = Conversion(export.highest, scale or StarScale(), export.exact)
    usable = [line for line in export.lines if not line.problem]
    matcher = Matcher(catalog)
    found = iter(matcher.match(usable, progress))
    lines = tuple(
        ReviewLine(line, None, (), reason=line.problem)
        if line.problem
        else _reviewed(line, next(found), conversion, matcher)
        for line in export.lines
    )
    return ImportReview(export, conversion, lines)


def review_for(data: MovieData, export: Export, progress: Progress | None = None) -> ImportReview:
    """`review` against the movies, the scale and the ids of a data set.

    Parameters
    ----------
    data : MovieData
    export : Export
    progress : callable, optional
        As in `review`.

    Returns
    -------
    ImportReview

    Raises
    ------
    ImportFileError
        As of `review`.
    """
    return review(export, **review_options(data), progress=progress)


def review_options(data: MovieData) -> dict[str, Any]:
    """What `review` takes of a data set, by the names of its arguments.

    Parameters
    ----------
    data : MovieData

    Returns
    -------
    dict
    """
    scale = StarScale.of(data.interactions)
    return {
        "catalog": data.movies,
        "scale": scale,
        "name": data.name,
        "rated": ratings_of_1997_98(data),
    }


def review_csv(review: ImportReview) -> str:
    """Every line of the file and what becomes of it, as CSV.

    The columns are those of a profile's file, of which only lines with the outcome "found" are
    read, and ``file``, ``line``, ``written`` (the movie in the file), ``outcome`` and ``reason``.

    Parameters
    ----------
    review : ImportReview

    Returns
    -------
    str
    """
    matched = {id(line) for line in review.matched}
    seen = Mark.SEEN if review.export.unrated == "seen" else None

    def cells(line: ReviewLine) -> tuple[object, ...]:
        source, movie, value = line.source, line.choice, seen if line.stars is None else line.stars
        outcome, reason = _OUTCOMES[line.state], line.reason
        if line.state == "chosen" and id(line) not in matched:
            outcome, reason = "repeated", REPEATED
        elif line.state == "chosen" and value is None:
            outcome = "only listed"
        if outcome != FOUND or movie is None:
            entry = entry_cells(None, source.title, source.year, line.stars, source.rated_at)
        else:
            entry = entry_cells(movie.id, movie.title, movie.year, value, source.rated_at)
        return *entry, source.file, source.line, source.label, outcome, reason

    header = (*COLUMNS, "file", "line", "written", "outcome", "reason")
    return csv_text((header, *map(cells, review.lines)))


def _reviewed(
    line: ExportLine, candidates: tuple[Candidate, ...], conversion: Conversion, matcher: Matcher
) -> ReviewLine:
    stars = None if line.rating is None else conversion.stars(line.rating)
    if not candidates:
        return ReviewLine(line, stars, (), reason=matcher.why_not(line))
    best = candidates[0]
    choice = best.movie if best.confidence >= SURE else None
    return ReviewLine(line, stars, candidates, choice, reason=best.reason)
