"""One list for several people.

Scores of different people are on different scales: whoever has rated more, and higher, has larger
ones. So each person's are divided by the mean score of the ten best movies of their own list. 1 is
then "as good as what they would get alone", whoever they are, and these values are what the rules
in `AGGREGATIONS` put together (the rules are those of Masthoff: Group Recommender Systems, 2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold.datasets import Movie
from cinefold.models import checks
from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.reasons import Reason, reasons_of_list
from cinefold.recommender.recommender import MovieRecommender
from cinefold.recommender.viewers import KnownUser, NewUser, Viewer

AGGREGATIONS: Mapping[str, str] = MappingProxyType(
    {
        "average": "Movies that suit all of you best on average.",
        "least misery": "Movies that the one who likes them least still likes most.",
        "most pleasure": "Movies that one of you will love, whoever that is.",
        "fair": "Each next movie is for those whom the list has given least so far.",
    }
)
"""Names of the rules, and what each does in a sentence."""

_OWN_LIST = 10
_FAIR_CANDIDATES = 500
_MOST_REASONS = 2


@dataclass(frozen=True)
class GroupMember:
    """Somebody in a group: a user of the data, or somebody new with ratings.

    Attributes
    ----------
    name : str
    user_id : object, optional
    ratings : mapping of movie id to stars, optional
        Instead of `user_id`.
    seen : tuple of movie ids
        More movies that they have seen.
    """

    name: str
    user_id: Any = None
    ratings: Mapping[Any, float] | None = None
    seen: tuple[Any, ...] = field(default=())

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.ratings is None):
            raise ValueError(f"{self.name} needs either a user_id or ratings")


@dataclass(frozen=True)
class Opinion:
    """What one member is expected to think of a movie.

    Attributes
    ----------
    name : str
    score : float
        u.v of the model.
    relative : float
        The score, where 1 is the mean of the ten best movies of their own list.
    stars : float, optional
        Predicted, where the recommender predicts them.
    rated : float, optional
        Their own rating of a movie that they have seen.
    reasons : tuple of Reason
        Movies they rated that speak for this one most, two at most; none for what they have rated.
    """

    name: str
    score: float
    relative: float
    stars: float | None = None
    rated: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class GroupRecommendation:
    """One line of a list for several people.

    Attributes
    ----------
    rank : int
    movie : Movie
    score : float
        What the rule makes of the relative scores; for "fair", their mean.
    opinions : tuple of Opinion
        In the order of the members.
    """

    rank: int
    movie: Movie
    score: float
    opinions: tuple[Opinion, ...]


def recommend_to_group(
    recommender: MovieRecommender,
    members: Sequence[GroupMember],
    k: int = 10,
    *,
    aggregation: str = "average",
    filters: MovieFilter | None = None,
    exclude: Iterable[Any] = (),
    seen_by_some: bool = False,
) -> list[GroupRecommendation]:
    """The k best movies for several people; fewer if fewer are left.

    Parameters
    ----------
    recommender : MovieRecommender
    members : sequence of GroupMember
        Two or more.
    k : int
    aggregation : str
        One of `AGGREGATIONS`.
    filters : MovieFilter, optional
    exclude : iterable of movie ids
        Movies that must not appear.
    seen_by_some : bool
        Nobody has seen the movies listed. True also lists those that some, not all, have seen and
        gave at least the middle of the scale; for them such a movie has a relative score of 1 at
        most.

    Raises
    ------
    ValueError
        If there are fewer than two people, two of one name, somebody without a rating above the
        lowest, or no such aggregation.
    UnknownIdError
        If there is no such user or movie.
    """
    _check(members, k, aggregation)
    viewers = [_viewer(recommender, member) for member in members]
    scores = np.stack([viewer.scores() for viewer in viewers])
    numbers = recommender.movie_numbers
    rated, seen = np.full(scores.shape, np.nan), np.zeros(scores.shape, np.bool_)
    for row, (member, viewer) in enumerate(zip(members, viewers, strict=True)):
        by_movie = np.full(len(recommender.movies), np.nan)
        by_movie[numbers[recommender.indices(viewer.ratings)]] = list(viewer.ratings.values())
        rated[row] = by_movie[numbers]
        seen[row, recommender.indices_of_all_ids([*viewer.ratings, *member.seen])] = True
    levels = [[_level(own[~known])] for own, known in zip(scores, seen, strict=True)]

    items = recommender.candidates(filters=filters, exclude=exclude)
    unseen, liked = ~seen[:, items], rated[:, items] >= recommender.middle_rating
    some = (unseen | liked).all(axis=0) & unseen.any(axis=0)
    items = items[some if seen_by_some else unseen.all(axis=0)]
    relative = scores[:, items] / levels
    relative = np.where(seen[:, items], np.minimum(relative, 1), relative)
    order, values = _best_places(relative, k, aggregation)
    items, relative = items[order], relative[:, order]
    ids = recommender.model.interactions_.item_ids[items]
    rows = (column.tolist() for column in (scores[:, items], relative, rated[:, items]))
    by_member = [
        [
            Opinion(member.name, score, value, stars, None if np.isnan(own) else own, why)
            for score, value, own, stars, why in zip(
                *row, viewer.predicted_stars(ids), _reasons(recommender, viewer, ids), strict=True
            )
        ]
        for member, viewer, *row in zip(members, viewers, *rows, strict=True)
    ]
    lines = zip(items.tolist(), values.tolist(), zip(*by_member, strict=True), strict=True)
    return [
        GroupRecommendation(rank, recommender.movies[item], value, opinions)
        for rank, (item, value, opinions) in enumerate(lines, start=1)
    ]


def _reasons(
    recommender: MovieRecommender, viewer: Viewer, ids: NDArray[Any]
) -> list[tuple[Reason, ...]]:
    """Why each movie is for one member."""
    found = reasons_of_list(viewer.explain(ids), recommender.data.movies, recommender.middle_rating)
    return [reasons[:_MOST_REASONS] for reasons in found]


def _check(members: Sequence[GroupMember], k: int, aggregation: str) -> None:
    if len(members) < 2:
        raise ValueError(f"a list for a group is for two or more people, not {len(members)}")
    names = [member.name for member in members]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"two people are called {', '.join(repeated)}")
    checks.integer("k", k, 1)
    checks.choice("aggregation", aggregation, tuple(AGGREGATIONS))


def _level(scores: NDArray[np.float64]) -> float:
    """The mean score of the ten best of the movies that a member has not seen."""
    level = float(np.sort(scores)[-_OWN_LIST:].mean()) if scores.size else 0.0
    return level if level > 0 else 1.0


def _viewer(recommender: MovieRecommender, member: GroupMember) -> Viewer:
    if member.ratings is None:
        return KnownUser(recommender, member.user_id)
    if not any(stars > recommender.lowest_rating for stars in member.ratings.values()):
        raise ValueError(
            f"there is nothing to go by for {member.name} yet: they have rated no movie above "
            f"{recommender.lowest_rating:g}, the lowest"
        )
    return NewUser(recommender, member.ratings)


def _best_places(
    relative: NDArray[np.float64], k: int, aggregation: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places of the k best movies in `relative` (n_members, n), and their values."""
    average = relative.mean(axis=0)
    if aggregation == "fair":
        order = _fair_order(relative, average, k)
        return order, average[order]
    values = {
        "average": average,
        "least misery": relative.min(axis=0),
        "most pleasure": relative.max(axis=0),
    }[aggregation]
    # Equal values by the average, so that whom the rule leaves out has a say too.
    order = np.lexsort((-average, -values))[:k]
    return order, values[order]


def _fair_order(
    relative: NDArray[np.float64], average: NDArray[np.float64], k: int
) -> NDArray[np.int64]:
    """One movie after the other: the one that leaves the worst-off person with most in sum."""
    pool = np.argsort(-average, kind="stable")[:_FAIR_CANDIDATES]
    offers, given = relative[:, pool], np.zeros((len(relative), 1))
    left = np.ones(len(pool), np.bool_)
    chosen = []
    for _ in range(min(k, len(pool))):
        worst_off = np.where(left, (given + offers).min(axis=0), -np.inf)
        best = int(np.lexsort((-average[pool], -worst_off))[0])
        given += offers[:, [best]]
        left[best] = False
        chosen.append(pool[best])
    return np.array(chosen, np.int64)
