"""Changes of what a profile says of movies, each of which can be undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from cinefold.profiles.profile import Change, Mark, MovieId, Rating
from cinefold.profiles.tables import changes, from_microseconds, marks, ratings, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Table

UNDOABLE_CHANGES = 20
"""Changes of a profile that can be undone."""

_FEW = 500  # more ids than that in one query meet the databases' limits on parameters


@dataclass
class PartialEntries:
    """Ratings and marks of some movies; None where there is, or shall be, none."""

    ratings: dict[MovieId, Rating | None] = field(default_factory=dict)
    marks: dict[tuple[MovieId, Mark], datetime | None] = field(default_factory=dict)

    @property
    def movies(self) -> tuple[MovieId, ...]:
        """Each movie once."""
        return tuple(dict.fromkeys([*self.ratings, *(movie for movie, _ in self.marks)]))


def change(connection: Connection, profile_id: int, action: str, wanted: PartialEntries) -> bool:
    """Make it so, and note in the log how it was; False, without a note, if it was so."""
    before = _present(connection, profile_id, wanted)
    if before == wanted:
        return False
    _write(connection, profile_id, wanted)
    connection.execute(
        insert(changes).values(
            profile_id=profile_id,
            made_at=datetime.now(UTC),
            action=action,
            before=_to_json(before),
        )
    )
    _forget_old(connection, profile_id)
    return True


def undo(connection: Connection, profile_id: int) -> Change | None:
    """Take the latest change back; None if there is none."""
    latest = connection.execute(
        select(changes)
        .where(changes.c.profile_id == profile_id)
        .order_by(changes.c.id.desc())
        .limit(1)
    ).one_or_none()
    if latest is None:
        return None
    before = _from_json(latest.before)
    _write(connection, profile_id, before)
    connection.execute(delete(changes).where(changes.c.id == latest.id))
    return Change(latest.action, latest.made_at, before.movies)


# -- reading and writing ------------------------------------------------------------------------


def _present(connection: Connection, profile_id: int, like: PartialEntries) -> PartialEntries:
    """How it is now with the movies and marks of `like`."""
    found = PartialEntries(dict.fromkeys(like.ratings), dict.fromkeys(like.marks))
    for row in _rows(connection, ratings, profile_id, like.ratings):
        if row.movie_id in found.ratings:
            found.ratings[row.movie_id] = Rating(row.stars, row.rated_at)
    for row in _rows(connection, marks, profile_id, {movie for movie, _ in like.marks}):
        if (row.movie_id, row.mark) in found.marks:
            found.marks[row.movie_id, row.mark] = row.marked_at
    return found


def _rows(
    connection: Connection, table: Table, profile_id: int, movies: Iterable[MovieId]
) -> Iterable[Any]:
    wanted = list(movies)
    if not wanted:
        return ()
    query = select(table).where(table.c.profile_id == profile_id)
    if len(wanted) <= _FEW:
        query = query.where(table.c.movie_id.in_(wanted))
    return connection.execute(query)


def _write(connection: Connection, profile_id: int, entries: PartialEntries) -> None:
    rating_rows = [
        {"movie_id": movie, "stars": rating and rating.stars, "rated_at": rating and rating.at}
        for movie, rating in entries.ratings.items()
    ]
    mark_rows = [
        {"movie_id": movie, "mark": mark.value, "marked_at": at}
        for (movie, mark), at in entries.marks.items()
    ]
    for table, rows, time in ((ratings, rating_rows, "rated_at"), (marks, mark_rows, "marked_at")):
        owned = [{"profile_id": profile_id, **row} for row in rows]
        _delete(connection, table, [row for row in owned if row[time] is None])
        _upsert(connection, table, [row for row in owned if row[time] is not None])


def _delete(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        keys = [column.name for column in table.primary_key.columns]
        # A parameter of a column's own name means a value to set.
        same = and_(*(table.c[key] == bindparam(f"old_{key}") for key in keys))
        parameters = [{f"old_{key}": row[key] for key in keys} for row in rows]
        connection.execute(delete(table).where(same), parameters)


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows, over those with the same keys: the last writer wins."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    values = [column for column in table.columns if not column.primary_key]
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={column.name: statement.excluded[column.name] for column in values},
    )
    connection.execute(statement, rows)


# -- the log --------------------------------------------------------------------------------


def _forget_old(connection: Connection, profile_id: int) -> None:
    own = changes.c.profile_id == profile_id
    oldest = (
        select(changes.c.id)
        .where(own)
        .order_by(changes.c.id.desc())
        .offset(UNDOABLE_CHANGES)
        .limit(1)
    )
    connection.execute(delete(changes).where(own, changes.c.id <= oldest.scalar_subquery()))


def _to_json(entries: PartialEntries) -> dict[str, Any]:
    return {
        "ratings": [
            [movie, rating and rating.stars, rating and to_microseconds(rating.at)]
            for movie, rating in entries.ratings.items()
        ],
        "marks": [
            [movie, mark, at and to_microseconds(at)] for (movie, mark), at in entries.marks.items()
        ],
    }


def _from_json(value: dict[str, Any]) -> PartialEntries:
    return PartialEntries(
        {
            movie: None if stars is None else Rating(stars, from_microseconds(at))
            for movie, stars, at in value["ratings"]
        },
        {
            (movie, Mark(mark)): None if at is None else from_microseconds(at)
            for movie, mark, at in value["marks"]
        },
    )
