"""Brings a database to the schema of this version, whoever else starts at the same moment.

A new version adds tables, and columns of profiles, each with the version that it came with in
`cinefold.profiles.tables`; what is not empty in old databases is filled here. All of it is done in
one transaction.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from cinefold.profiles import tables
from cinefold.profiles.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Engine, Table

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 3
"""What this version of the program reads and writes."""

_LOCK = 0x63696E65666F6C64  # "cinefold": the number under which PostgreSQL knows the lock


def version(connection: Connection) -> int:
    """The schema's version; 0 in a database without one."""
    if not inspect(connection).has_table(tables.schema.name):
        return 0
    found: list[Any] = [*connection.execute(select(tables.schema.c.version)).scalars()] or [0]
    if len(found) > 1 or not isinstance(found[0], int) or found[0] < 0:
        raise ValueError(f"its schema has the version {', '.join(map(repr, found))}")
    return found[0]


def migrate(reader: Engine, writer: Engine, location: str) -> None:
    """Run the steps that the database lacks, all or none.

    Parameters
    ----------
    reader, writer : Engine
        The transactions of `writer` take SQLite's write lock when they begin.
    location : str
        For messages.

    Raises
    ------
    StoreError
        If the schema is newer than this program; nothing is changed then.
    """
    with reader.connect() as connection:
        found = version(connection)
    if found < SCHEMA_VERSION:
        with writer.begin() as connection:
            _wait_for_others(connection)
            found = version(connection)  # another process may have been faster
            if found < SCHEMA_VERSION:
                _run_steps(connection, found)
                if found:
                    logger.info("profile database %s: schema %d now", location, SCHEMA_VERSION)
                else:
                    logger.info("profiles are kept in %s", location)
                return
    if found > SCHEMA_VERSION:
        raise StoreError(
            f"the profile database {location} was written by a newer Cinefold (its schema is "
            f"{found}, this one knows up to {SCHEMA_VERSION}): update Cinefold, or name another "
            "database"
        )


def _wait_for_others(connection: Connection) -> None:
    """Take a lock until the transaction ends; on SQLite the transaction itself is such a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _run_steps(connection: Connection, found: int) -> None:
    """Add what came after the version `found`, which is 0 for nothing yet, and fill it."""
    new = [table for table in tables.metadata.sorted_tables if _since(table) > found]
    tables.metadata.create_all(connection, new, checkfirst=False)
    if found:
        _add_columns(connection, found)
    if found == 1:
        _set_last_use(connection)
    if found in (1, 2):
        _give_keys(connection)
    connection.execute(delete(tables.schema))
    connection.execute(insert(tables.schema).values(version=SCHEMA_VERSION))


def _since(part: Table | Column[Any]) -> int:
    return int(part.info.get("since", 1))


def _add_columns(connection: Connection, found: int) -> None:
    for column in tables.profiles.columns:
        if _since(column) > found:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE cinefold_profile ADD COLUMN {definition}")
    for index in tables.profiles.indexes:
        index.create(connection, checkfirst=True)


def _set_last_use(connection: Connection) -> None:
    """The latest rating, or the creation where that came later."""
    profile, rating = tables.profiles.c, tables.ratings.c
    later = rating.profile_id == profile.id, rating.rated_at > profile.created_at
    latest = select(func.max(rating.rated_at)).where(*later).scalar_subquery()
    used = func.coalesce(latest, profile.created_at)
    connection.execute(update(tables.profiles).values(last_used_at=used))


def _give_keys(connection: Connection) -> None:
    profile = tables.profiles
    for number in connection.execute(select(profile.c.id)).scalars().all():
        keys = {"key": tables.new_key(), "share_key": tables.new_key()}
        connection.execute(update(profile).where(profile.c.id == number).values(keys))
