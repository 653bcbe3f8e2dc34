"""Queries that read profiles, ratings and marks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from cinefold.profiles.errors import ProfileNameError, UnknownProfileError
from cinefold.profiles.profile import (
    Mark,
    Profile,
    ProfileEntries,
    Rating,
    checked_movie,
    checked_settings,
    checked_stars,
)
from cinefold.profiles.tables import marks, profiles, ratings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Table

_LARGEST_ID = 2**31 - 1


def is_profile(profile_id: int) -> ColumnElement[bool]:
    """The condition for one profile; UnknownProfileError where no profile can have the id."""
    if not isinstance(profile_id, int) or not 0 < profile_id <= _LARGEST_ID:
        raise unknown_profile_error(profile_id)
    return profiles.c.id == profile_id


def unknown_profile_error(profile_id: Any) -> UnknownProfileError:
    """The error for a profile that is not there."""
    return UnknownProfileError(f"there is no profile with id {profile_id!r} (any more)")


def one_profile(connection: Connection, profile_id: int) -> Profile:
    """The profile with its counts."""
    for profile in matching_profiles(connection, is_profile(profile_id)):
        return profile
    raise unknown_profile_error(profile_id)


def matching_profiles(connection: Connection, *conditions: ColumnElement[bool]) -> list[Profile]:
    """Those that meet all conditions, the last used first."""

    def count(table: Table) -> Any:
        own = select(func.count()).where(table.c.profile_id == profiles.c.id)
        return own.scalar_subquery()

    columns = [column for column in profiles.columns if column.name != "name_key"]
    counts = count(ratings).label("n_ratings"), count(marks).label("n_marks")
    query = (
        select(*columns, *counts)
        .where(*conditions)
        .order_by(profiles.c.last_used_at.desc(), profiles.c.id.desc())
    )
    return [_profile(row) for row in connection.execute(query)]


def _profile(row: Any) -> Profile:
    profile = Profile(**{**row._mapping, "settings": checked_settings(row.settings)})
    if not isinstance(profile.name, str) or not isinstance(profile.dataset, str):
        raise TypeError(f"a profile is called {profile.name!r}, for {profile.dataset!r}")
    return profile


def all_entries(connection: Connection, profile_id: int) -> ProfileEntries:
    """The ratings and marks of a profile, each oldest first."""
    found = ProfileEntries()
    for table, time in ((ratings, ratings.c.rated_at), (marks, marks.c.marked_at)):
        own = select(table).where(table.c.profile_id == profile_id)
        for row in connection.execute(own.order_by(time, table.c.movie_id)):
            movie = checked_movie(row.movie_id)
            if table is ratings:
                found.ratings[movie] = Rating(checked_stars(row.stars, movie), row.rated_at)
            else:
                found.marks[Mark(row.mark)][movie] = row.marked_at
    return found


@contextmanager
def unique_name(name: str) -> Iterator[None]:
    """Another profile of the same name becomes a ProfileNameError."""
    try:
        yield
    except IntegrityError:
        raise ProfileNameError(f"there is a profile {name!r} already") from None
