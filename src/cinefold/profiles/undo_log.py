"""Changes of what a profile says of movies, each of which can be undone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select

from cinefold.profiles.profile import Change
from cinefold.profiles.tables import changes, from_microseconds, marks, ratings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from cinefold.profiles.profile import Mark, MovieId, ProfileEntries

UNDOABLE_CHANGES = 20
"""Changes of a profile that can be undone."""

_FEW = 500  # more ids than that in one query meet the databases' limits on parameters


_TABLES = {"ratings": ratings, "marks": marks}
_N_KEYS = {"ratings": 1, "marks": 2}

Row = tuple[Any, ...]
TableRows = dict[str, dict[Row, Row | None]]
"""Rows of "ratings" and "marks": the key (movie id; movie id, mark) without the profile, and the
values (stars, time; time), or None where there is, or shall be, no row."""


def table_rows(entries: ProfileEntries) -> TableRows:
    """All ratings and marks of `entries`."""
    rated = {(movie,): (rating.stars, rating.at) for movie, rating in entries.ratings.items()}
    marked = {(movie, mark.value): (at,) for movie, mark, at in entries.marked}
    return {"ratings": {**rated}, "marks": {**marked}}


def marked_rows(movies: Iterable[MovieId], mark: Mark, at: datetime) -> dict[Row, Row | None]:
    """Rows of "marks" where the movies have this mark of this time, and not its opposite."""
    rows: dict[Row, Row | None] = {}
    for movie in movies:
        if mark.opposite is not None:
            rows[movie, mark.opposite.value] = None
        rows[movie, mark.value] = (at,)
    return rows


def change(connection: Connection, profile_id: int, action: str, wanted: TableRows) -> bool:
    """Write `wanted` and log the state before; False, without a log entry, if nothing changes.

    The caller holds the profile's row: nobody else changes the profile meanwhile.
    """
    before = {name: _present(connection, profile_id, name, rows) for name, rows in wanted.items()}
    if before == wanted:
        return False
    _write(connection, profile_id, wanted)
    log = insert(changes).values(profile_id=profile_id, made_at=datetime.now(UTC), action=action)
    connection.execute(log.values(before=_to_json(before)))
    own = changes.c.profile_id == profile_id
    kept = select(changes.c.id).where(own).order_by(changes.c.id.desc()).limit(UNDOABLE_CHANGES)
    connection.execute(delete(changes).where(own, changes.c.id.not_in(kept)))
    return True


def latest(connection: Connection, profile_id: int, *, take_back: bool = False) -> Change | None:
    """The latest change, which is taken back where that is asked for; None if there is none."""
    own = select(changes).where(changes.c.profile_id == profile_id)
    row = connection.execute(own.order_by(changes.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    before = _from_json(row.before)
    if take_back:
        _write(connection, profile_id, before)
        connection.execute(delete(changes).where(changes.c.id == row.id))
    movies = dict.fromkeys(key[0] for rows in before.values() for key in rows)
    return Change(row.action, row.made_at, tuple(movies))


# -- reading and writing ------------------------------------------------------------------------


def _present(
    connection: Connection, profile_id: int, name: str, keys: Iterable[Row]
) -> dict[Row, Row | None]:
    """The rows with these keys, as they are now."""
    table, found = _TABLES[name], dict.fromkeys(keys)
    query = select(table).where(table.c.profile_id == profile_id)
    movies = {key[0] for key in found}
    if len(movies) <= _FEW:
        query = query.where(table.c.movie_id.in_(movies))
    n_keys = _N_KEYS[name]
    for _, *row in connection.execute(query) if movies else ():
        key = tuple(row[:n_keys])
        if key in found:
            found[key] = tuple(row[n_keys:])
    return found


def _write(connection: Connection, profile_id: int, state: TableRows) -> None:
    for name, rows in state.items():
        table = _TABLES[name]
        columns = table.columns.keys()
        old = [dict(zip(columns, (profile_id, *key), strict=False)) for key in rows]
        new = [
            dict(zip(columns, (profile_id, *key, *values), strict=True))
            for key, values in rows.items()
            if values
        ]
        if old:
            same = (key == bindparam(key.name, type_=key.type) for key in table.primary_key)
            connection.execute(delete(table).where(*same), old)
        if new:
            connection.execute(insert(table), new)


# -- the log --------------------------------------------------------------------------------


def _to_json(state: TableRows) -> dict[str, list[list[Any]]]:
    """[movie id, stars, time] for ratings, [movie id, mark, time] for marks; null for none."""
    return {
        name: [
            [*key, *(values or (None,) * (3 - len(key)))]
            for key, values in state.get(name, {}).items()
        ]
        for name in _TABLES
    }


def _from_json(value: dict[str, list[list[Any]]]) -> TableRows:
    state: TableRows = {}
    for name, n_keys in _N_KEYS.items():
        state[name] = {
            (*line[:n_keys],): None
            if line[-1] is None
            else (*line[n_keys:-1], from_microseconds(line[-1]))
            for line in value[name]
        }
    return state
