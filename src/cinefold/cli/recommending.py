"""``cinefold recommend`` and ``cinefold similar``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cinefold.cli import options
from cinefold.cli.console import print_json, print_list, say
from cinefold.cli.importing import known_ratings
from cinefold.cli.option_groups import INPUT_FILE, option
from cinefold.profiles.profile import HIGHEST_STARS, LOWEST_STARS
from cinefold.recommender import MovieFilter, RatedMovie, SortBy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cinefold.datasets import Movie
    from cinefold.recommender import MovieRecommender, Recommendation

_REASONS = "Because you rated"


@dataclass
class _PersonOptions:
    """Who is to get recommendations: a user of the data set, or somebody new."""

    user: str | None = option("A user of the data set, by id: their next movies.")
    rate: list[str] | None = option(
        "A movie you know and its stars, 0.5 to 5, or what --data has instead; repeat it for more "
        'movies. A title that several movies share needs its year: "Sabrina (1954)=4".',
        metavar="TITLE=STARS",
    )
    profile: str | None = option(
        "A kept profile: its ratings, without movies that it marks as seen or not interesting. "
        "With --rate, those ratings are kept in it, and it is made if there is none.",
        metavar="NAME",
    )
    ratings_file: Path | None = option(
        "Your ratings, in any file that [bold]cinefold import[/bold] reads; --rate adds to them.",
        **INPUT_FILE,
    )

    def __post_init__(self) -> None:
        is_new = self.rate or self.profile is not None or self.ratings_file is not None
        if (self.user is None) == (not is_new):
            raise typer.BadParameter(
                "say either --user or, for somebody new, --rate (one or more times), --profile or "
                "--ratings-file"
            )


def recommend(
    *,
    person: _PersonOptions,
    movies: options.ListOptions,
    adventure: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="From 0, what most people like you watch, to 1, less known movies."
        ),
    ] = 0.0,
    sort: Annotated[
        SortBy,
        typer.Option(
            help="By best [bold]fit[/bold]: what they will like and are likely to choose first. By "
            "[bold]stars[/bold]: of the 50 best, those first that they would rate highest."
        ),
    ] = "fit",
    model: options.ModelFile = None,
    data: options.DataOptions,
    as_json: options.AsJson = False,
) -> None:
    """Recommend movies to a user of the data set, or to you from a few ratings.

    Nothing that the user has rated is listed. Scores say how likely
    somebody like you is to watch the movie, stars what you would rate it: a list is in the order of
    the scores, but for movies that would get less than your mean. (Where the data's ratings are no
    stars, it is a rating or a count; a --model has none.) The reasons are ratings that speak for
    this movie more than for the others.
    """
    wanted = [_title_and_rating(text) for text in person.rate or ()]
    profile = person.profile
    if profile is not None and not wanted:
        with options.open_profile(data.dataset, profile):
            pass  # it is there: nothing is fetched or trained for nobody
    recommender = options.open_recommender(data, model)
    if sort == "stars" and recommender.stars is None:
        why = "all ratings are equal" if model is None else "a --model does not predict them"
        raise typer.BadParameter(f"--sort stars is not for this: {why}")
    choice: dict[str, Any] = {"filters": movies.filters, "adventure": adventure, "sort_by": sort}
    user_id = None
    ratings: dict[Any, float] = {}
    if person.user is not None:
        user_id = options.user_id(person.user, recommender.data)
        found = recommender.recommend(user_id, movies.k, **choice)
        title = f"For user {user_id}"
    else:
        hidden: list[Any] = []
        if person.ratings_file is not None:
            ratings, hidden = known_ratings(person.ratings_file, recommender)
        ratings |= _resolve(wanted, recommender)
        if profile is not None:
            profile, ratings, more = _from_profile(profile, data.dataset, ratings, recommender)
            hidden += more
        found = recommender.recommend_for(ratings, movies.k, exclude=hidden, **choice)
        title = f"For {profile or 'you'}"
    if as_json:
        rated = (RatedMovie(recommender.data.movies[i], stars) for i, stars in ratings.items())
        print_json(
            {
                "dataset": recommender.data.name,
                "user": user_id,
                "profile": profile,
                "ratings": [facts(rating) for rating in rated],
                "recommendations": [facts(line) for line in found],
            }
        )
        return
    if profile and not ratings:
        say(f"{profile} has rated no movie yet: rate some with --rate.")
        return
    columns: dict[str, Callable[[Recommendation], str]] = {
        "Score": lambda line: f"{line.score:.2f}",
        **({} if recommender.stars is None else {_scale(recommender)[0]: _expected}),
        _REASONS: lambda line: ", ".join(f"{r.movie.title} {r.rating:g}" for r in line.reasons),
    }
    print_movies(title, found, movies, columns)


def similar(
    *,
    title: Annotated[
        str, typer.Argument(help="A movie; with its year if several share the title.")
    ],
    movies: options.ListOptions,
    model: options.ModelFile = None,
    data: options.DataOptions,
    as_json: options.AsJson = False,
) -> None:
    """List the movies most like one: liked by the same people, whatever their genre.

    The score is the cosine between the movies' factors: 1 is the same direction, 0 unrelated.
    """
    recommender = options.open_recommender(data, model)
    movie = recommender.data.movies.resolve(title)
    found = recommender.similar(movie.id, movies.k, filters=movies.filters)
    if as_json:
        lines = [{"rank": n.rank, **_movie(n.movie), "score": n.score} for n in found]
        print_json({"dataset": recommender.data.name, "movie": _movie(movie), "similar": lines})
        return
    print_movies(f"Like {movie.label}", found, movies, {"Score": lambda line: f"{line.score:.3f}"})


def _expected(line: Recommendation) -> str:
    return "" if line.stars is None else f"{line.stars:.1f}"


def _title_and_rating(text: str) -> tuple[str, float]:
    title, _, rating = text.rpartition("=")
    try:
        given = float(rating)
    except ValueError:
        title = ""
    if not title.strip():
        raise typer.BadParameter(f'--rate takes "TITLE=STARS", not {text!r}')
    return title.strip(), given


def _scale(recommender: MovieRecommender) -> tuple[str, float, float]:
    """What the data's ratings are called, and the lowest and highest that somebody may give."""
    given = recommender.data.interactions.by_user.data
    lowest, highest = float(given.min()), float(given.max())
    if recommender.are_counts:
        return "Count", min(lowest, 1.0), inf
    if lowest == highest or HIGHEST_STARS - 1 < highest <= HIGHEST_STARS:  # nobody gave the others
        highest = max(highest, HIGHEST_STARS)
    if highest == HIGHEST_STARS:
        return "Stars", min(lowest, LOWEST_STARS), highest
    return "Rating", min(lowest, 1.0), highest


