"""``cinefold import``, and ratings from files for other commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm.auto import tqdm

from cinefold.cli import options
from cinefold.cli.console import print_json, print_table, say, settings, write
from cinefold.profiles.importing import read_export, review_csv, review_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cinefold.datasets import Movie, MovieData
    from cinefold.profiles.importing import Export, ImportReview, ReviewLine
    from cinefold.recommender import MovieRecommender

_SHOWN = 15


def import_(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="Of Letterboxd (ratings.csv, or the whole zip file), IMDb, MovieLens or Cinefold, "
            "or any CSV file with columns title, year and rating.",
        ),
    ],
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            dir_okay=False,
            help="Write the movies that were found as CSV, for [bold]cinefold recommend "
            "--ratings-file[/bold]. In a terminal you are asked about each movie to check first.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask: take the likeliest of each movie to check."),
    ] = False,
    scale: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=1000,
            help="The best rating there is in the file, where it is not what you see it taken for.",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List every movie, however many.")] = False,
    data: options.CatalogueOptions,
    as_json: options.AsJson = False,
) -> None:
    """Find the movies that you rated elsewhere, and turn their ratings into stars.

    Nothing is dropped silently: movies that may be meant, movies that the data set lacks, repeated
    ones and lines that cannot be used are listed with the reason.
    """
    options.check_folders({"--output": output_file})
    export = read_export(file, highest=scale)  # before anything is fetched for a wrong file
    review = reviewed(export, data.load())
    if yes:
        review.accept_all()
    if as_json:
        print_json(_facts(review))
    else:
        _print(review, None if every else _SHOWN)
        if output_file is not None and not yes and sys.stdin.isatty():
            _ask(review)
    if output_file is not None:
        write(output_file, review_csv(review))
        say(f"Movies in {output_file}: {len(review.matched):,}.")
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
        print(f"\n{number} of {len(lines)}: {line.source.label}", file=sys.stderr)
        for place, candidate in enumerate(line.candidates, start=1):
            print(f"  {place}  {candidate.movie.label} ({candidate.reason})", file=sys.stderr)
        answer = _answer(len(line.candidates))
        if answer == "q":
            return
        if answer == "a":
            review.accept_all()
            return
        if answer == "n":
            review.reject(line)
        else:
            review.accept(line, line.candidates[int(answer) - 1].movie)


def _answer(n_candidates: int) -> str:
    allowed = [str(place) for place in range(1, n_candidates + 1)]
    question = "Its number, n for none, a for the first of all that are left, q to leave them"
    while True:
        answer: str = typer.prompt(question, default="1", err=True).strip().lower()
        if answer in (*allowed, "n", "a", "q"):
            return answer


# -- showing --------------------------------------------------------------------------------------


def _print(review: ImportReview, limit: int | None) -> None:
    print(review.summary())
    rated = [line.source.rating for line in review.lines if line.stars is not None]
    if rated:
        pairs = review.conversion.table(rating for rating in rated if rating is not None)
        shown = ", ".join(f"{rating:g} is {stars:g}" for rating, stars in pairs[:12])
        more = " ..." if len(pairs) > 12 else ""
        print(f"Stars: {review.conversion}: {shown}{more}")
    found = [
        (
            *_start(line),
            "seen" if line.stars is None else f"{line.stars:g}",
            "" if line.choice is None else line.choice.label,
            line.reason,
        )
        for line in review.matched
    ]
    _table("Found", ("Line", "In the file", "Stars", "Movie", "Why"), found, limit)
    check = [
        (*_start(line), best.movie.label, f"{best.confidence:.0%}", best.reason)
        for line in review.to_check
        for best in line.candidates[:1]
    ]
    _table("To check", ("Line", "In the file", "Perhaps", "Sure", "Why"), check, limit)
    missed = [(*_start(line), line.reason) for line in review.missed]
    _table("Not in the data set", ("Line", "In the file", "Why"), missed, limit)
    rest = [(*_start(line), "another line with this movie counts") for line in review.repeated]
    rest += [(*_start(line), line.reason) for line in review.ignored]
    _table("Left out", ("Line", "In the file", "Why"), rest, limit)


def _table(
    title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], limit: int | None
) -> None:
    if not rows:
        return
    numbers = ("Line", "Stars", "Sure")
    print_table(columns, rows[:limit], title=f"{title}: {len(rows):,}", numbers=numbers)
    if limit is not None and len(rows) > limit:
        print(f"... and {len(rows) - limit:,} more (--all lists them)")


def _start(line: ReviewLine) -> tuple[str, str]:
    return str(line.source.line), line.source.label


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
