"""``cinefold import``, and ratings from files for other commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm.auto import tqdm

from cinefold.cli import options
from cinefold.cli.console import print_json, print_list, say, settings, show, tell, write
from cinefold.cli.option_groups import OUTPUT_FILE, option
from cinefold.datasets import Movie, MovieData
from cinefold.profiles.importing import (
    Export,
    ImportReview,
    ReviewLine,
    read_export,
    review_csv,
    review_for,
)
from cinefold.profiles.importing.review import REPEATED
from cinefold.recommender import MovieRecommender

_SHOWN = 15
_QUESTION = "Its number, n for none, a for the first of all that are left, q to leave them"


@dataclass
class _ImportOptions:
    """How ratings become stars, and where the movies that were found go."""

    output: Path | None = option(
        "Write every line and what becomes of it as CSV; [bold]cinefold recommend "
        "--ratings-file[/bold] reads the movies that were found. In a terminal you are asked "
        "about each movie to check first.",
        "--output",
        "-o",
        **OUTPUT_FILE,
    )
    yes: bool = option(
        "Do not ask: take the likeliest of each movie to check.", "--yes", "-y", default=False
    )
    scale: float | None = option(
        "The best rating there is in the file, where it is not what you see it taken for.",
        min=1,
        max=1000,
    )
    every: bool = option("List every movie, however many.", "--all", default=False)


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="Of Letterboxd (ratings.csv, or the whole zip file), IMDb, TMDb, Trakt, Simkl, "
            "Filmweb, Criticker, MovieLens or Cinefold, or any CSV file with columns title, year "
            "and rating.",
        ),
    ],
    *,
    asked: _ImportOptions,
    data: options.CatalogueOptions,
    as_json: options.AsJson = False,
) -> None:
    """Find the movies that you rated elsewhere, and turn their ratings into stars.

    Nothing is dropped silently: movies that may be meant, movies that the data set lacks, repeated
    ones and lines that cannot be used are listed with the reason.
    """
    export = read_export(file, highest=asked.scale)  # before anything is fetched for a wrong file
    review = reviewed(export, data.load())
    if asked.yes:
        review.accept_all()
    if as_json:
        print_json(_facts(review))
    else:
        _print(review, None if asked.every else _SHOWN)
        if asked.output is not None and not asked.yes and sys.stdin.isatty():
            _ask(review)
    if asked.output is not None:
        write(asked.output, review_csv(review))
        say(f"Movies in {asked.output}: {len(review.matched):,}.")
    if review.to_check and not as_json:
        say(f"To check, and not taken: {len(review.to_check):,}; --yes takes the likeliest.")


def reviewed(export: Export, data: MovieData) -> ImportReview:
    """The export beside the movies of `data`, with a progress bar."""
    with tqdm(desc="Movies", unit="movie", disable=None if not settings.quiet else True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return review_for(data, export, show)


def known_ratings(file: Path, recommender: MovieRecommender) -> tuple[dict[Any, float], list[Any]]:
    """Stars by movie id, and ids of movies only seen, of a file; says what is not taken."""
    review = reviewed(read_export(file), recommender.data)
    known = set(recommender.model.interactions_.item_ids.tolist())
    ratings = {item: stars for item, stars in review.ratings().items() if item in known}
    if len(review.matched) < len(review.lines):
        say(f"{file.name}: {review.summary()} (cinefold import lists them)")
    if not ratings:
        raise typer.BadParameter(f"{file} has no rating of a movie that the model knows")
    return ratings, [item for item in review.seen() if item in known]


# -- asking ---------------------------------------------------------------------------------------


def _ask(review: ImportReview) -> None:
    """Which movie each line to check means, as the person says it."""
    lines = review.to_check
    for number, line in enumerate(lines, start=1):
        tell(f"\n{number} of {len(lines)}: {line.source.label}")
        for place, candidate in enumerate(line.candidates, start=1):
            tell(f"  {place}  {candidate.movie.label} ({candidate.reason})")
        allowed = ["n", "a", "q", *map(str, range(1, len(line.candidates) + 1))]
        answer = None
        while answer not in allowed:
            answer = typer.prompt(_QUESTION, default="1", err=True).strip().lower()
        if answer == "q":
            return
        if answer == "a":
            review.accept_all()
            return
        if answer == "n":
            review.reject(line)
        else:
            review.accept(line, line.candidates[int(answer) - 1].movie)


# -- showing --------------------------------------------------------------------------------------


def _print(review: ImportReview, limit: int | None) -> None:
    show(review.summary())
    rated = [line.source.rating for line in review.lines if line.stars is not None]
    if rated:
        pairs = review.conversion.table(rating for rating in rated if rating is not None)
        shown = ", ".join(f"{rating:g} is {stars:g}" for rating, stars in pairs[:12])
        more = " ..." if len(pairs) > 12 else ""
        show(f"Stars: {review.conversion}: {shown}{more}")
    why = {"Why": lambda line: line.reason}
    found = {
        "Stars": lambda line: "seen" if line.stars is None else f"{line.stars:g}",
        "Movie": lambda line: line.choice.label,
    }
    _table("Found", review.matched, {**found, **why}, limit)
    likeliest = {
        "Perhaps": lambda line: line.candidates[0].movie.label,
        "Sure": lambda line: f"{line.candidates[0].confidence:.0%}",
        "Why": lambda line: line.candidates[0].reason,
    }
    _table("To check", review.to_check, likeliest, limit)
    _table("Not in the data set", review.missed, why, limit)
    left_out = {"Why": lambda line: REPEATED if line.choice else line.reason}
    _table("Left out", [*review.repeated, *review.ignored], left_out, limit)


def _table(
    title: str,
    lines: list[ReviewLine],
    columns: Mapping[str, Callable[[Any], str]],
    limit: int | None,
) -> None:
    """Lines of the file, with further columns by their cells."""
    if not lines:
        return
    where: dict[str, Callable[[ReviewLine], str]] = {
        "Line": lambda line: str(line.source.line),
        "In the file": lambda line: line.source.label,
    }
    title, numbers = f"{title}: {len(lines):,}", ("Line", "Stars", "Sure")
    print_list({**where, **columns}, lines[:limit], title=title, numbers=numbers)
    if limit is not None and len(lines) > limit:
        show(f"... and {len(lines) - limit:,} more (--all lists them)")


# -- JSON -----------------------------------------------------------------------------------------


def _facts(review: ImportReview) -> dict[str, Any]:
    groups = {
        "found": review.matched,
        "to_check": review.to_check,
        "missed": review.missed,
        "repeated": review.repeated,
        "ignored": review.ignored,
    }
    return {
        "format": review.export.format,
        "conversion": str(review.conversion),
        **{name: list(map(_line_facts, lines)) for name, lines in groups.items()},
    }


def _line_facts(line: ReviewLine) -> dict[str, Any]:
    source = line.source
    facts = {name: getattr(source, name) for name in ("file", "line", "title", "year", "rating")}
    facts |= {"stars": line.stars, "reason": line.reason}
    if line.choice is not None:
        return facts | {"movie": _movie_facts(line.choice)}
    candidates = [
        _movie_facts(candidate.movie)
        | {"confidence": candidate.confidence, "reason": candidate.reason}
        for candidate in line.candidates
    ]
    return facts | {"candidates": candidates}


def _movie_facts(movie: Movie) -> dict[str, Any]:
    return {"id": movie.id, "title": movie.title, "year": movie.year}