def _resolve(wanted: list[tuple[str, float]], recommender: MovieRecommender) -> dict[Any, float]:
    ratings: dict[Any, float] = {}
    _, lowest, highest = _scale(recommender)
    for title, rating in wanted:
        if not (lowest <= rating <= highest and rating < inf):
            allowed = f"{lowest:g} or more" if highest == inf else f"from {lowest:g} to {highest:g}"
            name = recommender.data.name
            raise typer.BadParameter(
                f"--rate: ratings of {name} are {allowed}, not {rating:g} ({title})"
            )
        movie = recommender.data.movies.resolve(title)
        if movie.id in ratings:
            raise typer.BadParameter(f"--rate: {movie.label} is rated twice")
        ratings[movie.id] = rating
    return ratings


def _from_profile(
    name: str, dataset: str, given: dict[Any, float], recommender: MovieRecommender
) -> tuple[str, dict[Any, float], list[Any]]:
    """The profile's name as it is kept, its ratings with those `given`, and movies to leave out."""
    with options.open_store() as store:
        if given:
            profile = store.find(dataset, name) or store.create(dataset, name)
            store.rate_many(profile.id, given)
        else:
            profile = options.saved_profile(store, dataset, name)
            store.touch(profile.id)
        entries = store.entries(profile.id)
    known = entries.among(recommender.model.interactions_.item_ids)
    if unknown := len(entries.ratings) - len(known.ratings):
        say(f"Not known to the model: {unknown:,} of the movies rated.")
    return profile.name, known.stars, sorted(known.hidden)


def print_movies(
    title: str,
    found: Sequence[Any],
    asked: options.ListOptions,
    columns: Mapping[str, Callable[[Any], str]],
) -> None:
    """The table of a list of movies: ranks, movies, and further columns by their cells."""
    numbers = ("#", *(name for name in columns if name != _REASONS))
    movie: dict[str, Callable[[Any], str]] = {
        "#": lambda line: str(line.rank),
        "Title": lambda line: line.movie.title,
        "Year": lambda line: str(line.movie.year or ""),
        "Genres": lambda line: ", ".join(line.movie.genres),
    }
    print_list({**movie, **columns}, found, title=title, numbers=numbers)
    if len(found) < asked.k:
        count = f"{len(found) or 'No'} movie{'' if len(found) == 1 else 's'}"
        filtered = asked.filters != MovieFilter()
        say(
            f"{count} {'passed the filters' if filtered else 'found, there are no others to list'}."
        )


def facts(entry: Any) -> dict[str, Any]:
    """An entry of a list for JSON, what is known of its movie among its own fields."""
    found: dict[str, Any] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name == "movie":
            found |= _movie(value)
        else:
            found[field.name] = [facts(e) for e in value] if isinstance(value, tuple) else value
    return found


def _movie(movie: Movie) -> dict[str, Any]:
    return {"id": movie.id, "title": movie.title, "year": movie.year, "genres": movie.genres}
