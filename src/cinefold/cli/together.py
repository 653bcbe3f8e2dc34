"""``cinefold together``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from cinefold.cli import options
from cinefold.cli.console import print_json
from cinefold.cli.importing import known_ratings
from cinefold.cli.option_groups import INPUT_FILE, option
from cinefold.cli.recommending import facts, print_movies
from cinefold.recommender import (
    AGGREGATIONS,
    GroupMember,
    GroupRecommendation,
    recommend_to_group,
)


@dataclass
class _GroupOptions:
    """Who watches together, and how they agree."""

    user: list[str] | None = option("A user of the data set, by id; repeat it for more.")
    profile_file: list[Path] | None = option(
        "Somebody's ratings, in any file that [bold]cinefold import[/bold] reads; repeat it for "
        "more people.",
        **INPUT_FILE,
    )
    rule: str = option(f"How to agree: {', '.join(AGGREGATIONS)}.", default="average")
    seen_by_some: bool = option(
        "Also movies that some, not all, have seen and liked well enough.",
        "--seen-by-some",
        default=False,
    )


def together(
    *,
    group: _GroupOptions,
    movies: options.ListOptions,
    model: options.ModelFile = None,
    data: options.CatalogueOptions,
    as_json: options.AsJson = False,
) -> None:
    """Recommend movies to two or more people together.

    Each person's score is relative to their own list: 1 is as good as the ten best movies that they
    would get alone. Beside it are the stars that they are expected to give.

    average: movies that suit all best on average. least misery: movies that the one who likes them
    least still likes most. most pleasure: movies that one will love. fair: each next movie is for
    those whom the list has given least so far.
    """
    users, files, rule = group.user or [], group.profile_file or [], group.rule
    if len(users) + len(files) < 2:
        raise typer.BadParameter("say two people or more, with --user and --profile-file")
    if rule not in AGGREGATIONS:
        raise typer.BadParameter(f"--rule is one of {', '.join(AGGREGATIONS)}, not {rule!r}")
    recommender = options.open_recommender(data, model)
    people = [
        GroupMember(f"user {text}", options.user_id(text, recommender.data)) for text in users
    ]
    for place, file in enumerate(files, start=1):
        ratings, seen = known_ratings(file, recommender)
        number = sum(other.stem == file.stem for other in files[:place])
        name = file.stem if number == 1 else f"{file.stem} {number}"
        people.append(GroupMember(name, ratings=ratings, seen=tuple(seen)))
    found = recommend_to_group(
        recommender,
        people,
        movies.k,
        aggregation=rule,
        filters=movies.filters,
        seen_by_some=group.seen_by_some,
    )
    if as_json:
        lines = [
            {"people" if key == "opinions" else key: value for key, value in facts(line).items()}
            for line in found
        ]
        print_json({"dataset": recommender.data.name, "rule": rule, "movies": lines})
        return
    names = [person.name for person in people]
    columns: dict[str, Callable[[GroupRecommendation], str]] = {
        "Score": lambda line: f"{line.score:.2f}",
        **{name: partial(_cell, place) for place, name in enumerate(names)},
    }
    print_movies(f"For {' and '.join(names)}. {AGGREGATIONS[rule]}", found, movies, columns)


def _cell(place: int, line: GroupRecommendation) -> str:
    opinion = line.opinions[place]
    parts = [f"{opinion.relative:.2f}"]
    if opinion.rated is not None:
        parts.append(f"rated {opinion.rated:g}")
    elif opinion.stars is not None:
        parts.append(f"{opinion.stars:.1f} stars")
    return ", ".join(parts)
